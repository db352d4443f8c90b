"""FHIR dates as the time that they can mean (datatypes date, dateTime, instant; search prefix rules)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, tzinfo
from typing import Final

__all__ = ["bounds"]

_DATE: Final = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)?)?)?"
)
_TICK: Final = timedelta(microseconds=1)


def bounds(text: str, zone: tzinfo) -> tuple[float, float] | None:
    """First and last moment (seconds since the epoch) of a date of whatever precision; `zone` is for
    those without an offset. None for what is no date."""
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    try:
        start = datetime(
            int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0),
            min(int(second or 0), 59), int((fraction or "0")[:6].ljust(6, "0")), _zone(offset, zone),
        )  # fmt: skip
        end = _end(start, found)
        return start.timestamp(), (end - _TICK).timestamp()
    except (ValueError, OverflowError):
        return None


def _end(start: datetime, found: re.Match[str]) -> datetime:
    """The first moment after it."""
    if found[7]:
        return start + timedelta(seconds=10 ** -min(len(found[7]), 6))
    if found[4]:
        return start + (timedelta(seconds=1) if found[6] else timedelta(minutes=1))
    if found[3]:
        return start + timedelta(days=1)
    if found[2] and start.month < 12:
        return start.replace(month=start.month + 1)
    return start.replace(year=start.year + 1, month=1)


def _zone(offset: str | None, zone: tzinfo) -> tzinfo:
    if offset is None:
        return zone
    parsed = datetime.fromisoformat(f"2000-01-01T00:00:00{offset.replace('Z', '+00:00')}").tzinfo
    return parsed or zone
