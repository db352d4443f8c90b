"""The manual's pages of metrics and of log lines, out of the catalogue itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from engine.measuring.keeping import HISTORY
from engine.telemetry import ASKED, GAUGES, LABELS, METRICS, Signal

__all__ = ["LOGS_PAGE", "METRICS_PAGE", "logs_page", "metrics_page"]

METRICS_PAGE: Final = "docs/manual/metrics.md"
LOGS_PAGE: Final = "docs/manual/logs.md"

_HEAD: Final = """\
# Metrics

`http://<WARDLINE_HTTP>/metrics` shows them as Prometheus reads them, of all processes of the node together:
what a worker counted is there within five seconds, and stays when it ends. A counter begins at zero with
the engine. While the store is away, what is counted is shown all the same, and the store's own numbers are
not.

`deploy/prometheus/wardline.rules.yaml` has rules for alarms, `deploy/grafana/wardline.json` a dashboard.
Wardline's own alerts need neither. The way to single messages is in [tracing.md](tracing.md), every line of
the log in [logs.md](logs.md).

| metric | kind | labels | says |
|---|---|---|---|
"""

_LABELS: Final = """
## Labels

There are no others. Their values are names that you chose and words that the engine has: nothing comes out
of a message.

| label | its values |
|---|---|
"""

_HISTORY: Final = """
## History

The first process writes what was counted into the store, every ten seconds: what happened in each minute
(kept for two days), hour (sixty days) and day (three years). Pages, alerts and figures are made of it, so
they go on over restarts, and without Prometheus. What a crash kept from being written, ten seconds at most,
the next start counts again from messages and effects; only how long acknowledgements took stays out.

Kept are:

"""


_LOGS: Final = """\
# Log lines

Wardline writes lines of JSON to standard error (plain text with `--plain`), one for each thing that
happened. Every line has `timestamp` (UTC), `level` and `event`, and the fields that are listed here, and no
others: ids that the engine made, names that you chose, counts, sizes and fixed words. What a message says
has no voice in them, nor has the text of a library's error. `WARDLINE_LOG_LEVEL` says from which level on
lines are written (`DEBUG` adds those that are else only counted, named as in the second table).

`message_id` leads to `wardline messages --id`, a `correlation` to everything about a message
([tracing.md](tracing.md)).

| event | level | fields | says |
|---|---|---|---|
"""

_COUNTED_ONLY: Final = """
## Only counted, logged at `DEBUG`

| event | fields | says |
|---|---|---|
"""


def logs_page() -> str:
    """The page, generated like that of metrics."""
    signals = sorted(_signals(Signal), key=lambda one: (one.text, one.__name__))
    said = [f"| {one.text} | {one.level} | {_shown(one)}" for one in signals if one.text]
    counted = [f"| `{one.__name__}` | {_shown(one)}" for one in signals if not one.text]
    return f"{_LOGS}{''.join(said)}{_COUNTED_ONLY}{''.join(counted)}"


def _signals(above: type[Signal]) -> Iterator[type[Signal]]:
    for one in above.__subclasses__():
        if one.__module__.startswith("engine.telemetry."):
            yield one
            yield from _signals(one)


def _shown(one: type[Signal]) -> str:
    fields = ", ".join(f"`{field}`" for field in one.__struct_fields__) or "–"
    text = " ".join((one.__doc__ or "").split()).replace("|", "\\|")
    return f"{fields} | {text} |\n"


def metrics_page() -> str:
    """The page, generated: `wardline schema --write .` writes it."""
    rows = "".join(
        f"| `{name}` | {kind} | {_listed(labels)} | {text} |\n" for name, kind, labels, text in _rows()
    )
    used = sorted({label for _, _, labels, _ in _rows() for label in labels})
    labels = "".join(f"| `{label}` | {LABELS[label]} |\n" for label in used)
    kept = "".join(f"- `{name}`\n" for name in sorted(HISTORY))
    return f"{_HEAD}{rows}{_LABELS}{labels}{_HISTORY}{kept}"


def _rows() -> list[tuple[str, str, tuple[str, ...], str]]:
    return sorted([*_counted(), *_asked()])


def _counted() -> Iterator[tuple[str, str, tuple[str, ...], str]]:
    for metric in METRICS.values():
        (family,) = metric.describe()
        kind = {Counter: "counter", Gauge: "gauge", Histogram: "histogram"}[type(metric)]
        name = f"{family.name}_total" if kind == "counter" else family.name
        yield name, kind, tuple(metric._labelnames), family.documentation


def _asked() -> Iterator[tuple[str, str, tuple[str, ...], str]]:
    for name, (text, labels) in GAUGES.items():
        yield name, "gauge", labels, text
    for name, (kind, text, labels) in ASKED.items():
        yield (f"{name}_total" if kind == "counter" else name), kind, labels, text


def _listed(labels: tuple[str, ...]) -> str:
    return ", ".join(labels) or "–"
