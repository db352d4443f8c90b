"""When a feed is expected to be heard: `every 15m, mon-fri 07-19`, on the clocks of its channel.

A pure calendar. Its clock stands outside the windows, on days without, and while nobody listened here; a
window that begins has it start anew, where the window is long enough to hold the whole span.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from engine.errors import Misconfigured

__all__ = [
    "GRACE",
    "Expectation",
    "Hours",
    "parse_day",
    "parse_expectation",
    "parse_expectations",
    "parse_span",
]

GRACE: Final = 120.0
"""Seconds that senders have to come back in when we have not listened: an alert is no sooner."""

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_ALL: Final = frozenset(range(7))
_HORIZON: Final = 400
"""Days ahead in which something is expected, or never."""

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SPAN: Final = re.compile(r"([1-9][0-9]{0,4})([smhd])")
_EVERY: Final = re.compile(r"every\s+(\S+)")
_HOUR: Final = r"([01]?[0-9]|2[0-4])(?::([0-5][0-9]))?"
_HOURS: Final = re.compile(rf"{_HOUR}-{_HOUR}")
_SOME_DAYS: Final = re.compile(rf"({'|'.join(_DAYS)})(?:-({'|'.join(_DAYS)}))?")
_HINT: Final = "such as `every 15m, mon-fri 07-19, sat 08-12`"

_Pair = tuple[float, float]


class Hours(msgspec.Struct, frozen=True):
    """Days of the week (0 is Monday) from `start` to `end`, minutes after midnight; an end that is no later
    than the start is on the day after."""

    days: frozenset[int]
    start: int = 0
    end: int = 24 * 60


class Expectation(msgspec.Struct, frozen=True):
    """Something is heard `every` so many seconds within `hours`, by the clocks of `zone`; on the days `off`
    (`2026-12-25`, or `12-25` of every year) nothing is expected."""

    every: float
    hours: tuple[Hours, ...]
    zone: str
    off: frozenset[str] = frozenset()
    said: str = ""  # as its channel says it

    def due(self, since: float, away: Sequence[_Pair] = ()) -> float | None:
        """When, after something was heard at `since`, the next is overdue; None when nothing is expected.
        `away` are the times in which nobody listened, apart from each other. Seconds since the epoch, UTC."""
        gone = sorted(pair for pair in away if pair[1] > since)
        back = {end for _, end in gone}
        left = self.every
        for start, end in self._windows(since, self.every + GRACE + sum(b - a for a, b in gone)):
            if start > since and end - start >= self.every:
                left = self.every
            for low, high in _without((max(start, since), end), gone):
                if low in back:
                    left = max(left, min(GRACE, self.every))
                if high - low >= left:
                    return low + left
                left -= high - low
        return None

    def _windows(self, since: float, enough: float) -> Iterator[_Pair]:
        """The windows that end after `since`, merged where they touch, in order, for about a year; one with
        `enough` seconds after `since` is the last, and as long as that at least."""
        first = datetime.fromtimestamp(since, _zone(self.zone)).date() - timedelta(days=8)
        merged: _Pair = (0.0, 0.0)
        for pair in self._pairs(first):
            if pair[0] <= merged[1]:
                merged = (merged[0], max(merged[1], pair[1]))
            else:
                if merged[1] > since:
                    yield merged
                merged = pair
            if merged[1] - max(merged[0], since) >= enough:
                break
        if merged[1] > since:
            yield merged

    def _pairs(self, first: date) -> Iterator[_Pair]:
        for ahead in range(_HORIZON):
            day = first + timedelta(days=ahead)
            if {day.isoformat(), day.isoformat()[5:]} & self.off:
                continue
            for one in sorted(self.hours, key=lambda hours: hours.start):
                if day.weekday() in one.days:
                    yield from self._pair(day, one)

    def _pair(self, day: date, hours: Hours) -> Iterator[_Pair]:
        end = hours.end if hours.end > hours.start else hours.end + 24 * 60
        pair = self._at(day, hours.start), max(self._at(day, end), self._at(day, end, fold=1))
        if pair[1] > pair[0]:
            yield pair

    def _at(self, day: date, minutes: int, *, fold: int = 0) -> float:
        """A time of the day as it is on the clocks there. One that comes twice is the first of the two for
        `fold` 0; one that is left out is as much after the clocks were put forward (PEP 495)."""
        whole, rest = divmod(minutes, 24 * 60)
        at = datetime.combine(day + timedelta(days=whole), time(*divmod(rest, 60), fold=fold))
        return at.replace(tzinfo=_zone(self.zone)).timestamp()


def parse_expectation(text: str, zone: str, off: Sequence[str] = ()) -> Expectation:
    """`every SPAN[, [DAYS] [HOURS]]…`. Raises `Misconfigured` with what cannot be understood."""
    first, *rest = (part.strip().lower() for part in text.split(","))
    every = _EVERY.fullmatch(first)
    if every is None:
        raise Misconfigured("does not begin with how often", hint=_HINT)
    hours, said = tuple(_hours(part) for part in rest) or (Hours(_ALL),), " ".join(text.split())
    return Expectation(parse_span(every[1]), hours, zone, frozenset(map(parse_day, off)), said)


def parse_expectations(text: str, zone: str, off: Sequence[str] = ()) -> tuple[Expectation, ...]:
    """Several of them, apart by semicolons. Raises as `parse_expectation` does."""
    return tuple(parse_expectation(part, zone, off) for part in text.split(";"))


def parse_span(text: str) -> float:
    """`90s`, `15m`, `4h`, `1d` in seconds. Raises `Misconfigured`."""
    found = _SPAN.fullmatch(text)
    if found is None:
        raise Misconfigured("is no span of time", hint="such as 90s, 15m, 4h or 1d")
    return float(int(found[1]) * _UNITS[found[2]])


def parse_day(text: str) -> str:
    """`2026-12-25` or `12-25`. Raises `Misconfigured`."""
    try:
        if not re.fullmatch(r"(?:\d{4}-)?\d{2}-\d{2}", text):
            raise ValueError
        date.fromisoformat(text if len(text) == 10 else f"2024-{text}")
    except ValueError:
        raise Misconfigured("is no day", hint="such as 2026-12-25, or 12-25 for every year") from None
    return text


def _hours(text: str) -> Hours:
    days, start, end = _ALL, 0, 24 * 60
    words = text.split()
    if words and (named := _SOME_DAYS.fullmatch(words[0])):
        low, high = _DAYS.index(named[1]), _DAYS.index(named[2] or named[1])
        days = frozenset((low + more) % 7 for more in range((high - low) % 7 + 1))
        words = words[1:]
        if not words:
            return Hours(days)
    found = _HOURS.fullmatch(words[0]) if len(words) == 1 else None
    if found is None:
        raise Misconfigured("names neither days nor hours that are known", hint=_HINT)
    start, end = (
        int(hour) * 60 + int(minute or 0) for hour, minute in (found.group(1, 2), found.group(3, 4))
    )
    if start >= 24 * 60 or end > 24 * 60 or start == end:
        raise Misconfigured("names no hours of a day", hint=_HINT)
    return Hours(days, start, end)


def _without(pair: _Pair, gone: Sequence[_Pair]) -> Iterator[_Pair]:
    """What is left of a stretch of time."""
    start, end = pair
    for low, high in gone:
        if high <= start or low >= end:
            continue
        if low > start:
            yield start, low
        start = max(start, high)
    if start < end:
        yield start, end


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
