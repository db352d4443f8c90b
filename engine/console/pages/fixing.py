"""The pages that put messages right: what would come of it first, then the reason, then it is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.console.framing import told
from engine.console.pages.forms import form_lists, looked
from engine.console.pages.messaging import whole
from engine.console.pages.rendering import page
from engine.editions.wording import headline, pairs, sentence
from engine.operations.fixing import REDELIVER, SKIP, WOULD_REDELIVER, WOULD_SKIP, Again
from engine.operations.operation import Desk, NotThere, Operation
from engine.operations.replaying import REPLAY, WOULD_REPLAY, Replay, WouldReplay
from engine.operations.which import Which

__all__ = ["fix_routes", "in_words"]

Fields = Mapping[str, Sequence[str]]

_WORDS: Final = ("channel", "code", "place", "owner", "destination", "since", "until")
_MOST: Final = 500
"""Ids that an address names: more are named by what they have in common."""


class _Fix(NamedTuple):
    """A way to put messages right: how it is called, what it does, its preview, itself, what it asks."""

    title: str
    lead: str
    button: str
    would: Operation[Any, Any]
    do: Operation[Any, Any]
    asks: type[Which]


_FIXES: Final = {
    "redeliver": _Fix(
        "Redeliver",
        "The same effects once more, or routing where it failed there: nothing doubles.",
        "Redeliver them", WOULD_REDELIVER, REDELIVER, Again,
    ),
    "skip": _Fix(
        "Skip", "Settled without effect. They stay where they are found, and can be taken up again.",
        "Skip them", WOULD_SKIP, SKIP, Which,
    ),
    "replay": _Fix(
        "Replay", "Through today's channel: what stands already stays, what differs is carried out.",
        "Replay them", WOULD_REPLAY, REPLAY, Replay,
    ),
}  # fmt: skip


def fix_routes(desk: Desk) -> list[Route]:
    """`GET /fixes/{what}` shows what it would come to, `POST` does it: `redeliver`, `skip`, `replay`."""

    async def would(request: Request) -> Response:
        fix = _fix(request)
        query = request.query_params
        asked = _asked(fix.asks, {name: query.getlist(name) for name in query})
        found = await looked(desk, request, fix.would, asked)
        changed = in_words(found) if isinstance(found, WouldReplay) else []
        return page(
            "fix.html", fix=fix, what=request.path_params["what"], found=found, asked=asked,
            fields=_fields(asked), changed=changed, back=_back(asked),
        )  # fmt: skip

    async def act(request: Request) -> Response:
        fix = _fix(request)
        asked = _asked(fix.asks, await form_lists(request))
        done = await looked(desk, request, fix.do, asked)
        count = len(done.messages)
        return told(_back(asked), _said(request.path_params["what"], count), "good" if count else "warn")

    return [
        Route("/fixes/{what}", would, methods=["GET"]),
        Route("/fixes/{what}", act, methods=["POST"]),
    ]


def in_words(found: WouldReplay) -> list[tuple[str, list[tuple[str, list[str], tuple[int, ...]]]]]:
    """What a replay would change by channel: a headline, and each thing with values and messages."""
    return [
        (headline(one), [(sentence(group), pairs(group), group.examples) for group in one.groups])
        for one in found.channels
    ]


def _fix(request: Request) -> _Fix:
    found = _FIXES.get(request.path_params["what"])
    if found is None:
        raise NotThere("there is no such way to put messages right")
    return found


def _asked(asks: type[Which], given: Fields) -> Any:
    """What an address or a form asks for."""
    first = {name: values[0] for name, values in given.items() if values}
    asked: dict[str, Any] = {name: first.get(name, "").strip() for name in _WORDS}
    asked["ids"] = tuple(number for one in given.get("ids", ())[:_MOST] if (number := whole(one)))
    for name in ("all", "skipped"):
        asked[name] = first.get(name) == "yes"
    asked |= {"state": first.get("state", ""), "why": first.get("why", ""), "ticket": first.get("ticket", "")}
    known = {field.name for field in msgspec.structs.fields(asks)}
    return asks(**{name: value for name, value in asked.items() if name in known})


def _fields(asked: Which) -> list[tuple[str, str]]:
    """The same as fields of a form."""
    words = [(name, text) for name in (*_WORDS, "state") if (text := getattr(asked, name, ""))]
    words += [("ids", str(number)) for number in asked.ids]
    return words + [(name, "yes") for name in ("all", "skipped") if getattr(asked, name, False)]


def _back(asked: Which) -> str:
    """Where it was asked from."""
    if len(asked.ids) == 1:
        return f"/messages/{asked.ids[0]}"
    return f"/worklist?{urlencode({'channel': asked.channel})}" if asked.channel else "/worklist"


def _said(what: str, count: int) -> str:
    some = f"{count} message{'' if count == 1 else 's'}"
    are = "is" if count == 1 else "are"
    if not count:
        return "Nothing was left to do: somebody else was first, or nothing matched."
    return f"{some} {are} settled without effect." if what == "skip" else f"{some} {are} on the way again."
