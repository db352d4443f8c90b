"""A socket, and HTTP served on it within bounds: what every door of ours stands on."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from functools import partial
from typing import Any, Final

import uvicorn

from engine.errors import Misconfigured
from engine.listeners.fhir.tls import Tls
from engine.listeners.fhir.wire import Bounds, bounded

__all__ = ["Server", "bind", "whole_body"]

_KEEP_ALIVE: Final = 75  # seconds a connection may stay idle
_BACKLOG: Final = 512


class Server(uvicorn.Server):
    """uvicorn inside a loop of ours: signals are somebody else's business. A handshake of TLS may take as
    long as the head of a request: until it is done, a connection is not counted by anybody. Nothing is
    logged by the server, and nothing is believed that a proxy says."""

    def __init__(self, application: Any, bounds: Bounds, tls: Tls | None) -> None:
        config = uvicorn.Config(
            application, ws="none", lifespan="off", log_config=None,
            access_log=False, server_header=False, proxy_headers=False, backlog=_BACKLOG,
            timeout_keep_alive=_KEEP_ALIVE,
            ssl_context_factory=(lambda _config, _default: tls.context) if tls else None,
        )  # fmt: skip
        super().__init__(config)
        self._bounds = bounds

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        config, loop = self.config, asyncio.get_running_loop()
        made = partial(bounded(self._bounds), config, self.server_state, {})
        self.servers = [
            await loop.create_server(
                made, sock=bound, ssl=config.ssl, backlog=config.backlog,
                ssl_handshake_timeout=self._bounds.head_seconds if config.ssl else None,
            )
            for bound in sockets or ()
        ]  # fmt: skip
        self.started = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bind(host: str, port: int, where: str) -> socket.socket:
    """A socket that listens there (port 0: any free one). Raises `Misconfigured`, which names `where`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # named as TCP: else asyncio leaves Nagle on, and every answer in two writes waits for 40 ms
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(_BACKLOG)  # from now on clients may come; they are answered in the loop's next turn
    except (OSError, OverflowError) as error:
        bound.close()
        said = error.strerror if isinstance(error, OSError) else "no such port"
        raise Misconfigured(
            f"cannot listen on {host}:{port}: {said}",
            where=where,
            hint="is another engine or channel using the port?",
        ) from None
    return bound


async def whole_body(receive: Callable[[], Awaitable[MutableMapping[str, Any]]], limit: int) -> bytes | None:
    """The body of an ASGI request as it was sent; None beyond `limit` bytes. Raises `ConnectionError` when
    its sender is gone before its end."""
    body = bytearray()
    while True:
        event = await receive()
        if event["type"] != "http.request":
            raise ConnectionError
        body += event.get("body", b"")
        if len(body) > limit:
            return None
        if not event.get("more_body", False):
            return bytes(body)
