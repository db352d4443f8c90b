"""What the history says: rates, totals, latencies, who is there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from engine.measuring.standing import AMOUNT, Standing
from engine.store.contracts.measures import SPANS, Measured, MeasureStore, Span
from engine.telemetry import parsed

__all__ = [
    "Line", "Process", "buckets", "current", "engine_up", "last_seen", "lines", "processes", "quantile",
    "share_within", "totals",
]  # fmt: skip

LATELY: Final = 60.0
"""Seconds after which a last value that nobody renewed is not how it stands any more."""

_BACK: Final = {amount: stands for stands, amount in AMOUNT.items()}


class Line(NamedTuple):
    """A series of equal steps from `start` on (seconds since the epoch); 0 where nothing was counted."""

    start: int
    step: int
    values: tuple[float, ...]


class Process(NamedTuple):
    """A process of the engine: when it was `heard` last, and how its parts stand. Times are seconds since the
    epoch."""

    name: str
    version: str
    since: float
    heard: float
    parts: dict[str, Standing]


def lines(
    store: MeasureStore,
    name: str,
    *,
    since: float,
    until: float,
    step: int = 60,
    by: str = "channel",
    where: Mapping[str, str] | None = None,
) -> dict[str, Line]:
    """How much was counted in each step, by the values of a label (`by=""`: all together), of the series
    whose labels are as in `where`. Steps are whole ones: the first is the one that `since` lies in. `step` is
    a multiple of 60 seconds; of 3600 or 86400 where what is asked for is older than two or sixty days."""
    first = int(since // step) * step
    count = max(-(-int(until - first) // step), 0)
    found: dict[str, list[float]] = {}
    for one, labels in _measured(store, name, first, until, step, where):
        line = found.setdefault(labels.get(by, ""), [0.0] * count)
        line[(one.at - first) // step] += one.value
    return {label: Line(first, step, tuple(values)) for label, values in found.items()}


def totals(
    store: MeasureStore,
    name: str,
    *,
    since: float,
    until: float,
    by: str = "channel",
    where: Mapping[str, str] | None = None,
) -> dict[str, float]:
    """How much was counted in all, by the values of a label. From the beginning of the minute that `since`
    lies in; of the hour or the day where it is more than six hours or two weeks."""
    found: dict[str, float] = defaultdict(float)
    for one, labels in _measured(store, name, since, until, _step(since, until), where):
        found[labels.get(by, "")] += one.value
    return dict(found)


def buckets(
    store: MeasureStore,
    name: str,
    *,
    since: float,
    until: float,
    by: str = "channel",
    where: Mapping[str, str] | None = None,
) -> dict[str, dict[float, float]]:
    """Of a histogram: how many lay in each bucket (its upper bound → its own count), by the values of a
    label."""
    found: dict[str, dict[float, float]] = defaultdict(lambda: defaultdict(float))
    for one, labels in _measured(store, f"{name}_bucket", since, until, _step(since, until), where):
        found[labels.get(by, "")][float(labels["le"])] += one.value
    return {label: dict(sorted(some.items())) for label, some in found.items()}


def quantile(counted: Mapping[float, float], share: float) -> float | None:
    """Below which value this share of what was observed lay, evenly spread within a bucket, as Prometheus
    reckons it (`histogram_quantile`); None where nothing was observed. What lies beyond the last bound is
    told as that bound."""
    wanted = share * sum(counted.values())
    seen = lower = 0.0
    for bound, times in sorted(counted.items()):
        if times and seen + times >= wanted:
            within = (wanted - seen) / times
            return lower if bound == float("inf") else min(lower + (bound - lower) * within, bound)
        seen, lower = seen + times, bound
    return None


def share_within(counted: Mapping[float, float], limit: float) -> float | None:
    """Which share of what was observed lay at or below a value, evenly spread within a bucket; None where
    nothing was observed."""
    total, lower, inside = sum(counted.values()), 0.0, 0.0
    for bound, times in sorted(counted.items()):
        if bound <= limit:
            inside += times
        elif lower < limit and bound != float("inf"):
            inside += times * (limit - lower) / (bound - lower)
        lower = bound
    return inside / total if total else None


def current(
    store: MeasureStore, name: str, *, now: float, where: Mapping[str, str] | None = None
) -> dict[str, float]:
    """How it stands with what goes up and down, by channel, where that was said lately."""
    found: dict[str, float] = defaultdict(float)
    for text, last in store.last_values([name]).items():
        labels = parsed(text)[1]
        if now - last.at <= LATELY and _fits(labels, where):
            found[labels.get("channel", "")] += last.value
    return dict(found)


def last_seen(store: MeasureStore) -> dict[str, float]:
    """When a channel was last sent something, also what it refused (seconds since the epoch), to within
    ten seconds."""
    found = store.last_values(["wardline_last_seen"])
    return {parsed(text)[1]["channel"]: last.value for text, last in found.items()}


def processes(store: MeasureStore, now: float) -> list[Process]:
    """The processes that were there lately, the first one first."""
    found = store.last_values(["wardline_process", "wardline_part"])
    parts: dict[str, dict[str, Standing]] = defaultdict(dict)
    there: list[Process] = []
    for text, last in sorted(found.items()):
        name, labels = parsed(text)
        if now - last.at > LATELY:
            continue
        if name == "wardline_part":
            parts[labels["process"]][labels["part"]] = _BACK[last.value]
        else:
            there.append(Process(labels["process"], labels["version"], last.value, last.at, {}))
    newest = {one.name: one for one in sorted(there, key=lambda one: one.since)}
    return [one._replace(parts=parts[one.name]) for one in sorted(newest.values())]


def engine_up(store: MeasureStore, now: float) -> bool:
    """Whether an engine works on this store."""
    return bool(processes(store, now))


def _measured(
    store: MeasureStore, name: str, since: float, until: float, step: int, where: Mapping[str, str] | None
) -> Iterator[tuple[Measured, dict[str, str]]]:
    span: Span = max(span for span in SPANS if step % span == 0)
    for one in store.measures([name], span=span, since=since // span * span, until=until):
        labels = parsed(one.series)[1]
        if _fits(labels, where):
            yield one, labels


def _fits(labels: Mapping[str, str], where: Mapping[str, str] | None) -> bool:
    return all(labels.get(label) == value for label, value in (where or {}).items())


def _step(since: float, until: float) -> Span:
    """How finely to look: minutes within six hours, hours within two weeks, days beyond."""
    return 60 if until - since <= 6 * 3600 else 3600 if until - since <= 14 * 86400 else 86400
