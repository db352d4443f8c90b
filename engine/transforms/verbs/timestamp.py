"""`timestamp`: the text as a point in time.

    needed_at: AIS-4 | timestamp

A time without an offset is in the zone of MSH-7, else in the channel's. It must say the day at
least; a day without a time is its start. Where a time is wanted, text becomes one by itself.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from engine.hl7.times import moment
from engine.model import ReasonCode
from engine.transforms.expression import Call
from engine.transforms.scope import Scope, Value
from engine.transforms.setting import Setting
from engine.transforms.verb import Before, Verb, positional
from engine.transforms.verbs.date import check_day

__all__ = ["TIMESTAMP"]

_DOUBTS = {
    "dst_gap": "a local time that the change to summer time skips",
    "dst_overlap": "a local time that is there twice when summer time ends; the first was taken",
}


def _build(call: Call, setting: Setting, before: Before) -> Value:
    positional(call, 0, 0, "write it like | timestamp")
    inner, zone = before.value, setting.zone_of(call.offset)

    def value(scope: Scope) -> Any:
        text = inner(scope)
        if text is None:
            return None
        found = moment(text, zone(scope))
        check_day(found)
        for warning in found.warnings:
            scope.view.warn(ReasonCode.BAD_VALUE, before.place(scope), _DOUBTS[warning])
        return found.start.astimezone(UTC)

    return value


TIMESTAMP = Verb("timestamp", str, datetime, _build, costly=True)
