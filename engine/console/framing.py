"""Puts around a page what is around every page: inside the guard that knows who asks, outside all pages."""

from __future__ import annotations

import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.console.assets import ASSETS
from engine.console.frame import FRAME, Frame, Place, Said, Standing, Theme

__all__ = ["SAID", "THEME", "Framed", "remembering", "told"]

THEME: Final = "wardline_theme"
SAID: Final = "wardline_said"
_SHOWN_WITHIN: Final = 30
_UNFRAMED: Final = (ASSETS + "/", "/api/")
_AFRESH: Final = 2.0


def told(back: str, text: str, kind: str = "good", secure: bool = False) -> RedirectResponse:
    """Go to another page and say there what an act came to. The text is of ours: no value of a message."""
    answer = RedirectResponse(back, 303)
    packed = urlsafe_b64encode(msgspec.json.encode({"text": text[:500], "kind": kind})).decode()
    answer.set_cookie(
        SAID, packed, max_age=_SHOWN_WITHIN, httponly=True, samesite="strict", secure=secure, path="/"
    )
    return answer


def remembering(
    standing: Callable[[], Standing], clock: Callable[[], float] = time.monotonic
) -> Callable[[], Standing]:
    """`standing`, asked every two seconds at most, however many pages are open."""
    kept: list[tuple[float, Standing]] = []

    def asked() -> Standing:
        if not kept or clock() - kept[0][0] > _AFRESH:
            kept[:] = [(clock(), standing())]
        return kept[0][1]

    return asked


class Framed:
    """An application whose pages know who looks (`request.state.caller`, `request.state.token`), where one
    can go from here and how the engine stands. What is said once is forgotten when it was shown."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        places: Sequence[Place],
        standing: Callable[[], Standing],
        environment: str = "",
        productive: bool = False,
        version: str = "",
    ) -> None:
        self._app, self._places, self._standing = app, tuple(places), standing
        self._environment, self._productive, self._version = environment, productive, version

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_UNFRAMED):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        said = _said(request) if request.method == "GET" and "hx-request" not in request.headers else None

        async def shown(message: Message) -> None:
            if said is not None and message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], _forgotten()]
            await send(message)

        frame = FRAME.set(await self._frame(request, said))
        try:
            await self._app(scope, receive, shown)
        finally:
            FRAME.reset(frame)

    async def _frame(self, request: Request, said: Said | None) -> Frame:
        caller = getattr(request.state, "caller", None)
        return Frame(
            path=request.url.path,
            caller=caller,
            token=getattr(request.state, "token", ""),
            theme=_theme(request),
            environment=self._environment,
            productive=self._productive,
            places=self._places,
            standing=await run_in_threadpool(self._standing) if caller is not None else Standing(),
            said=said,
            version=self._version,
        )


def _theme(request: Request) -> Theme:
    given = request.cookies.get(THEME, "")
    return given if given in ("light", "dark") else "auto"  # type: ignore[return-value]


def _said(request: Request) -> Said | None:
    packed = request.cookies.get(SAID, "")
    try:
        return msgspec.json.decode(urlsafe_b64decode(packed), type=Said) if packed else None
    except ValueError:  # msgspec's errors are ValueErrors too
        return None


def _forgotten() -> tuple[bytes, bytes]:
    answer = Response()
    answer.delete_cookie(SAID, path="/", httponly=True, samesite="strict")
    return answer.raw_headers[-1]
