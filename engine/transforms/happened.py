"""When what a message speaks of happened, and when the message was made (MSH-7): what orders a course.

    happened: EVN-6 or EVN-2 or MSH-7

A time that is less precise than a second (`20261121`) is taken to be as late within its span as the
message's own time allows: a message speaks of what has just happened. For the same reason a time after
MSH-7 counts as MSH-7, and is told of (`ahead`).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, NamedTuple

from engine.errors import Unacceptable
from engine.hl7.times import Moment, moment, zone_of
from engine.transforms.expression import Flaw, PathText, parse
from engine.transforms.scope import Scope, Value
from engine.transforms.setting import Field, Setting
from engine.transforms.verbs.date import check_day

__all__ = ["Happened", "compile_happened"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


class Happened(NamedTuple):
    """Both in microseconds since the epoch (`sent` is 0 without MSH-7); `ahead` is the place of a time
    that lies after MSH-7, else empty."""

    at: int
    sent: int
    ahead: str = ""


def compile_happened(text: str, setting: Setting) -> Value:
    """The `Happened` of a message by the paths of `text`, joined by `or`: the first that is populated.

    Its value raises `Unacceptable` with its place: `missing-field` when none is, `bad-value` for what is
    no time. Raises `Flaw`."""
    expression = setting.values.written_out(parse(text))
    paths = [source for source in expression.sources if isinstance(source, PathText)]
    if expression.verbs or len(paths) < len(expression.sources):
        raise Flaw("only field paths say when it happened", 0, "such as EVN-6 or EVN-2 or MSH-7")
    fields = [setting.time_field(path) for path in paths]
    sent_at, zone = setting.field(PathText("MSH-7", 0), "test").value, setting.zone

    def happened(scope: Scope) -> Happened:
        sent_text = sent_at(scope)
        here = zone_of(sent_text or "", zone)
        sent = _read(sent_text, here, "MSH-7") if sent_text else None
        for field in fields:
            if (found := field.value(scope)) is not None:
                return _within(_read(found, here, scope.view.place(field.path)), sent, field)
        raise Unacceptable("missing-field", fields[-1].path.text, "nothing says when it happened", hl7=101)

    return happened


def _read(text: Any, zone: tzinfo, place: str) -> Moment:
    found = moment(text, zone, place)
    try:
        check_day(found)
    except Unacceptable as refusal:
        raise Unacceptable(refusal.code, place, refusal.text, hl7=refusal.hl7) from None
    return found


def _within(found: Moment, sent: Moment | None, field: Field) -> Happened:
    first, last = _span(found)
    if sent is None:
        return Happened(_ticks(first), 0)
    made = _span(sent)[1]
    return Happened(_ticks(min(last, made)), _ticks(made), field.path.text if first > made else "")


def _span(found: Moment) -> tuple[datetime, datetime]:
    """The first and the last moment that is meant; a second is precise."""
    first = found.start.astimezone(UTC)
    if found.precision in ("second", "fraction"):
        return first, first
    return first, found.end.astimezone(UTC) - _TICK


def _ticks(when: datetime) -> int:
    return (when - _EPOCH) // _TICK
