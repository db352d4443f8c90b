"""In how many days a disk is full."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

__all__ = ["DAY", "GREW", "NEVER", "SEEN", "days_left"]

DAY: Final = 86400.0

GREW: Final = "wardline_store_grew_bytes"
"""By how much the store grew, in the history of measures; less than nothing where it shrank."""

SEEN: Final = 14 * DAY
"""Seconds back that a forecast looks."""

NEVER: Final = 3650.0
"""Days that are told for "not as it grows now": ten years."""

_LEAST: Final = 6 * 3600.0
"""Seconds that must have been watched: a morning is no day."""


def days_left(free: float, grown: Sequence[tuple[float, float]], now: float) -> float | None:
    """How long so many free bytes last, given (when the hour began, by how much the store grew in it) of the
    last days, oldest first; none while too little is known.

    Hours that are missing count as standing still: the engine was down. What was purged in the same time is
    taken off, so that a store that has found its size never fills the disk."""
    if not grown or now - grown[0][0] < _LEAST:
        return None
    a_day = sum(by for _, by in grown) / (now - grown[0][0]) * DAY
    return min(free / a_day, NEVER) if a_day > 0 else NEVER
