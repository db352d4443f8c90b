"""What those who answer for the whole count: effects that came to an end, without what they were about."""

from __future__ import annotations

from datetime import date
from typing import Literal, NamedTuple, Protocol

__all__ = ["Ended", "FigureStore"]


class Ended(NamedTuple):
    """An effect that was carried out or refused: its `kind` (`reserve`, `charge`), when its message was
    received and when it ended (seconds since the epoch), the day that it is about, what was noted and which
    documents stand for it."""

    kind: str
    channel: str
    destination: str
    state: Literal["delivered", "dead"]
    received_at: float
    settled_at: float
    day: date | None
    note: str
    documents: dict[str, str]


class FigureStore(Protocol):
    """The verb of those who count."""

    def ended(self, since: float, limit: int) -> list[Ended]:
        """Effects of messages that were received since then, and that came to an end; newest first."""
        ...
