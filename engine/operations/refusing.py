"""Who was refused what: in the audit, without letting somebody fill it by asking again and again."""

from __future__ import annotations

import threading
from typing import Final

__all__ = ["Refusals"]

SPAN: Final = 900.0
"""Seconds within which the same refusal is counted together."""

MOST: Final = 10_000
"""Counts that are kept, at most: those that are over are let go first, then all."""


class Refusals:
    """How often the same person was refused the same thing within a quarter of an hour. From any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted: dict[tuple[str, str], tuple[float, int]] = {}

    def one_more(self, who: str, what: str, now: float) -> int:
        """Count one; how many it has been when that is to be recorded (the first, the tenth, the hundredth
        and so on: six entries tell of a million), else 0."""
        with self._lock:
            began, count = self._counted.get((who, what), (now, 0))
            if not 0 <= now - began < SPAN:
                began, count = now, 0
            if len(self._counted) >= MOST:
                self._forget(now)
            self._counted[who, what] = (began, count + 1)
        told = str(count + 1)
        return count + 1 if told[0] == "1" and not told[1:].strip("0") else 0

    def _forget(self, now: float) -> None:
        self._counted = {key: one for key, one in self._counted.items() if 0 <= now - one[0] < SPAN}
        if len(self._counted) >= MOST:
            self._counted = {}
