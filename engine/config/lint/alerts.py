"""Checks of a channel's `expect:` and `alerts:`, and what is expected by them."""

from __future__ import annotations

from collections.abc import Iterator

from engine.alerting.expectation import Expectation, parse_day, parse_expectations
from engine.config.finding import Problem
from engine.config.spec import ChannelSpec
from engine.errors import Misconfigured

__all__ = ["check_alerts", "expectations_of"]


def expectations_of(spec: ChannelSpec) -> tuple[Expectation, ...]:
    """What `expect:` says; nothing for a channel that may be silent."""
    if spec.expect is None:
        return ()
    return parse_expectations(spec.expect, spec.source.door.timezone, spec.alerts.holidays)


def check_alerts(spec: ChannelSpec) -> Iterator[Problem]:
    """What is no expectation, and what is not watched though it looks like it."""
    days = list(_holidays(spec))
    yield from days
    if not days:
        try:
            expectations_of(spec)
        except Misconfigured as error:
            yield Problem(("expect",), error.text, error.hint)
    given = spec.alerts.model_fields_set
    if "holidays" in given and spec.expect is None:
        text = "holidays have no effect without expect:"
        yield Problem(
            ("alerts", "holidays"), text, "expect: every 15m, mon-fri 07-19", "warning", on_key=True
        )
    promised = spec.about.service_level is not None
    if "service_level" in given and spec.alerts.service_level != "off" and not promised:
        text = "nothing was promised that could be kept"
        hint = "about: {service_level: {within: 5m}}"
        yield Problem(("alerts", "service_level"), text, hint, "warning", on_key=True)


def _holidays(spec: ChannelSpec) -> Iterator[Problem]:
    for number, day in enumerate(spec.alerts.holidays):
        try:
            parse_day(day)
        except Misconfigured as error:
            yield Problem(("alerts", "holidays", number), error.text, error.hint)
