"""What those who answer for the whole count: effects that came to an end, without what they were about."""

from __future__ import annotations

from datetime import date
from typing import Literal, NamedTuple, Protocol

from engine.model import MessageState

__all__ = ["Came", "Ended", "FigureStore", "Settled"]


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


class Came(NamedTuple):
    """Messages of a channel that are in this state for this reason (its code, or empty), and whether they
    came to `effects`."""

    channel: str
    state: MessageState
    code: str
    effects: bool
    messages: int


class Settled(NamedTuple):
    """An effect that stands, or was refused for a reason (its code), so many seconds after its message was
    received."""

    channel: str
    destination: str
    delivered: bool
    code: str
    seconds: float


class FigureStore(Protocol):
    """The verbs of those who count."""

    def came_since(self, when: float) -> list[Came]:
        """What was received at that time (seconds since the epoch) or later, as it stands now."""
        ...

    def settled_since(self, when: float) -> list[Settled]:
        """Effects that were settled then or later, of messages received in the hour before or later."""
        ...

    def ended(self, since: float, limit: int) -> list[Ended]:
        """Effects of messages that were received since then, and that came to an end; newest first."""
        ...
