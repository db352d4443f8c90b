"""When the effects of a channel that does not act at once are carried out: the runs of its schedule.

A message is accepted, answered and routed when it comes; only its deliveries wait. Minutes are the grain, as
in cron: what came in the minute of a run waits for the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Protocol
from zoneinfo import ZoneInfo

import msgspec
from cronsim import CronSim, CronSimError

from engine.errors import Misconfigured

__all__ = ["AT_ONCE", "Schedule", "ScheduleLoop", "with_the_rest"]

AT_ONCE = 2_000
"""Deliveries that one transaction sends on their way: intake waits no longer for it."""

LOOK = 1.0  # seconds between looks whether a run has come
_MINUTE = 60
_YEARS = 3  # in which a schedule has a run, or never


class Schedule(msgspec.Struct, frozen=True):
    """Runs by a cron expression of five fields on the clocks of `zone`. What came after `cut_off` of the day
    (empty: there is none) is left to the run after."""

    cron: str
    zone: str
    cut_off: str = ""  # HH:MM

    def check(self, since: datetime) -> None:
        """Raises `Misconfigured` for what is no schedule, and for a cut-off of runs less than a day apart."""
        runs = [run for run, _ in zip(self._runs(since), range(40), strict=False)]
        if not runs:
            raise Misconfigured(
                "this never comes", where="cron", hint="minute hour day month weekday: 0 22 * * *"
            )
        if self.cut_off and any(after - before < timedelta(hours=20) for before, after in pairwise(runs)):
            raise Misconfigured(
                "a cut-off belongs to runs that are a day or more apart",
                where="cut_off",
                hint="leave cut_off out: a run takes all that came before it",
            )

    def run_for(self, received_at: float, now: float) -> float:
        """The run that a message received then belongs to, as it is now: never one that is over. Seconds
        since the epoch, UTC."""
        return _run_for(self, int(received_at // _MINUTE), int(now // _MINUTE))

    def _runs(self, after: datetime) -> Iterator[datetime]:
        try:
            runs = CronSim(self.cron, after)
        except CronSimError:
            raise Misconfigured(
                "not a schedule of cron", where="cron", hint="minute hour day month weekday: 0 22 * * *"
            ) from None
        for run in runs:
            if run - after > timedelta(days=366 * _YEARS):
                return
            yield run

    def _closes(self, run: datetime) -> datetime:
        """Until when a run takes what comes."""
        if not self.cut_off:
            return run
        at = time.fromisoformat(self.cut_off)
        closes = datetime.combine(run.date(), at, run.tzinfo)
        return closes if closes <= run else datetime.combine(run.date() - timedelta(days=1), at, run.tzinfo)


@lru_cache(maxsize=1024)
def _run_for(schedule: Schedule, received: int, now: int) -> float:
    zone = ZoneInfo(schedule.zone)
    since = datetime.fromtimestamp(max(received, now) * _MINUTE, zone)
    came = received * _MINUTE
    for run in schedule._runs(since):
        if came < schedule._closes(run).timestamp():
            return run.timestamp()
    return since.timestamp()  # a schedule without runs does not pass `check`


def with_the_rest(first: int, more: Callable[[], int]) -> int:
    """How many were moved in all: `first` by the first transaction, and by as many `more` as it takes."""
    moved = last = first
    while last == AT_ONCE:
        moved += (last := more())
    return moved


class Release(Protocol):
    """`ScheduleStore.release_scheduled`."""

    def __call__(self, now: float, *, limit: int) -> int: ...


class ScheduleLoop:
    """Sends scheduled deliveries on their way when their run has come; `sent` is told then."""

    def __init__(self, release: Release, clock: Callable[[], float], sent: Callable[[], None]) -> None:
        self._release, self._clock, self._sent = release, clock, sent

    def turn(self) -> float:
        """One transaction of it; the seconds to rest."""
        moved = self._release(self._clock(), limit=AT_ONCE)
        if moved:
            self._sent()
        return 0.0 if moved == AT_ONCE else LOOK
