"""The process of re-identification: its address, its TLS, its end. The engine knows nothing of it."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import resource
import signal as signals
import socket
import ssl
import sys
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

import msgspec
import uvicorn

from engine.access import Certificate
from engine.config.listening import is_loopback
from engine.console.health import Backlog, application
from engine.errors import Misconfigured
from engine.listeners.fhir import Tls
from engine.listeners.fhir.serving import Server, bind
from engine.listeners.fhir.wire import Bounds
from engine.measuring.standing import Standing
from engine.people.file import read_people
from engine.privacy.unsealing import Unsealer
from engine.reidentify.door import Door, refusal
from engine.reidentify.office import Office, Store
from engine.reidentify.service import Answer, Call
from engine.telemetry import REGISTRY, LoopFailed, ReidentificationAlarm, ReidentifyOpened, signal

__all__ = ["Options", "address", "checked_tls", "serve_until_stopped", "without_dumps"]

HEAD_SECONDS: Final = 10.0
CONNECTIONS: Final = 64
TIDY_SECONDS: Final = 30.0
LAST_SECONDS: Final = 10  # that answers in work may take at the end
_DUMPABLE: Final = 4  # prctl(2): PR_SET_DUMPABLE
_WHERE: Final = "re-identification"

T = TypeVar("T")


class Options(msgspec.Struct, frozen=True):
    """What the process is told: where it listens and with which certificate, who may come (`people`), whose
    authority signs their certificates (`client_ca`, empty: they are not asked), and where health and metrics
    are (`http`, empty: nowhere)."""

    people: Path
    host: str
    port: int
    certificate: str = ""
    key: str = ""
    client_ca: str = ""
    http: str = ""


def checked_tls(options: Options) -> Tls | None:
    """The TLS of these options, which are looked at before a store is. Raises `Misconfigured` where it must
    not be without, or where nobody could come."""
    read_people(options.people, asks=bool(options.client_ca))
    return _tls(options)


def serve_until_stopped(options: Options, tls: Tls | None, store: Store, unsealer: Unsealer) -> None:
    """Answer until SIGTERM or SIGINT. Raises `Misconfigured` when it cannot listen, `Unavailable` when the
    audit takes nothing."""
    without_dumps()
    bound = bind(options.host, options.port, _WHERE)
    health = bind(*address(options.http), f"{_WHERE}: health") if options.http else None
    office = Office(store, unsealer, options.people, asks=bool(options.client_ca))
    office.begin(listens=options.host, tls="yes" if tls else "no")
    try:
        asyncio.run(_Serving(options, office, tls).run(bound, health))
    finally:
        office.close()


def without_dumps() -> None:
    """No core of this process is ever written, wherever the system sends cores to, and no other process of
    this user reads its memory: identifiers are in it for moments."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_DUMPABLE, 0, 0, 0, 0)


class _Serving:
    """A loop that answers, and one thread in which everything is decided."""

    def __init__(self, options: Options, office: Office, tls: Tls | None) -> None:
        self._options, self._office, self._tls = options, office, tls
        self._servers: list[uvicorn.Server] = []
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reidentify")

    async def run(self, bound: socket.socket, health: socket.socket | None) -> None:
        """Serve until told to stop."""
        bounds = Bounds(HEAD_SECONDS, CONNECTIONS, Certificate.read, frozenset(), refusal)
        serving = [self._serve(Server(Door(self._judge), bounds, self._tls), bound)]
        if health:
            plain = Bounds(HEAD_SECONDS, CONNECTIONS, None, frozenset())
            serving.append(self._serve(Server(self._health(), plain, None), health))
        loop = asyncio.get_running_loop()
        for number in (signals.SIGTERM, signals.SIGINT):
            loop.add_signal_handler(number, self._stop)
        host, port, *_ = bound.getsockname()
        signal(ReidentifyOpened(f"{host}:{port}", self._tls is not None, bool(self._options.client_ca)))
        tidying = asyncio.create_task(self._tidy())
        try:
            await asyncio.gather(*serving)
        finally:
            tidying.cancel()
            self._thread.shutdown()

    def _serve(self, server: uvicorn.Server, bound: socket.socket) -> Coroutine[None, None, None]:
        self._servers.append(server)
        return server.serve([bound])

    def _stop(self) -> None:
        for server in self._servers:
            server.config.timeout_graceful_shutdown = LAST_SECONDS
            server.should_exit = True

    async def _judge(self, call: Call) -> Answer:
        answer = await self._in_thread(lambda: self._office.answer(call))
        self._end_if_replaced()
        return answer

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(TIDY_SECONDS)
            try:
                await self._in_thread(self._office.tidy)
            except Exception as error:
                signal(LoopFailed("reidentify", type(error).__name__))
            self._end_if_replaced()

    def _end_if_replaced(self) -> None:
        if self._office.replaced and not self._servers[0].should_exit:
            signal(ReidentificationAlarm("", "replaced"))
            self._stop()

    def _in_thread(self, call: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._thread, call)

    def _health(self) -> object:
        async def nothing_waits() -> Backlog:
            return {}

        parts: dict[str, Standing] = {"reidentify": "ready"}
        return application(parts=lambda: parts, backlog=nothing_waits, counters=dict, registry=REGISTRY)


def _tls(options: Options) -> Tls | None:
    """Its TLS. Raises `Misconfigured` where it may not be without, or where it cannot be had."""
    if not options.certificate:
        if not is_loopback(options.host):
            raise Misconfigured(
                "plain HTTP beyond loopback shows keys and patients to everyone on the wire",
                where=_WHERE,
                hint="give --certificate and --certificate-key; there is no way around it",
            )
        if options.client_ca:
            raise Misconfigured("nobody shows a certificate without TLS", where=_WHERE, hint="--certificate")
        return None
    try:
        return Tls(options.certificate, options.key, options.client_ca or None)
    except ssl.SSLError:
        said = "certificate and key do not fit together, or are not PEM"
    except OSError as error:
        said = f"a certificate or key file cannot be read: {error.strerror}"
    raise Misconfigured(said, where=_WHERE)


def address(text: str) -> tuple[str, int]:
    """Host and port. Raises `Misconfigured`."""
    host, _, port = text.rpartition(":")
    with contextlib.suppress(ValueError):
        if host and 0 <= int(port) <= 65535:
            return host.strip("[]"), int(port)
    raise Misconfigured("is not an address and a port", where=text, hint="such as 127.0.0.1:8583")
