"""Dates and times (HL7 v2.9.1 chapter 2A: DTM, DT; the older TS is a DTM in its first component).

**Precision is information**: `2026` is a year, not its first of January. A local time is read in the
zone of its own offset, else of MSH-7's (which speaks for the whole message), else of the channel,
never of the server. Besides HL7's own form the unambiguous ISO 8601 forms are read
(`2026-11-21T12:00`, `2026-11-21`), and 17 digits with milliseconds but no point; anything else,
`00000000`, hour 24, `11/21/2026`, is refused: a wrong time is never silently now.

A range (DR, `start^end`) is two values at two paths: `FT1-4.1` and `FT1-4.2`.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Literal

import msgspec

from engine.errors import Unacceptable

__all__ = ["Moment", "Precision", "moment", "zone_of"]

Precision = Literal["year", "month", "day", "hour", "minute", "second", "fraction"]

_FRACTION = r"(?:\.(?P<fraction>\d{1,6}))?"
_CLOCK = rf"(?P<hour>\d\d)(?:(?P<minute>\d\d)(?:(?P<second>\d\d){_FRACTION})?)?(?P<offset>Z|[+-]\d{{4}})?"
_ISO_CLOCK = rf"(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d){_FRACTION})?(?P<offset>Z|[+-]\d\d:?\d\d)?"
_YEAR = r"(?P<year>\d{4})"
_HL7 = re.compile(rf"{_YEAR}(?:(?P<month>\d\d)(?P<day>\d\d)?)?(?P<offset>[+-]\d{{4}})?", re.ASCII)
_HL7_CLOCK = re.compile(rf"{_YEAR}(?P<month>\d\d)(?P<day>\d\d)T?{_CLOCK}", re.ASCII)
_ISO = re.compile(rf"{_YEAR}-(?P<month>\d\d)-(?P<day>\d\d)(?:[T ]{_ISO_CLOCK})?", re.ASCII)
_NO_POINT = re.compile(r"(\d{14})(\d{3})([+-]\d{4})?", re.ASCII)
_MSH7_OFFSET = re.compile(
    r"(?:\d{4,17}(?:\.\d{1,6})?|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)"
    r"(?P<offset>Z|[+-]\d\d:?\d\d)",
    re.ASCII,
)

# finest first
_PRECISIONS: tuple[Precision, ...] = ("fraction", "second", "minute", "hour", "day", "month", "year")
_NONE = dict.fromkeys((*_PRECISIONS, "offset"), "")
_STEPS: dict[Precision, timedelta] = {
    "day": timedelta(days=1),
    "hour": timedelta(hours=1),
    "minute": timedelta(minutes=1),
    "second": timedelta(seconds=1),
    "fraction": timedelta(),
}
_PLACEHOLDERS = frozenset({date(1900, 1, 1), date(9999, 12, 31)})
_FURTHEST = timedelta(hours=14)


class Moment(msgspec.Struct, frozen=True):
    """A point or span of time: `start` (aware) and how precise it was written.

    `warnings` may hold `placeholder` (1900-01-01, 9999-12-31), `dst_gap` (a local time that the
    zone skips) and `dst_overlap` (one that it has twice; read as the first).
    """

    start: datetime
    precision: Precision
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Moment({self.precision})"

    @property
    def date(self) -> date:
        """The calendar day as the sender wrote it. Of a year or month: its first."""
        return self.start.date()

    @property
    def end(self) -> datetime:
        """Where the span ends (not included); equal to `start` for fractions of a second."""
        start = self.start
        try:
            if self.precision == "year":
                return start.replace(year=start.year + 1)
            if self.precision == "month":
                return start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
            return start + _STEPS[self.precision]
        except (ValueError, OverflowError):
            return datetime.max.replace(tzinfo=start.tzinfo)


def moment(text: str, zone: tzinfo, place: str = "") -> Moment:
    """The moment that `text` writes; a time without offset is in `zone` (see `zone_of`).

    Raises `Unacceptable` (`bad-value`, 102, at `place`).
    """
    text = text.strip()
    if len(text) >= 17:
        text = _NO_POINT.sub(r"\1.\2\3", text) if _NO_POINT.fullmatch(text) else text
    found = _HL7_CLOCK.fullmatch(text) or _HL7.fullmatch(text) or _ISO.fullmatch(text)
    if found is None:
        raise _bad(place)
    parts: dict[str, str] = {**_NONE, **found.groupdict("")}
    precision = next(word for word in _PRECISIONS if parts[word])
    offset = _offset(parts["offset"], place)
    try:
        start = datetime(
            int(parts["year"]),
            int(parts["month"] or 1),
            int(parts["day"] or 1),
            int(parts["hour"] or 0),
            int(parts["minute"] or 0),
            int(parts["second"] or 0),
            int(parts["fraction"].ljust(6, "0")),
            tzinfo=offset or zone,
        )
    except ValueError:
        raise _bad(place) from None  # the error holds the value
    return Moment(start, precision, _warnings(start, clock=bool(parts["hour"]) and offset is None))


def zone_of(sent_at: str, channel: tzinfo) -> tzinfo:
    """Where a message's local times are: at MSH-7's offset when `sent_at` (MSH-7.1) has one, else in
    the channel's zone."""
    found = _MSH7_OFFSET.fullmatch(sent_at.strip())
    return _offset(found["offset"], "MSH-7") or channel if found else channel


def _offset(text: str, place: str) -> timezone | None:
    if not text:
        return None
    if text == "Z":
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:])
    offset = timedelta(hours=hours, minutes=minutes)
    if minutes > 59 or offset > _FURTHEST:
        raise _bad(place)
    return timezone(-offset if text[0] == "-" else offset)


def _warnings(start: datetime, *, clock: bool) -> tuple[str, ...]:
    if start.date() in _PLACEHOLDERS:
        return ("placeholder",)
    if not clock or isinstance(start.tzinfo, timezone):
        return ()
    first, second = start.utcoffset(), start.replace(fold=1).utcoffset()
    if first is None or second is None or first == second:
        return ()
    return ("dst_overlap",) if first > second else ("dst_gap",)


def _bad(place: str) -> Unacceptable:
    return Unacceptable("bad-value", place, "not a date or time that can be read", hl7=102)
