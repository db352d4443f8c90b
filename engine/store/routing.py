"""What messages became: states, deliveries and tokens in one transaction; answers given after all."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Any, Final

from engine.effects import encode
from engine.errors import Unacceptable
from engine.model import (
    Answered,
    Dead,
    DeliveryState,
    Filtered,
    MessageState,
    NewToken,
    ReasonCode,
    Routed,
    Routing,
)
from engine.store.database import Work, insert, rows_of
from engine.store.part import Part, as_json, checksum
from engine.store.tables import PER_MESSAGE
from engine.store.tokens import merge_tokens, mint

__all__ = ["Routes"]

_WAITING, _FILTERED, _DEAD = (
    state.value for state in (MessageState.WAITING, MessageState.FILTERED, MessageState.DEAD)
)
_DUE: Final = DeliveryState.DUE.value
_UPDATE: Final = (
    "UPDATE messages SET state = ?, answered = ?, is_original = ?, effects = ?, step = ?, reason = ?,"
    " warnings = ? WHERE id = ?"
)
_DELIVERY: Final = (
    "INSERT INTO deliveries (id, message_id, channel, destination, lane, sequence_key, effect, checksum,"
    " state, attempts, due_at) VALUES "
)


class Routes(Part):
    """The verbs of the router."""

    def route(self, routings: Sequence[Routing], minted: Sequence[NewToken], now: float) -> None:
        """`MessageStore.route`. A message routed to no effect or to no destination is filtered, by that name.

        Raises `Unacceptable` (nothing stored) for a message of more deliveries than ids have room for."""
        merges = [merge for one in routings if isinstance(one.result, Routed) for merge in one.result.merges]
        with self._database.write(*(("merge",) if merges else ())) as work:
            mint(work, minted, now)
            if merges:
                merge_tokens(work, merges)
            open_ones = self._received(work, [routing.message_id for routing in routings])
            updates: list[tuple[Any, ...]] = []
            deliveries: list[Any] = []
            for routing in routings:
                if (row := open_ones.pop(routing.message_id, None)) is not None:
                    channel, answered, original = row
                    updates.append(_update(routing, answered or routing.answered, original))
                    deliveries += _deliveries(routing, channel, now)
            work.run_many(_UPDATE, updates)
            insert(work, _DELIVERY, 11, deliveries)

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

    def _received(self, work: Work, ids: list[int]) -> dict[int, tuple[str, Answered, int]]:
        """Those of the messages that are still to be routed: channel, answer so far, is it an original."""
        query = (
            "SELECT id, channel, answered, is_original FROM messages WHERE state = 'received' AND id IN ({})"
            f" ORDER BY id{self._database.for_update}"
        )
        return {row[0]: (row[1], row[2], row[3]) for row in rows_of(work, query, sorted(ids))}


def _update(routing: Routing, answered: Answered, is_original: int) -> tuple[Any, ...]:
    result = routing.result
    state, effects, step, reason = _WAITING, 0, "", None
    if isinstance(result, Filtered):
        state, step = _FILTERED, result.step
    elif isinstance(result, Dead):
        state, reason = _DEAD, result.reason
    elif not result.effects:
        state, step = _FILTERED, "no effect"
    elif not routing.destinations:
        state, step = _FILTERED, "no destination"
    else:
        effects = len(result.effects)
    stands = answered == "accepted" or (answered == "" and state != _DEAD)
    return (
        state,
        answered,
        is_original if stands else 0,
        effects,
        step,
        as_json(reason),
        as_json(routing.warnings),
        routing.message_id,
    )


def _deliveries(routing: Routing, channel: str, now: float) -> list[Any]:
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
    for effect, key in zip(result.effects, keys, strict=False):
        body = encode(effect)
        for destination in routing.destinations:
            number += 1
            flat += (
                number,
                message_id,
                channel,
                destination,
                lane,
                key,
                body,
                checksum(number, destination, key, body),
                _DUE,
                0,
                now,
            )
    return flat
