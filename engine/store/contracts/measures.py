"""What is kept of how much happened when: the history that pages, alerts and figures are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple, Protocol, get_args

__all__ = ["SPANS", "Last", "MeasureStore", "Measured", "Span"]

Span = Literal[60, 3600, 86400]
"""A minute, an hour, a day (UTC), in seconds."""

SPANS: Final[tuple[Span, ...]] = get_args(Span)


class Measured(NamedTuple):
    """By how much a series grew in the span that began at `at` (seconds since the epoch)."""

    series: str
    at: int
    value: float


class Last(NamedTuple):
    """What was last said of something that goes up and down, and when (seconds since the epoch)."""

    value: float
    at: float


class MeasureStore(Protocol):
    """Series are written as `engine.telemetry.series` does. Raises `Unavailable` like every verb."""

    def measure(self, counted: Mapping[str, float], latest: Mapping[str, float], *, at: float) -> None:
        """Add what was counted since to the minute, the hour and the day of `at`; `latest` is how it stands
        with what goes up and down."""
        ...

    def measures(self, names: Sequence[str], *, span: Span, since: float, until: float) -> list[Measured]:
        """All series of these metrics, in spans that began at or after `since` and before `until`, oldest
        first."""
        ...

    def last_values(self, names: Sequence[str] = ()) -> dict[str, Last]:
        """What was last said, by series; of these metrics, or of all."""
        ...

    def drop_measures(self, now: float) -> int:
        """Let go of minutes after two days, hours after sixty, days after three years, and of last values
        that nobody has renewed for a year; how many rows."""
        ...
