"""What every store promises about application answers that are told on a link of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from engine.model import Application

__all__ = ["Owed", "OwingStore"]


class Owed(msgspec.Struct, frozen=True):
    """How it stands with an application answer on a link of its own; `attempts` to tell it so far."""

    message_id: int
    attempts: int
    how: Application = "owed"


class OwingStore(Protocol):
    """Safe storage for answers that are owed."""

    def owed(self, channel: str, limit: int) -> list[Owed]:
        """Application answers that are owed to senders of this channel and whose outcome is known,
        oldest message first."""
        ...

    def told(self, answers: Sequence[Owed]) -> None:
        """Write how it stands with application answers."""
        ...
