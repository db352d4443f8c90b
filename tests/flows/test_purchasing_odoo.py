"""Orders as a real Odoo has them: made, arrived, still waited for, cancelled."""

from __future__ import annotations

import time

import pytest
from odoo_databases import drop_database, fresh_database
from odoo_engine import NEEDS_ODOO

from demo.day import connection
from demo.session import Session
from engine.operations.purchasing import orders_of

PLAIN = [["type", "=", "consu"], ["tracking", "=", "none"]]

pytestmark = [*NEEDS_ODOO, pytest.mark.timeout(180)]


def test_orders_are_read_as_they_stand() -> None:
    found = fresh_database("purchasing")
    try:
        with Session(found.url, found.database, found.admin.login, found.admin.password) as admin:
            vendor = admin.call("res.partner", "create", {"name": "Vendor of the test"})
            product = admin.read("product.product", PLAIN, "id", limit=1)[0]["id"]

            def order() -> int:
                line = {"product_id": product, "product_qty": 1, "price_unit": 5}
                values = {"partner_id": vendor, "order_line": [[0, 0, line]]}
                return int(admin.call("purchase.order", "create", values))

            arrived, open_, cancelled = order(), order(), order()
            admin.call("purchase.order", "button_confirm", [arrived])
            (made,) = admin.read("purchase.order", [["id", "=", arrived]], "picking_ids")
            for picking in made["picking_ids"]:
                for move in admin.read("stock.move", [["picking_id", "=", picking]], "id"):
                    admin.call("stock.move", "write", [move["id"]], {"quantity": 1, "picked": True})
                admin.call("stock.picking", "button_validate", [picking])
            admin.call("purchase.order", "button_cancel", [cancelled])
        asked = {"odoo:hospital-odoo": {arrived, open_, cancelled}, "ledger:x": {1}}
        orders, note = orders_of(asked, connection(found))
    finally:
        drop_database(found)
    assert note == ""
    assert [(bool(one.arrived), one.open) for one in orders] == [(True, False), (False, True), (False, False)]
    assert all(abs(one.made - time.time()) < 600 for one in orders)
    assert orders[0].arrived >= orders[0].made - 1
