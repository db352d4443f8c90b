"""Odoo 17 and 18 against what was recorded of them (the design's measured facts): which fields a model
has decides what is written, and never a version number where a field can be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest

from engine.destinations.odoo.billing import columns_of
from engine.destinations.odoo.catalogue import Catalogue, Location, Product, Wanted
from engine.destinations.odoo.client import OdooClient
from engine.destinations.odoo.connection import OdooConnection
from engine.destinations.odoo.orders import load_lines
from engine.destinations.odoo.preflight import _allowed, _in_group, _Right
from engine.destinations.odoo.procurement import Need, replenish
from engine.destinations.odoo.transfers import Line, NewTransfer, Transfers
from engine.destinations.odoo.work import Site

OLD = {
    "stock.move": ["name", "quantity", "picked"],
    "sale.order.line": ["product_uom"],
    "uom.uom": ["category_id", "factor", "factor_inv"],
    "stock.warehouse.orderpoint": ["visibility_days"],
    "purchase.order.line": ["orderpoint_id"],
}
NEW = {
    "stock.move": ["quantity", "picked"],
    "sale.order.line": ["product_uom_id"],
    "uom.uom": ["parent_path", "factor"],
    "stock.warehouse.orderpoint": ["replenishment_uom_id"],
    "purchase.order.line": ["orderpoint_id"],
}
FIELDS = {17: OLD, 18: OLD, 19: NEW}
UNITS = {
    17: [
        {"id": 1, "name": "Units", "category_id": [1, "Unit"], "factor_inv": 1.0},
        {"id": 2, "name": "Box of 100", "category_id": [1, "Unit"], "factor_inv": 100.0},
        {"id": 3, "name": "Hours", "category_id": [4, "Working Time"], "factor_inv": 1.0},
    ],
    19: [
        {"id": 1, "name": "Units", "parent_path": "1/", "factor": 1.0},
        {"id": 2, "name": "Box of 100", "parent_path": "1/2/", "factor": 100.0},
        {"id": 3, "name": "Hours", "parent_path": "3/", "factor": 1.0},
    ],
}


class RecordedWire:
    """Answers as a server of that version would, and keeps what it was asked."""

    transport = "recorded"

    def __init__(self, version: int) -> None:
        self.version: tuple[int, ...] = (version, 0)
        self.asked: list[tuple[str, str, Any, dict[str, Any]]] = []

    def call(
        self,
        model: str,
        method: str,
        ids: Sequence[int] | None,
        context: Mapping[str, Any],
        args: Mapping[str, Any],
    ) -> Any:
        self.asked.append((model, method, ids, dict(args)))
        if method == "fields_get":
            return {name: {} for name in FIELDS[self.version[0]].get(model, [])}
        if method == "load":
            return {"ids": list(range(1, len(args["data"]) + 1)), "messages": []}
        if (model, method) == ("uom.uom", "search_read"):
            return [
                {"id": u["id"], **{f: u[f] for f in args["fields"]}}
                for u in UNITS[19 if self.version[0] == 19 else 17]
            ]
        if (model, method) == ("stock.warehouse", "search_read"):
            return [{"id": 1, "int_type_id": [5, "WH: Internal Transfers"]}]
        if method == "context_get":
            return {"lang": "en_US"}
        return (
            True if method in ("has_access", "check_access_rights", "has_group", "action_replenish") else []
        )

    def close(self) -> None:
        return None

    def loaded(self, model: str) -> dict[str, Any]:
        """Columns and values of the first row that was loaded."""
        (args,) = (args for m, method, _, args in self.asked if (m, method) == (model, "load"))
        return dict(zip(args["fields"], args["data"][0], strict=True))


PRODUCT = Product(7, "GLV-M", "Gloves", 1, "consu", "none")


@pytest.fixture(params=[17, 18, 19])
def wire(request: pytest.FixtureRequest) -> RecordedWire:
    return RecordedWire(request.param)


@pytest.fixture
def site(wire: RecordedWire) -> Site:
    client = OdooClient(wire)
    return Site(client, Catalogue(client), OdooConnection("x", "http://x", "d"), 1, lambda _: None)


def test_a_move_has_a_name_up_to_18(site: Site, wire: RecordedWire) -> None:
    store, ward = Location(8, "WH/Stock", "internal", 1), Location(9, "WH/Wards/ICU", "internal", 1)
    line = Line(PRODUCT, 1, Decimal(2), Decimal(2))
    assert Transfers(site).create([NewTransfer("reserve_k", "k", store, ward, (line,))]) == [1]
    row = wire.loaded("stock.picking")
    assert row.get("move_ids/name") == ("Gloves" if wire.version < (19,) else None)
    assert row["id"] == "wardline.reserve_k"
    assert row["move_ids/product_uom_qty"] == "2"


def test_an_existing_transfer_gets_only_what_changes(site: Site, wire: RecordedWire) -> None:
    Transfers(site).update("stock.picking", ["scheduled_date"], [["42", "2026-12-01 08:00:00"]])
    assert wire.loaded("stock.picking") == {".id": "42", "scheduled_date": "2026-12-01 08:00:00"}


def test_the_unit_of_an_order_line(site: Site, wire: RecordedWire) -> None:
    wanted = Wanted(PRODUCT, Decimal(2), 1, Decimal(2))
    columns = columns_of(site, "charge_k", wanted, None, "", "")
    load_lines(site, {"one": {"order_id/.id": "3", **columns}})
    row = wire.loaded("sale.order.line")
    assert row["product_uom_id/.id" if wire.version >= (19,) else "product_uom/.id"] == "1"
    assert "price_unit" not in row


def test_units_convert_within_their_family(site: Site) -> None:
    assert site.catalogue.unit("Box of 100", PRODUCT) == (2, Decimal(100))
    with pytest.raises(Exception, match="does not fit"):
        site.catalogue.unit("Hours", PRODUCT)


def test_a_reordering_rule_looks_as_far_ahead_as_19_does(site: Site, wire: RecordedWire) -> None:
    replenish(site, {Need(7, 8, 1)})
    row = wire.loaded("stock.warehouse.orderpoint")
    assert row.get("visibility_days") == ("365" if wire.version < (19,) else None)
    assert (row["trigger"], row["product_min_qty"]) == ("manual", "0")


def test_rights_are_asked_in_the_versions_own_way(site: Site, wire: RecordedWire) -> None:
    assert _allowed(site.client, _Right("res.partner", "create", "m", "g", "w"))
    assert _in_group(site.client, 5, "base.group_system")
    methods = {(method, ids is None) for _, method, ids, _ in wire.asked}
    modern = {("has_access", False), ("has_group", False)}
    assert methods == (
        modern if wire.version >= (18,) else {("check_access_rights", True), ("has_group", True)}
    )
