"""Contents that a person corrected: what a message says now lies where contents lie, what it said before
beside it, sealed under the same key and tied to its place among the revisions.

The message stays itself: its id, its place in the order, the name that a resend of it is known by.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from engine.auditing import Entry
from engine.errors import Unacceptable
from engine.model import ReasonCode
from engine.store.cipher import Damaged
from engine.store.contents import DAY_SECONDS, Contents, is_day_key
from engine.store.contracts.fixing import Revision
from engine.store.database import Database, Work, rows_of
from engine.store.fixing import why_not
from engine.store.intake import DAMAGED
from engine.store.parking import route_again
from engine.store.part import Part
from engine.store.rows import bound_of, open_content
from engine.store.trail import TURN, append

__all__ = ["Revising", "bound_of_revision", "drop_revisions", "holds_revisions", "renew_revisions"]

_EPOCH: Final = date(1970, 1, 1).toordinal()
_MESSAGE: Final = (
    "SELECT m.channel, m.fingerprint, m.digest, m.received_at, c.key_id, {sealed} FROM messages m"
    " JOIN contents c ON c.message_id = m.id WHERE m.id = ?"
)
_NEXT: Final = "SELECT coalesce(max(revision), -1) + 1 FROM revisions WHERE message_id = ?"
_KEEP: Final = (
    "INSERT INTO revisions (message_id, revision, at, who, why, key_id, sealed) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_SAYS: Final = "UPDATE contents SET key_id = ?, sealed = ? WHERE message_id = ? AND key_id = ?"
_KEPT: Final = "SELECT key_id, {sealed} FROM revisions WHERE message_id = ? AND revision = ?"


_HOLDS: Final = "SELECT 1 FROM revisions WHERE key_id = ? LIMIT 1"
_UNDER: Final = (
    "SELECT r.message_id, r.revision, m.channel, m.received_at, m.fingerprint, m.digest, {sealed}"
    " FROM revisions r JOIN messages m ON m.id = r.message_id WHERE r.key_id = ? LIMIT ?"
)
_ANEW: Final = "UPDATE revisions SET key_id = ?, sealed = ? WHERE message_id = ? AND revision = ?"
_LOST: Final = "DELETE FROM revisions WHERE message_id = ? AND revision = ?"
_GONE: Final = "DELETE FROM revisions WHERE message_id IN ({}) RETURNING message_id"


class _Found(NamedTuple):
    """A message whose content is to be another."""

    channel: str
    bound: bytes
    key_id: str
    received_at: float
    raw: bytes


class Revising(Part):
    """The verbs of corrections."""

    def revise(self, message_id: int, content: bytes, *, told: Entry) -> int:
        """`FixStore.revise`. Sealing happens before the write lock is taken; when another corrected it
        meanwhile, it begins anew."""
        while True:
            with self._database.read() as work:
                before = self._standing(work, message_id)
                number = work.rows(_NEXT, (message_id,))[0][0]
            if before.raw == content:
                raise Unacceptable(ReasonCode.CONFLICT, "", "it says that already")
            at = _day_of(before, told.at)
            says = self._contents.seal(before.channel, at, content, before.bound)
            bound = bound_of_revision(before.bound, number)
            said = self._contents.seal(before.channel, at, before.raw, bound)
            with self._database.write(TURN) as work:
                if work.rows(_NEXT, (message_id,))[0][0] != number:
                    continue
                if left := why_not(work, message_id, self._database.for_update):
                    raise Unacceptable(ReasonCode.CONFLICT, "", f"it cannot be put through again: {left}")
                if not work.run(_SAYS, (*says, message_id, before.key_id)):
                    continue  # sealed anew meanwhile: the key that this is sealed with may be about to go
                work.run(_KEEP, (message_id, number, told.at, told.who, told.why, *said))
                route_again(work, [message_id])
                append(work, self._audit, [told])
            return int(number) + 1

    def revisions(self, message_id: int) -> list[Revision]:
        """`FixStore.revisions`. A row keeps what its correction took the place of, under the number
        before."""
        query = "SELECT revision + 1, at, who, why FROM revisions WHERE message_id = ? ORDER BY revision"
        with self._database.read() as work:
            return [Revision(*row) for row in work.rows(query, (message_id,))]

    def revised(self, message_id: int, revision: int) -> bytes:
        """`FixStore.revised`."""
        kept = _KEPT.format(sealed=self._database.as_bytes.format("sealed"))
        with self._database.read(snapshot=True) as work:
            found = self._standing(work, message_id)
            rows = work.rows(kept, (message_id, revision))
            newest = work.rows(_NEXT, (message_id,))[0][0]
        if revision == newest:
            return found.raw
        if not rows:
            raise KeyError(message_id)
        try:
            return self._contents.open(rows[0][0], rows[0][1], bound_of_revision(found.bound, revision))
        except Damaged:
            raise Unacceptable(DAMAGED.code, "", DAMAGED.text) from None

    def _standing(self, work: Work, message_id: int) -> _Found:
        query = _MESSAGE.format(sealed=self._database.as_bytes.format("c.sealed"))
        rows = work.rows(query, (message_id,))
        if not rows:
            raise KeyError(message_id)
        channel, fingerprint, digest, received_at, key_id, sealed = rows[0]
        try:
            raw = open_content(
                self._database, self._contents, message_id, channel, fingerprint, digest, key_id, sealed
            )
        except Damaged:
            raise Unacceptable(DAMAGED.code, "", DAMAGED.text) from None
        return _Found(channel, bound_of(channel, fingerprint, digest), key_id, received_at, raw)


def drop_revisions(work: Work, message_ids: Sequence[int]) -> None:
    """What these messages said before they were corrected goes with their content."""
    rows_of(work, _GONE, message_ids)


def holds_revisions(database: Database, key_id: str) -> bool:
    """Whether something that was said before a correction is sealed with a key."""
    with database.read() as work:
        return bool(work.rows(_HOLDS, (key_id,)))


def renew_revisions(
    database: Database,
    contents: Contents,
    key_id: str,
    at: Callable[[str, float], float],
    limit: int,
) -> int:
    """Seal some of what lies under a key anew, `at` a moment by channel and time of receipt; how many. What
    is damaged goes: what cannot be opened now never can."""
    with database.read() as work:
        found = work.rows(_UNDER.format(sealed=database.as_bytes.format("r.sealed")), (key_id, limit))
    anew: list[tuple[Any, ...]] = []
    lost: list[tuple[int, int]] = []
    for message_id, revision, channel, received_at, fingerprint, digest, sealed in found:
        bound = bound_of_revision(bound_of(channel, fingerprint, digest), revision)
        try:
            raw = contents.open(key_id, sealed, bound)
        except Damaged:
            lost.append((message_id, revision))
        else:
            anew.append((*contents.seal(channel, at(channel, received_at), raw, bound), message_id, revision))
    with database.write() as work:
        work.run_many(_ANEW, anew)
        work.run_many(_LOST, lost)
    return len(found)


def bound_of_revision(bound: bytes, revision: int) -> bytes:
    """What ties an earlier content to its message and to its place: nobody can put it back as the newest."""
    return b"%b\x1frevision %d" % (bound, revision)


def _day_of(found: _Found, now: float) -> float:
    """A moment of the day whose key the content lies under: all that a message ever said goes with it."""
    if not is_day_key(found.key_id):
        return now
    day: Any = date.fromisoformat(found.key_id.partition("/")[0])
    return float((day.toordinal() - _EPOCH) * DAY_SECONDS)
