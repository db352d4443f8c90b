"""Pages and operations: what a form says, the operation done, and where one is taken after it.

What an operation refuses is raised as it is (`Forbidden`, `NotThere`, `Misconfigured`, …): the server makes a
page of it.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from engine.accounts.words import Caller
from engine.console.framing import told
from engine.errors import Misconfigured
from engine.operations.operation import Desk, Operation, perform

__all__ = ["LARGEST", "SessionForms", "caller_of", "done", "form", "form_lists", "looked"]

LARGEST: Final = 2 * 1024 * 1024
"""Bytes of a form: a message is a few thousand."""

_FIELDS: Final = 2000

Asked = TypeVar("Asked")
Given = TypeVar("Given")


class SessionForms:
    """The forms of a session, for pages that check them themselves (`engine.console.pages.trying.Forms`):
    whoever serves the console has checked them already."""

    def token(self, request: Request) -> str:
        """What a form carries."""
        return str(getattr(request.state, "token", ""))

    def accepts(self, request: Request, token: str) -> bool:
        """Whether a form is one of this session."""
        return bool(token) and token == self.token(request)


def caller_of(request: Request) -> Caller:
    """Who asks; the guard lets nobody else reach a page."""
    caller: Caller = request.state.caller
    return caller


async def form_lists(request: Request) -> dict[str, list[str]]:
    """The fields of a form with all their values. Raises `Misconfigured` for one that is too large."""
    body = await request.body()
    if len(body) > LARGEST:
        raise Misconfigured(f"the form is larger than {LARGEST // 1024 // 1024} MB")
    try:
        return parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_FIELDS)
    except ValueError:
        raise Misconfigured(f"the form has more than {_FIELDS} fields") from None


async def form(request: Request) -> dict[str, str]:
    """The fields of a form, the first value of each."""
    return {name: values[0] for name, values in (await form_lists(request)).items()}


async def looked(desk: Desk, request: Request, operation: Operation[Asked, Given], asked: Asked) -> Given:
    """What an operation gives to whoever asks, in a thread."""
    return await run_in_threadpool(perform, desk, caller_of(request), operation, asked)


async def done(
    desk: Desk, request: Request, operation: Operation[Asked, Any], asked: Asked, *, back: str, said: str
) -> Response:
    """Do it, go to the page `back`, and say there that it was done."""
    await looked(desk, request, operation, asked)
    return told(back, said)
