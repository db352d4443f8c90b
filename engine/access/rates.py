"""How many requests a second: a bucket of tokens for everyone who asks."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

__all__ = ["Rates"]

MOST: Final = 10_000
"""Buckets kept, at most; the one that was used longest ago goes first."""


class Rates:
    """`rate` requests a second each, and as many at once after a second's rest."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # requests left, and when

    def allow(self, who: str, now: float, rate: float = 0.0) -> float:
        """0 when one more request is allowed now (`rate` a second when given), else seconds until it is."""
        rate = rate or self._rate
        full = max(rate, 1.0)
        left, then = self._buckets.pop(who, (full, now))
        left = min(full, left + max(0.0, now - then) * rate)
        wait = 0.0 if left >= 1.0 else (1.0 - left) / rate
        self._buckets[who] = (left if wait else left - 1.0, now)
        if len(self._buckets) > MOST:
            self._buckets.popitem(last=False)
        return wait
