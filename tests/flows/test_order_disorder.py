"""Orders that come repeated, early, late and out of order, over sockets into a real Odoo: each defined, each
visible (docs/manual/orders.md, Disorder)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from odoo_books import sign_in
from odoo_databases import drop_database, fresh_database
from odoo_engine import NEEDS_ODOO, HospitalEngine

from demo.session import Session

pytestmark = [*NEEDS_ODOO, pytest.mark.timeout(900)]
OURS = [["origin", "=like", "ward-orders/%"]]


class Ward:
    """One order as its ward speaks of it, and what stands of it in Odoo."""

    def __init__(self, engine: HospitalEngine, admin: Session, number: str) -> None:
        self.engine, self._admin, self.number, self._sent = engine, admin, number, 0
        self._before = admin.call("stock.picking", "search_count", OURS)

    def says(self, control: str, quantity: int = 0) -> str:
        """Send a message about the order; how it ends."""
        self._sent += 1
        return self.sends(self._message(control, quantity))

    def repeats(self, control: str, quantity: int = 0) -> str:
        """Send the last message again, as it was."""
        return self.sends(self._message(control, quantity))

    def sends(self, raw: bytes) -> str:
        (answer,) = self.engine.send("ward-orders", raw)
        assert answer is not None
        assert b"\rMSA|AA|" in answer
        return self.ended()

    def ended(self) -> str:
        """The state of the last message, with the reason of what was refused of it."""
        view = self.engine.all_settled()[-1]
        mine = [one for one in self.engine.deliveries() if one.delivery.message_id == view.id]
        return ": ".join([view.state.value, *(one.reason.code.value for one in mine if one.reason)])

    def stands(self) -> list[tuple[str, float]]:
        """The state of each of its transfers, and how much that wants."""
        found = self._admin.read("stock.picking", OURS, "state", "move_ids", order="id")[self._before :]
        return [(one["state"], self._wanted(one["move_ids"])) for one in found]

    def _wanted(self, moves: list[int]) -> float:
        read = self._admin.read("stock.move", [["id", "in", moves]], "product_uom_qty")
        return float(sum(move["product_uom_qty"] for move in read))

    def _message(self, control: str, quantity: int) -> bytes:
        line = f"RQD|1|||SUP-1003|{quantity}|EA|||3A|20261124\r" if quantity else ""
        number = f"{self.number}-{self._sent}"
        head = rf"MSH|^~\&|WARDS|GENERAL|ENG|GENERAL|20261121||OMS^O05|{number}|P|2.5.1"
        return f"{head}\rORC|{control}|{self.number}\r{line}".encode()


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[HospitalEngine, Session]]:
    found = fresh_database("disorder")
    engine = HospitalEngine(tmp_path_factory.mktemp("disorder"), found)
    engine.start()
    with sign_in(found) as admin:
        yield engine, admin
    engine.end()
    drop_database(found)


@pytest.fixture
def ward(hospital: tuple[HospitalEngine, Session]) -> Callable[[str], Ward]:
    return lambda number: Ward(*hospital, number)


def test_repeats_and_resends_double_nothing(ward: Callable[[str], Ward]) -> None:
    order = ward("P-1")
    assert order.says("NW", 5) == "delivered"
    assert order.repeats("NW", 5) == "duplicate"
    assert order.says("NW", 5) == "delivered"  # under a control id of its own
    assert order.stands() == [("assigned", 5.0)]


def test_a_change_of_an_order_never_heard_of_is_the_order(ward: Callable[[str], Ward]) -> None:
    order = ward("P-2")
    assert order.says("XO", 7) == "delivered"
    assert order.stands() == [("assigned", 7.0)]
    assert order.says("XO", 3) == "delivered"
    assert order.stands() == [("assigned", 3.0)]


def test_a_cancel_before_its_order_waits_for_a_person_who_lets_it_go_again(
    ward: Callable[[str], Ward],
) -> None:
    order = ward("P-3")
    assert order.says("CA") == "dead: unknown-reference"
    assert order.says("NW", 4) == "delivered"
    assert order.stands() == [("assigned", 4.0)]
    code, said = order.engine.wardline("redeliver", "--channel", "ward-orders", "--why", "its order is here")
    assert code == 0, said
    order.engine.all_settled()
    assert order.stands() == [("cancel", 4.0)]


def test_an_order_after_its_cancel_begins_anew(ward: Callable[[str], Ward]) -> None:
    order = ward("P-4")
    assert [order.says("NW", 6), order.says("CA"), order.says("CA")] == ["delivered"] * 3
    assert order.stands() == [("cancel", 6.0)]
    assert order.says("NW", 2) == "delivered"
    assert order.stands() == [("cancel", 6.0), ("assigned", 2.0)]


def test_a_hold_gives_back_until_it_is_released(ward: Callable[[str], Ward]) -> None:
    order = ward("P-5")
    assert [order.says("NW", 8), order.says("HD")] == ["delivered"] * 2
    assert order.stands() == [("cancel", 8.0)]
    assert order.says("RL") == "dead"  # it does not say what: bad-value at RQD-4
    assert order.says("RL", 8) == "delivered"
    assert order.stands() == [("cancel", 8.0), ("assigned", 8.0)]
