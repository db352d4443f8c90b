"""Checks of a channel's `schedule:`, and the schedule that it says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.config.finding import Problem
from engine.config.spec import ChannelSpec
from engine.errors import Misconfigured
from engine.scheduling import Schedule

__all__ = ["check_schedule", "schedule_of"]

_SINCE = datetime(2026, 1, 1)  # noqa: DTZ001 - what a schedule means does not depend on today


def schedule_of(spec: ChannelSpec) -> Schedule | None:
    """What `schedule:` says, None for a channel that acts at once."""
    if spec.schedule is None:
        return None
    return Schedule(spec.schedule.cron, spec.source.door.timezone, spec.schedule.cut_off or "")


def check_schedule(spec: ChannelSpec) -> Iterator[Problem]:
    """What is no schedule, and who would wait for its run."""
    schedule, hl7 = schedule_of(spec), spec.source.hl7
    if schedule is None:
        return
    if hl7 is not None and hl7.acknowledge == "delivery":
        place = (*spec.source.place, "acknowledge")
        yield Problem(place, "a sender would wait for the next run of the schedule", "acknowledge: transform")
    try:
        schedule.check(_SINCE.replace(tzinfo=ZoneInfo(schedule.zone)))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return  # said where the zone stands
    except Misconfigured as error:
        yield Problem(("schedule", error.where), error.text, error.hint)
