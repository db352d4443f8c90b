"""One person on this machine: a link that works once, a cookie after that, and a token in every form.

The address is loopback, which every account of the machine and every page in the person's browser can reach:
so whoever comes without the cookie is shown nothing, a name that is not ours is refused (a site that made its
name point here: DNS rebinding), and a form that another page sent does nothing (spec: threats, section 3).
"""

from __future__ import annotations

import hmac
import secrets
import sys
from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from engine.console.headers import WORKBENCH, Answer
from engine.console.pages.rendering import page

__all__ = ["ENTER", "Guarded", "Session"]

ENTER: Final = "/enter"


class Session:
    """One person's. `key` is in the link and works once; `dice` gives secrets."""

    def __init__(self, port: int, dice: Callable[[], str] = lambda: secrets.token_urlsafe(32)) -> None:
        self.cookie = f"wardline_{port}"  # cookies do not tell ports apart
        self.hosts = (f"127.0.0.1:{port}", f"localhost:{port}")
        self.key, self._secret, self._form = dice(), dice(), dice()
        self._entered = False

    def enter(self, key: str) -> bool:
        """Whether this is the link, for the first time."""
        if self._entered or not hmac.compare_digest(key.encode(), self.key.encode()):
            return False
        self._entered = True
        return True

    def grant(self, response: Response) -> None:
        """Give the cookie."""
        response.set_cookie(self.cookie, self._secret, httponly=True, samesite="strict", path="/")

    def knows(self, request: Request) -> bool:
        """Whether the request has the cookie."""
        given = request.cookies.get(self.cookie, "")
        return hmac.compare_digest(given.encode(), self._secret.encode())

    def token(self, _: Request) -> str:
        """What a form carries."""
        return self._form

    def accepts(self, request: Request, token: str) -> bool:
        """Whether a form came from a page of ours."""
        origin = request.headers.get("origin", "")
        ours = origin in ("", *(f"http://{host}" for host in self.hosts))
        return ours and hmac.compare_digest(token.encode(), self._form.encode())


class Guarded:
    """An application for one session and nobody else."""

    def __init__(self, app: ASGIApp, session: Session) -> None:
        self._app, self._session = app, session

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope)
        told = Answer(send, WORKBENCH)
        answer = self._answer(request)
        try:
            await (answer or self._app)(scope, receive, told)
        except Exception as error:  # a bug must not tell of a message: its text and its trace may hold it
            sys.stderr.write(f"wardline: a page failed with {type(error).__name__}\n")
            if not told.began:
                await page("refused.html", 500, why="That went wrong, and it is not your fault.")(
                    scope, receive, told
                )

    def _answer(self, request: Request) -> Response | None:
        """What is said to whom nothing is shown; None lets it through."""
        if request.headers.get("host", "") not in self._session.hosts:
            return page("refused.html", 421, why="This address is not one of the workbench.")
        if request.url.path == ENTER:
            return self._entering(request)
        if not self._session.knows(request):
            return page("refused.html", 403, why="Open the link that the command printed. It works once.")
        return None

    def _entering(self, request: Request) -> Response:
        if request.method != "GET" or not self._session.enter(request.query_params.get("key", "")):
            if self._session.knows(request):
                return RedirectResponse("/", 303)
            return page("refused.html", 403, why="This link was used, or is none: start the command again.")
        answer = RedirectResponse("/", 303)
        self._session.grant(answer)
        return answer
