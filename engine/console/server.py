"""The console's process: its address, its TLS, its end. It shares nothing with the engine but the store."""

from __future__ import annotations

import asyncio
import contextlib
import signal as signals
import socket
import ssl
from importlib.metadata import version
from typing import Final

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from engine.accounts.coming import KeptOut
from engine.accounts.entrance import Entrance
from engine.accounts.sign_on import SignOn
from engine.config.listening import is_loopback
from engine.console.api.problems import problem
from engine.console.entering import entering_routes
from engine.console.framing import Framed, remembering
from engine.console.guarding import API, Door, Guard, refused_of
from engine.console.pages.rendering import page
from engine.console.signing_on import signing_on_routes
from engine.console.site import places, routes
from engine.console.standing import standing
from engine.errors import Misconfigured, Unacceptable, Unavailable, WardlineError
from engine.listeners.fhir import Tls
from engine.listeners.fhir.serving import Server, bind
from engine.listeners.fhir.wire import Bounds
from engine.operations.operation import Desk, Forbidden, NotThere
from engine.telemetry import ConsoleOpened, signal

__all__ = [
    "DEFAULT", "Listening", "application", "door_of", "listening", "opened", "serve_until_stopped", "tls_of",
]  # fmt: skip

DEFAULT: Final = "127.0.0.1:8581"

_HEAD_SECONDS: Final = 10.0
_CONNECTIONS: Final = 256
_LAST_SECONDS: Final = 5  # that answers in work may take at the end
_WHERE: Final = "WARDLINE_CONSOLE"

_STATUS: Final[dict[type[WardlineError], tuple[int, str]]] = {
    Forbidden: (403, "Not for you"),
    NotThere: (404, "Not here"),
    Misconfigured: (422, "That will not do"),
    Unacceptable: (422, "That will not do"),
    Unavailable: (503, "Not now"),
    KeptOut: (403, "Not let in"),
}


class Listening(msgspec.Struct, frozen=True):
    """Where the console listens: `host` and `port`, the files of its certificate and key (empty: no TLS), and
    how people write its address (empty: as it listens). `insecure_ok`: what is between it and people is
    closed."""

    host: str
    port: int
    certificate: str = ""
    key: str = ""
    url: str = ""
    insecure_ok: bool = False


def listening(address: str, **given: object) -> Listening:
    """Read `127.0.0.1:8581`. Raises `Misconfigured`, also for an address beyond this machine without TLS."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise Misconfigured("is not an address and a port", where=_WHERE, hint=f"such as {DEFAULT}")
    made = msgspec.convert({"host": host.strip("[]"), "port": int(port), **given}, Listening)
    if not (made.certificate or is_loopback(made.host) or made.insecure_ok):
        raise Misconfigured(
            "the console would send passwords in the clear", where=f"{_WHERE}={address}",
            hint="give WARDLINE_CONSOLE_CERT and WARDLINE_CONSOLE_KEY, or listen on 127.0.0.1 behind a proxy",
        )  # fmt: skip
    return made


def door_of(options: Listening, port: int) -> Door:
    """How people reach a console that listens on this port. Raises `Misconfigured` for an address of people
    that is none, or not over TLS."""
    url = options.url.rstrip("/")
    if not url:
        host = f"[{options.host}]" if ":" in options.host else options.host
        return Door(f"{'https' if options.certificate else 'http'}://{host}:{port}")
    scheme, _, rest = url.partition("://")
    if scheme not in ("http", "https") or not rest or "/" in rest or not rest.isascii():
        raise Misconfigured(
            "is not the address of a console",
            where="WARDLINE_CONSOLE_URL",
            hint="https://wardline.hospital.example",
        )
    if scheme == "http" and not (is_loopback(rest.rpartition(":")[0] or rest) or options.insecure_ok):
        raise Misconfigured("people come over https only", where="WARDLINE_CONSOLE_URL")
    return Door(url)


def application(desk: Desk, entrance: Entrance, door: Door, sign_on: SignOn | None = None) -> Guard:
    """The whole console as an ASGI application; with single sign-on, if there is one."""
    settings = desk.settings
    pages = Starlette(
        routes=[
            *entering_routes(entrance, door, sign_on),
            *(signing_on_routes(sign_on, entrance, door) if sign_on else ()),
            *_health(desk),
            *routes(desk),
        ],
        exception_handlers={**dict.fromkeys(_STATUS, _refusal), HTTPException: _http, Exception: _fault},
    )
    framed = Framed(
        _Refusing(pages),
        places=places(desk),
        standing=remembering(lambda: standing(desk.store, desk.clock())),
        environment=settings.environment or settings.mode,
        productive=settings.mode == "production",
        version=version("wardline"),
    )
    return Guard(framed, entrance, door)


def serve_until_stopped(app: Guard, bound: socket.socket, tls: Tls | None, door: Door) -> None:
    """Answer until SIGTERM or SIGINT."""
    asyncio.run(_serve(app, bound, tls, door))


def opened(options: Listening) -> socket.socket:
    """The socket that it listens on. Raises `Misconfigured`."""
    return bind(options.host, options.port, _WHERE)


async def _serve(app: Guard, bound: socket.socket, tls: Tls | None, door: Door) -> None:
    server = Server(app, Bounds(_HEAD_SECONDS, _CONNECTIONS, None, frozenset(), _no_request), tls)

    def stop() -> None:
        server.config.timeout_graceful_shutdown = _LAST_SECONDS
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signals.SIGTERM, signals.SIGINT):
        with contextlib.suppress(RuntimeError, ValueError):  # tests serve it in a thread of theirs
            loop.add_signal_handler(number, stop)
    host, port, *_ = bound.getsockname()
    signal(ConsoleOpened(f"{host}:{port}", door.url, tls is not None))
    await server.serve([bound])


def tls_of(options: Listening) -> Tls | None:
    """Its TLS, if it has any. Raises `Misconfigured` when certificate or key cannot be used."""
    if not options.certificate:
        return None
    try:
        return Tls(options.certificate, options.key)
    except (OSError, ssl.SSLError):
        raise Misconfigured(
            "the certificate or its key cannot be used", where="WARDLINE_CONSOLE_CERT"
        ) from None


def _health(desk: Desk) -> list[Route]:
    """`/health` while the process lives, `/ready` while it can show something."""

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def ready(_: Request) -> Response:
        try:
            await run_in_threadpool(desk.store.active)
        except Unavailable:
            return JSONResponse({"ready": False, "parts": {"store": "unready"}}, 503)
        return JSONResponse({"ready": True, "parts": {"store": "ready"}})

    return [Route("/health", health, methods=["GET"]), Route("/ready", ready, methods=["GET"])]


class _Refusing:
    """Says what the guard refuses, as a page like all others."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = refused_of(Request(scope))
        answer: ASGIApp = page("refused.html", refused.status, why=refused.why) if refused else self._app
        await answer(scope, receive, send)


async def _refusal(request: Request, error: Exception) -> Response:
    status, title = next(said for kind, said in _STATUS.items() if isinstance(error, kind))
    return _said(request, status, title, str(error))


async def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return _said(
        request, status, "Not here", "There is no such page." if status == 404 else "It does not do that."
    )


async def _fault(request: Request, _: Exception) -> Response:
    return _said(request, 500, "That went wrong", "It is not your fault, and it is logged.")


def _said(request: Request, status: int, title: str, why: str) -> Response:
    if request.url.path.startswith(API):
        return problem(status, why)
    return page("refused.html", status, title=title, why=why)


def _no_request(_code: str, text: str) -> tuple[str, bytes]:
    """What is said to bytes that are no request (`engine.listeners.fhir.wire.Refusal`)."""
    return "text/plain; charset=utf-8", text.encode()
