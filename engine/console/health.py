"""Health, readiness and metrics over HTTP, on an address of their own.

`/health` answers while the process lives; `/ready` only while messages can be taken (store takes
commits, listeners open, not stopping) and says which part is not; `/metrics` is for Prometheus.
Nothing here shows content.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["Backlog", "application"]

Backlog = dict[str, dict[str, float]]
"""Per channel: unrouted, due, dead, and the age in seconds of the oldest open one."""


class _BacklogGauges:
    """The backlog as gauges, read from the store when Prometheus asks."""

    def __init__(self, backlog: Backlog) -> None:
        self._backlog = backlog

    def collect(self) -> Iterator[GaugeMetricFamily]:
        gauge = GaugeMetricFamily(
            "wardline_backlog",
            "What waits, and the age of the oldest in seconds.",
            labels=["channel", "what"],
        )
        for channel, counts in sorted(self._backlog.items()):
            for what, amount in sorted(counts.items()):
                gauge.add_metric([channel, what], amount)
        yield gauge


def application(
    *,
    parts: Callable[[], dict[str, bool]],
    backlog: Callable[[], Awaitable[Backlog]],
    registry: CollectorRegistry,
) -> Starlette:
    """The ASGI application. `parts` names what readiness depends on and whether each stands."""

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def ready(_: Request) -> Response:
        state = parts()
        return JSONResponse(
            {"ready": all(state.values()), "parts": state}, status_code=200 if all(state.values()) else 503
        )

    async def metrics(_: Request) -> Response:
        gauges = CollectorRegistry()
        gauges.register(_BacklogGauges(await backlog()))
        return PlainTextResponse(
            generate_latest(registry) + generate_latest(gauges), media_type="text/plain; version=0.0.4"
        )

    return Starlette(routes=[Route("/health", health), Route("/ready", ready), Route("/metrics", metrics)])
