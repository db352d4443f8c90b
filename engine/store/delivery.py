"""Deliveries on their way: claimed in order under a lease, noted, settled; and those that wait for a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from engine.auditing import Entry
from engine.effects import decode
from engine.model import (
    Delivered,
    Delivery,
    DeliveryState,
    Lane,
    MessageState,
    Reason,
    ReasonCode,
    Settlement,
    Shadowed,
    TryAgain,
)
from engine.overtaking import AGAIN
from engine.store.contracts.holding import HoldKind
from engine.store.contracts.scheduling import ScheduledRun
from engine.store.database import Work, marks, rows_of
from engine.store.holding import DELIVERED, is_held
from engine.store.part import Part, as_json, checksum, words_of
from engine.store.tables import PER_MESSAGE
from engine.store.trail import TURN, append

__all__ = ["RECLAIM", "Deliveries", "conclude"]

_DUE, _DELIVERED, _DEAD, _SHADOWED = (
    state.value
    for state in (DeliveryState.DUE, DeliveryState.DELIVERED, DeliveryState.DEAD, DeliveryState.SHADOWED)
)
_WAITING: Final = MessageState.WAITING.value
_DAMAGED: Final = Reason(ReasonCode.INTERNAL, "the stored effect is damaged: route the message again")

_LOOK_BACK: Final = 2
"""Earlier versions of a resource that a delivery waits for: those waited for the ones before them."""

# Oldest first. Of one sequence key: nothing while any delivery of it is in somebody's hands, and
# nothing while one of an earlier message is open. An id below the message's first delivery id is
# an earlier message's. Nor anything of a version of a resource while one of an earlier version is open:
# what a correction changes may be what the sequence key is made of. (`|| ''` keeps SQLite from walking all
# that is open where a range of the primary key is few.)
_NEXT: Final = (
    "SELECT d.id FROM deliveries d"
    " WHERE d.destination = ? AND d.lane = ? AND d.state = 'due' AND d.due_at <= ?{among}"
    f" AND {DELIVERED.format(channel='d.channel')}"
    " AND (d.sequence_key = '' OR NOT EXISTS (SELECT 1 FROM deliveries e WHERE e.destination = d.destination"
    " AND e.sequence_key = d.sequence_key AND e.state IN ('due', 'claimed')"
    f" AND (e.id < d.message_id * {PER_MESSAGE} OR e.state = 'claimed'"
    " OR (e.id < d.id AND e.due_at > ?))))"
    " AND NOT EXISTS (SELECT 1 FROM versions v JOIN versions o ON o.created = v.created"
    f" AND o.version BETWEEN v.version - {_LOOK_BACK} AND v.version - 1"
    f" JOIN deliveries f ON f.id BETWEEN o.message_id * {PER_MESSAGE}"
    f" AND o.message_id * {PER_MESSAGE} + {PER_MESSAGE - 1}"
    " AND f.destination || '' = d.destination AND f.state || '' IN ('due', 'claimed')"
    " WHERE v.message_id = d.message_id)"
    " ORDER BY d.id LIMIT ?{skip_locked}"
)
_CLAIM: Final = (
    "UPDATE deliveries SET state = 'claimed', attempts = attempts + 1, lease_until = ?, holder = ?"
    f" WHERE id IN ({_NEXT})"
    " RETURNING id, message_id, channel, destination, {effect}, sequence_key, attempts, progress, checksum,"
    " (SELECT m.edition FROM messages m WHERE m.id = deliveries.message_id),"
    " (SELECT m.received_at FROM messages m WHERE m.id = deliveries.message_id)"
)
_ANY_HELD: Final = f"SELECT 1 FROM holds WHERE kind = '{HoldKind.DELIVERY}' LIMIT 1"
_SETTLE: Final = (
    "UPDATE deliveries SET state = ?, due_at = ?, holder = '', reason = ?, documents = ?, note = ?,"
    " settled_at = ? WHERE id = ?"
)
RECLAIM: Final = (
    "UPDATE deliveries SET state = 'due', due_at = ?, holder = ''"
    " WHERE id IN (SELECT id FROM deliveries"
    " WHERE state = 'claimed' AND (lease_until <= ? OR (holder = ? AND holder <> ''))"
    " ORDER BY +id{skip_locked})"
)
"""The plus keeps SQLite from walking the whole table in the order of its key: few deliveries are claimed."""

_RELEASE: Final = (
    "UPDATE deliveries SET state = 'due', due_at = ? WHERE id IN (SELECT id FROM deliveries"
    " WHERE state = 'scheduled' AND {which} ORDER BY due_at, id LIMIT ?)"
)
_FORWARD: Final = (
    "UPDATE deliveries SET due_at = ? WHERE id IN (SELECT id FROM deliveries"
    " WHERE state = 'scheduled' AND channel = ? AND due_at > ? ORDER BY due_at, id LIMIT ?)"
)
_RUNS: Final = (
    "SELECT channel, due_at, count(*) FROM deliveries WHERE state = 'scheduled'"
    " GROUP BY channel, due_at ORDER BY channel, due_at"
)
# By the range of the primary key alone: a planner that knows nothing of the table yet must not be
# drawn to an index of all that is open.
_CONCLUDE: Final = (
    "UPDATE messages SET state = CASE (SELECT max(CASE WHEN d.state IN ('due', 'claimed', 'scheduled')"
    " THEN 4 WHEN d.state = 'dead' THEN 3 WHEN d.state = 'skipped' THEN 2"
    " WHEN d.state = 'delivered' THEN 1 ELSE 0 END) FROM deliveries d"
    f" WHERE d.id BETWEEN messages.id * {PER_MESSAGE} AND messages.id * {PER_MESSAGE} + {PER_MESSAGE - 1})"
    " WHEN 4 THEN 'waiting' WHEN 3 THEN 'dead' WHEN 2 THEN 'skipped' WHEN 1 THEN 'delivered'"
    " ELSE 'shadowed' END"
    " WHERE id IN ({}) RETURNING id, state"
)


class Deliveries(Part):
    """The verbs of the delivery loop."""

    def claim(
        self, destination: str, lane: Lane, limit: int, *, now: float, lease_until: float, holder: str
    ) -> list[Delivery]:
        """`MessageStore.claim`. A delivery whose stored effect is damaged becomes a dead letter instead."""
        among = self._among(destination, lane, limit, now)
        if among == ():
            return []
        parameters = (lease_until, holder, destination, int(lane), now, *(among or ()), now, limit)
        with self._database.write(f"claim/{destination}") as work:
            statement = _CLAIM.format(
                skip_locked=self._database.skip_locked,
                effect=self._database.as_bytes.format("effect"),
                among=_among(among),
            )
            held = is_held(work, HoldKind.DESTINATION, destination)
            rows = [] if held else work.rows(statement, parameters)
        rows.sort()
        sound = [row for row in rows if row[8] == checksum(row[0], row[3], row[5], row[4])]
        if len(sound) < len(rows):
            whole = {row[0] for row in sound}
            self._bury_deliveries([row[0] for row in rows if row[0] not in whole], now)
        return [
            Delivery(
                id=row[0],
                message_id=row[1],
                channel=row[2],
                destination=row[3],
                effect=decode(row[4]),
                sequence_key=row[5],
                attempts=row[6],
                progress=words,
                again=words.pop(AGAIN, ""),
                edition=row[9],
                received_at=row[10],
            )
            for row in sound
            for words in (words_of(row[7]),)
        ]

    def note(self, progress: dict[int, dict[str, str]]) -> None:
        """`MessageStore.note`. Also for one whose lease has just ended: what was done was done."""
        with self._database.write() as work:
            rows = rows_of(
                work,
                "SELECT id, progress FROM deliveries WHERE state IN ('due', 'claimed') AND id IN ({})"
                f" ORDER BY id{self._database.for_update}",
                sorted(progress),
            )
            work.run_many(
                "UPDATE deliveries SET progress = ? WHERE id = ?",
                [(as_json(words_of(known) | progress[number]), number) for number, known in rows],
            )

    def settle(self, settlements: Sequence[Settlement], *, now: float, holder: str) -> list[int]:
        """`MessageStore.settle`."""
        by_id = {settlement.delivery_id: settlement for settlement in settlements}
        with self._database.write() as work:
            self._lock_messages(work, {number // PER_MESSAGE for number in by_id})
            held = rows_of(
                work,
                "SELECT id FROM deliveries WHERE state = 'claimed' AND holder = ? AND id IN ({})"
                f" ORDER BY id{self._database.for_update}",
                sorted(by_id),
                holder,
            )
            work.run_many(_SETTLE, [_settled(by_id[number], now) for (number,) in held])
            return conclude(work, {number // PER_MESSAGE for (number,) in held})

    def reclaim(self, now: float, holder: str = "") -> int:
        """`MessageStore.reclaim`."""
        with self._database.write() as work:
            return work.run(RECLAIM.format(skip_locked=self._database.skip_locked), (now, now, holder))

    def release_scheduled(
        self, now: float, *, channel: str = "", limit: int = 2000, told: Entry | None = None
    ) -> int:
        """`ScheduleStore.release_scheduled`."""
        which, asked = ("channel = ?", channel) if channel else ("due_at <= ?", now)
        turns = (TURN,) if told is not None else ()
        with self._database.write(*turns) as work:
            if told is not None:
                append(work, self._audit, [told])
            return work.run(_RELEASE.format(which=which), (now, asked, limit))

    def bring_forward(self, channel: str, due_at: float, *, limit: int, told: Entry | None = None) -> int:
        """`ScheduleStore.bring_forward`."""
        with self._database.write(*((TURN,) if told is not None else ())) as work:
            moved = work.run(_FORWARD, (due_at, channel, due_at, limit))
            if told is not None and moved:
                append(work, self._audit, [told])
            return moved

    def scheduled(self) -> list[ScheduledRun]:
        """`ScheduleStore.scheduled`."""
        with self._database.read() as work:
            return [ScheduledRun(*row) for row in work.rows(_RUNS)]

    def _among(self, destination: str, lane: Lane, limit: int, now: float) -> tuple[int, ...] | None:
        """Those that are next, looked for before anybody waits: behind a channel that is held very many may
        wait. Nothing where none is."""
        with self._database.read() as work:
            if not work.rows(_ANY_HELD):
                return None
            given = (destination, int(lane), now, now, limit)
            return tuple(row[0] for row in work.rows(_NEXT.format(among="", skip_locked=""), given))

    def _lock_messages(self, work: Work, ids: Iterable[int]) -> None:
        """Whoever moves a message's state holds its row first: two nodes that settle its last two
        deliveries at once must not both see the other's as open."""
        if self._database.for_update:
            query = f"SELECT id FROM messages WHERE id IN ({{}}) ORDER BY id{self._database.for_update}"
            rows_of(work, query, sorted(ids))

    def _bury_deliveries(self, numbers: list[int], now: float) -> None:
        with self._database.write() as work:
            self._lock_messages(work, {number // PER_MESSAGE for number in numbers})
            reason = as_json(_DAMAGED)
            work.run_many(_SETTLE, [(_DEAD, now, reason, None, "", now, number) for number in numbers])
            conclude(work, {number // PER_MESSAGE for number in numbers})


def _among(ids: tuple[int, ...] | None) -> str:
    return f" AND d.id IN ({marks(len(ids))})" if ids else ""


def _settled(settlement: Settlement, now: float) -> tuple[Any, ...]:
    outcome, number = settlement.outcome, settlement.delivery_id
    if isinstance(outcome, Delivered):
        return _DELIVERED, now, None, as_json(outcome.documents), outcome.note, now, number
    if isinstance(outcome, TryAgain):
        return _DUE, settlement.retry_at, as_json(outcome.reason), None, "", 0.0, number
    if isinstance(outcome, Shadowed):
        return _SHADOWED, now, as_json(outcome.reason), as_json(outcome.found), outcome.note, now, number
    return _DEAD, now, as_json(outcome.reason), None, "", now, number


def conclude(work: Work, ids: Iterable[int]) -> list[int]:
    """Bring messages to the state their deliveries are in; those that are final now."""
    return sorted(number for number, state in rows_of(work, _CONCLUDE, sorted(ids)) if state != _WAITING)
