"""Pages served to one person on this machine, as a notebook's are."""

from __future__ import annotations

import socket
from collections.abc import Sequence

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from engine.console.assets import asset_routes
from engine.console.pages.guarding import ENTER, Guarded, Session
from engine.console.pages.rendering import page
from engine.errors import Misconfigured

__all__ = ["application", "link", "open_port", "server"]


def application(routes: Sequence[Route], session: Session, home: str) -> Guarded:
    """These pages behind the session's guard; `home` is where it begins."""

    async def start(_: Request) -> Response:
        return RedirectResponse(home, 303)

    async def missing(_: Request, __: Exception) -> Response:
        return page("refused.html", 404, why="There is no such page.")

    own = [Route("/", start), *asset_routes()]
    return Guarded(Starlette(routes=[*own, *routes], exception_handlers={404: missing}), session)


def open_port(port: int) -> socket.socket:
    """A port of this machine alone; 0 is any free one. Raises `Misconfigured`."""
    try:
        return socket.create_server(("127.0.0.1", port))
    except (OSError, OverflowError) as error:
        text = f"port {port} cannot be listened on: {getattr(error, 'strerror', None) or 'no such port'}"
        raise Misconfigured(text, where="--port", hint="another one, or 0 for any") from None


def link(door: socket.socket, session: Session) -> str:
    """The link that works once."""
    return f"http://127.0.0.1:{door.getsockname()[1]}{ENTER}?key={session.key}"


def server(app: Guarded) -> uvicorn.Server:
    """What serves it: `run(sockets=[door])` until told to stop (Ctrl-C, SIGTERM)."""
    config = uvicorn.Config(
        app, ws="none", lifespan="off", log_config=None, access_log=False, server_header=False,
        proxy_headers=False, limit_concurrency=64, timeout_graceful_shutdown=2,
    )  # fmt: skip
    return uvicorn.Server(config)
