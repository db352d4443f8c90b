"""The page of traffic: each channel as it stands now, worst first."""

from __future__ import annotations

from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.console.pages.forms import looked
from engine.console.pages.rendering import page
from engine.operations.operation import Desk
from engine.operations.traffic import SHOW, Asked, Traffic

__all__ = ["traffic_routes"]


class _All(NamedTuple):
    """All channels together."""

    rate: float
    waiting: int
    oldest: float
    dead: int


def traffic_routes(desk: Desk) -> list[Route]:
    """`GET /traffic`, of all channels or those of one `criticality`."""

    async def show(request: Request) -> Response:
        criticality = request.query_params.get("criticality", "")
        found = await looked(desk, request, SHOW, Asked(criticality))
        return page("traffic.html", found=found, all=_together(found), criticality=criticality)

    return [Route("/traffic", show, methods=["GET"])]


def _together(found: Traffic) -> _All:
    flows = found.flows
    return _All(
        rate=sum(one.rate for one in flows),
        waiting=sum(one.waits.now for one in flows),
        oldest=max((one.waits.oldest for one in flows), default=0.0),
        dead=sum(one.dead for one in flows),
    )
