"""Group commit: who shares a commit, what happens when the store fails, and when it comes back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from engine.errors import Unavailable
from engine.intake import LARGEST_BATCH, QUICK, Intake
from engine.model import Arrival, Receipt


class Storage:
    """A store whose commits the test lets happen."""

    def __init__(self, clock: Clock) -> None:
        self.batches: list[int] = []
        self.down = False
        self.takes = 2 * QUICK
        self._clock = clock

    def accept(self, arrivals: Sequence[Arrival]) -> list[Receipt]:
        if self.down:
            raise Unavailable("disk full")
        self._clock.rightNow += self.takes
        self.batches.append(len(arrivals))
        return [Receipt(len(self.batches) * 1000 + number) for number in range(len(arrivals))]

    def idle(self) -> bool:
        return True

    def check(self) -> None:
        if self.down:
            raise Unavailable("disk full")


class Held:
    """A thread that runs a call when the test says so."""

    def __init__(self) -> None:
        self.calls: list[tuple[Deferred[Any], Callable[[], Any]]] = []

    def run(self, call: Callable[..., Any], /, *args: Any) -> Deferred[Any]:
        done: Deferred[Any] = Deferred()
        self.calls.append((done, lambda: call(*args)))
        return done

    def finish(self) -> None:
        done, call = self.calls.pop(0)
        try:
            result = call()
        except Exception as error:
            done.errback(error)
        else:
            done.callback(result)


class Bench:
    """An intake with everything around it in the test's hands."""

    def __init__(self, size: Callable[[Arrival], int] | None = None) -> None:
        self.clock, self.thread = Clock(), Held()
        self.storage = Storage(self.clock)
        self.open: list[bool] = []
        self.receipts: list[Receipt | None] = []
        self.intake = Intake(
            self.storage,
            self.storage.accept,
            self.thread,
            call_soon=lambda call: self.clock.callLater(0, call),
            call_later=self.clock.callLater,
            opened=self.open.append,
            stored=lambda: None,
            size=size,
            clock=self.clock.seconds,
        )

    def submit(self, count: int = 1, raw: bytes = b"MSH|") -> None:
        for _ in range(count):
            self.intake.submit(Arrival("c", raw, b"f" * 16, b"d" * 16, 0.0), self.receipts.append)

    def turn(self) -> None:
        self.clock.advance(0)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_what_arrives_in_one_turn_shares_a_commit(bench: Bench) -> None:
    bench.submit(5)
    bench.turn()
    bench.thread.finish()
    assert bench.storage.batches == [5]
    assert len(bench.receipts) == 5


def test_what_arrives_while_a_commit_runs_shares_the_next(bench: Bench) -> None:
    bench.submit()
    bench.turn()
    bench.submit(7)
    bench.turn()
    assert len(bench.thread.calls) == 1, "one commit at a time"
    bench.thread.finish()
    bench.turn()
    bench.thread.finish()
    assert bench.storage.batches == [1, 7]
    assert None not in bench.receipts


def test_a_batch_is_bounded(bench: Bench) -> None:
    bench.submit(LARGEST_BATCH + 10)
    for _ in range(2):
        bench.turn()
        bench.thread.finish()
    assert bench.storage.batches == [LARGEST_BATCH, 10]


def test_a_batch_is_bounded_by_what_its_parts_take() -> None:
    """As units of resources, of which one may have a thousand."""
    bench = Bench(size=lambda arrival: len(arrival.raw))
    for length in (LARGEST_BATCH - 10, 6, 4, 1, LARGEST_BATCH * 3, 5):
        bench.submit(1, b"x" * length)
    while bench.intake.waiting:
        bench.turn()
        bench.thread.finish()
    assert bench.storage.batches == [3, 1, 1, 1]
    assert None not in bench.receipts


def test_a_quick_store_that_is_idle_commits_inline(bench: Bench) -> None:
    bench.storage.takes = QUICK / 2
    bench.submit()
    bench.turn()
    bench.thread.finish()
    for count in (1, 7):
        bench.submit(count)
        bench.turn()
    assert bench.storage.batches == [1, 1, 7]
    assert not bench.thread.calls


def test_a_store_that_was_slow_once_commits_beside_the_reactor_until_it_is_quick_again(bench: Bench) -> None:
    for takes, beside in (
        (QUICK / 2, True),
        (QUICK * 2, False),
        (QUICK * 2, True),
        (QUICK / 2, True),
        (0, False),
    ):
        bench.storage.takes = takes
        bench.submit(3)
        bench.turn()
        assert bool(bench.thread.calls) == beside
        if beside:
            bench.thread.finish()
    assert bench.storage.batches == [3] * 5


def test_receipts_come_in_the_order_of_arrival(bench: Bench) -> None:
    bench.submit(3)
    bench.turn()
    bench.thread.finish()
    ids = [receipt.id for receipt in bench.receipts if receipt]
    assert ids == sorted(ids)


def test_a_failed_commit_gives_nobody_a_receipt_and_closes_the_doors(bench: Bench) -> None:
    bench.storage.down = True
    bench.submit(2)
    bench.turn()
    bench.thread.finish()
    assert bench.receipts == [None, None]
    assert bench.open == [False]
    assert not bench.intake.available


def test_the_doors_open_again_when_the_store_is_back(bench: Bench) -> None:
    bench.storage.down = True
    bench.submit()
    bench.turn()
    bench.thread.finish()
    bench.clock.advance(1)
    bench.thread.finish()
    assert bench.open == [False]
    bench.storage.down = False
    bench.clock.advance(1)
    bench.thread.finish()
    assert bench.open == [False, True]
    bench.submit()
    bench.turn()
    bench.thread.finish()
    assert bench.receipts[-1] is not None


def test_arrivals_behind_a_failed_commit_are_tried_on_their_own(bench: Bench) -> None:
    bench.storage.down = True
    bench.submit()
    bench.turn()
    bench.submit()
    bench.thread.finish()
    bench.storage.down = False
    bench.turn()
    bench.thread.finish()
    assert [receipt is None for receipt in bench.receipts] == [True, False]


@pytest.mark.parametrize("inline", [True, False], ids=["inline", "in the thread"])
def test_an_answer_that_fails_costs_nobody_else_theirs(bench: Bench, inline: bool) -> None:
    told: list[Receipt | None] = []

    def fails(receipt: Receipt | None) -> None:
        told.append(receipt)
        if receipt is not None:
            raise ZeroDivisionError

    bench.storage.takes = 0 if inline else 2 * QUICK
    bench.submit()  # how long it takes is known from now on
    bench.turn()
    bench.thread.finish()
    bench.intake.submit(Arrival("c", b"MSH|", b"f" * 16, b"d" * 16, 0.0), fails)
    bench.submit()
    bench.turn()
    if not inline:
        bench.thread.finish()
    assert [receipt is None for receipt in told] == [False, True]
    bench.submit()
    bench.turn()
    if not inline:
        bench.thread.finish()
    assert None not in bench.receipts
    assert bench.intake.waiting == 0
