"""What every store promises about what has been kept long enough."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from engine.model import Retention

__all__ = ["PurgeStore", "Purged"]


class Purged(msgspec.Struct, frozen=True, kw_only=True):
    """What a purge did: contents removed, contents sealed anew because they outlive their day, fingerprints
    and courses forgotten, day keys destroyed."""

    contents: int = 0
    renewed: int = 0
    forgotten: int = 0
    keys: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.contents or self.renewed or self.forgotten or self.keys)


class PurgeStore(Protocol):
    """Safe storage that lets go."""

    def purge(
        self,
        default: Retention,
        channels: Mapping[str, Retention],
        now: float,
        *,
        dry_run: bool = False,
        rest: Callable[[float], object] = time.sleep,
    ) -> Purged:
        """Remove the content of what has been here for as many whole days as its class is kept, and destroy
        the keys of those days, each when nothing is sealed with it any more. Never content of what is in
        work, is owed, or is what a resource is now: that is sealed anew. With it goes whom those messages
        name.

        A message that is not in work stops being the original of resends after `duplicates` days; so is
        forgotten a visit that is closed and an appointment that holds nothing. With `dry_run` nothing is
        done, and told what would be.

        It goes in small pieces with rests between them, so that nobody waits for it; `rest` waits so many
        seconds, and may raise to end it: what was done until then stands."""
        ...
