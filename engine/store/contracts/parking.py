"""What every store promises about messages that wait for a code which a table lacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from engine.auditing import Entry

__all__ = ["Parked", "ParkingStore"]


class Parked(msgspec.Struct, frozen=True, kw_only=True):
    """Messages of a channel that are dead letters because a table of it lacks a code: `place` is the field
    of the first of them, `first_at` and `last_at` when the first and the last of them were received."""

    channel: str
    table: str
    code: str
    place: str
    messages: int
    first_at: float
    last_at: float


class ParkingStore(Protocol):
    """Safe storage for what waits for codes."""

    def parked(self) -> list[Parked]:
        """What waits for codes that tables lack, oldest first."""

    def heal(self, channel: str, table: str, codes: Sequence[str], *, edition: int, told: Entry) -> int:
        """Messages of a channel that wait for one of these codes of a table, as another edition than this
        one found, are to be routed again, by this one, in the order of their arrival; how many. `told` is
        recorded in the same commit, with which messages they were."""
