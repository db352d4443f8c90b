"""By what a message sent again is known, and visits that are over: forgotten after their time.

Messages are walked by their ids, a stretch at a time, up to the first that is not old enough: a table of
years is never read in one statement, which would hold back the log that commits are written to.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from engine.store.database import Database, Work, rows_of
from engine.store.pacing import LARGEST, Pace

__all__ = ["first_after", "forget", "stretches", "would_forget"]

STRETCH: Final = 5_000
"""Ids that one look goes over."""

_SETTLED: Final = "state IN ('delivered', 'filtered', 'dead', 'joined', 'shadowed', 'skipped')"
_ORIGINALS: Final = (
    f"SELECT id FROM messages WHERE is_original = 1 AND {_SETTLED}"
    " AND received_at < ? AND id >= ? AND id < ? ORDER BY id"
)
_DISOWN: Final = f"UPDATE messages SET is_original = 0 WHERE {_SETTLED} AND id IN ({{}}) RETURNING id"
_COURSES: Final = (
    "DELETE FROM courses WHERE (space, course) IN (SELECT space, course FROM courses WHERE stands = 0"
    " AND touched_at < ? ORDER BY touched_at LIMIT ?)"
)
_OVER: Final = "SELECT count(*) FROM courses WHERE stands = 0 AND touched_at < ?"
_ENDS: Final = (
    "SELECT coalesce((SELECT min(id) FROM messages), 0), coalesce((SELECT max(id) FROM messages), -1)"
)
"""Apart: SQLite finds one end of a table at once, and walks it for both."""
_AT: Final = "SELECT id, received_at FROM messages WHERE id >= ? ORDER BY id LIMIT 1"


def forget(database: Database, before: float, pace: Pace) -> int:
    """Let go of what was received, and of visits that were last touched, before then; how many."""
    total = 0
    for ids in _originals(database, before, pace):
        for some in pace.pieces(ids):
            with database.write() as work:
                total += len(rows_of(work, _DISOWN, some))
    while True:
        with pace.piece(), database.write() as work:
            count = work.run(_COURSES, (before, LARGEST))
        total += count
        if count < LARGEST:
            return total


def would_forget(database: Database, before: float, pace: Pace) -> int:
    """How many that would be."""
    with database.read() as work:
        courses = int(work.rows(_OVER, (before,))[0][0])
    return courses + sum(len(ids) for ids in _originals(database, before, pace))


def stretches(database: Database, before: float) -> Iterator[tuple[int, int]]:
    """Ids from and below, for all messages received before then."""
    with database.read() as work:
        first = int(work.rows(_ENDS)[0][0])
        end = first_after(work, before)
    for start in range(first, end, STRETCH):
        yield start, min(start + STRETCH, end)


def first_after(work: Work, before: float) -> int:
    """The id from which on messages are not older than this, as far as clocks went forward: what came by a
    clock that was set back is met the day after. Found by halves: messages are numbered as they come."""
    low, high = work.rows(_ENDS)[0]
    high += 1
    while low < high:
        middle = (low + high) // 2
        found, received_at = work.rows(_AT, (middle,))[0]
        if received_at < before:
            low = found + 1
        else:
            high = middle
    return int(low)


def _originals(database: Database, before: float, pace: Pace) -> Iterator[list[int]]:
    for start, end in stretches(database, before):
        with pace.look(), database.read() as work:
            ids = [row[0] for row in work.rows(_ORIGINALS, (before, start, end))]
        if ids:
            yield ids
