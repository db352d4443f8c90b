"""Effects that came to an end, for those who count."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import msgspec

from engine.model import MessageState
from engine.store.contracts.figures import Came, Ended, Settled
from engine.store.narrowing import id_at
from engine.store.part import Part, reason_of, words_of
from engine.store.tables import PER_MESSAGE

__all__ = ["Figures"]

_ENDED: Final = (
    "SELECT {effect}, d.channel, d.destination, d.state, m.received_at, d.settled_at, d.note, {documents}"
    " FROM deliveries d JOIN messages m ON m.id = d.message_id"
    " WHERE d.id >= ? AND d.state IN ('delivered', 'dead') AND m.received_at >= ? ORDER BY d.id DESC LIMIT ?"
)
_CAME: Final = (
    "SELECT channel, state, reason, CASE WHEN effects > 0 THEN 1 ELSE 0 END, count(*) FROM messages"
    " WHERE id >= ? AND received_at >= ? GROUP BY 1, 2, 3, 4"
)
_SETTLED: Final = (
    "SELECT d.channel, d.destination, d.state, d.reason, d.settled_at - m.received_at"
    " FROM deliveries d JOIN messages m ON m.id = d.message_id"
    " WHERE d.id >= ? AND d.state IN ('delivered', 'dead') AND d.settled_at >= ?"
)


class _Said(msgspec.Struct):
    """Of an effect what is counted."""

    effect: str
    date: dt.date | None = None
    used_on: dt.date | None = None


_said = msgspec.json.Decoder(_Said)


class Figures(Part):
    """The verbs of those who count (`FigureStore`)."""

    def ended(self, since: float, limit: int) -> list[Ended]:
        """`FigureStore.ended`."""
        effect, documents = (self._database.as_bytes.format(f"d.{one}") for one in ("effect", "documents"))
        with self._database.read(snapshot=True) as work:
            first = id_at(work, since) * PER_MESSAGE
            rows = work.rows(_ENDED.format(effect=effect, documents=documents), (first, since, limit))
        return [_ended(row) for row in rows]

    def came_since(self, when: float) -> list[Came]:
        """`FigureStore.came_since`."""
        with self._database.read(snapshot=True) as work:
            rows = work.rows(_CAME, (id_at(work, when), when))
        return [
            Came(channel, MessageState(state), _code(reason), bool(effects), messages)
            for channel, state, reason, effects, messages in rows
        ]

    def settled_since(self, when: float) -> list[Settled]:
        """`FigureStore.settled_since`."""
        with self._database.read(snapshot=True) as work:
            rows = work.rows(_SETTLED, (id_at(work, when) * PER_MESSAGE, when))
        return [
            Settled(channel, destination, state == "delivered", _code(reason), max(seconds, 0.0))
            for channel, destination, state, reason, seconds in rows
        ]


def _code(column: bytes | None) -> str:
    reason = reason_of(column)
    return reason.code.value if reason else ""


def _ended(row: tuple[Any, ...]) -> Ended:
    effect, channel, destination, state, received_at, settled_at, note, documents = row
    said = _said.decode(bytes(effect))
    day = said.date or said.used_on
    return Ended(
        said.effect, channel, destination, state, received_at, settled_at, day, note, words_of(documents)
    )
