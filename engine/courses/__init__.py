"""Courses: what the messages about one visit or one appointment say, in the order in which it happened.

Messages arrive late, twice, in any order, and contradict each other. A course keeps what each said, puts
a new one in its place by time, folds all of it through a state machine (`machine`), and compares
what stands then with what stood before: only the difference becomes effects. So whatever the order
of arrival, the same messages come to the same end, and newer is never overwritten by older.
Pure: `engine.store` keeps courses, `replay` applies a batch of messages to them.
"""
