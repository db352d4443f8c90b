"""The metrics of this process, and how they are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

__all__ = ["METRICS", "REGISTRY", "counter", "faults", "gauge", "histogram"]

REGISTRY = CollectorRegistry()

METRICS: Final[dict[str, Counter | Gauge | Histogram]] = {}
"""Every metric by its name, without what Prometheus adds to it (`_total`, `_bucket`)."""


def counter(name: str, text: str, *labels: str) -> Callable[..., Counter]:
    """A counter's children by label values; finding one anew each time costs more than counting."""
    made = METRICS[name] = Counter(name, text, labels, registry=REGISTRY)
    return lru_cache(maxsize=4096)(made.labels) if labels else lambda: made


def gauge(name: str, text: str, *labels: str) -> Callable[..., Gauge]:
    """A gauge's children by label values."""
    made = METRICS[name] = Gauge(name, text, labels, registry=REGISTRY)
    return lru_cache(maxsize=512)(made.labels)


def histogram(name: str, text: str, label: str, buckets: Sequence[float]) -> Callable[..., Histogram]:
    """A histogram's children by the value of its one label; `buckets` are upper bounds in seconds."""
    made = METRICS[name] = Histogram(name, text, [label], registry=REGISTRY, buckets=buckets)
    return lru_cache(maxsize=512)(made.labels)


faults = counter("wardline_faults", "Faults of the engine's own parts.", "part")
