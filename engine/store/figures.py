"""Effects that came to an end, for those who count."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import msgspec

from engine.store.contracts.figures import Ended
from engine.store.narrowing import id_at
from engine.store.part import Part, words_of
from engine.store.tables import PER_MESSAGE

__all__ = ["Figures"]

_ENDED: Final = (
    "SELECT {effect}, d.channel, d.destination, d.state, m.received_at, d.settled_at, d.note, {documents}"
    " FROM deliveries d JOIN messages m ON m.id = d.message_id"
    " WHERE d.id >= ? AND d.state IN ('delivered', 'dead') AND m.received_at >= ? ORDER BY d.id DESC LIMIT ?"
)


class _Said(msgspec.Struct):
    """Of an effect what is counted."""

    effect: str
    date: dt.date | None = None
    used_on: dt.date | None = None


_said = msgspec.json.Decoder(_Said)


class Figures(Part):
    """The verb of those who count (`FigureStore`)."""

    def ended(self, since: float, limit: int) -> list[Ended]:
        """`FigureStore.ended`."""
        effect, documents = (self._database.as_bytes.format(f"d.{one}") for one in ("effect", "documents"))
        with self._database.read(snapshot=True) as work:
            first = id_at(work, since) * PER_MESSAGE
            rows = work.rows(_ENDED.format(effect=effect, documents=documents), (first, since, limit))
        return [_ended(row) for row in rows]


def _ended(row: tuple[Any, ...]) -> Ended:
    effect, channel, destination, state, received_at, settled_at, note, documents = row
    said = _said.decode(bytes(effect))
    day = said.date or said.used_on
    return Ended(
        said.effect, channel, destination, state, received_at, settled_at, day, note, words_of(documents)
    )
