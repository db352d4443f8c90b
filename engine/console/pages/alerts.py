"""The pages of alerts: what is open, what was, who looks after it, who was told."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.console.framing import told
from engine.console.pages.forms import done, form, looked
from engine.console.pages.rendering import page
from engine.errors import Misconfigured
from engine.operations.alerts import LIST, QUIET, SHOW, TAKE, AskAlerts, AskOne, AskQuiet, AskTake
from engine.operations.operation import Desk
from engine.operations.routes import LIST as ROUTES
from engine.operations.routes import TEST, AskRoutes, AskTest
from engine.watching import Kind

__all__ = ["alert_routes"]

_FIELDS = ("channel", "kind")


def alert_routes(desk: Desk) -> list[Route]:
    """`GET /alerts` lists, `/alerts/{id}` shows one, `POST /alerts/{id}/take` and `…/quiet` act on it;
    `POST /alerts/routes/{name}/test` tries a route."""

    async def listed(request: Request) -> Response:
        given = {name: request.query_params.get(name, "").strip() for name in _FIELDS}
        before = request.query_params.get("before", "0")
        older = request.query_params.get("state") == "all"
        asked = AskAlerts(
            state="all" if older else "open", channel=given["channel"], kind=given["kind"],
            before=int(before) if before.isdecimal() else 0, limit=50,
        )  # fmt: skip
        found = await looked(desk, request, LIST, asked)
        routes = await looked(desk, request, ROUTES, AskRoutes())
        chosen = {name: value for name, value in given.items() if value} | ({"state": "all"} if older else {})
        more = f"/alerts?{urlencode(chosen | {'before': found.next})}" if found.next else ""
        return page(
            "alerts.html", found=found, routes=routes, given=given, older=older, more=more,
            kinds=["", *Kind], now=desk.clock(), here=f"/alerts?{urlencode(chosen)}",
        )  # fmt: skip

    async def shown(request: Request) -> Response:
        number = request.path_params["id"]
        one = await looked(desk, request, SHOW, AskOne(number))
        return page("alert.html", told=one, one=one.alert, now=desk.clock())

    async def taken(request: Request) -> Response:
        number, given = request.path_params["id"], await form(request)
        asked = AskTake(id=number, why=given.get("why", ""))
        return await done(desk, request, TAKE, asked, back=f"/alerts/{number}", said="You look after it.")

    async def quieted(request: Request) -> Response:
        number, given = request.path_params["id"], await form(request)
        minutes = given.get("minutes", "")
        if not minutes.isdecimal():
            raise Misconfigured("is no number of minutes", where="minutes")
        asked = AskQuiet(id=number, minutes=int(minutes), why=given.get("why", ""))
        said = "Quiet until then." if asked.minutes else "No longer quiet."
        return await done(desk, request, QUIET, asked, back=f"/alerts/{number}", said=said)

    async def tested(request: Request) -> Response:
        name = request.path_params["name"]
        result = await looked(desk, request, TEST, AskTest(name))
        said = f"{name} took a test: see that it arrived." if result.sent else f"{name}: {result.why}."
        return told("/alerts", said)

    return [
        Route("/alerts", listed, methods=["GET"]),
        Route("/alerts/{id:int}", shown, methods=["GET"]),
        Route("/alerts/{id:int}/take", taken, methods=["POST"]),
        Route("/alerts/{id:int}/quiet", quieted, methods=["POST"]),
        Route("/alerts/routes/{name}/test", tested, methods=["POST"]),
    ]
