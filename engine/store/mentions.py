"""Which messages name an identifier: written with what they became, asked by people who search."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import chain
from typing import Final

from sqlalchemy import and_, or_

from engine.model import Routing
from engine.resources import ResourceKey
from engine.store.contracts.views import MessageView, Query
from engine.store.database import ROWS_PER_STATEMENT, Work, insert, marks, rows_of
from engine.store.part import Part
from engine.store.tables import MENTIONS_PART, messages
from engine.store.views import found_messages

__all__ = ["Mentioned", "drop_mentions", "forget_mentions", "mention", "mentioning", "mentions_of"]

_NEW: Final = "INSERT INTO mentions (part, term, message_id) VALUES "
_AGAIN: Final = " ON CONFLICT (part, term, message_id) DO NOTHING"
_PARTS: Final = "SELECT coalesce(min(part), 0), coalesce(max(part), -1) FROM mentions"
_NAMED: Final = "SELECT message_id FROM mentions WHERE part IN ({}) AND term IN ({})"
_SAME: Final = " ON CONFLICT (sealed) DO NOTHING"
_VERSIONS: Final = "SELECT DISTINCT release, type, id FROM versions WHERE message_id IN ({})"
_OF: Final = "SELECT part, term, message_id FROM mentions WHERE part = ? AND message_id IN ({})"
_FORGET: Final = "DELETE FROM mentions WHERE part = ? AND message_id IN ({}) RETURNING term"

MentionKey = tuple[int, int, int]
"""Part, term, message."""


class Mentioned(Part):
    """The verbs of those who search."""

    def mentioned(self, terms: Sequence[int], query: Query) -> list[MessageView]:
        """`MentionStore.mentioned`."""
        found: dict[int, MessageView] = {}
        with self._database.read(snapshot=True) as work:
            named = mentioning(work, terms)
            for start in range(0, len(named), ROWS_PER_STATEMENT):
                some = named[start : start + ROWS_PER_STATEMENT]
                repeats = and_(messages.c.original != 0, messages.c.original.in_(some))
                views = found_messages(work, query, or_(messages.c.id.in_(some), repeats))
                found |= {view.id: view for view in views}
        return [found[number] for number in sorted(found)[: query.limit]]

    def versions_of(self, message_ids: Sequence[int]) -> list[ResourceKey]:
        """`MentionStore.versions_of`."""
        with self._database.read() as work:
            return [ResourceKey(*row) for row in rows_of(work, _VERSIONS, sorted(message_ids))]

    def authorities(self) -> list[bytes]:
        """`MentionStore.authorities`."""
        with self._database.read() as work:
            return [bytes(row[0]) for row in work.rows("SELECT sealed FROM authorities")]

    def keep_authorities(self, sealed: Collection[bytes], gone: Collection[bytes] = ()) -> None:
        """`MentionStore.keep_authorities`."""
        with self._database.write() as work:
            insert(work, "INSERT INTO authorities (sealed) VALUES ", 1, sorted(sealed), _SAME)
            if gone:
                work.run_many("DELETE FROM authorities WHERE sealed = ?", [(one,) for one in gone])


def mention(work: Work, routings: Sequence[Routing]) -> None:
    """Write which identifiers these messages name, in the order of the table."""
    rows = [
        (one.message_id // MENTIONS_PART, term, one.message_id) for one in routings for term in one.mentions
    ]
    rows.sort()
    insert(work, _NEW, 3, list(chain.from_iterable(rows)), _AGAIN)


def mentioning(work: Work, terms: Sequence[int]) -> list[int]:
    """The messages that name one of these, oldest first; asked part by part, each a look into the index."""
    first, last = work.rows(_PARTS)[0]
    found: set[int] = set()
    for start in range(first, last + 1, ROWS_PER_STATEMENT):
        parts = range(start, min(start + ROWS_PER_STATEMENT, last + 1))
        query = _NAMED.format(marks(len(parts)), "{}")
        found.update(row[0] for row in rows_of(work, query, terms, *parts))
    return sorted(found)


def mentions_of(work: Work, message_ids: Sequence[int]) -> dict[int, list[MentionKey]]:
    """The rows that say whom these messages name, by message: each part is read through once."""
    found: dict[int, list[MentionKey]] = {}
    for part, numbers in _by_part(message_ids).items():
        for key in rows_of(work, _OF, numbers, part):
            found.setdefault(key[2], []).append(key)
    return found


def drop_mentions(work: Work, keys: Sequence[MentionKey]) -> None:
    """Remove these rows."""
    work.run_many("DELETE FROM mentions WHERE part = ? AND term = ? AND message_id = ?", keys)


def forget_mentions(work: Work, message_ids: Sequence[int]) -> None:
    """Forget whom these messages name: their content is gone."""
    for part, numbers in _by_part(message_ids).items():
        rows_of(work, _FORGET, numbers, part)


def _by_part(message_ids: Sequence[int]) -> dict[int, list[int]]:
    parts: dict[int, list[int]] = {}
    for number in message_ids:
        parts.setdefault(number // MENTIONS_PART, []).append(number)
    return parts
