"""What people on duty see and do: one function each, for the console's pages, the admin API and commands.

An operation has a name, a sentence, the permission that it needs, and the shapes of what is asked and given.
Whoever calls one does it through `perform`, which is where permissions are checked.
"""
