"""One address of FHIR over HTTP: its socket, its server, its end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import uvicorn
from twisted.internet.defer import Deferred, succeed

from engine.errors import Misconfigured
from engine.listeners.fhir.app import Application
from engine.listeners.fhir.service import Limits, Service
from engine.listeners.fhir.tls import Tls
from engine.listeners.fhir.wire import Bounds, bounded

__all__ = ["FhirListener"]

_KEEP_ALIVE = 75  # seconds a connection may stay idle
_BACKLOG = 512


class _Server(uvicorn.Server):
    """uvicorn inside our loop: signals are the reactor's business. A handshake of TLS may take as long as the
    head of a request: until it is done, a connection is not counted by anybody."""

    def __init__(self, config: uvicorn.Config, bounds: Bounds) -> None:
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


class FhirListener:
    """The door that one or more channels share (`name` joins theirs). `service` makes what is served once
    the address is known; `peer` reads a client's certificate (DER)."""

    def __init__(
        self,
        name: str,
        service: Callable[[str], Service],
        limits: Limits,
        peer: Callable[[bytes], object],
        names: frozenset[str] = frozenset(),
    ) -> None:
        self.name = name
        self._service = service
        self._bounds = Bounds(limits.head_seconds, limits.connections, peer, names)
        self._application: Application | None = None
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self._accepting = True

    @property
    def counters(self) -> Mapping[str, int]:
        """Irregularities of connections, growing only."""
        return self._bounds.counters

    @property
    def is_open(self) -> bool:
        """Whether requests are answered and can be stored."""
        return self._serving is not None and not self._serving.done() and self._accepting

    def open(self, loop: asyncio.AbstractEventLoop, host: str, port: int, tls: Tls | None = None) -> int:
        """Listen; the port it became (0 asks for a free one). Raises `Misconfigured`."""
        bound = self._bind(host, port)
        port = int(bound.getsockname()[1])
        shown = f"[{host}]" if ":" in host else host
        application = Application(self._service(f"{'https' if tls else 'http'}://{shown}:{port}"))
        application.accepting = self._accepting
        config = uvicorn.Config(
            application, ws="none", lifespan="off", log_config=None,
            access_log=False, server_header=False, proxy_headers=False, backlog=_BACKLOG,
            timeout_keep_alive=_KEEP_ALIVE,
            ssl_context_factory=(lambda _config, _default: tls.context) if tls else None,
        )  # fmt: skip
        self._application, self._server = application, _Server(config, self._bounds)
        self._serving = loop.create_task(self._server.serve([bound]))
        return port

    def _bind(self, host: str, port: int) -> socket.socket:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # named as TCP: else asyncio leaves Nagle on, and every answer in two writes waits for 40 ms
        bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((host, port))
            bound.listen(_BACKLOG)  # from now on clients may come; they are answered in the loop's next turn
        except OSError as error:
            bound.close()
            raise Misconfigured(
                f"cannot listen on {host}:{port}: {error.strerror}",
                where=self.name,
                hint="is another engine or channel using the port?",
            ) from None
        return bound

    def accepting(self, yes: bool) -> None:
        """Take requests, or answer that nothing can be stored at the moment (503): an HTTP client
        understands that, so the door itself stays open."""
        self._accepting = yes
        if self._application is not None:
            self._application.accepting = yes

    def drain(self, timeout: float) -> Deferred[None]:
        """Stop listening, answer what is in work, close."""
        serving, server = self._serving, self._server
        if serving is None or server is None:
            return succeed(None)
        self._serving = None
        server.config.timeout_graceful_shutdown = max(1, int(timeout))
        server.should_exit = True
        return Deferred.fromFuture(serving)
