"""The pages of channels and of their editions: what each is and how it stands, stopped and let go; what is
put forward, compared, approved."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.console.pages.forms import done, form, looked
from engine.console.pages.messaging import whole
from engine.console.pages.rendering import page
from engine.errors import Misconfigured
from engine.operations.channels import LIST, SHADOW, SHOW, Shadowing, Whole
from engine.operations.deploying import APPROVE, BACK, DECLINE, WITHDRAW, Deciding
from engine.operations.editions import IMPACT, Compared, Listing, Numbered
from engine.operations.editions import LIST as EDITIONS
from engine.operations.editions import SHOW as EDITION
from engine.operations.holding import HOLD, LET_GO, AskHold
from engine.operations.operation import Desk, NotThere, Operation
from engine.operations.traffic import SHOW as TRAFFIC
from engine.operations.traffic import Asked, Named
from engine.store.contracts.holding import HoldKind

__all__ = ["channel_routes"]

_MOST = 2**31 - 1
_DECISIONS: dict[str, tuple[Operation[Deciding, Any], str]] = {
    "approve": (APPROVE, "Edition {} is the active one: the engine takes it up within a second."),
    "decline": (DECLINE, "Edition {} is declined."),
    "withdraw": (WITHDRAW, "Edition {} is withdrawn."),
    "back": (BACK, "Gone back to edition {}."),
}

Page = Callable[[Request], Awaitable[Response]]


def channel_routes(desk: Desk) -> list[Route]:
    """`GET /channels`, `/channels/{name}` with its shadow report, `/editions/{number}` with its impact; `POST
    /holds` and `/holds/let-go`, and what is decided of an edition."""

    async def listed(request: Request) -> Response:
        found = await looked(desk, request, LIST, Whole())
        flows = {one.channel: one for one in (await looked(desk, request, TRAFFIC, Asked())).flows}
        editions = await looked(desk, request, EDITIONS, Listing(20))
        return page("channels.html", found=found, flows=flows, editions=editions, now=desk.clock())

    async def shown(request: Request) -> Response:
        found = await looked(desk, request, SHOW, Named(request.path_params["name"]))
        drawn: dict[str, Any] = {
            "hours": [(one.at, one.taken, one.refused, one.dead) for one in found.hours],
            "days": [(one.at, one.taken, one.refused, one.dead) for one in found.days],
        }
        return page("channel.html", found=found, now=desk.clock(), **drawn, **_holding(found.entry.channel))

    async def shadow(request: Request) -> Response:
        name, since = request.path_params["name"], request.query_params.get("since", "") or "7d"
        report = await looked(desk, request, SHADOW, Shadowing(name=name, since=since))
        return page("channel_shadow.html", name=name, since=since, report=report)

    async def edition(request: Request) -> Response:
        found = await looked(desk, request, EDITION, Numbered(_number(request)))
        return page("edition.html", found=found, impact=None)

    async def impact(request: Request) -> Response:
        number, last = _number(request), whole(request.query_params.get("last", ""), 200) or 100
        made = await looked(desk, request, IMPACT, Compared(number=number, last=last))
        found = await looked(desk, request, EDITION, Numbered(number))
        return page("edition.html", found=found, impact=made)

    return [
        Route("/channels", listed, methods=["GET"]),
        Route("/channels/{name}", shown, methods=["GET"]),
        Route("/channels/{name}/shadow", shadow, methods=["GET"]),
        Route(
            "/holds", _stopped(desk, HOLD, "Stopped: seen by the engine within a second."), methods=["POST"]
        ),
        Route("/holds/let-go", _stopped(desk, LET_GO, "Let go: it goes on."), methods=["POST"]),
        Route("/editions/{number:int}", edition, methods=["GET"]),
        Route("/editions/{number:int}/impact", impact, methods=["GET"]),
        Route("/editions/{number:int}/{what}", _decided(desk), methods=["POST"]),
    ]


def _stopped(desk: Desk, operation: Operation[AskHold, Any], said: str) -> Page:
    async def acted(request: Request) -> Response:
        given = await form(request)
        kind, name = given.get("kind", ""), given.get("name", "")
        if kind not in list(HoldKind):
            raise Misconfigured("is nothing that can be stopped", where="kind")
        asked = AskHold(
            kind=HoldKind(kind), name=name, why=given.get("why", ""), ticket=given.get("ticket", "")
        )
        back = "/traffic" if given.get("back") == "/traffic" else f"/channels/{quote(name, safe='')}"
        return await done(desk, request, operation, asked, back=back, said=said)

    return acted


def _decided(desk: Desk) -> Page:
    async def acted(request: Request) -> Response:
        given, number = await form(request), _number(request)
        if request.path_params["what"] not in _DECISIONS:
            raise NotThere("there is no such decision")
        operation, said = _DECISIONS[request.path_params["what"]]
        asked = Deciding(
            number=number, why=given.get("why", ""), ticket=given.get("ticket", ""),
            seen=whole(given.get("seen", "")),
        )  # fmt: skip
        return await done(
            desk, request, operation, asked, back=f"/editions/{number}", said=said.format(number)
        )

    return acted


def _number(request: Request) -> int:
    return min(int(request.path_params["number"]), _MOST)


def _holding(name: str) -> dict[str, Any]:
    """What of a channel can be stopped, in words: kind, button, what it means, button to let go."""
    return {
        "stops": (
            (
                "door",
                "Close its door",
                "It takes nothing more: senders keep what they have and try again.",
                "Open its door",
            ),
            ("routing", "Pause it", "It takes and answers messages; they wait to be mapped.", "Resume it"),
            (
                "delivery",
                "Hold its effects",
                "Messages are mapped; what they mean waits.",
                "Let its effects go",
            ),
        ),
        "name": name,
    }
