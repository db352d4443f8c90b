"""The engine's own purge: once a day, told in the audit, and not in the way of what comes in."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conformance.purge_contract import DAY, filtered, is_kept, on
from conformance.store_contract import RING
from patience import PATIENCE

from engine.auditing import Act, AuditQuery, Entry
from engine.errors import Misconfigured
from engine.model import Retention
from engine.retention import LOOK, RetentionLoop
from engine.settings import SIX_YEARS, Settings
from engine.store.base import Store
from engine.store.sql import open_store


class Clock:
    """`wrong` is what somebody has set it ahead of the steady one."""

    now, wrong = 31 * DAY + 5, 0.0

    def __call__(self) -> float:
        return self.now + self.wrong

    def steady(self) -> float:
        return self.now - 1000.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/wardline.db", RING)
    yield opened
    opened.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def loop(store: Store, clock: Clock) -> RetentionLoop:
    """It has looked at the clocks once."""
    made = begun(store, clock)
    assert made.turn() == LOOK
    return made


def begun(store: Store, clock: Clock) -> RetentionLoop:
    own = {"short": Retention(content=2)}
    return RetentionLoop(
        store, Retention(), own, audit_days=SIX_YEARS, holder="node/0", clock=clock, steady=clock.steady
    )


def purges(store: Store) -> list[Entry]:
    return [one.entry for one in store.entries(AuditQuery(act=Act.PURGE))]


def test_it_purges_and_says_before_and_after_what_goes(store: Store, loop: RetentionLoop) -> None:
    store.accept([on(0, 1), on(0, 2), on(28, 3, "short")])
    filtered(store, 1, 3)
    assert loop.turn() == LOOK
    assert [is_kept(store, number) for number in (1, 2, 3)] == [False, True, False]
    before, after = purges(store)
    assert (before.outcome, after.outcome) == ("asked", "done")
    assert before.detail == after.detail
    assert after.detail["keys"] == "1970-01-01/charges 1970-01-29/short"
    assert (after.detail["contents"], after.detail["renewed"]) == ("2", "1")
    assert (after.who, after.role, after.object) == ("node/0", "engine", "store")
    assert store.verify_audit() == []


def test_a_clock_that_is_not_known_to_be_right_makes_nothing_old(store: Store, clock: Clock) -> None:
    clock.now, clock.wrong = 5 * DAY, 400 * DAY
    store.accept([on(5, 1)])
    filtered(store, 1)
    loop = begun(store, clock)
    for wrong in (clock.wrong, 0.0, 300 * DAY, -40 * DAY, 0.0, 0.0):  # it is put right, and wrong, and right
        clock.wrong = wrong
        assert loop.turn() == LOOK
        clock.now += LOOK
    assert is_kept(store, 1)
    clock.now += 31 * DAY
    loop.turn()
    assert not is_kept(store, 1)


def test_where_nothing_is_to_go_nothing_is_said(store: Store, loop: RetentionLoop) -> None:
    store.accept([on(31, 1)])
    loop.turn()
    assert purges(store) == []


def test_it_works_once_a_day_and_again_after_a_failure(
    store: Store, loop: RetentionLoop, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    real = store.purge

    def purge(*given: object, **named: object) -> object:
        asked.append(given)
        if len(asked) == 1:
            raise OSError
        return real(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "purge", purge)
    with pytest.raises(OSError):
        loop.turn()
    for passed in (0.0, LOOK, 20 * LOOK, DAY):
        clock.now += passed
        loop.turn()
    assert len(asked) == 3


def test_entries_of_the_audit_go_after_six_years_and_the_chain_holds(
    store: Store, loop: RetentionLoop, clock: Clock
) -> None:
    def entry(at: float) -> Entry:
        return Entry(at=at, who="me", role="operator", act=Act.SEARCH, object="x")

    store.record([entry(1.0), entry(2.0)])
    store.checkpoint(3.0)
    clock.now = (SIX_YEARS - 1) * DAY
    loop.turn()
    assert [one.entry.at for one in store.entries(AuditQuery(object="x"))] == [1.0, 2.0]
    clock.now = (SIX_YEARS + 2) * DAY
    store.record([entry(clock.now)])
    loop.turn()
    assert [one.entry.at for one in store.entries(AuditQuery(object="x"))] == [clock.now]
    assert [entry.object for entry in purges(store)] == ["audit"]
    assert store.verify_audit() == []


@pytest.mark.parametrize(
    ("name", "days"),
    [("WARDLINE_KEEP_CONTENT", "0"), ("WARDLINE_KEEP_AUDIT", "2191"), ("WARDLINE_KEEP_DEAD", "x")],
)
def test_days_that_cannot_be(name: str, days: str) -> None:
    with pytest.raises(Misconfigured) as raised:
        Settings.from_environment({name: days})
    assert raised.value.where == name


def test_intake_goes_on_while_much_is_purged(store: Store, loop: RetentionLoop) -> None:
    """Twenty thousand contents go or are sealed anew; the longest commit beside it stays short."""
    for first in range(0, 20_000, 500):
        store.accept([on(0, number) for number in range(first, first + 500)])
    store.route([], [], 1.0)
    filtered(store, *range(1, 10_001))
    done = threading.Event()

    def purging() -> None:
        try:
            loop.turn()
        finally:
            done.set()

    thread = threading.Thread(target=purging)
    thread.start()
    waits, number = list[float](), 100_000
    while not done.is_set():
        before = time.perf_counter()
        store.accept([on(31, number)])
        waits.append(time.perf_counter() - before)
        number += 1
    thread.join()
    assert len(waits) > 20
    assert max(waits) < PATIENCE * 1.0
    assert store.gaps() == []


def test_a_purge_under_way_ends_with_the_engine(store: Store, clock: Clock) -> None:
    store.accept([on(0, number) for number in range(500)])
    filtered(store, *range(1, 501))
    loop = begun(store, clock)
    loop.turn()
    loop.end()
    assert loop.turn() == LOOK
    assert sum(is_kept(store, number) for number in range(1, 501)) > 0
    again = begun(store, clock)
    again.turn()
    again.turn()
    assert not any(is_kept(store, number) for number in range(1, 501))
