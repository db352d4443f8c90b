"""More processes for one node: the first keeps listeners and intake, the others route and deliver.

The first process starts the others and starts them again when they end; they end when it does
(their standard input closes), so nothing is left behind after kill -9.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from engine.telemetry import WorkerEnded, signal

__all__ = ["Share", "Workers", "share_of"]

AGAIN_AFTER = 1.0  # seconds before an ended worker is started again

T = TypeVar("T")

Share = tuple[int, int]
"""Which process of how many: (0, 1) does everything, (0, n) listens, (1…n-1, n) route and deliver."""


def share_of(items: Sequence[T], share: Share) -> list[T]:
    """The items this process works on: all of them when it is alone, none when it only listens."""
    number, total = share
    if total == 1:
        return list(items)
    if number == 0:
        return []
    return [item for index, item in enumerate(items) if index % (total - 1) == number - 1]


class _Worker(ProcessProtocol):
    def __init__(self, ended: Callable[[int], None]) -> None:
        self._ended = ended
        self.gone: Deferred[None] = Deferred()

    def errReceived(self, data: bytes) -> None:
        sys.stderr.buffer.write(data)
        sys.stderr.flush()

    def processEnded(self, reason: Failure) -> None:
        status: Any = reason.value
        self.gone.callback(None)
        self._ended(getattr(status, "exitCode", None) or 0)


class Workers:
    """Starts, watches and stops the worker processes of a node."""

    def __init__(
        self, reactor: Any, total: int, command: Callable[[Share], list[str]], environment: Mapping[str, str]
    ) -> None:
        self._reactor, self._total, self._command = reactor, total, command
        self._environment = dict(environment)
        self._running: dict[int, tuple[_Worker, Any]] = {}
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
        for _, process in list(self._running.values()):
            process.signalProcess("TERM")
        return DeferredList([worker.gone for worker, _ in self._running.values()])

    def _start(self, number: int) -> None:
        if self._stopping:
            return
        worker = _Worker(lambda status: self._ended(number, status))
        command = self._command((number, self._total))
        process = self._reactor.spawnProcess(
            worker, command[0], command, env=self._environment, childFDs={0: "w", 1: 1, 2: 2}
        )
        self._running[number] = (worker, process)

    def _ended(self, number: int, status: int) -> None:
        self._running.pop(number, None)
        if not self._stopping:
            signal(WorkerEnded(worker=number, status=status))
            self._reactor.callLater(AGAIN_AFTER, self._start, number)
