"""One process of a node: reactor, event loop, HTTP, signals; from start to a graceful end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import resource
import select
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvicorn
import uvloop
from twisted.internet import asyncioreactor

from engine import tracing
from engine.app.beginning import Beginning, active_of
from engine.app.beside import Beside, check_console
from engine.app.node import Node
from engine.app.opening import open_with, ring_of
from engine.app.recorder import Recorder
from engine.app.workers import Share, Workers
from engine.config.listening import is_loopback
from engine.config.loading import load_channels
from engine.console.health import application
from engine.editions.loading import Shelf
from engine.errors import Misconfigured
from engine.measuring.recounting import recount
from engine.measuring.telling import Hearing
from engine.settings import Settings
from engine.store.base import Store
from engine.store.contracts.editions import Activation
from engine.store.keys import KeyRing
from engine.telemetry import REGISTRY, HttpOpened, configure_logs
from engine.telemetry import signal as tell

__all__ = ["run_node", "spare_the_collector"]


EXAMINE = 10.0
"""Seconds that a start may take for looking through a large store."""

SWITCH = 0.0005
"""Seconds a thread may hold the interpreter while another waits. Python's own 5 ms would add that much
to a commit that ends while the reactor is busy."""


class _Http(uvicorn.Server):
    """uvicorn inside our loop: signals are the reactor's business."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def run_node(settings: Settings, folder: Path | None, share: Share, *, plain_logs: bool = False) -> None:
    """Run one process of a node until SIGTERM or SIGINT, by the edition that is active; what `folder`
    holds is made that before, if one is given. Raises `Misconfigured` before anything is opened."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # what is in memory stays there
    configure_logs(level=settings.log_level, plain=plain_logs)
    sys.setswitchinterval(SWITCH)
    trace(settings, f"{settings.node}/{share[0]}")
    if settings.console and share[0] == 0:
        check_console(settings)
    if folder is not None:
        load_channels(folder, settings.sites)  # what is wrong with it is said before there is a store
    ring = ring_of(settings)
    store = open_with(settings, ring)
    if share[0] == 0 and not store.own():
        raise Misconfigured("another engine runs on this store", hint="stop it first, or name another store")
    if share[0] == 0:
        store.examine(EXAMINE)
        recount(store, time.time())
        store.begin_terms(ring.current)
    with tempfile.TemporaryDirectory(prefix="wardline-", ignore_cleanup_errors=True) as into:
        shelf = Shelf(store, Path(into), two_persons=settings.mode == "production")
        beginning = Beginning(store, shelf, settings, share)
        _run(beginning, active_of(store, settings, folder), store, ring.following(store.uses()), bool(folder))


def _run(beginning: Beginning, active: Activation, store: Store, ring: KeyRing, fresh: bool) -> None:
    """`fresh` is what is active when it was made so by this very start: then there is nothing to fall back
    on."""
    settings, share = beginning.settings, beginning.share
    recorder = Recorder(store, settings, ring) if share[0] == 0 else None
    # Before there are threads, which would outlive a refusal.
    door = _open_http(settings.http) if share[0] == 0 and settings.http != "off" else None
    loop, reactor = _reactor()
    workers, hearing = None, Hearing(time.monotonic)
    if share[0] == 0 and share[1] > 1:
        workers = Workers(reactor, share[1], _command, _environment(settings), hearing.heard)
    beside = Beside(reactor, _environment(settings)) if share[0] == 0 and settings.console else None
    node = Node(
        reactor,
        settings,
        store,
        ring,
        beginning.shelf,
        loop=loop,
        share=share,
        workers=workers,
        recorder=recorder,
        hearing=hearing,
        say=_line_to_parent() if share[0] > 0 else None,
    )
    if share[0] > 0:
        _end_with_parent(loop, reactor)
    failure: list[Misconfigured] = []

    def failed(error: Misconfigured) -> None:
        """A listener that cannot open ends the process with its reason, not with a half-open node."""
        failure.append(error)
        reactor.stop()

    def start() -> None:
        later = partial(reactor.callLater, 0.1)
        beginning.begin(active, node.start, last=not fresh, later=later, failed=failed)
        spare_the_collector()

    reactor.callWhenRunning(start)
    reactor.callWhenRunning(loop.add_signal_handler, signal.SIGHUP, node.wake)
    reactor.addSystemEventTrigger("before", "shutdown", node.stop)
    if beside:
        reactor.callWhenRunning(beside.start)
        reactor.addSystemEventTrigger("before", "shutdown", beside.stop)
    if door:
        _serve_http(loop, reactor, door, node)
    reactor.run()
    tracing.stop()
    if failure:
        raise failure[0]


def trace(settings: Settings, name: str) -> None:
    """Trace from now on, where a collector is named. Raises `Misconfigured`."""
    if not settings.traces:
        return
    parts = urlsplit(settings.traces)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Misconfigured("not an address", where="WARDLINE_TRACES", hint="such as http://127.0.0.1:4318")
    if parts.scheme == "http" and not (is_loopback(parts.hostname) or settings.insecure_ok):
        raise Misconfigured(
            "plain HTTP beyond loopback",
            where="WARDLINE_TRACES",
            hint="say https://, or WARDLINE_INSECURE_OK=true",
        )
    if not 0 <= settings.trace_share <= 1:
        raise Misconfigured("is not between 0 and 1", where="WARDLINE_TRACE_SHARE")
    tracing.start(
        settings.traces, settings.trace_share, name=name, version=version("wardline"),
        environment=settings.environment or settings.mode,
    )  # fmt: skip


def spare_the_collector() -> None:
    """What was built at start lives as long as the process, and what a message leaves behind has no
    cycles: look for garbage rarely, and never in the former."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _reactor() -> tuple[asyncio.AbstractEventLoop, Any]:
    """Twisted on uvloop, so that HTTP shares the loop."""
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    asyncioreactor.install(loop)  # type: ignore[no-untyped-call]
    from twisted.internet import reactor

    return loop, reactor


def _serve_http(loop: asyncio.AbstractEventLoop, reactor: Any, door: socket.socket, node: Node) -> None:
    app = application(
        parts=node.parts,
        backlog=lambda: node.backlog().asFuture(loop),
        counters=node.counters,
        registry=REGISTRY,
        others=node.counted_elsewhere,
        lasting=lambda: node.lasting().asFuture(loop),
        stuck=node.stuck,
    )
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
    server = _Http(config)
    reactor.callWhenRunning(lambda: loop.create_task(server.serve(sockets=[door])))
    host, port, *_ = door.getsockname()
    tell(HttpOpened(f"{host}:{port}"))

    def end() -> None:
        server.should_exit = True

    reactor.addSystemEventTrigger("during", "shutdown", end)


def _open_http(address: str) -> socket.socket:
    """The port for health and metrics; 0 is any free one. Raises `Misconfigured`."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, int(port)), family=family)
    except (OSError, OverflowError, ValueError) as error:
        said = os.strerror(error.errno or 0) if isinstance(error, OSError) else "not an address and a port"
        raise Misconfigured(
            f"cannot be listened on: {said}", where="WARDLINE_HTTP", hint="such as 127.0.0.1:8580, or off"
        ) from None


def _command(share: Share) -> list[str]:
    return [sys.executable, "-m", "engine.cli", "run", "--share", f"{share[0]}/{share[1]}"]


def _environment(settings: Settings) -> dict[str, str]:
    """What workers inherit: the settings travel here, because command lines can be read by anyone."""
    given = {"WARDLINE_STORE": settings.store, "WARDLINE_HTTP": "off", "WARDLINE_NODE": settings.node}
    if settings.console:
        given["WARDLINE_CONSOLE"] = settings.console
    if settings.sites:
        given["WARDLINE_SITES"] = ",".join(settings.sites)
    if settings.cabinet:
        given["WARDLINE_CABINET"] = settings.cabinet
    if settings.ledger:
        given["WARDLINE_LEDGER"] = str(settings.ledger)
    return {**os.environ, **given}


def _line_to_parent() -> Callable[[bytes], object]:
    """What says a line to the first process: standard input is a socket (`engine.app.workers`)."""
    line = socket.socket(fileno=os.dup(0))
    # Who does not listen is away or stuck; and what waits for standard input leaves it so.
    line.settimeout(10)
    return line.sendall


def _end_with_parent(loop: asyncio.AbstractEventLoop, reactor: Any) -> None:
    """Standard input closes when the first process is gone. A graceful stop asks by signal and waits, so
    then it crashed: this one ends as abruptly, because whatever it still carried out could be carried
    out a second time by the engine that starts next."""

    def closed() -> None:
        if not os.read(0, 1):
            os._exit(1)

    def watch() -> None:
        if select.select([0], [], [], 0)[0]:
            closed()
        loop.add_reader(0, closed)

    reactor.callWhenRunning(watch)
