"""Single sign-on: going to the directory, and coming back from it."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from engine.access import Rates
from engine.access.untrusted import Untrusted
from engine.accounts.coming import Came, Entered, KeptOut
from engine.accounts.entrance import Entrance
from engine.accounts.sign_on import SignOn
from engine.console.entering import SLOWEST, let_in, onward
from engine.console.guarding import Door, came_of
from engine.console.pages.rendering import page
from engine.errors import Misconfigured, Unavailable

__all__ = ["signing_on_routes"]

COOKIE: Final = "oidc"
WITHIN: Final = 600
_A_SECOND: Final = 2.0


def signing_on_routes(sign_on: SignOn, entrance: Entrance, door: Door) -> list[Route]:
    """`/oidc/start` and `/oidc/callback`."""
    pages = _Pages(sign_on, entrance, door)
    return [
        Route("/oidc/start", pages.start, methods=["GET"]),
        Route("/oidc/callback", pages.callback, methods=["GET"]),
    ]


class _Pages:
    def __init__(self, sign_on: SignOn, entrance: Entrance, door: Door) -> None:
        self._sign_on, self._entrance, self._door = sign_on, entrance, door
        self._rates = Rates(_A_SECOND)

    async def start(self, request: Request) -> Response:
        onto = onward(request.query_params.get("next", ""))
        begun = await run_in_threadpool(self._sign_on.begin, onto)
        answer = RedirectResponse(begun.url, 303)
        # lax: the browser comes back from another site, and has to bring it
        self._door.give(answer, COOKIE, begun.cookie, seconds=WITHIN, lax=True)
        return answer

    async def callback(self, request: Request) -> Response:
        came = came_of(request, self._door)
        if self._rates.allow(came.address, asyncio.get_running_loop().time()):
            raise Unavailable("too many log-ins from one address at once: try again")
        said, cookie = dict(request.query_params), self._door.given(request, COOKIE)
        try:
            entered, onto = await run_in_threadpool(self._finish, said, cookie, came)
        except KeptOut as error:
            await asyncio.sleep(SLOWEST)
            return self._refused(str(error))
        answer = page("entered.html", next=onward(onto))
        answer.headers["refresh"] = f"0;url={onward(onto)}"
        self._door.give(answer, COOKIE, "", lax=True)
        return let_in(self._door, entered, answer)

    def _finish(self, said: dict[str, str], cookie: str, came: Came) -> tuple[Entered, str]:
        try:
            identity, onto = self._sign_on.finish(said, cookie)
        except (Untrusted, Misconfigured) as error:
            why = error.why if isinstance(error, Untrusted) else error.text
            self._entrance.turn_away(came, why)
            text = (
                "What the directory says of you cannot be trusted."
                if isinstance(error, Untrusted)
                else error.text
            )
            raise KeptOut("directory", f"You were not let in: {text}") from None
        return self._entrance.enter_from_directory(identity, came), onto

    def _refused(self, why: str) -> Response:
        answer = page(
            "refused.html", 403, title="Not let in", why=why, next="Go back to the log-in to try again."
        )
        self._door.give(answer, COOKIE, "", lax=True)
        return answer
