"""More processes for one node: the first keeps listeners and intake, the others route and deliver.

The first process starts the others and starts them again when they end; they end when it does
(their standard input closes), so nothing is left behind after kill -9. Their standard input is a socket: by
it they tell how they stand (`engine.measuring.telling`).
"""

from __future__ import annotations

import hashlib
import socket
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred, DeferredList

from engine.telemetry import WorkerEnded, signal
from engine.threads import Threads

__all__ = ["Share", "Workers", "belongs"]

AGAIN_AFTER = 1.0  # seconds before an ended worker is started again

Share = tuple[int, int]
"""Which process of how many: (0, 1) does everything, (0, n) listens, (1…n-1, n) route and deliver."""


def belongs(name: str, share: Share) -> bool:
    """Whether what is called so is this process's: everything when it is alone, nothing when it only listens.
    By the name alone, so that nothing changes hands when channels come and go while messages flow."""
    number, total = share
    if total == 1:
        return True
    return number > 0 and hashlib.sha256(name.encode()).digest()[0] % (total - 1) == number - 1


class _Worker(NamedTuple):
    process: subprocess.Popen[bytes]
    line: socket.socket
    ended: Deferred[None]


class Workers:
    """Starts, watches and stops the worker processes of a node.

    A thread waits for each: Twisted's own `spawnProcess` learns of an end from SIGCHLD, whose wake-up
    uvloop takes for itself, so that an end could go unnoticed."""

    def __init__(
        self,
        reactor: Any,
        total: int,
        command: Callable[[Share], list[str]],
        environment: Mapping[str, str],
        heard: Callable[[bytes], None],
    ) -> None:
        """`heard` is called in a thread with each line that a worker says."""
        self._reactor, self._total, self._command = reactor, total, command
        self._environment = dict(environment)
        self._waits = Threads(reactor, "workers", total - 1)
        self._listens = Threads(reactor, "worker lines", total - 1)
        self._heard = heard
        self._running: dict[int, _Worker] = {}
        self._stopping = False

    def start(self) -> None:
        """Start every worker but the first, which is this process."""
        for number in range(1, self._total):
            self._start(number)

    def alive(self) -> bool:
        """Whether every worker runs."""
        return len(self._running) == self._total - 1

    def stop(self) -> Deferred[Any]:
        """Ask every worker to finish; fires when all are gone."""
        self._stopping = True
        running = list(self._running.values())
        for worker in running:
            worker.process.terminate()
        return DeferredList([worker.ended for worker in running]).addCallback(lambda _: self._let_go())

    def _let_go(self) -> None:
        self._waits.close()
        self._listens.close()

    def _start(self, number: int) -> None:
        if self._stopping:
            return
        # Nothing is ever written to it from here: it closes when this process is gone.
        line, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                self._command((number, self._total)), env=self._environment, stdin=theirs.fileno()
            )
        ended = self._waits.run(process.wait).addCallback(self._ended, number)
        self._running[number] = _Worker(process, line, ended)
        self._listens.run(self._listen, line)

    def _listen(self, line: socket.socket) -> None:
        with suppress(OSError), line.makefile("rb") as said:
            for one in said:
                self._heard(one)

    def _ended(self, status: int, number: int) -> None:
        worker = self._running.pop(number)
        with suppress(OSError):  # what it left behind may hold the other end: nobody waits for that
            worker.line.shutdown(socket.SHUT_RD)
        worker.line.close()
        if not self._stopping:
            signal(WorkerEnded(worker=number, status=status))
            self._reactor.callLater(AGAIN_AFTER, self._start, number)
