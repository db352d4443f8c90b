"""The page that corrects a message: values at places without seeing the rest, or the whole text once it was
opened; what would come of it first, then the reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.console.framing import told
from engine.console.pages.fixing import in_words
from engine.console.pages.forms import caller_of, form, looked
from engine.console.pages.rendering import page
from engine.errors import Misconfigured, Unacceptable
from engine.operations.editing import EDIT, WOULD_EDIT, AskEdit
from engine.operations.messages import SHOW
from engine.operations.operation import Desk, permit
from engine.operations.story import MOST, Asked

__all__ = ["correct_routes"]

ROWS: Final = 4
"""Places on the form: who changes more opens the message."""


def correct_routes(desk: Desk) -> list[Route]:
    """`GET /messages/{id}/edit` is the form (`place` in the address is in its first row); `POST` shows what a
    correction would come to, and with a reason makes it."""

    async def shown(request: Request) -> Response:
        await run_in_threadpool(permit, desk, caller_of(request), EDIT)
        place = request.query_params.get("place", "")
        return await _page(desk, request, {"place-1": place})

    async def acted(request: Request) -> Response:
        given, number = await form(request), _id(request)
        content = given.get("content", "")
        asked = AskEdit(
            id=number, values={} if content else _values(given), content=content, why=given.get("why", ""),
            ticket=given.get("ticket", ""),
        )  # fmt: skip
        try:
            if "why" not in given:
                would = await looked(desk, request, WOULD_EDIT, asked)
                return await _page(desk, request, given, would=would, changed=in_words(would.would))
            done = await looked(desk, request, EDIT, asked)
        except (Misconfigured, Unacceptable) as error:
            return await _page(desk, request, given, wrong=str(error))
        said = f"Corrected at {', '.join(done.changed[:5])}: it is on its way again."
        return told(f"/messages/{number}", said)

    return [
        Route("/messages/{id:int}/edit", shown, methods=["GET"]),
        Route("/messages/{id:int}/edit", acted, methods=["POST"]),
    ]


async def _page(desk: Desk, request: Request, given: Mapping[str, str], **values: object) -> Response:
    story = await looked(desk, request, SHOW, Asked(_id(request)))
    shown = {"would": None, "changed": [], "wrong": "", **values}
    rows = [(given.get(f"place-{row}", ""), given.get(f"value-{row}", "")) for row in range(1, ROWS + 1)]
    return page(
        "message_edit.html", 422 if shown["wrong"] else 200, story=story, rows=rows,
        content=given.get("content", ""), **shown,
    )  # fmt: skip


def _values(given: Mapping[str, str]) -> dict[str, str]:
    """The values of the form by their places; a place without one is emptied."""
    places = (
        (given.get(f"place-{row}", "").strip(), given.get(f"value-{row}", "")) for row in range(1, ROWS + 1)
    )
    return {place: value for place, value in places if place}


def _id(request: Request) -> int:
    return min(int(request.path_params["id"]), MOST)
