"""Forgetting in time, so that it can be proved: a day's key is destroyed once nothing needs it any more.

What outlives its day (a dead letter, what is still in work, what a resource is now) is first sealed anew
under today's key. After that neither the store nor any copy of it, however old, gives back the content of
that day.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final, Literal, NamedTuple

from engine.model import Retention
from engine.store.cipher import Damaged
from engine.store.contents import DAY_SECONDS, is_day_key
from engine.store.contracts.purging import Purged
from engine.store.database import rows_of
from engine.store.mentions import drop_mentions, mentions_of
from engine.store.pacing import Pace
from engine.store.part import Part
from engine.store.remembering import forget, would_forget
from engine.store.revising import drop_revisions, holds_revisions, renew_revisions
from engine.store.rows import bound_of, open_content

__all__ = ["Purging"]

AT_ONCE: Final = 400
"""Rows that are looked at in one query; how many are written in one transaction the pace says."""

_EPOCH: Final = date(1970, 1, 1).toordinal()

# What is in work, what is owed (it is written from what came, to the first of pieces), and what a resource is
# now (clients read it) stay. So do the pieces of what stays.
_CLASS: Final = (
    "CASE WHEN EXISTS (SELECT 1 FROM owed o WHERE o.message_id = m.id AND o.state = 'owed')"
    " OR m.id IN (SELECT l.original FROM owed o JOIN messages l ON l.id = o.message_id"
    " WHERE o.state = 'owed' AND l.state = 'joined')"
    " OR EXISTS (SELECT 1 FROM versions v JOIN resources r ON r.created = v.created"
    " WHERE v.message_id = m.id AND r.message_id = m.id AND r.deleted = 0) THEN 'open'"
    " WHEN m.state IN ('delivered', 'filtered', 'shadowed', 'skipped') THEN 'content'"
    " WHEN m.state = 'dead' THEN 'dead' WHEN m.state = 'quarantined' THEN 'quarantine'"
    " WHEN m.state = 'joined' THEN coalesce((SELECT CASE"
    " WHEN f.state IN ('delivered', 'filtered', 'shadowed', 'skipped') THEN 'content'"
    " WHEN f.state = 'dead' THEN 'dead'"
    " ELSE 'open' END FROM messages f WHERE f.id = m.original), 'open') ELSE 'open' END"
)
_ROW: Final = f"SELECT m.id, m.channel, m.received_at, {_CLASS}"
_SEALED: Final = ", m.fingerprint, m.digest, c.key_id, {sealed}"
_UNDER: Final = " FROM contents c JOIN messages m ON m.id = c.message_id WHERE c.key_id = ?"
_SOME_UNDER: Final = " AND c.message_id > ? ORDER BY c.message_id LIMIT ?"
_FOR_PEOPLE: Final = (
    " FROM messages m WHERE m.state IN ('dead', 'quarantined') AND m.received_at < ? AND m.id > ?"
    " AND EXISTS (SELECT 1 FROM contents c WHERE c.message_id = m.id) ORDER BY m.id LIMIT ?"
)
_GONE: Final = "DELETE FROM contents WHERE message_id IN ({}) RETURNING message_id"
_ANEW: Final = "UPDATE contents SET key_id = ?, sealed = ? WHERE message_id = ? AND key_id = ?"
_OF_RING: Final = "SELECT DISTINCT key_id FROM contents WHERE key_id IN ({})"
_Kind = Literal["open", "content", "dead", "quarantine"]


class _Row(NamedTuple):
    """A message whose content is looked at."""

    id: int
    channel: str
    received_at: float
    kind: _Kind


class _Terms(NamedTuple):
    """How long what is kept, seen from now, and how fast it goes."""

    default: Retention
    channels: Mapping[str, Retention]
    now: float
    pace: Pace

    def of(self, channel: str) -> Retention:
        return self.channels.get(channel, self.default)

    def before(self, days: int) -> float:
        """What was received earlier than this has been here for so many whole days (UTC)."""
        return (self.now // DAY_SECONDS - days) * DAY_SECONDS

    def is_over(self, row: _Row) -> bool:
        if row.kind == "open":
            return False
        days: int = getattr(self.of(row.channel), row.kind)
        return row.received_at < self.before(days)

    def is_due(self, key_id: str) -> bool:
        """Whether a day's key has done its time."""
        day, channel = key_id.split("/")[:2]
        start = (date.fromisoformat(day).toordinal() - _EPOCH) * DAY_SECONDS
        return start < self.before(self.of(channel).content)


class Purging(Part):
    """The verb of retention."""

    def purge(
        self,
        default: Retention,
        channels: Mapping[str, Retention],
        now: float,
        *,
        dry_run: bool = False,
        rest: Callable[[float], object] = time.sleep,
    ) -> Purged:
        """`PurgeStore.purge`."""
        terms = _Terms(default, channels, now, Pace(self._database.unhurried, rest))
        due = [row.id for row in self.cabinet.keys("day") if terms.is_due(row.id)] if self._is_used() else []
        if dry_run:
            return self._would(terms, due)
        removed = renewed = 0
        for key_id in (*due, *self._of_the_ring()):
            gone, anew = self._empty(key_id, terms)
            self._empty_of_revisions(key_id, terms)
            removed, renewed = removed + gone, renewed + anew
        removed += sum(self._remove(rows, terms) for rows in self._for_people(terms))
        empty = [one for one in due if not self._holds(one) and not holds_revisions(self._database, one)]
        keys = self.cabinet.destroy(empty, "retention", now) if empty else []
        self._contents.forget(keys)
        forgotten = forget(self._database, terms.before(default.duplicates), terms.pace)
        return Purged(contents=removed, renewed=renewed, forgotten=forgotten, keys=tuple(keys))

    def _would(self, terms: _Terms, due: Sequence[str]) -> Purged:
        removed = renewed = 0
        counted: set[int] = set()  # of dead letters and quarantine, which may be met a second time
        for key_id in (*due, *self._of_the_ring()):
            for rows in self._under(key_id, terms.pace):
                over = [row for row in rows if terms.is_over(row)]
                counted |= {row.id for row in over if row.kind != "content"}
                removed, renewed = removed + len(over), renewed + len(rows) - len(over)
        for rows in self._for_people(terms):
            removed += len({row.id for row in rows} - counted)
        before = terms.before(terms.default.duplicates)
        forgotten = would_forget(self._database, before, terms.pace)
        return Purged(contents=removed, renewed=renewed, forgotten=forgotten, keys=tuple(due))

    # Contents

    def _is_used(self) -> bool:
        with self._database.read() as work:
            return bool(work.rows("SELECT 1 FROM cabinets"))

    def _of_the_ring(self) -> list[str]:
        """Keys of the ring that still seal contents, from before there was a cabinet."""
        with self._database.read() as work:
            known = [row[0] for row in work.rows("SELECT id FROM keys")]
            return [row[0] for row in rows_of(work, _OF_RING, known)]

    def _under(self, key_id: str, pace: Pace) -> Iterator[list[_Row]]:
        after, query = 0, _ROW + _UNDER + _SOME_UNDER
        while True:
            with pace.look(), self._database.read() as work:
                rows = [_Row(*row) for row in work.rows(query, (key_id, after, AT_ONCE))]
            if not rows:
                return
            yield rows
            after = rows[-1].id

    def _empty(self, key_id: str, terms: _Terms) -> tuple[int, int]:
        """Leave nothing under a key; how much was removed, and how much sealed anew."""
        removed = renewed = 0
        while self._holds(key_id):
            for rows in self._under(key_id, terms.pace):
                removed += self._remove([row for row in rows if terms.is_over(row)], terms)
                for some in terms.pace.pieces([row.id for row in rows if not terms.is_over(row)]):
                    anew, lost = self._renew(key_id, some, terms)
                    renewed, removed = renewed + anew, removed + lost
        return removed, renewed

    def _renew(self, key_id: str, numbers: Sequence[int], terms: _Terms) -> tuple[int, int]:
        """Seal these anew, opened and sealed outside of the transaction; how many were, and how many
        were damaged, and so are gone."""
        query = _ROW + _SEALED.format(sealed=self._database.as_bytes.format("c.sealed")) + _UNDER
        with self._database.read() as work:
            found = rows_of(work, f"{query} AND c.message_id IN ({{}})", numbers, key_id)
        anew = [self._anew(row, terms) for row in found]
        lost = [number for number, again in anew if again is None]
        fresh = [(*again, number, key_id) for number, again in anew if again is not None]
        with self._database.write() as work:
            work.run_many(_ANEW, fresh)
            rows_of(work, _GONE, lost)
        return len(fresh), len(lost)

    def _anew(self, row: tuple[Any, ...], terms: _Terms) -> tuple[int, tuple[str, bytes] | None]:
        """A content under another key: today's, unless it still belongs to a day whose key lives. Nothing
        when it was damaged: what cannot be opened now never can."""
        number, channel, received_at, _, fingerprint, digest, key_id, sealed = row
        of_day = is_day_key(key_id) or received_at < terms.before(terms.of(channel).content)
        try:
            raw = open_content(
                self._database, self._contents, number, channel, fingerprint, digest, key_id, sealed
            )
        except Damaged:
            return number, None
        at = terms.now if of_day else received_at
        return number, self._contents.seal(channel, at, raw, bound_of(channel, fingerprint, digest))

    def _for_people(self, terms: _Terms) -> Iterator[list[_Row]]:
        """Dead letters and quarantine past their time, whichever day's key they lie under by now."""
        days = min(min(one.dead, one.quarantine) for one in (terms.default, *terms.channels.values()))
        after = 0
        while True:
            given = (terms.before(days), after, AT_ONCE)
            with terms.pace.look(), self._database.read() as work:
                rows = [_Row(*row) for row in work.rows(_ROW + _FOR_PEOPLE, given)]
            if not rows:
                return
            yield [row for row in rows if terms.is_over(row)]
            after = rows[-1].id

    def _remove(self, rows: Sequence[_Row], terms: _Terms) -> int:
        """Remove the contents of these, but of those that are back in work by now."""
        query = f"{_ROW} FROM messages m WHERE m.id IN ({{}}){self._database.for_update}"
        removed = 0
        with terms.pace.look(), self._database.read() as work:
            named = mentions_of(work, [row.id for row in rows])
        for some in terms.pace.pieces(rows):
            with self._database.write() as work:
                again = [_Row(*row) for row in rows_of(work, query, [row.id for row in some])]
                over = [row.id for row in again if terms.is_over(row)]
                removed += len(rows_of(work, _GONE, over))
                drop_revisions(work, over)
                drop_mentions(work, [one for number in over for one in named.get(number, ())])
        return removed

    def _holds(self, key_id: str) -> bool:
        with self._database.read() as work:
            return bool(work.rows("SELECT 1 FROM contents WHERE key_id = ? LIMIT 1", (key_id,)))

    def _empty_of_revisions(self, key_id: str, terms: _Terms) -> None:
        """The same of what messages that stay said before they were corrected."""

        def of_day(channel: str, received_at: float) -> float:
            over = is_day_key(key_id) or received_at < terms.before(terms.of(channel).content)
            return terms.now if over else received_at

        while renew_revisions(self._database, self._contents, key_id, of_day, AT_ONCE):
            pass
