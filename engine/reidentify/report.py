"""What a day of re-identification came to, from the audit alone: pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from engine.people.words import Role
from engine.reidentify.words import Step, Steps

__all__ = ["Day", "day_of", "report_of"]


class Day:
    """A day of the calendar in a zone: from `since` to before `until`, seconds since the epoch."""

    def __init__(self, day: date, zone: ZoneInfo) -> None:
        self.name = day.isoformat()
        self.since, self.until = (
            datetime(one.year, one.month, one.day, tzinfo=zone).timestamp()
            for one in (day, day + timedelta(days=1))
        )


def day_of(text: str, zone: ZoneInfo, now: float) -> Day:
    """`yesterday`, `today`, or `2026-11-21`. Raises `ValueError`."""
    today = datetime.fromtimestamp(now, zone).date()
    known = {"today": today, "yesterday": today - timedelta(days=1)}
    return Day(known[text] if text in known else date.fromisoformat(text), zone)


def report_of(steps: Iterable[Step]) -> dict[str, Any]:
    """Of each person how much it asked for and got; each look with who, when, why and who approved; what was
    refused and why; the alarms. Tokens, never identifiers."""
    counted: dict[str, Counter[str]] = {}
    looks, notable = list[dict[str, Any]](), list[dict[str, Any]]()
    for step in steps:
        if step.step is Steps.PEOPLE:
            continue
        counted.setdefault(step.who, Counter())[step.step.value] += 1
        if step.step is Steps.SHOWN:
            looks.append(_line(step))
        elif step.step in _NOTABLE:
            notable.append({"step": step.step.value, **_line(step)})
    return {
        "people": {who: dict(sorted(counts.items())) for who, counts in sorted(counted.items())},
        "shown": looks,
        "refused": notable,
    }


_NOTABLE = frozenset({Steps.REFUSED, Steps.DECLINED, Steps.LAPSED, Steps.LOCKED, Steps.ALARM})


def _line(step: Step) -> dict[str, Any]:
    """What of a step a report shows; nothing for what is empty."""
    approver = step.other if step.role == Role.ASKER else ""
    line = {
        "at": step.at, "who": step.who, "token": step.token, "purpose": step.purpose, "ticket": step.ticket,
        "approved_by": approver, "why": step.why,
    }  # fmt: skip
    return {name: value for name, value in line.items() if value}
