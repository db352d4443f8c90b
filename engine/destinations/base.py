"""What a destination is: a batch of deliveries in, an outcome each out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from engine.model import Delivery, Outcome

__all__ = ["Destination", "Note"]

Note = Callable[[dict[int, dict[str, str]]], None]
"""Writes saga progress durably before the next step (delivery id → words): `store.note`."""


class Destination(Protocol):
    """Carries effects out. Blocking; called from one delivery thread per lane.

    The deliveries of one batch concern different sequence keys, except that all effects of one
    message may come together. Whatever happened before (a crash at any point, a lost answer, the
    same delivery twice), `deliver` drives each effect to its final state exactly once. It never
    raises for a row: what is refused is `Refused`, what the world did is `TryAgain`."""

    def deliver(self, deliveries: Sequence[Delivery], note: Note) -> list[Outcome]:
        """Outcomes in the order of the deliveries."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
