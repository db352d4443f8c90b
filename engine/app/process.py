"""One process of a node: reactor, event loop, HTTP, signals; from start to a graceful end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn
import uvloop
from twisted.internet import asyncioreactor

from engine.app.node import Node
from engine.app.workers import Share, Workers
from engine.config.loading import load_channels
from engine.console.health import application
from engine.destinations import open_destination
from engine.errors import Misconfigured
from engine.privacy.book import TokenBook
from engine.privacy.vault import Vault
from engine.settings import Settings
from engine.store import open_store
from engine.telemetry import REGISTRY, configure_logs

__all__ = ["run_node"]


class _Http(uvicorn.Server):
    """uvicorn inside our loop: signals are the reactor's business."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def run_node(settings: Settings, folder: Path, share: Share, *, plain_logs: bool = False) -> None:
    """Run one process of a node until SIGTERM or SIGINT. Raises `Misconfigured` before anything is opened."""
    configure_logs(plain=plain_logs)
    channels = load_channels(folder)
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    asyncioreactor.install(loop)
    from twisted.internet import reactor as installed

    reactor: Any = installed
    store = open_store(settings.store, settings.key_file)
    if share[0] == 0 and not store.own():
        raise Misconfigured("another engine runs on this store", where=settings.store, hint="stop it first")
    workers = (
        Workers(reactor, share[1], lambda part: _command(folder, settings, part))
        if share == (0, share[1]) and share[1] > 1
        else None
    )
    node = Node(
        reactor,
        settings,
        store,
        channels,
        lambda: TokenBook(Vault.of(store.keys), store.tokens),
        lambda name: open_destination(name, os.environ, settings.ledger),
        share=share,
        workers=workers,
    )
    reactor.callWhenRunning(node.start)
    reactor.addSystemEventTrigger("before", "shutdown", node.stop)
    if share[0] == 0 and settings.http != "off":
        _serve_http(loop, reactor, settings.http, node)
    if share[0] > 0:
        _end_with_parent(reactor)
    reactor.run()


def _serve_http(loop: asyncio.AbstractEventLoop, reactor: Any, address: str, node: Node) -> None:
    host, _, port = address.rpartition(":")
    app = application(parts=node.parts, backlog=lambda: node.backlog().asFuture(loop), registry=REGISTRY)
    config = uvicorn.Config(app, host=host, port=int(port), log_config=None, access_log=False, lifespan="off")
    server = _Http(config)
    reactor.callWhenRunning(lambda: loop.create_task(server.serve()))

    def end() -> None:
        server.should_exit = True

    reactor.addSystemEventTrigger("during", "shutdown", end)


def _command(folder: Path, settings: Settings, share: Share) -> list[str]:
    command = [sys.executable, "-m", "engine.cli", "run", str(folder), "--store", settings.store]
    command += ["--share", f"{share[0]}/{share[1]}", "--http", "off"]
    return command + (["--ledger", str(settings.ledger)] if settings.ledger else [])


def _end_with_parent(reactor: Any) -> None:
    """Standard input closes when the first process is gone, however it went."""

    def closed() -> None:
        if not os.read(0, 1):
            asyncio.get_event_loop().remove_reader(0)
            reactor.stop()

    reactor.callWhenRunning(lambda: asyncio.get_event_loop().add_reader(0, closed))
