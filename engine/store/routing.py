"""What messages became: states, deliveries and tokens in one transaction; answers given after all."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Any, Final, NamedTuple

from engine.effects import carriers, encode
from engine.errors import Unacceptable
from engine.model import (
    Answered,
    CourseRow,
    Dead,
    DeliveryState,
    Filtered,
    Fragment,
    HeldFragment,
    MessageState,
    ReasonCode,
    Routed,
    Routing,
)
from engine.store.courses import keep_courses
from engine.store.database import Work, insert, rows_of
from engine.store.holding import ROUTED
from engine.store.mentions import mention
from engine.store.merging import merge_tokens, move_owners
from engine.store.parking import park
from engine.store.part import Part, as_json, checksum
from engine.store.renewing import Renewal, renewals
from engine.store.tables import PER_MESSAGE
from engine.store.tokens import mint
from engine.store.uses import check_turn
from engine.tokens import NewToken

__all__ = ["Routes"]

_WAITING, _FILTERED, _DEAD, _RECEIVED, _FRAGMENT, _SHADOWED = (
    state.value
    for state in (
        MessageState.WAITING,
        MessageState.FILTERED,
        MessageState.DEAD,
        MessageState.RECEIVED,
        MessageState.FRAGMENT,
        MessageState.SHADOWED,
    )
)
_NEW: Final = f", '{DeliveryState.DUE.value}', 0"
"""State and attempts of a delivery: written out, for what is bound costs more than it says."""
_LATER: Final = f", '{DeliveryState.SCHEDULED.value}', 0"
_UPDATE: Final = (
    "UPDATE messages SET state = ?, answered = ?, effects = ?, step = ?, reason = ?, warnings = ?"
    " WHERE id = ?"
)
_PLAIN: Final = (
    f"UPDATE messages SET state = '{_WAITING}', answered = ?, effects = ?, step = '', reason = NULL,"
    " warnings = NULL WHERE id = ?"
)
"""The same of most messages: their effects wait to be carried out, and nothing is odd."""

_DISOWN: Final = "UPDATE messages SET is_original = 0 WHERE id = ?"
"""Apart from the rest, because it is rare and setting it writes the index of originals anew."""
_HOLD: Final = "INSERT INTO fragments (message_id, channel, follows, leads, since) VALUES (?, ?, ?, ?, ?)"
_JOIN: Final = (
    "UPDATE messages SET state = 'joined', original = ?,"
    " answered = CASE WHEN answered = '' THEN ? ELSE answered END WHERE id = ?"
)
_DELIVERY: Final = (
    "INSERT INTO deliveries (id, message_id, channel, destination, lane, sequence_key, effect, checksum,"
    " due_at, state, attempts) VALUES "
)


class Routes(Part):
    """The verbs of the router."""

    def route(
        self,
        routings: Sequence[Routing],
        minted: Sequence[NewToken],
        now: float,
        courses: Sequence[CourseRow] = (),
        *,
        turn: int = -1,
    ) -> None:
        """`MessageStore.route`. A message routed to no effect or to no destination is filtered, by that name.

        Raises `Unacceptable` (nothing stored) for a message of more deliveries than ids have room for, and
        for a merge that cannot be (`engine.store.merging`)."""
        with self._database.write(*(("merge",) if any(map(_merges, routings)) else ())) as work:
            if turn >= 0:
                check_turn(work, turn, self._database.for_share)
            if minted:
                mint(work, minted, now)
            keep_courses(work, courses, now)
            open_ones = self._open_ones(work, [number for one in routings for number in _messages(one)])
            routed = [one for one in routings if _may(one, open_ones)]
            merge_tokens(work, [one for one in routed if _merges(one)], now)
            move_owners(work, routed)
            again = [(one, row.channel) for one in routed if (row := open_ones[one.message_id]).again]
            renewed = renewals(work, again, self._database.as_bytes, now) if again else {}
            rows = _rows(routed, open_ones, renewed, now)
            work.run_many(_PLAIN, rows.plain)
            if rows.updates:
                work.run_many(_UPDATE, rows.updates)
            if rows.disowned:
                work.run_many(_DISOWN, rows.disowned)
            insert(work, _DELIVERY, 9, rows.deliveries, same=_NEW)
            insert(work, _DELIVERY, 9, rows.scheduled, same=_LATER)
            mention(work, routed)
            park(work, ((one, open_ones[one.message_id].channel) for one in routed), now)
            _piece_together(work, routed, open_ones, now)

    def fragments(self, channels: Sequence[str]) -> list[HeldFragment]:
        """`MessageStore.fragments`."""
        query = (
            "SELECT f.message_id, f.channel, f.follows, f.leads, f.since, m.bytes, m.edition FROM fragments f"
            " JOIN messages m ON m.id = f.message_id WHERE f.channel IN ({})"
            f" AND {ROUTED.format(channel='f.channel')} ORDER BY f.message_id"
        )
        with self._database.read() as work:
            return [HeldFragment(*row) for row in rows_of(work, query, list(channels))]

    def answer(self, answers: dict[int, Answered]) -> None:
        """`MessageStore.answer`. The first answer stands; who was refused is nobody's original any more."""
        rows = [
            (answered, answered, message_id) for message_id, answered in sorted(answers.items()) if answered
        ]
        with self._database.write() as work:
            work.run_many(
                "UPDATE messages SET answered = ?,"
                " is_original = CASE WHEN ? = 'accepted' THEN is_original ELSE 0 END"
                " WHERE id = ? AND answered = ''",
                rows,
            )

    def _open_ones(self, work: Work, ids: list[int]) -> dict[int, _Open]:
        """Those of the messages that are still to be routed."""
        query = (
            "SELECT id, channel, state, answered, is_original, again FROM messages"
            " WHERE state IN ('received', 'fragment') AND id IN ({})"
            f" ORDER BY id{self._database.for_update}"
        )
        return {row[0]: _Open(*row[1:]) for row in rows_of(work, query, sorted(ids))}


class _Rows(NamedTuple):
    """What is written of a batch: of most messages `plain` updates, of the others all columns; who is no
    original any more; new deliveries, flat."""

    plain: list[tuple[Any, ...]]
    updates: list[tuple[Any, ...]]
    disowned: list[tuple[int]]
    deliveries: list[Any]
    scheduled: list[Any]


def _rows(
    routed: list[Routing], open_ones: dict[int, _Open], renewed: dict[int, Renewal], now: float
) -> _Rows:
    rows = _Rows([], [], [], [], [])
    for routing in routed:
        row = open_ones[routing.message_id]
        update = _update(routing, row)
        if row.is_original and not _stands(routing, row, *update[:2]):
            rows.disowned.append((routing.message_id,))
        if row.again and (renewal := renewed.get(routing.message_id)) is not None:
            update = (renewal.state(update[0]), update[1], renewal.effects(), *update[3:])
        elif routing.due_at > now:
            rows.scheduled.extend(_deliveries(routing, row.channel, routing.due_at))
        else:
            rows.deliveries.extend(_deliveries(routing, row.channel, now))
        if update[0] == _WAITING and update[5] is None:
            rows.plain.append((update[1], update[2], update[6]))
        else:
            rows.updates.append(update)
    return rows


def _merges(routing: Routing) -> bool:
    """Whether the message says of numbers that they are one."""
    return bool(routing.same) or (isinstance(routing.result, Routed) and bool(routing.result.merges))


class _Open(NamedTuple):
    """A message that is still to be routed."""

    channel: str
    state: str
    answered: Answered
    is_original: int
    again: int  # how often it was sent through again


def _messages(routing: Routing) -> tuple[int, ...]:
    return (routing.message_id, *routing.rest)


def _may(routing: Routing, open_ones: dict[int, _Open]) -> bool:
    """Whether a message is still to be routed like this: a piece is held once, and a message that came in
    pieces is routed when all of them are held."""
    row = open_ones.get(routing.message_id)
    if row is None:
        return False
    if routing.rest:
        pieces = [open_ones.get(number) for number in _messages(routing)]
        return all(piece is not None and piece.state == _FRAGMENT for piece in pieces)
    return row.state == _RECEIVED or not isinstance(routing.result, Fragment)


def _piece_together(work: Work, routed: list[Routing], open_ones: dict[int, _Open], now: float) -> None:
    """Hold what is a piece; let go of pieces that are routed, and join the later ones to the first."""
    held = [
        (one.message_id, open_ones[one.message_id].channel, one.result.follows, one.result.leads, now)
        for one in routed
        if isinstance(one.result, Fragment)
    ]
    let_go = [
        (number,)
        for one in routed
        if not isinstance(one.result, Fragment)
        for number in _messages(one)
        if open_ones[number].state == _FRAGMENT
    ]
    joined = [(one.message_id, one.answered, number) for one in routed for number in one.rest]
    if held:
        work.run_many(_HOLD, held)
    if let_go:
        work.run_many("DELETE FROM fragments WHERE message_id = ?", let_go)
    if joined:
        work.run_many(_JOIN, joined)


def _update(routing: Routing, row: _Open) -> tuple[Any, ...]:
    result, answered = routing.result, row.answered or routing.answered
    state, effects, step, reason = _WAITING, 0, "", None
    if isinstance(result, Fragment):
        state = _FRAGMENT
    elif isinstance(result, Filtered):
        state, step = _FILTERED, result.step
    elif isinstance(result, Dead):
        state, reason = _SHADOWED if routing.shadow else _DEAD, result.reason
    elif not result.effects:
        state, step = _FILTERED, "no effect"
    elif not any(carriers(routing.destinations, type(effect)) for effect in result.effects):
        state, step = _FILTERED, "no destination"
    else:
        effects = len(result.effects)
    return (
        state,
        answered,
        effects,
        step,
        as_json(reason),
        as_json(routing.warnings),
        routing.message_id,
    )


def _stands(routing: Routing, row: _Open, state: str, answered: str) -> bool:
    """Whether a resend of the message is its duplicate: not of one that was refused."""
    if row.state == _FRAGMENT and state == _DEAD and not routing.rest:
        return False  # it never became whole: all of it has to come again
    return answered == "accepted" or (answered == "" and state != _DEAD)


def _deliveries(routing: Routing, channel: str, due_at: float) -> list[Any]:
    """Rows, flat: effect by effect in the message's order, each to every destination."""
    result = routing.result
    if not isinstance(result, Routed):
        return []
    if len(result.effects) * len(routing.destinations) >= PER_MESSAGE:
        raise Unacceptable(ReasonCode.OVERSIZE, "", "one message wants a million deliveries")
    lane, message_id = int(routing.lane), routing.message_id
    keys = result.sequence_keys or repeat(result.sequence_key)
    number = message_id * PER_MESSAGE
    flat: list[Any] = []
    carried = {kind: carriers(routing.destinations, kind) for kind in set(map(type, result.effects))}
    for effect, key in zip(result.effects, keys, strict=False):
        body = encode(effect)
        for destination in carried[type(effect)]:
            number += 1
            check = checksum(number, destination, key, body)
            flat += (number, message_id, channel, destination, lane, key, body, check, due_at)
    return flat
