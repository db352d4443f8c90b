"""By how much a process's counters grew since they were last taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

from engine.telemetry import series

__all__ = ["Growth", "added", "counts"]

Counts = dict[str, float]
"""By series. Of a histogram each bucket's own count, not what lies below it too, and the sum."""

_COUNTED: Final = ("counter", "histogram")


def counts(registry: CollectorRegistry) -> Counts:
    """How far the counters and histograms of a registry are; those that never moved are absent."""
    found: Counts = {}
    for family in registry.collect():
        if family.type in _COUNTED:
            found.update(_of(family))
    return found


def added(one: Mapping[str, float], other: Mapping[str, float]) -> Counts:
    """What both counted."""
    both = dict(one)
    for name, value in other.items():
        both[name] = both.get(name, 0.0) + value
    return both


class Growth:
    """`read` says how far the counters are. One taker; any thread."""

    def __init__(self, read: Callable[[], Counts]) -> None:
        self._read = read
        self._taken: Counts = {}

    def take(self) -> Counts:
        """What grew since it was last taken, and by how much."""
        now, before = self._read(), self._taken
        self._taken = now
        return {
            name: value - before.get(name, 0.0) for name, value in now.items() if value != before.get(name)
        }


def _of(family: Metric) -> Iterator[tuple[str, float]]:
    below = 0.0
    for sample in family.samples:
        if sample.name.endswith("_created") or sample.name.endswith("_count"):
            continue
        value = sample.value
        if sample.name.endswith("_bucket"):  # they come in order, each with what lies below it
            value, below = value - below, (0.0 if sample.labels["le"] == "+Inf" else value)
        if value:
            yield series(sample.name.removesuffix("_total"), **sample.labels), value
