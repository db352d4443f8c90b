"""What wards order and pharmacies dispense, where Odoo's own ways decide: shortage, days, lots."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from odoo_desk import Desk, Mirror, item

from demo.odoo import Running
from demo.session import Session
from engine.effects import Consume, Release, Reserve
from engine.model import ReasonCode, Refused

pytestmark = [pytest.mark.odoo, pytest.mark.timeout(900)]

FRIDAY = date(2026, 12, 4)


def order(key: str, quantity: int, ward: str = "ICU", **more: Any) -> Reserve:
    """A mattress, which nobody keeps in stock."""
    settings: dict[str, Any] = {"source": "WH/Stock", "destination": f"WH/Wards/{ward}", "needed_on": FRIDAY}
    return Reserve(key=key, items=(item("MAT-AIR", quantity),), **{**settings, **more})


def ordered(mirror: Mirror) -> float:
    return sum(many for name, many in mirror.ordered().items() if "MAT-AIR" in name)


def state(mirror: Mirror, key: str) -> str:
    (transfer,) = mirror.transfers(key)
    return str(transfer[1])


def test_what_is_not_in_stock_is_bought_for_all_who_ordered_it_and_fills_their_transfers(
    desk: Desk, mirror: Mirror, admin: Session
) -> None:
    first, second = desk.done(order("o/1/1", 1), order("o/2/1", 2, "3A"))
    assert "on order P" in first.note
    assert "short by 2: on order P" in second.note
    desk.done(order("o/1/1", 1), order("o/2/1", 2, "3A"))  # sent again
    assert ordered(mirror) == 3
    assert [state(mirror, "o/1/1"), state(mirror, "o/2/1")] == ["confirmed", "confirmed"]
    desk.one(Release(key="o/2/1"))
    receive(admin, "MAT-AIR")
    assert [state(mirror, "o/1/1"), state(mirror, "o/2/1")] == ["assigned", "cancel"]


def receive(admin: Session, code: str) -> None:
    """The buyer confirms the order, and the goods come in."""
    lines = admin.read("purchase.order.line", [["product_id.default_code", "=", code]], "order_id")
    for number in {line["order_id"][0] for line in lines}:
        admin.call("purchase.order", "button_confirm", [number])
        receipts = admin.read("stock.picking", [["purchase_id", "=", number]], "move_ids")
        for receipt in receipts:
            admin.call("stock.move", "write", receipt["move_ids"], {"picked": True})
            admin.call("stock.picking", "button_validate", [receipt["id"]])


def test_a_day_alone_is_its_noon_and_goes_before_a_time(desk: Desk, mirror: Mirror) -> None:
    desk.one(order("d/1/1", 1))
    assert mirror.transfers("d/1/1")[0][4] == "2026-12-04 12:00:00"
    desk.one(order("d/1/1", 1, needed_at=datetime(2026, 12, 1, 8, tzinfo=UTC)))
    assert mirror.transfers("d/1/1")[0][4] == "2026-12-04 12:00:00"
    desk.one(order("d/1/1", 1, needed_on=None, needed_at=datetime(2026, 12, 1, 8, tzinfo=UTC)))
    assert mirror.transfers("d/1/1")[0][4] == "2026-12-01 08:00:00"


def dispense(key: str, lot: str, code: str = "AMOX-500", **more: Any) -> Consume:
    return Consume(key=key, items=(item(code, 10, lot=lot),), location="WH/Pharmacy", used_on=FRIDAY, **more)


@pytest.mark.parametrize("lot", ["AMX-9999", "CAT-2609"])  # none at all, and another item's
def test_a_lot_that_the_item_does_not_have_is_refused_and_not_made(
    desk: Desk, admin: Session, lot: str
) -> None:
    before = admin.call("stock.lot", "search_count", [])
    outcome = desk.refused(dispense(f"l/{lot}", lot))
    assert (outcome.reason.code, outcome.reason.place) == (ReasonCode.REFUSED, "items.lot")
    assert outcome.reason.text == "Odoo has no such lot of this item"
    assert admin.call("stock.lot", "search_count", []) == before
    assert admin.read("stock.picking", [["origin", "=", f"l/{lot}"]], "id") == []


def test_once_the_lot_is_there_the_same_dispense_is_booked_from_it(
    desk: Desk, mirror: Mirror, admin: Session, hospital: Running
) -> None:
    late = dispense("l/late", "AMX-2712")
    desk.refused(late)
    product, company = hospital.ids["items"]["AMOX-500"], hospital.ids["companies"]["Lakeside Hospital"]
    admin.call("stock.lot", "create", {"name": "AMX-2712", "product_id": product, "company_id": company})
    desk.one(late)
    (transfer,) = mirror.transfers("l/late")
    assert transfer[1] == "done"
    assert transfer[7][0][-1] == [["AMX-2712", 10.0]]


def test_the_same_dispense_from_another_lot_is_a_conflict(desk: Desk, mirror: Mirror) -> None:
    """A recall asks who received which lot: the answer must not be the first of two."""
    desk.one(dispense("l/same", "AMX-2701"))
    desk.one(dispense("l/same", "AMX-2701"))
    outcome = desk.refused(dispense("l/same", "AMX-2711"))
    assert (outcome.reason.code, outcome.reason.place) == (ReasonCode.CONFLICT, "items.lot")
    (transfer,) = mirror.transfers("l/same")
    assert transfer[7][0][-1] == [["AMX-2701", 10.0]]
    desk.one(dispense("l/same/back", "AMX-2701", reverses="l/same"))
    desk.one(dispense("l/same/back", "", reverses="l/same"))  # names none: it went where it came from
    assert isinstance(desk.refused(dispense("l/same/back", "AMX-2711", reverses="l/same")), Refused)
