"""T12: an Odoo that refuses, hangs before and after its commit, answers 429, 500 or nonsense, or was
busy. The queue drains, and what stands in the end is what an undisturbed delivery leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from faulty_proxy import FAULTS, PATIENCE, FaultyProxy
from odoo_desk import Desk, Mirror, item

from demo.odoo import Running
from engine.effects import Charge, Consume, Credit, Effect, Encounter, Item, Merge, Money, Release, Reserve
from engine.model import Delivered, Outcome, Refused, TryAgain

pytestmark = [pytest.mark.odoo, pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(params=["json2", "jsonrpc"])
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def proxied(hospital: Running) -> Iterator[Callable[..., tuple[FaultyProxy, Desk]]]:
    """Makes a proxy with these faults and a desk that reaches Odoo through it."""
    with ExitStack() as stack:

        def make(transport: str, **settings: Any) -> tuple[FaultyProxy, Desk]:
            proxy = FaultyProxy(hospital.url, **settings)
            stack.callback(proxy.server_close)
            stack.callback(proxy.shutdown)
            desk = Desk(hospital, url=proxy.url, transport=transport, timeout=PATIENCE)
            stack.callback(desk.close)
            return proxy, desk

        yield make


def day(key: str, visits: int) -> Iterator[list[Effect]]:
    """A day's batches: visits with reservations, a reschedule, use, charges, credits, a merge."""
    names = [f"{key}{n:02}" for n in range(visits)]
    when = datetime(2026, 12, 1, 8, tzinfo=UTC)
    price = Money(Decimal("3.50"))
    yield [Encounter(key=f"{n}V", subject=f"{n}P", state="open", location="WH/Wards/ICU") for n in names]
    yield [_kit(f"{n}/kit", n, 2, when) for n in names]
    yield [_kit(f"{n}i", n, 1, when, item("IMP-KNEE", 1)) for n in names]
    yield [_kit(f"{n}/kit", n, 3, when.replace(day=2)) for n in names[::2]] + [
        Release(key=f"{n}/*") for n in names[1::2]
    ]
    yield [
        Consume(key=f"{n}u", items=(item("SYR-10", 1),), location="WH/Stock", encounter=f"{n}V")
        for n in names
    ]
    yield [
        Charge(key=f"{n}f{i}", encounter=f"{n}V", item=item("LAB-CBC", 2), price=price)
        for n in names
        for i in range(3)
    ]
    yield [
        Credit(key=f"{n}k", reverses=f"{n}f1", encounter=f"{n}V", item=item("LAB-CBC", 1)) for n in names
    ] + [Charge(key=f"{key}bad", encounter=f"{names[0]}V", item=item("NO-SUCH", 1))]
    yield [Merge(key=f"{key}m", kind="person", gone=f"{names[0]}P", into=f"{names[1]}P")]


def _kit(key: str, name: str, gloves: int, when: datetime, *more: Item) -> Reserve:
    items = (item("GLV-M", gloves), *more)
    return Reserve(key=key, items=items, destination="WH/Theatre/OR1", needed_at=when, encounter=f"{name}V")


def drained(desk: Desk, effects: list[Effect]) -> tuple[list[Outcome], int]:
    """Deliver as the engine does until nothing is to be tried again; the outcomes and the rounds."""
    waiting = desk.batch(*effects)
    settled: list[Outcome] = []
    for rounds in range(1, 200):
        outcomes = desk.deliver(waiting)
        settled += [outcome for outcome in outcomes if not isinstance(outcome, TryAgain)]
        waiting = [d for d, outcome in zip(waiting, outcomes, strict=True) if isinstance(outcome, TryAgain)]
        if not waiting:
            return settled, rounds
    raise AssertionError("the queue does not drain")


def test_t12_the_queue_drains_and_nothing_is_doubled(
    desk: Desk, mirror: Mirror, transport: str, proxied: Callable[..., tuple[FaultyProxy, Desk]]
) -> None:
    calm, stormy = f"c{transport}", f"s{transport}"
    before = mirror.ordered()
    for batch in day(calm, 4):
        drained(desk, batch)
    between = mirror.ordered()
    proxy, stormy_desk = proxied(transport, share=0.12, seed=7)
    refused = 0
    rounds = 0
    for batch in day(stormy, 4):
        outcomes, needed = drained(stormy_desk, batch)
        refused += sum(isinstance(outcome, Refused) for outcome in outcomes)
        rounds += needed
    assert refused == 1  # the bad charge, and nothing that the faults did
    assert rounds > 8
    assert set(FAULTS) <= set(proxy.met)
    assert mirror.snapshot(stormy) == mirror.snapshot(calm)
    after = mirror.ordered()
    assert {n: after[n] - between.get(n, 0) for n in after} == {
        n: between.get(n, 0) - before.get(n, 0) for n in after
    }


@pytest.mark.parametrize("fault", FAULTS)
def test_t12_every_fault_is_tried_again(
    transport: str, fault: str, proxied: Callable[..., tuple[FaultyProxy, Desk]]
) -> None:
    proxy, desk = proxied(transport, share=0.0, seed=1, faults=(fault,))
    wanted = [Encounter(key=f"{fault}{transport}V", subject=f"{fault}P", state="open")]
    drained(desk, wanted)  # a busy machine's Odoo may be late without a fault
    proxy.share = 1.0
    (outcome,) = desk.deliver(desk.batch(*wanted))
    assert isinstance(outcome, TryAgain)
    proxy.share = 0.0
    (outcome,), _ = drained(desk, wanted)
    assert isinstance(outcome, Delivered)


def test_a_key_that_is_refused_concerns_everything_and_loses_nothing(
    hospital: Running, transport: str, capfd: pytest.CaptureFixture[str]
) -> None:
    desk = Desk(hospital, transport=transport, key="0" * 40)
    outcomes = desk.deliver(desk.batch(*(Encounter(key=f"k{n}V", subject="kP") for n in range(3))))
    assert [type(outcome) for outcome in outcomes] == [TryAgain] * 3
    assert "API key" in outcomes[0].reason.text  # type: ignore[union-attr]
    assert "WARDLINE_ODOO_HOSPITAL_KEY" in "".join(capfd.readouterr())


def test_an_odoo_that_is_not_there(hospital: Running) -> None:
    desk = Desk(hospital, url="http://127.0.0.1:9")
    (outcome,) = desk.deliver(desk.batch(Encounter(key="nV", subject="nP")))
    assert isinstance(outcome, TryAgain)
