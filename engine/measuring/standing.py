"""How a part of the engine stands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

__all__ = ["AMOUNT", "ORDER", "Standing", "worst"]

Standing = Literal["ready", "degraded", "unready"]
"""How a part stands; the engine as a whole stands as its worst part does. Degraded: something waits that
nobody outside has to know of, the rest goes on."""

ORDER: Final[tuple[Standing, ...]] = ("ready", "degraded", "unready")

AMOUNT: Final[dict[Standing, float]] = {"ready": 2.0, "degraded": 1.0, "unready": 0.0}
"""As the value of a series."""


def worst(standings: Iterable[Standing]) -> Standing:
    """How a whole stands whose parts stand so."""
    return max(standings, key=ORDER.index, default="ready")
