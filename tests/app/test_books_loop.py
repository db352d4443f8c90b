"""The engine looks whether the books are to be held against Odoo, and has another process do it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from conformance.schedule_contract import claimed, taken
from conformance.store_contract import RING

from engine.app.books import DAY, KEPT, LONGEST, SETTLE, BooksLoop, run_at
from engine.auditing import Act, Entry
from engine.errors import Misconfigured, Unavailable
from engine.model import Delivered, Settlement
from engine.reconciling.words import Gap, GapKind, Remedy, Scope, encode
from engine.settings import Settings
from engine.store.base import Store
from engine.store.contracts.views import Query
from engine.store.sql import open_store

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
TOLD = Entry(at=NOON, who="ann", role="user", act=Act.RECONCILE, object="books")


class Work:
    """Processes that were started; each ends at once with `code`."""

    def __init__(self) -> None:
        self.started: list[Sequence[str]] = []
        self.code = 0

    def start(self, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
        self.started.append(arguments)
        process = subprocess.Popen([sys.executable, "-c", f"raise SystemExit({self.code})"])
        process.wait()
        return process


class Bench:
    def __init__(self, store: Store, **settings: Any) -> None:
        self.now, self.work, self.store = NOON, Work(), store
        self.loop = BooksLoop(
            store,
            Settings(node="n", store="sqlite:///x", **settings),
            clock=lambda: self.now,
            start=self.work.start,
        )

    def turns(self, count: int = 3) -> int:
        """How many processes were started in so many turns."""
        before = len(self.work.started)
        for _ in range(count):
            self.loop.turn()
        return len(self.work.started) - before


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = open_store(f"sqlite:///{tmp_path}/wardline.db", RING)
    yield found
    found.close()


def test_nothing_is_started_while_nothing_is_to_be_done(store: Store) -> None:
    bench = Bench(store)
    bench.now = NOON + 3600
    assert bench.turns() == 0


def test_a_check_that_somebody_asked_for_is_made(store: Store) -> None:
    bench = Bench(store)
    number = store.ask_check(b"{}", at=NOON, told=TOLD)
    assert bench.turns(1) == 1
    assert bench.work.started == [["reconcile", "work", "--store", "sqlite:///x"]]
    store.end_check(number, "done", gaps=0, report=b"{}", told=TOLD)
    assert bench.turns() == 0


def test_the_schedule_asks_for_the_last_days_once_a_day(store: Store) -> None:
    bench = Bench(store, reconcile_at="13:30", reconcile_days=3)
    bench.turns()
    assert store.checks() == []
    bench.now = NOON + 1.5 * 3600
    bench.turns()
    (asked,) = store.checks()
    assert (asked.who, asked.state) == ("schedule", "asked")
    assert msgspec.json.decode(asked.scope, type=Scope).since == bench.now - 3 * DAY
    bench.now += DAY
    bench.turns()
    assert len(store.checks()) == 2


def test_old_checks_are_forgotten_once_a_day(store: Store) -> None:
    bench = Bench(store, reconcile_at="off")
    kept = [
        store.keep_check(b"{}", at=NOON - KEPT + age, gaps=0, report=b"{}", told=TOLD) for age in (-1, 60)
    ]
    bench.turns()
    assert [row.number for row in store.checks()] == kept[1:]
    bench.now += DAY
    bench.turns()
    assert store.checks() == []


def test_a_repair_is_carried_out_once_it_is_approved(store: Store) -> None:
    check = store.keep_check(b"{}", at=NOON, gaps=1, report=b"{}", told=TOLD)
    repair = store.propose_repair(check, b"[]", at=NOON, why="lost", told=TOLD)
    bench = Bench(store)
    assert bench.turns() == 0
    store.decide_repair(repair.number, "approved", at=NOON, told=msgspec.structs.replace(TOLD, who="bob"))
    assert bench.turns(1) == 1
    store.carry_repair(repair.number, "sent", b"[]")
    bench.now += SETTLE
    assert bench.turns(4) == 1  # it is looked again, but not all the time
    store.carry_repair(repair.number, "done", b"[]")
    bench.now += SETTLE
    assert bench.turns() == 0


def test_work_that_failed_is_told_and_tried_again(store: Store) -> None:
    bench = Bench(store)
    store.ask_check(b"{}", at=NOON, told=TOLD)
    bench.work.code = 3
    bench.loop.turn()
    with pytest.raises(Unavailable):
        bench.loop.turn()
    assert bench.turns(1) == 0  # not at once: a process each second would take from those that listen
    for rest in (4.0, 8.0, 16.0):
        bench.now += rest
        assert bench.turns(1) == 1
        with pytest.raises(Unavailable):
            bench.loop.turn()
    bench.now += LONGEST
    assert bench.turns(1) == 1


def test_nothing_is_started_while_what_was_sent_is_on_its_way(store: Store) -> None:
    number = taken(store, 1)
    (view,) = store.deliveries(Query(), message_id=number)
    gap = Gap(
        kind=GapKind.MISSING,
        subject="charges",
        effect="charge",
        key="a",
        text="gone",
        delivery_id=view.delivery.id,
    )
    plan = encode([Remedy(1, gap, "again", "again")])
    check = store.keep_check(b"{}", at=NOON, gaps=1, report=b"{}", told=TOLD)
    repair = store.propose_repair(check, plan, at=NOON, why="lost", told=TOLD)
    store.carry_repair(repair.number, "sent", plan)
    bench = Bench(store)
    for _ in range(4):  # as long as its destination is held, say
        assert bench.turns() == 0
        bench.now += SETTLE
    claimed(store, 250.0)
    store.settle([Settlement(view.delivery.id, Delivered({}))], now=260.0, holder="me")
    assert bench.turns() == 1


@pytest.mark.parametrize(
    ("at", "wanted"), [("12:00", NOON + DAY), ("12:01", NOON + 60), ("04:00", NOON + 16 * 3600), ("off", 0.0)]
)
def test_the_next_run(at: str, wanted: float) -> None:
    assert run_at(at, NOON) == wanted


def test_what_is_no_time_or_no_day_is_refused_at_the_start(store: Store) -> None:
    with pytest.raises(Misconfigured, match="is no time"):
        run_at("soon", NOON)
    with pytest.raises(Misconfigured, match="less than a day"):
        Bench(store, reconcile_days=0)
