"""A running reactor in a thread, so that tests can talk to servers over plain blocking sockets."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from mllp_wire import Served


@pytest.fixture(scope="session")
def reactor() -> Iterator[Any]:
    """The asyncio reactor, as in production."""
    loop: asyncio.AbstractEventLoop | None = None
    if "twisted.internet.reactor" not in sys.modules:
        from twisted.internet import asyncioreactor

        loop = asyncio.new_event_loop()
        asyncioreactor.install(loop)
    from twisted.internet import reactor as running

    thread: Any = None
    if not running.running:  # type: ignore[attr-defined]
        thread = threading.Thread(target=running.run, args=(False,), daemon=True)  # type: ignore[attr-defined]
        thread.start()
    yield running
    if thread is not None:
        running.callFromThread(running.stop)  # type: ignore[attr-defined]
        thread.join(10)
    if loop is not None:
        loop.close()


@pytest.fixture
def call(reactor: Any) -> Callable[..., Any]:
    """Call something in the reactor's thread; wait for its result, also when that is a Deferred."""
    from twisted.internet.threads import blockingCallFromThread

    def in_reactor(function: Callable[..., Any], *args: Any, **named: Any) -> Any:
        return blockingCallFromThread(reactor, function, *args, **named)

    return in_reactor


@pytest.fixture
def serve(call: Callable[..., Any], reactor: Any) -> Iterator[Callable[..., Served]]:
    """Start servers (`Served`) that are stopped after the test."""
    started: list[Served] = []

    def start(tls: Any = None, **options: Any) -> Served:
        started.append(Served(call, reactor, tls, **options))
        return started[-1]

    yield start
    for served in started:
        served.stop()
