"""`date`: the calendar day, as the sender writes it.

    date: FT1-4 | date

Where a date is wanted, text becomes one by itself.
"""

from __future__ import annotations

from datetime import UTC, date

from engine.errors import Unacceptable
from engine.hl7.times import Moment, moment
from engine.transforms.expression import Call
from engine.transforms.scope import Value
from engine.transforms.setting import Setting
from engine.transforms.verb import Before, Verb, positional, step

__all__ = ["DATE", "check_day"]

_FIRST, _LAST = 1970, 2199  # years of things that happen in a hospital


def check_day(found: Moment) -> None:
    """Raises `Unacceptable` (`bad-value`, 102) for a date without its day, or one that is a
    placeholder (1900-01-01, 9999-12-31) or otherwise cannot be meant."""
    if found.precision in ("year", "month"):
        raise Unacceptable("bad-value", "", "the date does not say the day", hl7=102)
    if not _FIRST <= found.start.year <= _LAST:
        raise Unacceptable("bad-value", "", "this date cannot be meant", hl7=102)


def _build(call: Call, _setting: Setting, before: Before) -> Value:
    positional(call, 0, 0, "write it like | date")
    return step(before, _day)


def _day(text: str) -> date:
    if len(text) in (8, 14) and text.isdigit() and text.isascii() and "1970" <= text < "2200":  # most are
        try:
            if text[8:10] < "24" and text[10:12] < "60" and text[12:] < "60":
                return date.fromisoformat(text[:8])
        except ValueError:
            pass
    found = moment(text, UTC)  # the day is the sender's, whatever the zone
    check_day(found)
    return found.date


DATE = Verb("date", str, date, _build, costly=True)
