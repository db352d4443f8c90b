"""Growth, and metrics of several processes as one."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from engine.measuring.exposing import Together
from engine.measuring.growth import Growth, counts
from engine.telemetry import REGISTRY, Answered, MessageAccepted, MessagesRouted, series, signal


def test_a_histogram_is_told_by_the_own_counts_of_its_buckets() -> None:
    registry = CollectorRegistry()
    took = Histogram("took", "x", ["channel"], registry=registry, buckets=(1, 2, 5))
    for channel, seconds in (("a", 0.5), ("a", 1.5), ("a", 1.6), ("b", 9.0)):
        took.labels(channel).observe(seconds)
    Counter("done", "x", registry=registry).inc(3)
    Gauge("level", "x", registry=registry).set(7)
    assert counts(registry) == {
        'took_bucket{channel="a",le="1.0"}': 1.0,
        'took_bucket{channel="a",le="2.0"}': 2.0,
        'took_sum{channel="a"}': 3.6,
        'took_bucket{channel="b",le="+Inf"}': 1.0,
        'took_sum{channel="b"}': 9.0,
        "done": 3.0,
    }


def test_growth_is_what_came_since_it_was_taken() -> None:
    registry = CollectorRegistry()
    done = Counter("done", "x", ["how"], registry=registry)
    growth = Growth(lambda: counts(registry))
    done.labels("well").inc(2)
    assert growth.take() == {'done{how="well"}': 2.0}
    done.labels("well").inc()
    done.labels("badly").inc(4)
    assert growth.take() == {'done{how="badly"}': 4.0, 'done{how="well"}': 1.0}
    assert growth.take() == {}


def test_what_other_processes_counted_is_shown_with_what_this_one_did() -> None:
    signal(MessageAccepted("growth-1", "new"))
    signal(Answered("growth-1", "AA", 0.003))
    others = {
        series("wardline_messages_accepted", channel="growth-1", kind="new"): 4.0,
        series("wardline_messages_routed", channel="growth-2", result="routed"): 5.0,
        series("wardline_acknowledge_seconds_bucket", channel="growth-1", le="0.005"): 2.0,
        series("wardline_acknowledge_seconds_bucket", channel="growth-1", le="+Inf"): 1.0,
        series("wardline_acknowledge_seconds_sum", channel="growth-1"): 40.0,
    }
    registry = CollectorRegistry()
    registry.register(Together(REGISTRY, lambda: others))
    shown = {
        series(sample.name, **sample.labels): sample.value
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for sample in family.samples
        if "growth-" in sample.labels.get("channel", "")
    }
    took = {text: value for text, value in shown.items() if "acknowledge" in text}
    assert shown['wardline_messages_accepted_total{channel="growth-1",kind="new"}'] == 5.0
    assert shown['wardline_messages_routed_total{channel="growth-2",result="routed"}'] == 5.0
    assert took['wardline_acknowledge_seconds_bucket{channel="growth-1",le="0.002"}'] == 0.0
    assert took['wardline_acknowledge_seconds_bucket{channel="growth-1",le="0.005"}'] == 3.0
    assert took['wardline_acknowledge_seconds_bucket{channel="growth-1",le="30.0"}'] == 3.0
    assert took['wardline_acknowledge_seconds_bucket{channel="growth-1",le="+Inf"}'] == 4.0
    assert took['wardline_acknowledge_seconds_count{channel="growth-1"}'] == 4.0
    assert took['wardline_acknowledge_seconds_sum{channel="growth-1"}'] == 40.003


def test_what_is_added_up_is_what_another_process_would_have_shown() -> None:
    """A worker's counts, told and shown by the first process, are the worker's own."""
    signal(MessagesRouted("growth-3", "dead", 7))
    told = {text: value for text, value in counts(REGISTRY).items() if "growth-3" in text}
    assert told == {series("wardline_messages_routed", channel="growth-3", result="dead"): 7.0}
