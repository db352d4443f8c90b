"""engine.console.health: what /ready answers for every way in which parts may stand."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import httpx
import pytest
from prometheus_client import CollectorRegistry

from engine.console.health import Backlog, application
from engine.measuring.standing import Standing


async def _no_backlog() -> Backlog:
    return {}


def ready(parts: Mapping[str, Standing]) -> tuple[int, dict[str, object]]:
    app = application(
        parts=lambda: dict(parts), backlog=_no_backlog, counters=dict, registry=CollectorRegistry()
    )

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://engine") as client:
            return await client.get("/ready")

    answer = asyncio.run(ask())
    return answer.status_code, answer.json()


@pytest.mark.parametrize(
    ("store", "folder", "status", "whole"),
    [
        ("ready", "ready", 200, "ready"),
        ("ready", "degraded", 200, "degraded"),
        ("unready", "ready", 503, "unready"),
        ("unready", "degraded", 503, "unready"),
    ],
)
def test_it_stands_as_its_worst_part_and_degraded_is_ready(
    store: Standing, folder: Standing, status: int, whole: Standing
) -> None:
    parts: dict[str, Standing] = {"store": store, "listener files": folder}
    assert ready(parts) == (status, {"ready": status == 200, "state": whole, "parts": parts})
