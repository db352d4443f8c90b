"""How often something happened within the last hour (or less), by name: pure, on a clock that nobody sets."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Final

__all__ = ["EVERYBODY", "HOUR", "Window"]

HOUR: Final = 3600.0
EVERYBODY: Final = ""
"""The name under which all are counted together."""

_NAMES: Final = 10_000


class Window:
    """Counts within the last `seconds`. Of more than ten thousand names the one used longest ago is
    forgotten."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def add(self, name: str, at: float) -> None:
        """It happened once more."""
        times = self._times.setdefault(name, deque())
        times.append(at)
        self._times.move_to_end(name)
        if len(self._times) > _NAMES:
            self._times.popitem(last=False)

    def count(self, name: str, now: float) -> int:
        """How often it happened lately."""
        times = self._times.get(name)
        if times is None:
            return 0
        while times and times[0] <= now - self._seconds:
            times.popleft()
        if not times:
            del self._times[name]
        return len(times)

    def wait(self, name: str, most: int, now: float) -> float:
        """0 while it happened less often than `most`, else the seconds until it did."""
        if self.count(name, now) < most:
            return 0.0
        return self._times[name][-most] + self._seconds - now

    def forget(self, name: str) -> None:
        """Begin anew."""
        self._times.pop(name, None)
