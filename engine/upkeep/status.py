"""How a store stands: its size, how it grew, how long the disk lasts, what is oldest and newest in it."""

from __future__ import annotations

import msgspec

from engine.store.base import Store
from engine.store.contracts.care import Disk, StoreSize, TableSize
from engine.store.contracts.overview import Sought
from engine.upkeep.forecast import DAY, GREW, SEEN, days_left

__all__ = ["BACKUP_AT", "StoreStatus", "status_of"]

BACKUP_AT = "wardline_backup_at"
"""The metric that says when the newest backup that was made, and found whole, was begun."""


class StoreStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes in bytes, as `StoreSize` has them; `grew` within the last day; `days_left` none while too little
    is known; `oldest_key` the first day (and channel) whose content can still be read; `backup_at` seconds
    since the epoch, 0: never."""

    bytes: int
    reusable: int
    log: int
    grew: float
    disk: Disk | None
    days_left: float | None
    messages: int
    oldest_key: str
    backup_at: float
    tables: tuple[TableSize, ...]


def status_of(store: Store, now: float) -> StoreStatus:
    """Look at a store. Raises `Unavailable`."""
    size = store.size()
    grown = [
        (float(one.at), one.value) for one in store.measures([GREW], span=3600, since=now - SEEN, until=now)
    ]
    keys = store.cabinet.keys("day") if store.cabinet.known() else []
    backups = store.last_values([BACKUP_AT]).values()
    return StoreStatus(
        bytes=size.bytes,
        reusable=size.reusable,
        log=size.log,
        grew=sum(by for at, by in grown if at >= now - DAY),
        disk=size.disk,
        days_left=_days_left(size, grown, now),
        messages=max((view.id for view in store.seek(Sought(limit=1))), default=0),  # ids have no holes
        oldest_key=min((one.id for one in keys), default=""),
        backup_at=max((one.value for one in backups), default=0.0),
        tables=size.tables,
    )


def _days_left(size: StoreSize, grown: list[tuple[float, float]], now: float) -> float | None:
    return days_left(size.disk.free + size.reusable, grown, now) if size.disk else None
