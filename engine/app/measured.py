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

__all__ = ["Keeping", "standing_of", "telling"]

_PATIENCE: Final = 360.0
"""Seconds that a turn may take before something looks wrong: a batch of deliveries is dozens of calls, each
within a minute."""

_SHORTER: Final = {"routing": 60.0, "editions": 60.0, "measures": 60.0}
"""Of loops whose turns wait for nobody outside."""

_STUCK: Final = 10
"""How many times as long until nobody believes any more that it will end."""

_HANGS: Final = 30.0
"""Seconds that the store may take over what is measured: one that takes longer takes nothing."""

Parts = Callable[[], Mapping[str, Standing]]


def telling(name: str, parts: Parts, say: Callable[[bytes], object]) -> Callable[[], float]:
    """The turns in which a worker tells the first process how it stands."""
    return Teller(name, time.time(), Growth(partial(counts, REGISTRY)), parts, say).turn


class Keeping:
    """The turns in which the first process writes what all of them counted, and what that tells: whether the
    store takes it, and whether the clock goes on."""

    def __init__(self, name: str, parts: Parts, store: Store, hearing: Hearing) -> None:
        self._name, self._parts, self._hearing = name, parts, hearing
        self._began, self._version = time.time(), version("wardline")
        growth = Growth(lambda: added(counts(REGISTRY), hearing.totals()))
        self._loop = MeasuringLoop(store, growth, self._present, time.time, time.monotonic)
        self.turn = self._loop.turn

    def parts(self, busy: float) -> dict[str, Standing]:
        """What does not stand; `busy` is for how many seconds a turn has gone on."""
        found: dict[str, Standing] = {}
        if not self._loop.writes or busy > _HANGS:
            found["store"] = "unready"
        if self._loop.clock_set:
            found["clock"] = "degraded"
        return found

    def _present(self) -> Iterator[Present]:
        yield Present(self._name, self._version, self._began, self._parts())
        for told in self._hearing.present():
            yield Present(told.name, self._version, told.since, told.parts)


def standing_of(loop: Loop) -> Standing:
    """One whose thread has ended, or that takes far too long, comes back with its process only."""
    patience = _SHORTER.get(loop.name, _PATIENCE)
    if loop.ended or loop.busy > _STUCK * patience:
        return "unready"
    return "degraded" if loop.busy > patience else "ready"
