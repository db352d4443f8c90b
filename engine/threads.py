"""The one door to blocking code.

Blocking functions stay plain `def`; the reactor sends them through here. Context variables
(correlation for logs) are copied, because Twisted does not carry them into threads.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from typing import Any, ParamSpec, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

__all__ = ["Loop", "Threads"]

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """A named pool of threads whose results come back to the reactor. There are none before there is work."""

    def __init__(self, reactor: IReactorThreads, name: str, size: int = 1) -> None:
        self._reactor: Any = reactor
        self._pool = ThreadPool(minthreads=0, maxthreads=size, name=name)
        self._pool.start()

    def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        """Run a blocking call in the pool; the Deferred fires in the reactor's thread."""
        context = copy_context()
        return deferToThreadPool(self._reactor, self._pool, lambda: context.run(call, *args, **kwargs))

    def close(self) -> None:
        """Wait for what runs, then end the threads."""
        self._pool.stop()


class Loop:
    """A thread that does one kind of work again and again, wakes when told, and stops when asked.

    `turn()` does a piece of work and returns the seconds to rest before the next: 0 means there is
    more to do. `wake` ends a rest early. A turn that raises calls `failed(exception)`, which
    returns the seconds to rest."""

    def __init__(
        self, name: str, turn: Callable[[], float], failed: Callable[[BaseException], float]
    ) -> None:
        self._turn, self._failed = turn, failed
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._turning_since = 0.0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def name(self) -> str:
        """What work it does."""
        return self._thread.name

    @property
    def ended(self) -> bool:
        """Whether it does nothing any more though nobody stopped it."""
        begun = self._thread.ident is not None
        return begun and not self._stopping.is_set() and not self._thread.is_alive()

    @property
    def busy(self) -> float:
        """For how many seconds the turn under way has gone on; 0 while it rests."""
        since = self._turning_since
        return time.monotonic() - since if since else 0.0

    def start(self) -> None:
        """Begin turning."""
        self._thread.start()

    def wake(self) -> None:
        """There may be work: end the rest."""
        self._wake.set()

    def stop(self, timeout: float | None = None) -> bool:
        """Finish the turn under way and end; False when it did not within `timeout` seconds."""
        self._stopping.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def finish(self, timeout: float | None = None) -> None:
        """Stop, and turn once more here: nothing of what happened until now is left undone."""
        if self.stop(timeout):
            try:
                self._turn()
            except Exception as error:
                self._failed(error)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            self._turning_since = time.monotonic()
            try:
                rest = self._turn()
            except Exception as error:
                rest = self._failed(error)
            self._turning_since = 0.0
            if rest > 0 and not self._stopping.is_set():
                self._wake.wait(rest)
