"""From a listener into safe storage: one commit shared by all that arrived meanwhile.

What is submitted and what comes back is the business of the store's verb: arrivals and receipts
(`MessageStore.accept`), units and what became of them (`ResourceStore.write`), entries
(`AuditStore.record`). There is no timer.
While a commit runs, more gathers; when it ends, all that waits shares the next one. A store that is idle
and was quick the last time commits at once in the reactor's thread, because going through another thread
would cost more than the commit (docs/decisions/0003).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, Generic, Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from engine.auditing import Entry
from engine.errors import Unavailable
from engine.store.contracts.audit import AuditStore
from engine.telemetry import AcceptFailed, LoopFailed, Signal, StoreFailed, StoreRecovered, signal

__all__ = ["Intake", "record_all"]

LARGEST_BATCH = 256
QUICK = 0.002  # seconds: a commit this fast may run inline
PROBE_EVERY = 1.0  # seconds between looks at a store that failed

A = TypeVar("A")
R = TypeVar("R")

Commit = Callable[[Sequence[A]], list[R]]
"""The verb: makes what was submitted durable and answers each, in the same order."""

Batch = list[tuple[A, Callable[[R | None], None]]]


class Storage(Protocol):
    """What intake needs of the store besides its verb."""

    def idle(self) -> bool: ...
    def check(self) -> None: ...


class Runner(Protocol):
    """A door to threads (`engine.threads.Threads`)."""

    def run(self, call: Callable[..., Any], /, *args: Any) -> Deferred[Any]: ...


class Intake(Generic[A, R]):
    """Group commit in front of a store's verb.

    `size` says how much of a commit one takes (default: all the same); a commit takes no more than
    `LARGEST_BATCH` of it, but for one that is larger by itself.
    `call_soon` runs a function in the reactor's next turn and `call_later` after seconds, which `clock`
    tells. `opened(bool)` is told when the store stops or starts taking commits, so that listeners can
    close and open: a sender that gets no answer sends again, a sender that gets an error
    discards (spec: acknowledgement, section 3.1). `failed` makes the signal of how many were not stored,
    and why."""

    def __init__(
        self,
        store: Storage,
        commit: Commit[A, R],
        threads: Runner,
        *,
        call_soon: Callable[[Callable[[], None]], object],
        call_later: Callable[[float, Callable[[], None]], object],
        opened: Callable[[bool], None],
        stored: Callable[[], None],
        size: Callable[[A], int] | None = None,
        failed: Callable[[int, str], Signal] = AcceptFailed,
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        self._store, self._save, self._threads, self._size = store, commit, threads, size
        self._call_soon, self._call_later, self._clock = call_soon, call_later, clock
        self._opened, self._stored, self._failed = opened, stored, failed
        self._waiting: deque[tuple[A, Callable[[R | None], None]]] = deque()
        self._busy = False
        self._quick = False
        self.available = True

    def submit(self, one: A, settled: Callable[[R | None], None]) -> None:
        """Take one; `settled` is called once, in the reactor's thread: with what became of it, after the
        commit, or with None when nothing was stored."""
        self._waiting.append((one, settled))
        if not self._busy:
            self._busy = True
            self._call_soon(self._commit)

    @property
    def waiting(self) -> int:
        """How many wait for a commit."""
        return len(self._waiting)

    def _commit(self) -> None:
        batch = self._together()
        submitted = [one for one, _ in batch]
        if self._quick and self._store.idle():
            self._inline(submitted, batch)
            return
        started = self._clock()
        done: Deferred[list[R]] = self._threads.run(self._save, submitted)
        done.addCallbacks(self._committed, self._lost, callbackArgs=(batch, started), errbackArgs=(batch,))

    def _together(self) -> Batch[A, R]:
        """What shares the next commit."""
        waiting, size = self._waiting, self._size
        if size is None:
            return [waiting.popleft() for _ in range(min(len(waiting), LARGEST_BATCH))]
        batch = [waiting.popleft()]
        room = LARGEST_BATCH - size(batch[0][0])
        while waiting and (room := room - size(waiting[0][0])) >= 0:
            batch.append(waiting.popleft())
        return batch

    def _inline(self, submitted: list[A], batch: Batch[A, R]) -> None:
        started = self._clock()
        try:
            results = self._save(submitted)
        except Exception:
            self._lost(Failure(), batch)  # type: ignore[no-untyped-call]
            return
        self._committed(results, batch, started)

    def _committed(self, results: list[R], batch: Batch[A, R], started: float) -> None:
        self._quick = self._clock() - started < QUICK
        for (_, settled), result in zip(batch, results, strict=True):
            _tell(settled, result)
        self._stored()
        self._next()

    def _lost(self, failure: Failure, batch: Batch[A, R]) -> None:
        signal(self._failed(len(batch), type(failure.value).__name__))
        for _, settled in batch:
            _tell(settled, None)
        if isinstance(failure.value, Unavailable) and self.available:
            self.available = False
            signal(StoreFailed(error=str(failure.value)))
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


def record_all(store: AuditStore, submitted: Sequence[Sequence[Entry]]) -> list[int]:
    """The verb for entries of the audit: several together, one number for each that was submitted."""
    store.record([entry for entries in submitted for entry in entries])
    return [len(entries) for entries in submitted]


def _tell(settled: Callable[[R | None], None], result: R | None) -> None:
    """An answer that cannot be made must not cost other senders theirs, nor stop the intake: its own
    sender gets none and sends again, which is then a duplicate."""
    try:
        settled(result)
    except Exception as error:
        signal(LoopFailed("answer", type(error).__name__))
        if result is not None:
            _tell(settled, None)
