"""What is watched, as the channels say it and, where they do not, by default."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from engine.alerting.expectation import parse_span
from engine.alerting.watch import ChannelWatch
from engine.config.lint.alerts import expectations_of
from engine.config.loading import LoadedChannel
from engine.config.spec import ChannelSpec
from engine.watching import Kind

__all__ = ["watches_of"]

_QUEUE_AGE: Final = {"high": "5m", "normal": "15m", "bulk": "4h"}
_ACKNOWLEDGEMENT: Final = "5s"
_OFF: Final = "off"


def watches_of(channels: Iterable[LoadedChannel]) -> tuple[ChannelWatch, ...]:
    """One watch for each channel."""
    return tuple(_watch(one.spec, one.program.destinations) for one in channels)


def _watch(spec: ChannelSpec, destinations: tuple[str, ...]) -> ChannelWatch:
    promised = spec.about.service_level
    return ChannelWatch(
        channel=spec.channel,
        expects=expectations_of(spec),
        limits=_limits(spec),
        to=tuple(spec.alerts.to),
        business=tuple(spec.alerts.business),
        destinations=destinations,
        within=parse_span(promised.within) if promised else 0.0,
    )


def _limits(spec: ChannelSpec) -> dict[Kind, float]:
    """By kind what is not off, in the kind's unit."""
    alerts, hl7 = spec.alerts, spec.source.hl7
    waits = hl7 is not None and hl7.acknowledge == "delivery"
    by_default = _OFF if spec.schedule else _QUEUE_AGE[spec.criticality]
    said: dict[Kind, str | int] = {
        Kind.QUEUE_AGE: alerts.queue_age or by_default,
        Kind.QUEUE_LENGTH: alerts.queue_length,
        Kind.ERROR_RATE: alerts.error_rate,
        Kind.DEAD_LETTERS: alerts.dead_letters,
        Kind.SERVICE_LEVEL: alerts.service_level if spec.about.service_level else _OFF,
        Kind.ACKNOWLEDGEMENT: alerts.acknowledgement or (_OFF if waits else _ACKNOWLEDGEMENT),
        Kind.DOOR: alerts.closed,
    }
    return {kind: _number(one) for kind, one in said.items() if one != _OFF}


def _number(said: str | int) -> float:
    """`10%` as a share of one, `15m` in seconds, a number as it is."""
    if isinstance(said, int):
        return float(said)
    return float(said[:-1]) / 100 if said.endswith("%") else parse_span(said)
