"""The pages of messages: looked for, found by a number, told as a story, shown with their content."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from engine.console.pages.forms import form, looked
from engine.console.pages.rendering import page
from engine.model import MessageState, ReasonCode
from engine.operations.contents import OPEN, READ, Opening, Reading
from engine.operations.loading import loaded
from engine.operations.messages import FIND, SEARCH, SHOW, Find, Search
from engine.operations.operation import Desk
from engine.operations.story import MOST, Asked
from engine.searching import KINDS, TOKEN

__all__ = ["SINCE", "message_routes", "whole"]

SINCE: Final = (
    ("1h", "last hour"),
    ("24h", "last 24 hours"),
    ("7d", "last 7 days"),
    ("30d", "last 30 days"),
    ("all", "any time"),
)
_ANY: Final = ("", "any")
_FIELDS: Final = (
    "channel", "state", "type", "since", "until", "control_id", "application", "facility", "correlation",
    "about", "code", "place", "destination",
)  # fmt: skip
_NAMES_ONE: Final = ("control_id", "correlation", "about", "code")
"""What is looked for whenever it was, unless the form says since when."""

_KINDS: Final = (
    ("mrn", "patient number (MRN)"), ("visit", "visit number"), ("account", "account number"),
    ("order", "order number"), ("appointment", "appointment number"), (TOKEN, "token"),
)  # fmt: skip


def message_routes(desk: Desk) -> list[Route]:
    """`GET /messages` looks for messages, `POST /messages/find` by a number; `/messages/{id}` is one's story,
    `/messages/{id}/content` what came: masked (GET), or whole with a reason (POST)."""

    async def listed(request: Request) -> Response:
        given, before = _given(request), whole(request.query_params.get("before", ""))
        since = "" if given["since"] == "all" else given["since"]
        found = await looked(desk, request, SEARCH, Search(**{**given, "since": since}, before=before))  # type: ignore[arg-type]
        if (given["control_id"] or given["correlation"]) and len(found.messages) == 1:
            return RedirectResponse(f"/messages/{found.messages[0].id}", 303)
        chosen = {name: value for name, value in given.items() if value}
        return page(
            "messages.html", found=found, given=given, first=not before,
            next=f"/messages?{urlencode({**chosen, 'before': found.next})}" if found.next else "",
            start=f"/messages?{urlencode(chosen)}", replays=_replays(chosen), **_choices(desk),
        )  # fmt: skip

    async def found(request: Request) -> Response:
        given = await form(request)
        result = await looked(desk, request, FIND, _wanted(given))
        return page("messages_found.html", found=result, given=given, **_choices(desk))

    async def told(request: Request) -> Response:
        story = await looked(desk, request, SHOW, Asked(_id(request)))
        return page("message.html", story=story, now=desk.clock())

    async def read(request: Request) -> Response:
        asked = Reading(id=_id(request), revision=_revision(request.query_params.get("revision", "")))
        content = await looked(desk, request, READ, asked)
        return page("message_content.html", content=content, opened=False, revision=asked.revision)

    async def opened(request: Request) -> Response:
        given = await form(request)
        asked = Opening(
            id=_id(request), revision=_revision(given.get("revision", "")), why=given.get("why", ""),
            ticket=given.get("ticket", ""),
        )  # fmt: skip
        content = await looked(desk, request, OPEN, asked)
        return page("message_content.html", content=content, opened=True, revision=asked.revision)

    return [
        Route("/messages", listed, methods=["GET"]),
        Route("/messages/find", found, methods=["POST"]),
        Route("/messages/{id:int}", told, methods=["GET"]),
        Route("/messages/{id:int}/content", read, methods=["GET"]),
        Route("/messages/{id:int}/content", opened, methods=["POST"]),
    ]


def _given(request: Request) -> dict[str, str]:
    """What the form of the search says; since when, where it does not."""
    given = {name: request.query_params.get(name, "").strip() for name in _FIELDS}
    if not given["since"]:
        given["since"] = "all" if any(given[name] for name in _NAMES_ONE) else "24h"
    return given


def _replays(chosen: Mapping[str, str]) -> str:
    """The same messages as an address for replaying, where that can be asked for."""
    known = ("channel", "state", "since", "until", "code", "place", "destination")
    asked = {name: value for name, value in chosen.items() if (name, value) != ("since", "all")}
    if asked.get("state") == MessageState.QUARANTINED or not asked.keys() - {"since", "until"}:
        return ""
    return urlencode(asked) if asked.keys() <= set(known) else ""


def _wanted(given: Mapping[str, str]) -> Find:
    kind, since = given.get("kind", ""), given.get("since", "")
    return Find(
        kind=kind if kind in (*KINDS, TOKEN) else "mrn",  # type: ignore[arg-type]
        value=given.get("value", ""),
        authority=given.get("authority", "").strip(),
        since="" if since == "all" else since,
        why=given.get("why", ""),
        ticket=given.get("ticket", ""),
    )


def whole(text: str, most: int = MOST) -> int:
    """A whole number out of an address, 0 for anything else."""
    return min(int(text), most) if text.isascii() and text.isdecimal() and len(text) < 20 else 0


def _revision(text: str) -> int | None:
    return whole(text, 10**6) if text else None


def _id(request: Request) -> int:
    return min(int(request.path_params["id"]), MOST)


def _choices(desk: Desk) -> dict[str, Any]:
    return {
        "channels": [_ANY, *sorted(loaded(desk).channels)],
        "states": [_ANY, *(state.value for state in MessageState)],
        "codes": [_ANY, *(code.value for code in ReasonCode)],
        "since": SINCE,
        "kinds": _KINDS,
    }
