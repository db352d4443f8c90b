"""From what is wrong now to what is opened and closed: once each, however often it is found and however it
comes and goes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from engine.alerting.evaluating import Judged
from engine.store.contracts.alerts import Seen
from engine.watching import Alert, Found, Kind, Opening

__all__ = ["LATELY", "Changes", "Memory", "step"]

LATELY: Final = 6 * 3600.0
"""Seconds in which the openings of one cause count as a coming and going."""

_LONGEST: Final = 3600.0

_HOLD: Final[Mapping[Kind, float]] = {
    Kind.QUEUE_LENGTH: 120.0,
    Kind.ERROR_RATE: 30.0,
    Kind.SERVICE_LEVEL: 60.0,
    Kind.ACKNOWLEDGEMENT: 120.0,
    Kind.CLOCK: 60.0,
}
"""Seconds for which something must be so before it is told; of the others their limit says it."""

_OVER: Final[Mapping[Kind, float]] = {Kind.SILENT: 0.0, Kind.DEAD_LETTERS: 30.0, Kind.PROCESS: 30.0}
_OVER_ELSE: Final = 120.0
"""Seconds for which it must be over before that is told."""


class Memory(msgspec.Struct, frozen=True):
    """Since when each cause has been found without being open, and each open one has not been found."""

    pending: Mapping[str, float] = {}
    clearing: Mapping[str, float] = {}


class Changes(msgspec.Struct, frozen=True):
    """What is to be written: alerts to open, those to close, and those whose value is another now."""

    opened: tuple[Opening, ...] = ()
    closed: tuple[int, ...] = ()
    seen: tuple[Seen, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.opened or self.closed or self.seen)


def step(
    memory: Memory, stands: Mapping[str, Alert], judged: Judged, lately: Mapping[str, int], now: float
) -> tuple[Memory, Changes]:
    """What follows, given which alerts are open by their causes and how often each cause was opened
    `LATELY`. The more often, the longer it must be over before it is closed: who comes and goes is told of
    once."""
    pending = {cause: memory.pending.get(cause, now) for cause in judged.found if cause not in stands}
    ripe = {
        cause for cause, since in pending.items() if now - since >= _HOLD.get(judged.found[cause].kind, 0.0)
    }
    opened = tuple(Opening(judged.found[cause], 1 + lately.get(cause, 0)) for cause in sorted(ripe))

    gone = [cause for cause in stands if cause not in judged.found and cause not in judged.unknown]
    clearing = {cause: memory.clearing.get(cause, now) for cause in gone}
    over = {cause for cause, since in clearing.items() if now - since >= _rest(stands[cause], lately)}
    changed = tuple(
        Seen(alert.id, judged.found[cause].value, _worst(alert, judged.found[cause]))
        for cause, alert in stands.items()
        if cause in judged.found and _differs(alert, judged.found[cause])
    )
    after = Memory(
        {cause: since for cause, since in pending.items() if cause not in ripe},
        {cause: since for cause, since in clearing.items() if cause not in over},
    )
    return after, Changes(opened, tuple(sorted(stands[cause].id for cause in over)), changed)


def _rest(alert: Alert, lately: Mapping[str, int]) -> float:
    """How long it must be over."""
    base = _OVER.get(alert.kind, _OVER_ELSE)
    times = lately.get(alert.cause, 1)
    return base if times <= 2 else min(_LONGEST, max(base, 60.0) * 2.0 ** (times - 2))


def _worst(alert: Alert, found: Found) -> float:
    """The farthest beyond the limit, which all values of an open alert are beyond."""
    return max(alert.worst, found.value, key=lambda value: abs(value - found.limit))


def _differs(alert: Alert, found: Found) -> bool:
    """Whether people would call it another value: by a tenth, or from or to nothing."""
    return abs(found.value - alert.value) > abs(alert.value) * 0.1
