"""T09 for the sagas: killed before and after every single call into Odoo, then started again.

Whatever was reached, the same deliveries lead to the same documents: a snapshot of everything
Wardline wrote equals that of an undisturbed run, and so does what was ordered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count, zip_longest
from typing import Any

import master_rights
import pytest
from odoo_desk import Desk, Killed, Mirror, item

from demo.odoo import Running
from demo.session import Session
from engine.effects import (
    Charge,
    Consume,
    Credit,
    Effect,
    Encounter,
    Lot,
    Merge,
    Money,
    Offer,
    Price,
    Procure,
    Product,
    Release,
    Reserve,
    Stocking,
)  # fmt: skip
from engine.model import Delivered

pytestmark = [pytest.mark.odoo, pytest.mark.slow, pytest.mark.timeout(1800)]

_runs = count(1)
WHEN, LATER = datetime(2026, 12, 1, 8, tzinfo=UTC), datetime(2026, 12, 3, 8, tzinfo=UTC)
Saga = Callable[[str], tuple[Sequence[Effect], Sequence[Effect]]]


def reserve(k: str, *items: Any, **more: Any) -> Reserve:
    settings = {"destination": "WH/Theatre/OR1", "needed_at": WHEN, "encounter": f"{k}V", "subject": f"{k}P"}
    return Reserve(key=f"{k}/kit", items=items, **{**settings, **more})


def charge(k: str, n: int, **more: Any) -> Charge:
    return Charge(key=f"{k}f{n}", encounter=f"{k}V", subject=f"{k}P", item=item("LAB-CBC", 2), **more)


def used(k: str, n: int, *items: Any, **more: Any) -> Consume:
    return Consume(key=f"{k}u{n}", items=items, encounter=f"{k}V", **{"location": "WH/Stock", **more})


def credit(k: str, n: int) -> Credit:
    return Credit(key=f"{k}k{n}", reverses=f"{k}f1", encounter=f"{k}V", item=item("LAB-CBC", 1))


def offer(k: str, unit: str) -> Offer:
    price = Money(Decimal("4.20"), "EUR")
    return Offer(
        key=f"{k}o/{unit}",
        code=f"{k}I",
        vendor=VENDOR,
        unit=unit,
        price=price,
        vendor_code="V1",
        primary="yes",
    )


def stocking(k: str, point: int, amount: int) -> Stocking:
    return Stocking(
        key=f"{k}s", code=f"{k}I", location="WH/Stock",
        reorder_point=Decimal(point), reorder_amount=Decimal(amount),
    )  # fmt: skip


LOT = "CAT-2611"
VENDOR = "MedSupply Trading"
PRICE = Money(Decimal("9.90"), "EUR")
SAGAS: dict[str, Saga] = {
    "reserve short": lambda k: (
        (),
        (reserve(k, item("GLV-M", 2), item("IMP-KNEE", 1)), reserve(f"{k}b", item("GLV-M", 1))),
    ),
    "reschedule": lambda k: (
        (reserve(k, item("GLV-M", 2), item("SUT-30", 1)),),
        (reserve(k, item("GLV-M", 3), item("GWN-L", 1), needed_at=LATER, destination="WH/Theatre/OR2"),),
    ),
    "release": lambda k: (
        (reserve(k, item("GLV-M", 2)), reserve(f"{k}/x", item("GLV-M", 1))),
        (Release(key=f"{k}/*"),),
    ),
    "rebook": lambda k: (
        (reserve(k, item("GLV-M", 2)), Release(key=f"{k}/*")),
        (reserve(k, item("GLV-M", 2)),),
    ),
    "consume": lambda k: (
        (),
        (
            used(k, 1, item("GLV-M", 2), item("CAT-14", 1, lot=LOT)),
            used(k, 2, item("MESH-15", 9), location="WH/Wards/3A"),
        ),
    ),
    "deliver": lambda k: (
        (reserve(k, item("GLV-M", 5), item("SUT-30", 1)),),
        (used(k, 1, item("GLV-M", 2), item("SUT-30", 2), against=f"{k}/kit"),),
    ),
    "return": lambda k: (
        (used(k, 1, item("GLV-M", 2), item("CAT-14", 1, lot=LOT)),),
        (used(k, 2, item("GLV-M", 2), item("CAT-14", 1), reverses=f"{k}u1"),),
    ),
    "charge": lambda k: (
        (),
        (charge(k, 1, price=PRICE, cost_centre="CC-LAB", date=date(2026, 11, 20)), charge(k, 2)),
    ),
    "credit": lambda k: ((charge(k, 1, price=PRICE),), (credit(k, 1),)),
    "correct": lambda k: (
        (charge(k, 1, price=PRICE), charge(k, 2, price=PRICE)),
        (
            charge(k, 1, cost_centre="CC-LAB", again="replace"),
            Credit(key=f"{k}k2", reverses=f"{k}f2", whole=True),
        ),
    ),
    "encounter": lambda k: (
        (),
        (Encounter(key=f"{k}V", subject=f"{k}P", state="open", kind="inpatient", location="ICU"),),
    ),
    "merge visits": lambda k: (
        (charge(k, 1), reserve(k, item("GLV-M", 1))),
        (Merge(key=f"{k}m", kind="visit", gone=f"{k}V", into=f"{k}W"),),
    ),
    "merge persons": lambda k: (
        (Encounter(key=f"{k}V", subject=f"{k}P", state="open"),),
        (Merge(key=f"{k}m", kind="person", gone=f"{k}P", into=f"{k}Q"),),
    ),
    "item new": lambda k: (
        (),
        (
            Product(key=f"{k}i1", code=f"{k}I", name="New", kind="goods", unit="Units", tracking="lot"),
            Product(key=f"{k}i2", code=f"{k}I", barcode=f"{k}bar"),
            Product(key=f"{k}i3", code=f"{k}S", name="Billed", kind="service"),
            offer(k, "Units"),
            offer(k, "Box of 100"),
            Price(key=f"{k}p1", code=f"{k}S", price=PRICE),
            Price(key=f"{k}p2", code=f"{k}S", price=PRICE, price_list="Default", valid_from=date(2027, 1, 1)),
            stocking(k, 5, 20),
            Lot(key=f"{k}l1", code=f"{k}I", lot=f"{k}L", expires=date(2029, 3, 31)),
        ),
    ),
    "item changed": lambda k: (
        (
            Product(key=f"{k}i1", code=f"{k}I", name="Old", kind="goods", unit="Units", tracking="lot"),
            Product(key=f"{k}i2", code=f"{k}G", name="Going", kind="goods"),
            Product(key=f"{k}i3", code=f"{k}B", name="Back", kind="service"),
            Product(key=f"{k}i4", code=f"{k}B", status="inactive"),
            offer(k, "Units"),
            stocking(k, 5, 20),
            Lot(key=f"{k}l1", code=f"{k}I", lot=f"{k}L"),
        ),
        (
            Product(key=f"{k}i1", code=f"{k}I", name="New", barcode=f"{k}bar"),
            Product(key=f"{k}i2", code=f"{k}G", status="inactive"),
            Product(key=f"{k}i4", code=f"{k}B", status="active", name="Back again"),
            Offer(key=f"{k}o", code=f"{k}I", vendor=VENDOR, unit="Units", price=Money(Decimal(1))),
            Price(key=f"{k}p1", code=f"{k}B", price=PRICE),
            Stocking(key=f"{k}s", code=f"{k}I", location="WH/Stock", status="inactive"),
            Lot(key=f"{k}l1", code=f"{k}I", lot=f"{k}L", expires=date(2029, 3, 31)),
        ),
    ),
    "procure": lambda k: ((), (Procure(key=k, items=(item("BLD-15", 700),), location="WH/Stock"),)),
}


@pytest.fixture(scope="module", autouse=True)
def _may_make_products(hospital: Running, admin: Session) -> None:
    master_rights.give(admin, hospital)


AFTER_WRITES_ONLY = {"deliver", "correct"}
"""Sagas that die after what they write: after a read nothing is different from before it."""

READS = {"search_read", "fields_get", "get_external_id", "context_get", "check_object_reference"}


class Run:
    """One life of a saga under a prefix of its own, once what comes before stands (`prepared`)."""

    def __init__(self, hospital: Running, mirror: Mirror, saga: Saga) -> None:
        self.key = f"r{next(_runs):04}k"
        self._desk, self._mirror = Desk(hospital), mirror
        self.before, wanted = saga(self.key)
        self._batch = self._desk.batch(*wanted)

    def steps(self) -> list[str]:
        """Deliver undisturbed; every fault point that was passed."""
        passed: list[str] = []
        self._deliver(passed.append)
        return passed

    def killed_at(self, point: int) -> None:
        """Die at a fault point, then be started again and finish."""
        passed = count(0)

        def step(_: str) -> None:
            if next(passed) == point:
                raise Killed

        with pytest.raises(Killed):
            self._desk.deliver(self._batch, step)
        self._deliver(lambda _: None)

    def _deliver(self, step: Callable[[str], None]) -> None:
        outcomes = self._desk.deliver(self._batch, step)
        assert all(isinstance(outcome, Delivered) for outcome in outcomes), outcomes

    def result(self) -> dict[str, Any]:
        return self._mirror.snapshot(self.key)


def prepared(desk: Desk, runs: Sequence[Run]) -> None:
    """What stands before: the first effect of every run at once, then the second, and so on."""
    for some in zip_longest(*(run.before for run in runs)):
        desk.done(*(effect for effect in some if effect is not None))


@pytest.mark.parametrize("name", SAGAS)
def test_t09_a_saga_killed_at_any_call_ends_the_same(
    name: str, hospital: Running, admin: Session, mirror: Mirror, desk: Desk
) -> None:
    saga = SAGAS[name]
    first, undisturbed = Run(hospital, mirror, saga), Run(hospital, mirror, saga)
    prepared(desk, [first, undisturbed])
    first.steps()  # what is made once in an Odoo's life stands from here on
    before = ordered(admin, mirror)
    passed = undisturbed.steps()
    expected, after = undisturbed.result(), ordered(admin, mirror)
    each = {name: n - before.get(name, 0.0) for name, n in after.items()}
    points = [
        i
        for i, step in enumerate(passed)
        if (step.startswith("after") or "note" in step)
        and not (name in AFTER_WRITES_ONLY and step.rpartition(".")[2] in READS)
    ]
    assert len(points) > (1 if name in AFTER_WRITES_ONLY else 3)
    runs = [Run(hospital, mirror, saga) for _ in points]
    prepared(desk, runs)
    grown = ordered(admin, mirror)
    for run, point in zip(runs, points, strict=True):
        run.killed_at(point)
        assert run.result() == expected, passed[point]
        grown = {name: n + each.get(name, 0.0) for name, n in grown.items()}
        assert ordered(admin, mirror) == grown, passed[point]


def ordered(admin: Session, mirror: Mirror) -> dict[str, float]:
    """What is on order; reordering rules are taken away so that every run has to make its own."""
    admin.call("stock.warehouse.orderpoint", "unlink", admin.call("stock.warehouse.orderpoint", "search", []))
    return mirror.ordered()
