"""Coming in and going: the pages of those who are not known yet."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from engine.accounts.coming import Came, Entered, KeptOut
from engine.accounts.entrance import Entrance
from engine.accounts.passwords import SHORTEST
from engine.accounts.sign_on import SignOn
from engine.console.framing import told
from engine.console.guarding import Door, came_of, inside, who_of
from engine.console.pages.forms import form
from engine.console.pages.rendering import page
from engine.errors import Misconfigured
from engine.operations.operation import Forbidden

__all__ = ["entering_routes", "let_in", "onward"]

SLOWEST: Final = 0.4
"""Seconds until somebody is told that it was not right: as long for a name that nobody has."""

A_YEAR: Final = 365 * 24 * 3600

T = TypeVar("T")


def entering_routes(entrance: Entrance, door: Door, sign_on: SignOn | None = None) -> list[Route]:
    """`/login`, `/logout`, `/setup`, `/invitation` and `/me/password`; with single sign-on, if there is
    one."""
    pages = _Pages(entrance, door, sign_on)
    return [
        Route("/login", pages.login, methods=["GET"]),
        Route("/login", pages.log_in, methods=["POST"]),
        Route("/logout", pages.log_out, methods=["POST"]),
        Route("/setup", pages.set_up_page, methods=["GET"]),
        Route("/setup", pages.set_up, methods=["POST"]),
        Route("/invitation", pages.invitation, methods=["GET"]),
        Route("/invitation", pages.accept, methods=["POST"]),
        Route("/me/password", pages.change_password, methods=["POST"]),
    ]


def let_in(door: Door, entered: Entered, response: Response) -> Response:
    """Give the browser what it needs to come again."""
    door.give(response, "", entered.session)
    if entered.mark:
        door.give(response, door.mark(entered.name), entered.mark, seconds=A_YEAR)
    return response


def onward(text: str) -> str:
    """Where to go after coming in: a page of ours, or the first."""
    return text if inside(text) and not text.startswith(("/login", "/logout")) else "/"


class _Pages:
    def __init__(self, entrance: Entrance, door: Door, sign_on: SignOn | None) -> None:
        self._entrance, self._door, self._sign_on = entrance, door, sign_on

    async def login(self, request: Request) -> Response:
        if who_of(request) is not None:
            return RedirectResponse(onward(request.query_params.get("next", "")), 303)
        return self._login(request.query_params.get("next", ""))

    async def log_in(self, request: Request) -> Response:
        fields = await form(request)
        name, onto = fields.get("name", "").replace("\0", "").strip().lower(), fields.get("next", "")

        def call(came: Came) -> Entered:
            return self._entrance.log_in(name, fields.get("password", ""), came)

        try:
            entered = await self._slowly(request, call, name)
        except KeptOut as error:
            return self._login(onto, name, error)
        return let_in(self._door, entered, RedirectResponse(onward(onto), 303))

    async def log_out(self, request: Request) -> Response:
        who = who_of(request)
        answer: Response = RedirectResponse("/login?out=1", 303)
        if who is not None:
            how = await run_in_threadpool(self._entrance.log_out, who, came_of(request, self._door))
            if how == "oidc" and self._sign_on and (end := await run_in_threadpool(self._ending)):
                answer = page("left.html", end=end)
        self._door.give(answer, "", "")
        answer.headers["clear-site-data"] = '"cache"'
        return answer

    def _ending(self) -> str:
        return self._sign_on.ending(f"{self._door.url}/login") if self._sign_on else ""

    async def set_up_page(self, request: Request) -> Response:
        key = request.query_params.get("key", "")
        if not await run_in_threadpool(self._entrance.may_set_up, key):
            return _over("Start the console again: it prints a new one while there is no account.")
        return page("setup.html", key=key, name="", who="", wrong="", shortest=SHORTEST)

    async def set_up(self, request: Request) -> Response:
        fields = await form(request)
        key, name, who = (fields.get(one, "").strip() for one in ("key", "name", "who"))

        def call(came: Came) -> Entered:
            return self._entrance.set_up(key, name, who, _password(fields), came)

        try:
            entered = await self._slowly(request, call)
        except KeptOut:
            return _over("Start the console again: it prints a new one while there is no account.")
        except Misconfigured as error:
            return page("setup.html", 422, key=key, name=name, who=who, wrong=str(error), shortest=SHORTEST)
        return let_in(self._door, entered, RedirectResponse("/", 303))

    async def invitation(self, request: Request) -> Response:
        key = request.query_params.get("key", "")
        try:
            user = await run_in_threadpool(self._entrance.invited, key)
        except KeptOut:
            return _over("Ask an administrator for another one.")
        return page("invitation.html", key=key, name=user.name, wrong="", shortest=SHORTEST)

    async def accept(self, request: Request) -> Response:
        fields = await form(request)
        key = fields.get("key", "")

        def call(came: Came) -> Entered:
            return self._entrance.accept(key, _password(fields), came)

        try:
            user = await run_in_threadpool(self._entrance.invited, key)
            entered = await self._slowly(request, call)
        except KeptOut:
            return _over("Ask an administrator for another one.")
        except Misconfigured as error:
            return page("invitation.html", 422, key=key, name=user.name, wrong=str(error), shortest=SHORTEST)
        return let_in(self._door, entered, RedirectResponse("/", 303))

    async def change_password(self, request: Request) -> Response:
        fields, who = await form(request), who_of(request)
        if who is None or who.caller.via != "session":
            raise Forbidden("a password is changed by somebody who is logged in")

        def call(came: Came) -> Entered:
            return self._entrance.change_password(who, fields.get("old", ""), _password(fields), came)

        entered = await self._slowly(request, call, who.user.name)
        return let_in(self._door, entered, told("/me", "Your password is another one now."))

    async def _slowly(self, request: Request, call: Callable[[Came], T], name: str = "") -> T:
        """What `call` gives, in a thread; a refusal not before its time."""
        began = time.monotonic()
        try:
            return await run_in_threadpool(call, came_of(request, self._door, name))
        except KeptOut:
            await asyncio.sleep(max(0.0, SLOWEST - (time.monotonic() - began)))
            raise

    def _login(self, onto: str, name: str = "", error: KeptOut | None = None) -> Response:
        answer = page(
            "login.html",
            200 if error is None else 429 if error.wait else 403,
            next=onward(onto),
            name=name,
            wrong=str(error) if error else "",
            local=self._entrance.terms.local,
            single=self._sign_on is not None,
        )
        if error is not None and error.wait:
            answer.headers["retry-after"] = str(round(error.wait) + 1)
        return answer


def _password(fields: dict[str, str]) -> str:
    """The password, typed twice. Raises `Misconfigured`."""
    password = fields.get("password", "")
    if password != fields.get("again", ""):
        raise Misconfigured("the two are not the same", where="password")
    return password


def _over(next_: str) -> Response:
    return page(
        "refused.html", 403, title="This link is over", why="It was used, or its time is over.", next=next_
    )
