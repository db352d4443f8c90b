"""Looking at how large the store is, and making it smaller."""

from __future__ import annotations

from engine.store.contracts.care import Disk, StoreSize
from engine.store.part import Part

__all__ = ["Care"]


class Care(Part):
    """The verbs of who looks after a store for years."""

    def size(self) -> StoreSize:
        """`CareStore.size`."""
        return self._database.size()

    def disk(self) -> Disk | None:
        """`CareStore.disk`."""
        return self._database.disk()

    def refuse(self, why: str) -> None:
        """`CareStore.refuse`."""
        self._database.refusing = why

    def damage(self) -> str:
        """`CareStore.damage`."""
        return self._database.broken()

    def examine(self, seconds: float) -> None:
        """`CareStore.examine`."""
        self._database.examine_for(seconds)

    def vacuum(self) -> int:
        """`CareStore.vacuum`."""
        before = self._database.size().bytes
        self._database.vacuum()
        return before - self._database.size().bytes
