"""What a process says of itself: a worker to the first process of its node, the first to the store."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib.metadata import version
from typing import Final

from engine.measuring.growth import Growth, added, counts
from engine.measuring.keeping import MeasuringLoop, Present
from engine.measuring.standing import Standing
from engine.measuring.telling import Hearing, Teller
from engine.store.base import Store
from engine.telemetry import REGISTRY
from engine.threads import Loop

__all__ = ["keeping", "standing_of", "telling"]

_PATIENCE: Final = 360.0
"""Seconds that a turn may take before something looks wrong: a batch of deliveries is dozens of calls, each
within a minute."""

_SHORTER: Final = {"routing": 60.0, "editions": 60.0, "measures": 60.0}
"""Of loops whose turns wait for nobody outside."""

Parts = Callable[[], Mapping[str, Standing]]


def telling(name: str, parts: Parts, say: Callable[[bytes], object]) -> Callable[[], float]:
    """The turns in which a worker tells the first process how it stands."""
    return Teller(name, time.time(), Growth(partial(counts, REGISTRY)), parts, say).turn


def keeping(name: str, parts: Parts, store: Store, hearing: Hearing) -> Callable[[], float]:
    """The turns in which the first process writes what all of them counted."""
    began, ours = time.time(), version("wardline")

    def present() -> Iterator[Present]:
        yield Present(name, ours, began, parts())
        for told in hearing.present():
            yield Present(told.name, ours, told.since, told.parts)

    growth = Growth(lambda: added(counts(REGISTRY), hearing.totals()))
    return MeasuringLoop(store, growth, present, time.time).turn


def standing_of(loop: Loop) -> Standing:
    """A thread that has ended comes back with its process only; one that takes long may yet."""
    if loop.ended:
        return "unready"
    return "degraded" if loop.busy > _SHORTER.get(loop.name, _PATIENCE) else "ready"
