"""From the listener into safe storage: one commit shared by all that arrived meanwhile.

There is no timer. While a commit runs, arrivals gather; when it ends, they share the next one.
A message that is alone and finds the store idle is committed at once in the reactor's thread,
because going through another thread would cost more than the commit (docs/decisions/0003).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from engine.errors import Unavailable
from engine.model import Arrival, Receipt
from engine.telemetry import AcceptFailed, LoopFailed, StoreFailed, StoreRecovered, signal

__all__ = ["Intake", "Settled"]

LARGEST_BATCH = 256
QUICK = 0.002  # seconds: a commit this fast may run inline
PROBE_EVERY = 1.0  # seconds between looks at a store that failed

Settled = Callable[[Receipt | None], None]
"""Called in the reactor's thread: the receipt after commit, or None when nothing was stored."""


class Storage(Protocol):
    """What intake needs of the store."""

    def accept(self, arrivals: Sequence[Arrival]) -> list[Receipt]: ...
    def idle(self) -> bool: ...
    def check(self) -> None: ...


class Runner(Protocol):
    """A door to threads (`engine.threads.Threads`)."""

    def run(self, call: Callable[..., Any], /, *args: Any) -> Deferred[Any]: ...


class Intake:
    """Group commit in front of a store.

    `call_soon` runs a function in the reactor's next turn and `call_later` after seconds.
    `opened(bool)` is told when the store stops or starts taking commits, so that listeners can
    close and open: a sender that gets no answer sends again, a sender that gets an error
    discards (spec: acknowledgement, section 3.1)."""

    def __init__(
        self,
        store: Storage,
        threads: Runner,
        *,
        call_soon: Callable[[Callable[[], None]], object],
        call_later: Callable[[float, Callable[[], None]], object],
        opened: Callable[[bool], None],
        stored: Callable[[], None],
    ) -> None:
        self._store, self._threads = store, threads
        self._call_soon, self._call_later = call_soon, call_later
        self._opened, self._stored = opened, stored
        self._waiting: deque[tuple[Arrival, Settled]] = deque()
        self._busy = False
        self._quick = False
        self.available = True

    def submit(self, arrival: Arrival, settled: Settled) -> None:
        """Take an arrival; `settled` is called once, after the commit or its failure."""
        self._waiting.append((arrival, settled))
        if not self._busy:
            self._busy = True
            self._call_soon(self._commit)

    @property
    def waiting(self) -> int:
        """How many arrivals wait for a commit."""
        return len(self._waiting)

    def _commit(self) -> None:
        waiting = self._waiting
        batch = [waiting.popleft() for _ in range(min(len(waiting), LARGEST_BATCH))]
        arrivals = [arrival for arrival, _ in batch]
        if len(batch) == 1 and self._quick and self._store.idle():
            self._inline(arrivals, batch)
            return
        started = perf_counter()
        done: Deferred[list[Receipt]] = self._threads.run(self._store.accept, arrivals)
        done.addCallbacks(self._committed, self._lost, callbackArgs=(batch, started), errbackArgs=(batch,))

    def _inline(self, arrivals: list[Arrival], batch: list[tuple[Arrival, Settled]]) -> None:
        started = perf_counter()
        try:
            receipts = self._store.accept(arrivals)
        except Exception:
            self._lost(Failure(), batch)  # type: ignore[no-untyped-call]
            return
        self._committed(receipts, batch, started)

    def _committed(
        self, receipts: list[Receipt], batch: list[tuple[Arrival, Settled]], started: float
    ) -> None:
        self._quick = len(batch) == 1 and perf_counter() - started < QUICK
        for (_, settled), receipt in zip(batch, receipts, strict=True):
            _tell(settled, receipt)
        self._stored()
        self._next()

    def _lost(self, failure: Failure, batch: list[tuple[Arrival, Settled]]) -> None:
        signal(AcceptFailed(messages=len(batch), error=type(failure.value).__name__))
        for _, settled in batch:
            _tell(settled, None)
        if isinstance(failure.value, Unavailable) and self.available:
            self.available = False
            signal(StoreFailed(error=type(failure.value).__name__))
            self._opened(False)
            self._call_later(PROBE_EVERY, self._probe)
        self._next()

    def _next(self) -> None:
        if self._waiting:
            self._call_soon(self._commit)
        else:
            self._busy = False

    def _probe(self) -> None:
        done = self._threads.run(self._store.check)
        done.addCallbacks(self._recovered, lambda _: self._call_later(PROBE_EVERY, self._probe))

    def _recovered(self, _: None) -> None:
        self.available = True
        signal(StoreRecovered())
        self._opened(True)


def _tell(settled: Settled, receipt: Receipt | None) -> None:
    """An answer that cannot be made must not cost other senders theirs, nor stop the intake: its own
    sender gets none and sends again, which is then a duplicate."""
    try:
        settled(receipt)
    except Exception as error:
        signal(LoopFailed("answer", type(error).__name__))
        if receipt is not None:
            _tell(settled, None)
