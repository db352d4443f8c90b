"""Health, readiness and metrics over HTTP, on an address of their own.

`/health` answers 200 while the engine can mend itself, and 503 with the names of the parts that a new start
alone would mend: a thread that has ended, or has worked on one thing for far too long. `/ready` answers 200
only while messages can be taken (store takes commits, ports open, not stopping) and says of each part whether
it is; a folder that cannot be worked on holds back its own files only, so that the engine is `degraded`, and
ready. `/metrics` is for Prometheus, and there also when the store is not.
Nothing here shows content.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeVar

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from engine.errors import Unavailable
from engine.measuring.exposing import Together
from engine.measuring.standing import AMOUNT, Standing, worst
from engine.store.contracts.measures import Last
from engine.telemetry import ASKED, GAUGES, parsed

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

T = TypeVar("T")

__all__ = ["Backlog", "Counters", "application"]

Backlog = dict[str, dict[str, float]]
"""Per channel: unrouted, due, dead, and the age in seconds of the oldest open one."""


Counters = Mapping[str, Mapping[str, int]]
"""Per channel: how often framing and connections were irregular, by name; growing only."""


class _Asked:
    """What is read when Prometheus asks: the store's backlog, the listeners' counters."""

    def __init__(
        self,
        backlog: Backlog | None,
        counters: Counters,
        parts: Mapping[str, Standing],
        lasting: Mapping[str, Last] | None,
    ) -> None:
        self._backlog, self._counters, self._parts, self._lasting = backlog, counters, parts, lasting

    def collect(self) -> Iterator[Metric]:
        counter = CounterMetricFamily(*_described("wardline_mllp_events"))
        for channel, events in sorted(self._counters.items()):
            for event, times in sorted(events.items()):
                counter.add_metric([channel, event], times)
        yield counter
        stands = GaugeMetricFamily(*_described("wardline_part"))
        for part, standing in sorted(self._parts.items()):
            stands.add_metric([part], AMOUNT[standing])
        yield stands
        if self._backlog is not None:
            yield _waits(self._backlog)
        yield from _lasts(self._lasting or {})


def _described(name: str) -> tuple[str, str, None, tuple[str, ...]]:
    _, text, labels = ASKED[name]
    return name, text, None, labels


def _waits(backlog: Backlog) -> Metric:
    gauge = GaugeMetricFamily(*_described("wardline_backlog"))
    for channel, counts in sorted(backlog.items()):
        for what, amount in sorted(counts.items()):
            gauge.add_metric([channel, what], amount)
    return gauge


def _lasts(values: Mapping[str, Last]) -> Iterator[Metric]:
    families = {name: GaugeMetricFamily(name, text, labels=labels) for name, (text, labels) in GAUGES.items()}
    for text, last in sorted(values.items()):
        name, labels = parsed(text)
        if labels.keys() - set(GAUGES[name][1]):
            continue  # of a version that knows more: two lines must not become one
        families[name].add_metric([labels.get(label, "") for label in GAUGES[name][1]], last.value)
    return (family for family in families.values() if family.samples)


async def _got(ask: Callable[[], Awaitable[T]] | None) -> T | None:
    """None while the store cannot say: what was counted is told all the same."""
    try:
        return await ask() if ask else None
    except Unavailable:
        return None


def application(
    *,
    parts: Callable[[], dict[str, Standing]],
    backlog: Callable[[], Awaitable[Backlog]],
    counters: Callable[[], Counters],
    registry: CollectorRegistry,
    lasting: Callable[[], Awaitable[Mapping[str, Last]]] | None = None,
    others: Callable[[], Mapping[str, float]] = dict,
    stuck: Callable[[], list[str]] = list,
) -> Starlette:
    """The ASGI application. `parts` names what readiness depends on and how each stands; `lasting`
    gives the last values that the store keeps (`engine.telemetry.GAUGES`); `others` is what the
    other processes of the node counted (`engine.measuring`), `stuck` what only a new start would mend."""

    async def health(_: Request) -> Response:
        held = stuck()
        if held:
            return JSONResponse({"status": "stuck", "parts": held}, status_code=503)
        return JSONResponse({"status": "alive"})

    async def ready(_: Request) -> Response:
        state = parts()
        whole = worst(state.values())
        return JSONResponse(
            {"ready": whole != "unready", "state": whole, "parts": state},
            status_code=503 if whole == "unready" else 200,
        )

    async def metrics(_: Request) -> Response:
        gauges = CollectorRegistry()
        gauges.register(Together(registry, others))
        gauges.register(_Asked(await _got(backlog), counters(), parts(), await _got(lasting)))
        return PlainTextResponse(generate_latest(gauges), media_type="text/plain; version=0.0.4")

    return Starlette(routes=[Route("/health", health), Route("/ready", ready), Route("/metrics", metrics)])
