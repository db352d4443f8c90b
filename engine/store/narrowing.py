"""Few of very many: what a query adds so that a store of years is not walked through for it.

Messages have no index by when they came: their ids are in that order, so that a moment is looked for among
them. What is still in work, and what stopped, has partial indexes; SQLite takes one only where the query says
the very words of its condition.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import ColumnElement, literal_column

from engine.model import DeliveryState, MessageState
from engine.store.database import Work

__all__ = ["FOR_PEOPLE", "among_deliveries", "among_messages", "between", "id_at", "said"]

_EARLY: Final = 3600.0
"""Seconds by which a message may have been received before one whose id is smaller: commits wait."""

FOR_PEOPLE: Final = "messages.state IN ('dead', 'quarantined')"
_OPEN: Final = (
    "messages.id IN (SELECT message_id FROM deliveries WHERE state = 'due'"
    " UNION ALL SELECT message_id FROM deliveries WHERE state = 'claimed'"
    " UNION ALL SELECT message_id FROM deliveries WHERE state = 'scheduled')"
)
_MESSAGES: Final = {
    MessageState.RECEIVED.value: "messages.state = 'received'",
    MessageState.FRAGMENT.value: "messages.id IN (SELECT message_id FROM fragments)",
    MessageState.WAITING.value: _OPEN,
    MessageState.DEAD.value: FOR_PEOPLE,
    MessageState.QUARANTINED.value: FOR_PEOPLE,
}
"""By which index the few messages of a state are found."""

_DELIVERIES: Final = {
    state.value: f"deliveries.id IN (SELECT id FROM deliveries WHERE state = '{state.value}')"
    for state in (DeliveryState.DUE, DeliveryState.CLAIMED, DeliveryState.SCHEDULED, DeliveryState.DEAD)
}
"""The same of deliveries; within, for SQLite would sooner walk all in the order that is asked for."""

_FIRST: Final = (
    "SELECT coalesce((SELECT min(id) FROM messages), 0), coalesce((SELECT max(id) FROM messages), 0)"
)
"""Apart: SQLite finds one end of a table at once, and walks it for both."""
_NEXT: Final = "SELECT id, received_at FROM messages WHERE id >= ? ORDER BY id LIMIT 1"


def said(condition: str) -> ColumnElement[bool]:
    """These very words: of a Boolean SQLAlchemy asks SQLite whether it is 1, and that takes no index."""
    return literal_column(condition)


def among_messages(state: str) -> list[ColumnElement[bool]]:
    """Where messages of a state are; nothing for one that most may have."""
    return [said(_MESSAGES[state])] if state in _MESSAGES else []


def among_deliveries(state: str) -> list[ColumnElement[bool]]:
    """The same of deliveries."""
    return [said(_DELIVERIES[state])] if state in _DELIVERIES else []


def between(
    work: Work,
    by: ColumnElement[int],
    since: float,
    until: float,
    *,
    after: int = 0,
    before: int = 0,
    each: int = 1,
) -> list[ColumnElement[bool]]:
    """Between which keys lies what came from `since` on and before `until`, and little else, above `after`
    and below `before` (0: whenever, whichever). `by` is the key, of which an id times `each` is the first of
    what belongs to the message. One bound to a side: SQLite begins at the first that it is told."""
    first = max(after + 1, id_at(work, since) * each if since else 0)
    ends = [before] if before else []
    ends += [(id_at(work, until + 2 * _EARLY) + 1) * each] if until else []
    return [by >= first, *([by < min(ends)] if ends else ())]


def id_at(work: Work, when: float) -> int:
    """An id before which no message was received at `when` or later, but for what waited for a commit longer
    than `_EARLY`."""
    low, high = map(int, work.rows(_FIRST)[0])
    high += 1
    while low < high:
        middle = (low + high) // 2
        rows = work.rows(_NEXT, (middle,))
        if not rows or rows[0][1] >= when - _EARLY:
            high = middle
        else:
            low = rows[0][0] + 1
    return low
