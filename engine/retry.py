"""When to try again: exponential backoff with jitter, bounded by age."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

__all__ = ["RetryPolicy"]


class RetryPolicy(msgspec.Struct, frozen=True):
    """Waits double from `first` to `longest` seconds; after `give_up` seconds of trying a person
    must look. Half of each wait is chance, so that many waiting deliveries do not come back at once."""

    first: float = 1.0
    longest: float = 300.0
    give_up: float = 7 * 24 * 3600.0

    def delay(self, attempts: int, dice: Callable[[], float]) -> float:
        """Seconds to wait after the given number of attempts; `dice` returns 0 to 1."""
        ceiling = min(self.longest, self.first * 2.0 ** min(attempts - 1, 30))
        return ceiling * (0.5 + 0.5 * dice())

    def exhausted(self, attempts: int) -> bool:
        """Whether the waits so far add up to `give_up` already (at least half of each was waited)."""
        waited, wait = 0.0, self.first
        for _ in range(max(attempts - 1, 0)):
            waited += min(wait, self.longest)
            if waited * 0.75 >= self.give_up:
                return True
            wait = min(wait * 2, self.longest)
        return False
