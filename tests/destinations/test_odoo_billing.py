"""What a charge and its consumption do to the stock when finance confirms the quotation, in a real Odoo.

Goods leave the stock when they are used. Billed as a service they stay gone once; billed as themselves
they are delivered a second time, which is why the shipped tables name both.
"""

from __future__ import annotations

from typing import Any

import pytest
from odoo_desk import Desk, item

from demo.session import Session
from engine.effects import Charge, Consume, Credit, Item

pytestmark = [pytest.mark.odoo, pytest.mark.timeout(900)]

WARD = "WH/Wards/ICU"


class Finance:
    """Confirms quotations, and looks what became of the goods."""

    def __init__(self, admin: Session) -> None:
        self._admin = admin

    def confirm(self, order: str) -> list[dict[str, Any]]:
        """The deliveries that come of it."""
        self._admin.call("sale.order", "action_confirm", [int(order)])
        (row,) = self._admin.read("sale.order", [["id", "=", int(order)]], "state", "name")
        assert row["state"] == "sale"
        return self._admin.read("stock.picking", [["origin", "=", row["name"]]], "state", "move_ids")

    def deliver(self, picking: dict[str, Any]) -> None:
        """What the store does with a delivery it finds open."""
        self._admin.call("stock.picking", "button_validate", [picking["id"]])

    def gloves(self) -> float:
        """All there are in the hospital, what wards believe to lack counted against it."""
        domain = [["product_id.default_code", "=", "GLV-M"], ["location_id.usage", "=", "internal"]]
        return float(sum(row["quantity"] for row in self._admin.read("stock.quant", domain, "quantity")))

    def moves(self) -> int:
        domain = [["product_id.default_code", "=", "GLV-M"]]
        return int(self._admin.call("stock.move", "search_count", domain))

    def line(self, order: str) -> tuple[float, str, float]:
        """Quantity, unit and amount without tax of an order's only line."""
        fields = ("product_uom_qty", "product_uom_id", "price_subtotal")
        (row,) = self._admin.read("sale.order.line", [["order_id", "=", int(order)]], *fields)
        return row["product_uom_qty"], row["product_uom_id"][1], row["price_subtotal"]


@pytest.fixture
def finance(admin: Session) -> Finance:
    return Finance(admin)


def use(desk: Desk, key: str, billed: Item, used: Item) -> str:
    """Charge and consume, as the shipped channel makes them of one FT1; the quotation."""
    outcomes = desk.done(
        Charge(key=key, encounter=f"{key}V", subject=f"{key}P", item=billed),
        Consume(key=key, encounter=f"{key}V", subject=f"{key}P", items=(used,), location=WARD),
    )
    return outcomes[0].documents["sale.order"]


def test_what_is_billed_as_a_service_leaves_the_stock_once(desk: Desk, finance: Finance) -> None:
    before = finance.gloves()
    order = use(desk, "b1k", item("CHG-GLV-M", 4), item("GLV-M", 4))
    moves = finance.moves()
    assert finance.confirm(order) == []
    assert (finance.gloves(), finance.moves()) == (before - 4, moves)


def test_what_is_billed_as_itself_is_delivered_a_second_time(desk: Desk, finance: Finance) -> None:
    """Why nothing stocked may be billed, and why the doctor warns."""
    before = finance.gloves()
    order = use(desk, "b2k", item("GLV-M", 4), item("GLV-M", 4))
    (picking,) = finance.confirm(order)
    assert (picking["state"], len(picking["move_ids"])) == ("assigned", 1)
    finance.deliver(picking)
    assert finance.gloves() == before - 8


def test_a_box_is_billed_and_used_as_a_hundred(desk: Desk, finance: Finance) -> None:
    before = finance.gloves()
    box = {"unit": "Box of 100"}
    order = use(desk, "b3k", item("CHG-GLV-M", 1, **box), item("GLV-M", 1, **box))
    assert finance.line(order) == (1.0, "Box of 100", 20.0)
    assert finance.gloves() == before - 100


def test_what_came_back_is_credited_and_not_fetched_again(desk: Desk, finance: Finance) -> None:
    before = finance.gloves()
    order = use(desk, "b4k", item("CHG-GLV-M", 4), item("GLV-M", 4))
    desk.done(
        Credit(key="b4k/credit", encounter="b4kV", reverses="b4k", item=item("CHG-GLV-M", 1)),
        Consume(key="b4k/credit", items=(item("GLV-M", 1),), location=WARD, reverses="b4k"),
    )
    assert finance.confirm(order) == []
    assert finance.gloves() == before - 3
