"""The page for those who answer for the whole: figures with what they mean, and no message."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.console.pages.forms import looked
from engine.console.pages.rendering import page
from engine.operations.executive import SHOW, Period
from engine.operations.operation import Desk

__all__ = ["executive_routes"]

PERIODS: Final = ((1, "24 hours"), (7, "7 days"), (30, "30 days"), (90, "90 days"))


def executive_routes(desk: Desk) -> list[Route]:
    """`GET /executive` shows the figures of the last days (`days`)."""

    async def show(request: Request) -> Response:
        asked = request.query_params.get("days", "")
        days = int(asked) if asked in {str(number) for number, _ in PERIODS} else 7
        found = await looked(desk, request, SHOW, Period(days=days))
        return page("executive.html", found=found, days=days, periods=PERIODS)

    return [Route("/executive", show, methods=["GET"])]
