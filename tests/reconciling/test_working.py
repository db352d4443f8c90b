"""A repair that is interrupted anywhere is begun again, and nothing is done twice."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from conformance.schedule_contract import NAMES
from conformance.store_contract import RING
from msgspec.structs import replace

from engine.auditing import Act, AuditQuery, Entry
from engine.destinations.odoo import OdooConnection
from engine.effects import Charge, Item
from engine.errors import Misconfigured
from engine.model import Arrival, Delivered, Lane, Routed, Routing, Settlement
from engine.reconciling.words import Gap, GapKind, Remedy, Scope, encode
from engine.reconciling.working import Worker, repair_of
from engine.store.base import Store
from engine.store.sql import open_store

TOLD = Entry(at=300.0, who="ann", role="user", act=Act.RECONCILE, object="books")
GAP = Gap(
    kind=GapKind.MISSING, subject="charges", effect="charge", key="dft/T1", text="it is gone", since=100.0,
    destination="odoo:north", delivery_id=1_000_001, model="sale.order.line", mend="again",
)  # fmt: skip


class House:
    """A charge that stands in the store, in an Odoo that cannot be asked; and an approved repair of it."""

    def __init__(self, store: Store) -> None:
        self.store, self.now = store, 400.0
        name = NAMES.of("dft", b"A", b"B", b"1")
        (receipt,) = store.accept([Arrival("dft", b"MSH", name, NAMES.digest(b"MSH"), 100.0)])
        charge = Charge(key="dft/T1", encounter="v", item=Item("GLOVE", Decimal(1)))
        store.route([Routing(receipt.id, Routed((charge,)), Lane.NORMAL, ("odoo:north",))], [], 200.0)
        self.deliver()
        check = store.keep_check(encode(Scope(1.0)), at=300.0, gaps=1, report=b"{}", told=TOLD)
        remedy = Remedy(1, GAP, "again", "carry the effect out again")
        self.number = store.propose_repair(check, encode((remedy,)), at=301.0, why="lost", told=TOLD).number
        store.decide_repair(self.number, "approved", at=302.0, told=replace(TOLD, who="bob"))

    def deliver(self) -> int:
        """How many were on their way, and stand now."""
        found = self.store.claim("odoo:north", Lane.NORMAL, 9, now=900.0, lease_until=999.0, holder="me")
        done = [Settlement(one.id, Delivered({"sale.order.line": "5"})) for one in found]
        self.store.settle(done, now=901.0, holder="me")
        return len(found)

    def work(self) -> int:
        return Worker(self.store, self.connection, holder="n/0", clock=lambda: self.now).work()

    def connection(self, name: str) -> OdooConnection:
        raise Misconfigured("is not set", where=f"WARDLINE_ODOO_{name.upper()}_URL")

    @property
    def repair(self) -> tuple[str, str]:
        """Its state, and what came of its one step."""
        row = self.store.repair_of(self.number)
        assert row is not None
        found = repair_of(row)
        return found.state, found.remedies[0].outcome


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    store = open_store(f"sqlite:///{tmp_path}/wardline.db", RING)
    yield House(store)
    store.close()


def test_where_odoo_cannot_be_asked_nothing_is_sent_and_the_repair_has_failed(house: House) -> None:
    assert house.work() == 2  # tried, and looked at
    assert house.repair == ("failed", "failed: WARDLINE_ODOO_NORTH_URL: is not set")
    assert (house.work(), house.deliver()) == (0, 0)


def test_one_that_was_interrupted_after_its_effect_was_sent_sends_it_once(house: House) -> None:
    house.store.carry_repair(house.number, "working", encode((Remedy(1, GAP, "again", "again"),)))
    house.store.redo([GAP.delivery_id], {}, now=house.now, told=TOLD)
    house.work()
    assert house.repair[0] == "sent"
    assert house.deliver() == 1
    house.work()
    assert (house.repair, house.deliver()) == (("failed", "Odoo still differs"), 0)  # it was not asked


def test_what_is_on_its_way_is_waited_for(house: House) -> None:
    remedy = Remedy(1, GAP, "again", "again", outcome="on its way")
    house.store.redo([GAP.delivery_id], {}, now=house.now, told=TOLD)
    house.store.carry_repair(house.number, "sent", encode((remedy,)))
    assert (house.work(), house.repair) == (0, ("sent", "on its way"))
    house.deliver()
    assert house.work() == 1  # an Odoo that cannot be asked has not agreed
    assert house.repair == ("failed", "Odoo still differs")


def test_each_step_is_in_the_audit_by_the_engine(house: House) -> None:
    house.work()
    told = house.store.entries(AuditQuery(act="reconcile", object=f"repair:{house.number}"))
    assert [(one.entry.who, one.entry.detail.get("state", "")) for one in told] == [
        ("ann", ""), ("bob", ""), ("n/0", "sent"), ("n/0", "failed"),
    ]  # fmt: skip


def test_a_check_that_was_asked_for_is_made_and_told_to_whoever_watches(house: House) -> None:
    house.work()
    number = house.store.ask_check(encode(Scope(1.0)), at=500.0, told=TOLD)
    house.work()
    row = house.store.check_of(number)
    assert row is not None
    assert (row.state, b"odoo:north" in row.report) == ("done", True)
    assert house.store.last_values(["wardline_reconciliation_gaps"]) == {}  # it did not see everything
