"""Dead letters sent again or settled, and messages put through their channels as these are today."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Select, exists, literal_column, not_, select

from engine.auditing import Entry, spread
from engine.effects import decode
from engine.model import MessageState
from engine.overtaking import AGAIN
from engine.store.contracts.fixing import Later, Left, Letter, Letters, Place
from engine.store.contracts.views import Query
from engine.store.database import Work, rows_of
from engine.store.delivery import conclude
from engine.store.parking import route_again
from engine.store.part import Part, as_json, reason_of, words_of
from engine.store.tables import PER_MESSAGE, deliveries, messages, resources, versions
from engine.store.trail import TURN, append
from engine.store.views import conditions

__all__ = ["Fixing", "why_not"]

_DEAD, _SKIPPED = MessageState.DEAD.value, MessageState.SKIPPED.value  # of deliveries too
_STOPPED: Final = (_DEAD, _SKIPPED)

_REVIVE: Final = (
    "UPDATE deliveries SET state = 'due', attempts = 0, due_at = ?, reason = NULL, settled_at = 0,"
    " progress = ? WHERE id = ?"
)
_REVIVED: Final = "UPDATE messages SET state = 'waiting', again = again + 1 WHERE id = ?"
_REFUSED: Final = "SELECT id, state, reason, progress FROM deliveries WHERE id IN ({})"
_STATES: Final = "SELECT id, state FROM messages WHERE id IN ({})"
_SKIP: Final = "UPDATE deliveries SET state = 'skipped' WHERE id = ?"
_SETTLED: Final = "UPDATE messages SET state = 'skipped' WHERE id = ?"
_NO_CODE: Final = "DELETE FROM unmapped WHERE message_id = ?"

# Whose they are is of no matter here; why not is asked in this order.
_REPLAYABLE: Final = (
    "SELECT m.id, CASE"
    " WHEN m.state IN ('duplicate', 'joined', 'fragment') THEN 'piece'"
    " WHEN m.state = 'quarantined' THEN 'refused'"
    " WHEN m.state IN ('received', 'waiting') THEN 'in-work'"
    " WHEN NOT EXISTS (SELECT 1 FROM contents c WHERE c.message_id = m.id) THEN 'gone'"
    " WHEN m.state = 'filtered' AND m.step IN ('batch', 'provenance', 'sequence-link') THEN 'no-message'"
    " WHEN EXISTS (SELECT 1 FROM versions v JOIN resources r ON r.created = v.created"
    " WHERE v.message_id = m.id AND r.message_id <> m.id) THEN 'followed'"
    " WHEN EXISTS (SELECT 1 FROM merges g WHERE g.message_id = m.id AND g.undone_at <> 0) THEN 'unmerged'"
    " END FROM messages m WHERE m.id IN ({})"
)

_MERGED: Final = "SELECT token, merged_into FROM tokens WHERE merged_into IS NOT NULL AND token IN ({})"
# What was replaced after it had been carried out stood too: a refusal keeps its reason.
_LATER: Final = (
    "SELECT id, message_id, sequence_key, {effect} FROM deliveries WHERE id > ? AND destination = ?"
    " AND (state = 'delivered' OR (state = 'replaced' AND reason IS NULL)) AND sequence_key IN ({{}})"
)

# What an older version wanted may have been taken back, or said anew, by the one that is current.
_FOLLOWED: Final = exists().where(
    versions.c.message_id == messages.c.id,
    resources.c.created == versions.c.created,
    resources.c.message_id != messages.c.id,
)


_Words = tuple[ColumnElement[bool], ...]
_FOR_PEOPLE: Final[_Words] = (literal_column("messages.state IN ('dead', 'quarantined')"),)
_REFUSALS: Final[_Words] = (literal_column("deliveries.state = 'dead'"),)


class Fixing(Part):
    """The verbs of people who put messages right."""

    def letters(self, letters: Letters) -> list[Letter]:
        """`FixStore.letters`."""
        with self._database.read(snapshot=True) as work:
            rows = [row for query in _asked(letters) for row in work.core.execute(query)]
        found = [_letter(row) for row in rows]
        return sorted(
            (one for one in found if _means(one, letters)), key=lambda one: (one.message_id, one.delivery_id)
        )

    def resend(self, letters: Sequence[Letter], *, now: float, told: Entry) -> list[int]:
        """`FixStore.resend`."""
        with self._database.write(TURN) as work:
            moved = self._resend(work, [one for one in letters if not one.followed], now)
            self._tell(work, told, "redelivered", moved)
        return moved

    def skip(self, letters: Sequence[Letter], *, told: Entry) -> list[int]:
        """`FixStore.skip`."""
        with self._database.write(TURN) as work:
            states = self._locked(work, letters)
            refused = [one.delivery_id for one in letters if one.delivery_id]
            dead = [
                row[0]
                for row in rows_of(work, _REFUSED, refused)
                if row[1] == _DEAD and _stopped(states, row[0])
            ]
            work.run_many(_SKIP, [(number,) for number in dead])
            conclude(work, {number // PER_MESSAGE for number in dead})
            unrouted = [
                one.message_id
                for one in letters
                if not one.delivery_id and states.get(one.message_id) == _DEAD
            ]
            work.run_many(_SETTLED, [(number,) for number in unrouted])
            work.run_many(_NO_CODE, [(number,) for number in unrouted])
            moved = sorted({*unrouted, *(number // PER_MESSAGE for number in dead)})
            self._tell(work, told, "skipped", moved)
        return moved

    def replayable(self, ids: Collection[int]) -> dict[int, Left | None]:
        """`FixStore.replayable`."""
        with self._database.read() as work:
            return dict(rows_of(work, _REPLAYABLE, sorted(ids)))

    def replay(self, ids: Collection[int], *, told: Entry) -> list[int]:
        """`FixStore.replay`."""
        with self._database.write(TURN) as work:
            self._lock(work, ids)
            fit = [number for number, left in rows_of(work, _REPLAYABLE, sorted(ids)) if left is None]
            route_again(work, sorted(fit))
            self._tell(work, told, "replayed", sorted(fit))
        return sorted(fit)

    def later(self, places: Sequence[Place]) -> dict[int, list[Later]]:
        """`FixStore.later`."""
        found: dict[int, list[Later]] = {}
        with self._database.read(snapshot=True) as work:
            alive = dict(rows_of(work, _MERGED, sorted({row[2] for row in places})))
            for destination in sorted({row[1] for row in places}):
                here = [
                    (row[0], {row[2], alive.get(row[2], row[2])}) for row in places if row[1] == destination
                ]
                for number, later in self._later(work, destination, here):
                    found.setdefault(number, []).append(later)
        return found

    def _later(
        self, work: Work, destination: str, here: Sequence[tuple[int, set[str]]]
    ) -> Iterable[tuple[int, Later]]:
        """One walk over what came after the first of them."""
        query = _LATER.format(effect=self._database.as_bytes.format("effect"))
        keys = sorted(set().union(*(keys for _, keys in here)))
        rows = rows_of(work, query, keys, min(number for number, _ in here), destination)
        for id_, message_id, key, effect in rows:
            for number, keys_of_one in here:
                if id_ > number and key in keys_of_one:
                    with suppress(msgspec.DecodeError):  # damaged: nobody can say what it was about
                        yield number, Later(message_id, decode(effect))

    def _resend(self, work: Work, letters: Sequence[Letter], now: float) -> list[int]:
        """The messages that go on their way again."""
        states = self._locked(work, letters)
        refused = rows_of(work, _REFUSED, [one.delivery_id for one in letters if one.delivery_id])
        again = [row for row in refused if row[1] in _STOPPED and _stopped(states, row[0])]
        work.run_many(_REVIVE, [(now, _words(reason, progress), id_) for id_, _, reason, progress in again])
        waiting = sorted({row[0] // PER_MESSAGE for row in again})
        work.run_many(_REVIVED, [(number,) for number in waiting])
        unrouted = sorted(
            one.message_id
            for one in letters
            if not one.delivery_id
            and states.get(one.message_id) in _STOPPED
            and one.message_id not in waiting
        )
        route_again(work, unrouted)
        return sorted({*waiting, *unrouted})

    def _locked(self, work: Work, letters: Iterable[Letter]) -> Mapping[int, str]:
        """The states of their messages, which nobody else changes before the end of this."""
        ids = sorted({one.message_id for one in letters})
        self._lock(work, ids)
        return dict(rows_of(work, _STATES, ids))

    def _lock(self, work: Work, ids: Collection[int]) -> None:
        if self._database.for_update:
            query = f"SELECT id FROM messages WHERE id IN ({{}}) ORDER BY id{self._database.for_update}"
            rows_of(work, query, sorted(ids))

    def _tell(self, work: Work, told: Entry, word: str, moved: Sequence[int]) -> None:
        counted = msgspec.structs.replace(told, detail={**told.detail, "count": str(len(moved))})
        append(work, self._audit, spread(counted, word, moved))


def why_not(work: Work, message_id: int, for_update: str) -> Left | None:
    """Why a message cannot be replayed; it is held until the end of this."""
    if for_update:
        work.rows(f"SELECT id FROM messages WHERE id = ?{for_update}", (message_id,))
    rows = work.rows(_REPLAYABLE.format("?"), (message_id,))
    left: Left | None = rows[0][1] if rows else "gone"
    return left


def _stopped(states: Mapping[int, str], delivery_id: int) -> bool:
    """Whether a letter is one still: its message may be about to be routed anew, which makes others of it."""
    return states.get(delivery_id // PER_MESSAGE) != MessageState.RECEIVED


def _words(reason: bytes | None, progress: bytes | None) -> bytes | None:
    """The progress of a delivery with what it had been refused for."""
    before = reason_of(reason)
    return as_json({**words_of(progress), AGAIN: before.code.value if before else ""})


def _asked(letters: Letters) -> list[Select[Any]]:
    """The queries for what stopped before any destination, and for what was refused by one."""
    query = Query(channel=letters.channel, ids=letters.ids, since=letters.since, until=letters.until)
    return _of_messages(query, letters.state, letters.destination)


def _of_messages(query: Query, state: str, destination: str = "") -> list[Select[Any]]:
    own = deliveries.alias("own")
    indexed = state == _DEAD  # SQLite takes a partial index only where its very words are said
    refused = exists().where(
        own.c.id.between(messages.c.id * PER_MESSAGE, messages.c.id * PER_MESSAGE + PER_MESSAGE - 1),
        own.c.state == state,
    )
    columns = (messages.c.id, messages.c.channel, messages.c.type, messages.c.received_at, _FOLLOWED)
    unrouted = select(*columns, messages.c.reason).where(
        messages.c.state == state, not_(refused), *(_FOR_PEOPLE if indexed else ())
    )
    of_effects = select(*columns, deliveries.c.reason, deliveries.c.id, deliveries.c.destination).where(
        deliveries.c.message_id == messages.c.id,
        deliveries.c.state == state,
        messages.c.state != MessageState.RECEIVED.value,  # to be routed anew, which makes others of them
        *(_REFUSALS if indexed else ()),
    )
    if destination not in ("", "-"):
        of_effects = of_effects.where(deliveries.c.destination == destination)
    wanted: list[Select[Any]] = [] if destination not in ("", "-") else [unrouted]
    wanted += [] if destination == "-" else [of_effects]
    where: list[ColumnElement[bool]] = conditions(query)
    return [one.where(*where).order_by(messages.c.id) for one in wanted]


def _letter(row: Any) -> Letter:
    message_id, channel, type_, received_at, followed, reason, *delivery = row
    delivery_id, destination = delivery or (0, "")
    return Letter(
        message_id=message_id,
        delivery_id=delivery_id,
        channel=channel,
        type=type_,
        received_at=received_at,
        destination=destination,
        reason=reason_of(reason),
        followed=bool(followed),
    )


def _means(letter: Letter, letters: Letters) -> bool:
    """Whether its reason is one that is meant."""
    reason = letter.reason
    if not (letters.code or letters.place or letters.owner):
        return True
    if reason is None:
        return False
    asked = (letters.code, letters.place, letters.owner)
    return all(
        not one or one == have
        for one, have in zip(asked, (reason.code, reason.place, reason.owner), strict=True)
    )
