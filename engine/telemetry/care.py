"""The store as something that grows."""

from __future__ import annotations

from typing import ClassVar

from engine.telemetry.registry import faults
from engine.telemetry.signals import Signal

__all__ = ["DiskFilling", "DiskFree"]


class DiskFilling(Signal, frozen=True):
    """So few bytes of the store's disk are free that nothing new is taken."""

    free: int
    level: ClassVar[str] = "error"
    text: ClassVar[str] = "the disk is nearly full, nothing new is taken"

    def count(self) -> None:
        faults("disk").inc()


class DiskFree(Signal, frozen=True):
    """There is room on the disk again."""

    free: int
    text: ClassVar[str] = "there is room on the disk again"
