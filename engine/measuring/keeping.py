"""Who writes the history: the first process of a node, for all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from engine.measuring.clock import ClockWatch
from engine.measuring.growth import Counts, Growth, added
from engine.measuring.standing import AMOUNT, Standing
from engine.store.base import Store
from engine.telemetry import parsed, series

__all__ = ["EVERY", "HISTORY", "MeasuringLoop", "Present"]

EVERY: Final = 10.0
"""Seconds between entries."""

DROP_EVERY: Final = 3600.0

HISTORY: Final = frozenset({
    "wardline_messages_accepted",
    "wardline_messages_refused",
    "wardline_messages_routed",
    "wardline_answers",
    "wardline_acknowledge_seconds",
    "wardline_end_to_end_seconds",
    "wardline_deliveries",
    "wardline_delivery_seconds",
    "wardline_settled",
    "wardline_fhir_requests",
    "wardline_faults",
    "wardline_privacy_incidents",
})  # fmt: skip
"""The counted metrics of which there is a history."""

_SIGN_OF_LIFE: Final = ("wardline_messages_accepted", "wardline_messages_refused")


class Present(NamedTuple):
    """A process of the node: who, of which version, since when (seconds since the epoch), how its parts
    stand."""

    name: str
    version: str
    since: float
    parts: Mapping[str, Standing]


class MeasuringLoop:
    """The work of `engine.threads.Loop`. `growth` is of all processes."""

    def __init__(
        self,
        store: Store,
        growth: Growth,
        present: Callable[[], Iterable[Present]],
        clock: Callable[[], float],
        steady: Callable[[], float],
    ) -> None:
        self._store, self._growth, self._present, self._clock = store, growth, present, clock
        self._watch = ClockWatch(clock, steady)
        self.clock_set = 0.0
        """By how many seconds the clock was set lately."""

        self.writes = True
        """Whether the store took what was last written."""

        self._owed: Counts = {}  # what could not be written yet
        self._backlog: Counts = {}
        self._look_at = self._drop_at = 0.0

    def turn(self) -> float:
        """Write what was counted since and how it stands; the seconds to rest. Raises `Unavailable`: then
        it is written with the next."""
        now = self._clock()
        self._owed = added(self._owed, _kept(self._growth.take()))
        self.clock_set = self._watch.look()
        try:
            self._write(now)
            self.writes = True
        except BaseException:
            self.writes = False
            raise
        if time.monotonic() >= self._drop_at:
            self._store.drop_measures(now)
            self._drop_at = time.monotonic() + DROP_EVERY
        return EVERY

    def _write(self, now: float) -> None:
        said = {**self._waiting(now), **_standing(self._present()), **_seen(self._owed, now)}
        said["wardline_clock_offset_seconds"] = self.clock_set
        self._store.measure(self._owed, said, at=now)
        self._owed = {}

    def _waiting(self, now: float) -> Counts:
        """What waits. Where much does, counting takes long, and is done less often."""
        started = time.monotonic()
        if started >= self._look_at:
            self._backlog = {
                series("wardline_backlog", channel=channel, what=what): amount
                for channel, counts in self._store.backlog(now).items()
                for what, amount in counts.items()
            }
            self._look_at = time.monotonic() + 50 * (time.monotonic() - started)
        return self._backlog


def _kept(counted: Counts) -> Counts:
    return {name: value for name, value in counted.items() if _metric(name) in HISTORY}


def _metric(name: str) -> str:
    return parsed(name)[0].removesuffix("_bucket").removesuffix("_sum")


def _standing(present: Iterable[Present]) -> Counts:
    found: Counts = {}
    for one in present:
        found[series("wardline_process", process=one.name, version=one.version)] = one.since
        for part, stands in one.parts.items():
            found[series("wardline_part", process=one.name, part=part)] = AMOUNT[stands]
    return found


def _seen(counted: Counts, now: float) -> Counts:
    """Whose channels showed a sign of life: taken, taken again or refused."""
    alive = {labels["channel"] for metric, labels in map(parsed, counted) if metric in _SIGN_OF_LIFE}
    return {series("wardline_last_seen", channel=channel): now for channel in alive}
