"""The metrics of all processes of a node as one: what Prometheus is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from engine.telemetry import METRICS, parsed, series

__all__ = ["Together"]


class Together(Collector):
    """What a registry holds, each with what `others` counted too (`engine.measuring.growth.Counts`)."""

    def __init__(self, registry: CollectorRegistry, others: Callable[[], Mapping[str, float]]) -> None:
        self._registry, self._others = registry, others

    def collect(self) -> Iterator[Metric]:
        """The families of `engine.telemetry.METRICS`, in the order of the registry."""
        others = self._others()
        for text in others:
            _know(text)
        for family in self._registry.collect():
            shown = Metric(family.name, family.documentation, family.type)
            shown.samples = list(_summed(family, others))
            yield shown


def _know(text: str) -> None:
    """Of what others alone counted, this process has a line of its own from now on, at zero."""
    name, labels = parsed(text)
    metric = METRICS.get(name) or METRICS[name.removesuffix("_bucket").removesuffix("_sum")]
    kept = {label: value for label, value in labels.items() if label != "le"}
    if kept:
        metric.labels(**kept)


def _summed(family: Metric, others: Mapping[str, float]) -> Iterator[Sample]:
    """`_count` comes behind the buckets that it is the sum of."""
    below = 0.0
    for sample in family.samples:
        if sample.name.endswith("_created"):
            continue
        more = others.get(series(sample.name.removesuffix("_total"), **sample.labels), 0.0)
        if sample.name.endswith("_bucket"):
            below = more = below + more
        elif family.type == "histogram" and sample.name.endswith("_count"):
            more, below = below, 0.0
        yield sample._replace(value=sample.value + more)
