"""One address of FHIR over HTTP: its socket, its server, its end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping

from twisted.internet.defer import Deferred, succeed

from engine.listeners.fhir.app import Application
from engine.listeners.fhir.service import Limits, Service
from engine.listeners.fhir.serving import Server, bind
from engine.listeners.fhir.tls import Tls
from engine.listeners.fhir.wire import Bounds

__all__ = ["FhirListener"]


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
        self._server: Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self._accepting = True
        self._bound: socket.socket | None = None
        self._base = ""

    @property
    def counters(self) -> Mapping[str, int]:
        """Irregularities of connections, growing only."""
        return self._bounds.counters

    @property
    def is_open(self) -> bool:
        """Whether requests are answered and can be stored."""
        return self._serving is not None and not self._serving.done() and self._accepting

    def open(
        self,
        loop: asyncio.AbstractEventLoop,
        host: str,
        port: int,
        tls: Tls | None = None,
        bound: socket.socket | None = None,
    ) -> int:
        """Listen, on a socket that is `bound` already if there is one; the port it became (0 asks for a free
        one). Raises `Misconfigured`."""
        self._bound = bound = bound or bind(host, port, self.name)
        port = int(bound.getsockname()[1])
        shown = f"[{host}]" if ":" in host else host
        self._base = f"{'https' if tls else 'http'}://{shown}:{port}"
        application = Application(self._service(self._base))
        application.accepting = self._accepting
        self._application, self._server = application, Server(application, self._bounds, tls)
        self._serving = loop.create_task(self._server.serve([bound]))
        return port

    def take_up(
        self, name: str, service: Callable[[str], Service], limits: Limits, names: frozenset[str]
    ) -> None:
        """Serve this from the next request on, over whichever connection it comes; those in work are answered
        by what they came to."""
        self.name, self._service = name, service
        self._bounds.head_seconds, self._bounds.connections = limits.head_seconds, limits.connections
        self._bounds.names = names
        if self._application is not None:
            self._application.service = service(self._base)

    def hand_over(self) -> socket.socket:
        """Its socket for a listener that takes its place: nobody is turned away between the two."""
        assert self._bound is not None  # noqa: S101 - only an open one is replaced
        return self._bound.dup()

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
