"""The page of traffic: each channel as it stands now, worst first."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.console.pages.forms import looked
from engine.console.pages.rendering import page
from engine.operations.operation import Desk
from engine.operations.traffic import SHOW, Asked

__all__ = ["traffic_routes"]


def traffic_routes(desk: Desk) -> list[Route]:
    """`GET /traffic`, of all channels or those of one `criticality`."""

    async def show(request: Request) -> Response:
        criticality = request.query_params.get("criticality", "")
        found = await looked(desk, request, SHOW, Asked(criticality))
        return page("traffic.html", found=found, criticality=criticality)

    return [Route("/traffic", show, methods=["GET"])]
