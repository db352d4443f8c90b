"""Whether somebody set the clock: it is compared with one that nobody sets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

__all__ = ["ClockWatch"]

SET: Final = 5.0
"""Seconds by which a clock that is kept right never moves between two looks."""

TOLD: Final = 3600.0
"""Seconds for which it is told."""


class ClockWatch:
    """`clock` gives seconds since the epoch, `steady` seconds on a clock that nobody sets. One looker."""

    def __init__(self, clock: Callable[[], float], steady: Callable[[], float]) -> None:
        self._clock, self._steady = clock, steady
        self._ahead = clock() - steady()
        self._moved, self._told_until = 0.0, 0.0

    def look(self) -> float:
        """By how many seconds the clock was set within the last hour; 0 when it was not. A machine that
        slept has a clock that was set."""
        now = self._steady()
        ahead = self._clock() - now
        moved, self._ahead = ahead - self._ahead, ahead
        if abs(moved) >= SET:
            self._moved, self._told_until = moved, now + TOLD
        return self._moved if now < self._told_until else 0.0
