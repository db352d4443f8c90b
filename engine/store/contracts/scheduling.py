"""What every store promises about deliveries that wait for the next run of their channel."""

from __future__ import annotations

from typing import Protocol

import msgspec

from engine.auditing import Entry

__all__ = ["ScheduleStore", "ScheduledRun"]


class ScheduledRun(msgspec.Struct, frozen=True):
    """How many deliveries of a channel wait for the run at `due_at` (seconds since the epoch, UTC)."""

    channel: str
    due_at: float
    deliveries: int


class ScheduleStore(Protocol):
    """Safe storage for what waits for a schedule."""

    def release_scheduled(
        self, now: float, *, channel: str = "", limit: int = 2000, told: Entry | None = None
    ) -> int:
        """Scheduled deliveries whose run has come, or with a `channel` all of its own, become due, oldest
        message first; how many, `limit` at most. `told` is recorded in the same commit."""

    def bring_forward(self, channel: str, due_at: float, *, limit: int, told: Entry | None = None) -> int:
        """Scheduled deliveries of a channel whose run is later go with the one at `due_at`, nearest run
        first; how many, `limit` at most. `told` is recorded in the same commit."""

    def scheduled(self) -> list[ScheduledRun]:
        """What waits for which run."""
