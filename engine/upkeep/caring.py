"""The engine's own eye on its store: how large it is, when the disk is full; and refusing in time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from engine.store.base import Store
from engine.telemetry import DiskFilling, DiskFree, signal
from engine.upkeep.forecast import GREW, SEEN, days_left

__all__ = ["CareLoop"]

EVERY: Final = 5.0
"""Seconds between looks at the disk: less than it takes to fill the reserve."""

SIZED: Final = 60.0
"""Seconds between looks at the store."""

_BYTES: Final = "wardline_store_bytes"


class CareLoop:
    """The work of `engine.threads.Loop`, in the process that takes messages. Where less than `reserve` bytes
    of the disk are free nothing new is taken: what was taken can still be settled, answered and purged. When
    there is half as much again it goes on."""

    def __init__(
        self,
        store: Store,
        reserve: int,
        clock: Callable[[], float],
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._reserve, self._clock, self._steady = store, reserve, clock, steady
        self.refuses = False
        """Whether nothing new is taken, for want of room."""
        self._due = float("-inf")

    def turn(self) -> float:
        """Look; the seconds to rest. What fills is told at once, with the gauges that alerts look at."""
        before = self.refuses
        self._watch_disk()
        if self._steady() >= self._due or self.refuses != before:
            self._due = self._steady() + SIZED
            self._measure()
        return EVERY

    def _watch_disk(self) -> None:
        disk = self._store.disk()
        if disk is None or not self._reserve:
            return
        if not self.refuses and disk.free < self._reserve:
            self.refuses = True
            self._store.refuse("the disk is nearly full: nothing new is taken until there is room")
            signal(DiskFilling(disk.free))
        elif self.refuses and disk.free > self._reserve * 1.5:
            self.refuses = False
            self._store.refuse("")
            signal(DiskFree(disk.free))

    def _measure(self) -> None:
        now, size = self._clock(), self._store.size()
        used = float(size.bytes - size.reusable)
        said = {_BYTES: used, "wardline_store_damaged": float(bool(self._store.damage()))}
        before = self._store.last_values([_BYTES]).get(_BYTES)
        if size.disk is not None:
            said["wardline_disk_free_ratio"] = size.disk.free / max(size.disk.total, 1)
            grown = self._store.measures([GREW], span=3600, since=now - SEEN, until=now)
            left = days_left(size.disk.free + size.reusable, [(one.at, one.value) for one in grown], now)
            said |= {} if left is None else {"wardline_disk_days_left": left}
        counted = {GREW: used - before.value} if before and used != before.value else {}
        self._store.measure(counted, said, at=now)
