"""The guard of the console: who sends a request, whether it comes from a page of ours, and what every answer
carries.

Nobody who is not known reaches a page; a form that another page sent does nothing; a name that is not ours is
refused (a site that made its name point here); and whatever fails tells nothing of what it was about.
"""

from __future__ import annotations

import hmac
from typing import Final, NamedTuple
from urllib.parse import parse_qs, quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.accounts.coming import Came, Who
from engine.accounts.entrance import Entrance
from engine.accounts.secrets import digest_of
from engine.console.api.problems import problem
from engine.console.headers import CONSOLE, CONSOLE_OVER_TLS, Answer
from engine.errors import Unavailable
from engine.telemetry import PageFailed, signal

__all__ = ["LARGEST", "Door", "Guard", "Refused", "came_of", "inside", "refused_of", "who_of"]

API: Final = "/api/"
OPEN: Final = ("/assets/", "/login", "/setup", "/invitation", "/oidc/")
"""Where those come who are not known yet."""

HEALTH: Final = ("/health", "/ready")
"""What a monitor asks, by whatever name it knows this machine; says nothing that has to be guarded."""

LARGEST: Final = 4 * 1024 * 1024
"""Bytes of a form, at most."""

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Door(NamedTuple):
    """How people reach the console: `url` as they write it, without a slash at the end."""

    url: str

    @property
    def secure(self) -> bool:
        """Whether they come over TLS."""
        return self.url.startswith("https://")

    @property
    def hosts(self) -> frozenset[str]:
        """What `Host` may say: of this machine, also its other name."""
        parts = urlsplit(self.url)
        names = {parts.netloc}
        if parts.hostname in ("127.0.0.1", "localhost"):
            names |= {f"{name}:{parts.port}" for name in ("127.0.0.1", "localhost")}
        return frozenset(names)

    @property
    def origins(self) -> frozenset[str]:
        """What `Origin` may say."""
        return frozenset(f"{urlsplit(self.url).scheme}://{host}" for host in self.hosts)

    def cookie(self, what: str = "") -> str:
        """The name of a cookie. The prefix binds it to this host and to TLS (RFC 6265bis, 4.1.3.2); where
        there is none, the port tells consoles of one machine apart, which browsers do not."""
        name = f"wardline_{what}" if what else "wardline"
        return f"__Host-{name}" if self.secure else f"{name}_{urlsplit(self.url).port}"

    def give(
        self, response: Response, what: str, value: str, *, seconds: int | None = None, lax: bool = False
    ) -> None:
        """Give a cookie; without a value, take it back."""
        response.set_cookie(
            self.cookie(what), value, max_age=seconds if value else 0, path="/", secure=self.secure,
            httponly=True, samesite="lax" if lax else "strict",
        )  # fmt: skip

    def given(self, request: Request, what: str) -> str:
        """What a cookie of ours holds, or empty."""
        return request.cookies.get(self.cookie(what), "")

    def mark(self, name: str) -> str:
        """The cookie that marks a browser in which an account was used."""
        return f"browser_{digest_of(name).hex()[:12]}"


class Refused(NamedTuple):
    """What is said instead of a page."""

    status: int
    why: str


def inside(text: str) -> bool:
    """Whether an address is one of this console: browsers take `//name` and `/\\name` for another host, and
    leave out tabs and line ends before they look."""
    return text.startswith("/") and text[1:2] not in ("/", "\\") and text.isprintable()


def who_of(request: Request) -> Who | None:
    """Who sends the request; None on the pages of those who are not known yet."""
    found: Who | None = request.scope["state"].get("who")
    return found


def came_of(request: Request, door: Door, name: str = "") -> Came:
    """From where it comes; `name` is the account whose mark counts."""
    mark = door.given(request, door.mark(name)) if name else ""
    return Came(_address(request), mark, door.given(request, ""))


def refused_of(request: Request) -> Refused | None:
    """What the guard says to the request instead of its page."""
    found: Refused | None = request.scope["state"].get("refused")
    return found


class Guard:
    """Around the whole console. `app` makes pages: it is asked for one of a refusal too, so that they look
    alike (`refused_of`)."""

    def __init__(self, app: ASGIApp, entrance: Entrance, door: Door) -> None:
        self._app, self._entrance, self._door = app, entrance, door
        self._headers = CONSOLE_OVER_TLS if door.secure else CONSOLE

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        answer = Answer(send, self._headers)
        request = Request(scope, receive)
        scope["state"] = {}
        try:
            response = await self._judge(request)
            await (response or self._app)(scope, _again(request, receive), answer)
        except Exception as error:  # a bug must not tell of a message: its text and its trace may hold it
            signal(PageFailed("/" + request.url.path.split("/")[1], type(error).__name__))
            if not answer.began:
                await PlainTextResponse("That went wrong, and it is not your fault.", 500)(
                    scope, receive, answer
                )

    async def _judge(self, request: Request) -> Response | None:
        """What is said at once; None goes on to the pages, with who it is in the request's state."""
        path, state = request.url.path, request.scope["state"]
        if path in HEALTH:
            return None
        if request.headers.get("host", "") not in self._door.hosts:
            state["refused"] = Refused(421, f"This is not its address: use {self._door.url}.")
            return None
        try:
            who = await self._who(request)
        except Unavailable:
            if path.startswith(OPEN[0]):
                return None
            return self._refuse(request, Refused(503, "The store cannot be reached: try again."))
        if who is None and not path.startswith(OPEN):
            return _unknown(request)
        if who is not None:
            state |= {"who": who, "caller": who.caller, "token": who.form}
        if request.method not in _SAFE and (who is None or who.form) and not await self._ours(request, who):
            return self._refuse(
                request,
                Refused(403, "This form came from another page, or is too old: go back, and try again."),
            )
        return None

    def _refuse(self, request: Request, refused: Refused) -> Response | None:
        if request.url.path.startswith(API):
            return problem(refused.status, refused.why)
        request.scope["state"]["refused"] = refused
        return None

    async def _who(self, request: Request) -> Who | None:
        address = _address(request)
        authorization = request.headers.get("authorization", "")
        if request.url.path.startswith(API) and authorization:
            scheme, _, token = authorization.partition(" ")
            right = token if scheme.lower() == "bearer" else ""
            return await run_in_threadpool(self._entrance.by_token, right, address)
        session = self._door.given(request, "")
        if not session or request.url.path.startswith(OPEN[0]):
            return None
        awake = "x-poll" not in request.headers
        return await run_in_threadpool(lambda: self._entrance.who(session, address, awake=awake))

    async def _ours(self, request: Request, who: Who | None) -> bool:
        """Whether a request that changes something was sent by a page of ours: by its origin, which every
        browser tells, and by the token of the session."""
        if not self._same_origin(request):
            return False
        if who is None:
            return True
        given = request.headers.get("x-csrf-token", "") or await _field(request)
        return hmac.compare_digest(given.encode(), who.form.encode())

    def _same_origin(self, request: Request) -> bool:
        origin = request.headers.get("origin", "")
        site = request.headers.get("sec-fetch-site", "same-origin" if origin else "")
        return site == "same-origin" and origin in ("", *self._door.origins)


def _unknown(request: Request) -> Response:
    """What is said to somebody who is not known."""
    path = request.url.path
    if path.startswith(API):
        challenge = {"www-authenticate": 'Bearer realm="wardline"'}
        return problem(401, "Send a token of the API, or log in at the console.", headers=challenge)
    if "hx-request" in request.headers:
        return PlainTextResponse("The session is over.", 401)
    if _from_elsewhere(request):
        # A link in a message of somebody: the browser keeps our cookie back (SameSite=Strict) until we ask it
        # ourselves. A page of ours that leads to the same address does.
        return _bounce(request)
    asked = path + (f"?{request.url.query}" if request.url.query else "")
    onward = f"?next={quote(asked, safe='')}" if request.method == "GET" and asked != "/" else ""
    return RedirectResponse(f"/login{onward}", 303)


def _from_elsewhere(request: Request) -> bool:
    return request.method == "GET" and request.headers.get("sec-fetch-site", "") in (
        "cross-site",
        "same-site",
    )


def _bounce(request: Request) -> Response:
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    target = target if inside(target) else "/"
    return Response(
        status_code=200,
        headers={"refresh": f"0;url={quote(target, safe='/?&=%:,+.-_~')}"},
        media_type="text/html",
    )


async def _field(request: Request) -> str:
    """The token in the body of a form; empty for one that is too large, or none."""
    if (
        request.headers.get("content-type", "").partition(";")[0].strip()
        != "application/x-www-form-urlencoded"
    ):
        return ""
    if int(request.headers.get("content-length", LARGEST + 1)) > LARGEST:
        return ""
    try:
        fields = parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=2000)
    except ValueError:  # more fields than that
        return ""
    return fields.get("token", [""])[0]


def _again(request: Request, receive: Receive) -> Receive:
    """The body once more for the page, when the guard has read it."""
    body: bytes | None = getattr(request, "_body", None)
    if body is None:
        return receive
    told = False

    async def once() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return once


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
