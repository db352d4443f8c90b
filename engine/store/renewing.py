"""Messages that are routed again: what of their effects stands as it is, and what is made anew.

A delivery that was carried out stays what it is where its channel still says the same, under the same key. So
however many messages are put through again, nothing happens twice, and nothing at all where nothing changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from engine.courses.course import renamed, tokens_in
from engine.effects import Effect, Merge, carriers, decode, encode, kind_of
from engine.errors import Unacceptable
from engine.model import DeliveryState, Fragment, MessageState, ReasonCode, Routed, Routing
from engine.overtaking import AGAIN, MADE_ANEW
from engine.store.database import Work, rows_of
from engine.store.part import as_json, checksum, words_of
from engine.store.tables import PER_MESSAGE

__all__ = ["Earlier", "Renewal", "renewal_of", "renewals"]

_EARLIER: Final = (
    "SELECT id, message_id, destination, sequence_key, {effect}, state, progress FROM deliveries"
    " WHERE id BETWEEN ? AND ? ORDER BY id"
)
_MERGED: Final = "SELECT token, merged_into FROM tokens WHERE merged_into IS NOT NULL AND token IN ({})"
_REPLACE: Final = "UPDATE deliveries SET state = 'replaced' WHERE id = ?"
_STANDS: Final = "UPDATE deliveries SET note = CASE WHEN note = '' THEN ? ELSE note END WHERE id = ?"
_NOTE: Final = "its channel does not make it any more: it stands"
_NEW: Final = (
    "INSERT INTO deliveries (id, message_id, channel, destination, lane, sequence_key, effect, checksum,"
    " due_at, state, attempts, progress) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)"
)
_DELIVERED: Final = DeliveryState.DELIVERED.value
_REPLACED: Final = DeliveryState.REPLACED.value


class Earlier(NamedTuple):
    """A delivery of an earlier round, its tokens brought to those that stand for them now."""

    id: int
    destination: str
    sequence_key: str
    effect: Effect | None  # None: damaged
    state: str
    progress: dict[str, str]

    @property
    def name(self) -> tuple[str, str, str]:
        """What makes it the same effect when it comes again."""
        if self.effect is None:
            return self.destination, "", str(self.id)
        return self.destination, kind_of(self.effect), self.effect.key


class Renewal(NamedTuple):
    """What a message that is routed again comes to: deliveries that `stand` (of them, `left` are not made any
    more), those that are `replaced`, and rows of new ones."""

    stand: list[Earlier]
    left: list[int]
    replaced: list[int]
    rows: list[tuple[Any, ...]]

    def state(self, routed: str) -> str:
        """The message's state, where its routing alone came to `routed`."""
        if routed not in (MessageState.WAITING, MessageState.FILTERED):
            return routed
        if self.rows:
            return MessageState.WAITING.value
        return MessageState.DELIVERED.value if self.stand else MessageState.FILTERED.value

    def effects(self) -> int:
        """How many effects the message has."""
        names = {one.name[1:] for one in self.stand}
        return len(names | {row[-1] for row in self.rows})


def renewals(
    work: Work, routed: Iterable[tuple[Routing, str]], as_bytes: str, now: float
) -> dict[int, Renewal]:
    """Carry out what becomes of earlier deliveries of these messages (with their channels) and insert new
    ones; by message."""
    found: dict[int, Renewal] = {}
    for routing, channel in routed:
        if isinstance(routing.result, Fragment):
            continue
        earlier = _earlier(work, routing.message_id, as_bytes)
        found[routing.message_id] = renewal_of(routing, channel, earlier, now)
    replaced = [(number,) for one in found.values() for number in one.replaced]
    work.run_many(_REPLACE, replaced)
    work.run_many(_STANDS, [(_NOTE, number) for one in found.values() for number in one.left])
    work.run_many(_NEW, [row[:-1] for one in found.values() for row in one.rows])
    return found


def _earlier(work: Work, message_id: int, as_bytes: str) -> list[Earlier]:
    first = message_id * PER_MESSAGE
    rows = work.rows(_EARLIER.format(effect=as_bytes.format("effect")), (first, first + PER_MESSAGE - 1))
    tokens = {token for row in rows for token in tokens_in(row[4])} | {row[3] for row in rows}
    alive = dict(rows_of(work, _MERGED, sorted(tokens))) if tokens else {}
    return [
        Earlier(
            row[0],
            row[2],
            alive.get(row[3], row[3]),
            _decoded(renamed(row[4], alive)),
            row[5],
            words_of(row[6]),
        )
        for row in rows
    ]


def _decoded(effect: bytes) -> Effect | None:
    try:
        return decode(effect)
    except msgspec.DecodeError:
        return None


def renewal_of(routing: Routing, channel: str, earlier: Sequence[Earlier], now: float) -> Renewal:
    """What a message that is routed again comes to, given its deliveries of before."""
    latest = {one.name: one for one in earlier if one.state != _REPLACED}
    renewal = Renewal([], [], [], [])
    number = max((one.id for one in earlier), default=routing.message_id * PER_MESSAGE)
    for destination, key, effect in _made(routing):
        before = latest.pop((destination, kind_of(effect), effect.key), None)
        if before and before.state == _DELIVERED and (before.effect, before.sequence_key) == (effect, key):
            renewal.stand.append(before)
            continue
        if before:
            renewal.replaced.append(before.id)
        number += 1
        if number >= (routing.message_id + 1) * PER_MESSAGE:
            raise Unacceptable(ReasonCode.OVERSIZE, "", "one message wants a million deliveries")
        renewal.rows.append(_row(number, routing, channel, (destination, key, effect), before, now))
    for one in latest.values():
        if one.state == _DELIVERED:
            renewal.stand.append(one)
            renewal.left.append(one.id)
        else:
            renewal.replaced.append(one.id)
    return renewal


def _made(routing: Routing) -> Iterable[tuple[str, str, Effect]]:
    """What routing made, effect by effect in the message's order, each to every destination."""
    result = routing.result
    if not isinstance(result, Routed):
        return
    keys = result.sequence_keys or (result.sequence_key,) * len(result.effects)
    for effect, key in zip(result.effects, keys, strict=False):
        for destination in carriers(routing.destinations, type(effect)):
            yield destination, key, effect


def _row(
    number: int,
    routing: Routing,
    channel: str,
    made: tuple[str, str, Effect],
    before: Earlier | None,
    now: float,
) -> tuple[Any, ...]:
    """A new delivery; what an unfinished one before it wrote down goes with it. The last column is the name
    of its effect, and not stored."""
    destination, key, effect = made
    body = encode(effect)
    unfinished = before is not None and (before.state != _DELIVERED or isinstance(effect, Merge))
    progress = {**(before.progress if before is not None and unfinished else {}), AGAIN: MADE_ANEW}
    scheduled = routing.due_at > now
    state = DeliveryState.SCHEDULED if scheduled else DeliveryState.DUE
    return (
        number, routing.message_id, channel, destination, int(routing.lane), key, body,
        checksum(number, destination, key, body), routing.due_at if scheduled else now, state.value,
        as_json(progress), (kind_of(effect), effect.key),
    )  # fmt: skip
