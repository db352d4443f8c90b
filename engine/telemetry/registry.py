"""The metrics of this process, and how they are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

__all__ = ["REGISTRY", "counter", "faults", "gauge", "histogram"]

REGISTRY = CollectorRegistry()


def counter(name: str, text: str, *labels: str) -> Callable[..., Counter]:
    """A counter's children by label values; finding one anew each time costs more than counting."""
    return lru_cache(maxsize=4096)(Counter(name, text, labels, registry=REGISTRY).labels)


def gauge(name: str, text: str, *labels: str) -> Callable[..., Gauge]:
    """A gauge's children by label values."""
    return lru_cache(maxsize=512)(Gauge(name, text, labels, registry=REGISTRY).labels)


def histogram(name: str, text: str, label: str, buckets: Sequence[float]) -> Callable[..., Histogram]:
    """A histogram's children by the value of its one label; `buckets` are upper bounds in seconds."""
    return lru_cache(maxsize=512)(Histogram(name, text, [label], registry=REGISTRY, buckets=buckets).labels)


faults = counter("wardline_faults", "Faults of the engine's own parts.", "part")
