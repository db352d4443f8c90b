"""When people on duty are told of a channel, and who is."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from engine.config.spec.words import SHARE_OR_OFF, SPAN_OR_OFF, Kind, Name, Strict

__all__ = ["AlertsSpec", "ExpectText"]

ExpectText = Annotated[str, StringConstraints(min_length=1, max_length=300)]
Span = Annotated[str, StringConstraints(pattern=SPAN_OR_OFF), Kind("span or `off`")]
Count = Annotated[int, Field(ge=1, le=10_000_000)] | Literal["off"]
Share = Annotated[str, StringConstraints(pattern=SHARE_OR_OFF), Kind("share or `off`")]


class AlertsSpec(Strict):
    """When people on duty are told of the channel, and who is (docs/manual/alerts.md). Every channel is
    watched by what stands here as the default; `off` does not watch."""

    to: list[Name] = Field(
        default=[], description="Routes that are told, by the names of their settings; default: the node's."
    )
    business: list[Name] = Field(
        default=[],
        description="Routes for dead letters that the business owner answers for; default: as `to`.",
    )
    queue_age: Span | None = Field(
        default=None,
        description="The oldest message that waits, at most; default: `5m` where its criticality is `high`, "
        "`15m`, `4h` where it is `bulk`, and `off` where effects wait for a schedule.",
    )
    queue_length: Count = Field(default=5000, description="Messages and effects that wait, at most.")
    error_rate: Share = Field(
        default="10%", description="Of what was routed in the last 15 minutes, dead at most."
    )
    dead_letters: Count = Field(
        default=1, description="Dead letters for one reason that somebody is told of."
    )
    service_level: Share = Field(
        default="95%",
        description="Of what was carried out in the last 15 minutes, at least so much within what "
        "`about: service_level:` promises.",
    )
    acknowledgement: Span | None = Field(
        default=None,
        description="Of the last 15 minutes' acknowledgements, 95 in 100 take no longer; default: `5s`, and "
        "`off` where a sender waits for the delivery.",
    )
    closed: Span = Field(default="1m", description="Its door is shut for so long though nobody shut it.")
    holidays: list[str] = Field(
        default=[], description="Days on which nothing is expected: `2026-12-25`, or `12-25` of every year."
    )
