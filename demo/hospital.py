"""Sets up a small hospital in an Odoo 19; running it again changes nothing but the integration user's key.

Everything is written by `load` under external ids of the module `hospital`, so a second run finds the
same records.
"""

from __future__ import annotations

import secrets
from typing import Any

from demo.hospital_catalogue import (
    COST_CENTRES,
    DATED_LOTS,
    ITEMS,
    LAB_STOCK,
    LOCATIONS,
    PHARMACY_STOCK,
    RIGHTS,
    SERVICES,
    WARD_STOCK,
    Item,
)
from demo.session import Refusal, Session

__all__ = ["provision"]

UNIT, BOX, CARE = "uom.product_uom_unit", "box_of_100", "Patient Care"


def provision(admin: Session, url: str, database: str) -> dict[str, Any]:
    """The hospital's ids by name: `companies`, `locations` (by complete name), `items` and `services`
    (product ids by code), `units`, `vendors`, `cost_centres` (by code), `picking_types`, and the
    integration `user` (login, password, API key good for 90 days)."""
    _company(admin)
    _places(admin)
    _units(admin)
    _products(admin)
    _vendors(admin)
    _cost_centres(admin)
    _stock(admin)
    return {**_ids(admin), "user": _integration_user(admin, url, database)}


def load(admin: Session, model: str, fields: list[str], rows: list[list[Any]]) -> list[int]:
    """Odoo's import: creates or updates by external id, all or nothing; raises `Refusal` otherwise.

    Keys in the first column stand for external ids of our own module unless they name another."""
    own = [[_external(str(row[0])), *row[1:]] for row in rows]
    answer = admin.call(model, "load", fields, own)
    if not answer["ids"]:
        raise Refusal("; ".join(str(message["message"]) for message in answer["messages"]))
    return [int(found) for found in answer["ids"]]


def _external(key: str) -> str:
    return key if "." in key else f"hospital.{key}"


def _key(code: str) -> str:
    return "item_" + code.lower().replace("-", "_")


def _company(admin: Session) -> None:
    load(admin, "res.currency", ["id", "active"], [["base.EUR", "1"]])
    load(
        admin,
        "res.company",
        ["id", "name", "currency_id/id"],
        [
            ["base.main_company", "Lakeside Hospital", "base.EUR"],
            ["outpatient", "Lakeside Outpatient Clinic", "base.EUR"],
        ],
    )
    store = ["outpatient_store", "Outpatient store", "OUT", "hospital.outpatient"]
    load(admin, "stock.warehouse", ["id", "name", "code", "company_id/id"], [store])
    features = ("group_stock_multi_locations", "group_stock_production_lot", "group_uom")
    wanted = admin.call("res.config.settings", "create", dict.fromkeys(features, True))
    admin.call("res.config.settings", "execute", [wanted])
    analytic = admin.call(
        "ir.model.data", "search_read", _named("analytic.group_analytic_accounting"), ["res_id"]
    )
    admin.call("res.users", "write", [admin.uid], {"group_ids": [[4, analytic[0]["res_id"]]]})


def _places(admin: Session) -> None:
    view = admin.read("stock.warehouse", [["code", "=", "WH"]], "view_location_id")[0]["view_location_id"][0]
    for place in LOCATIONS:
        parent = _found(admin, place.parent) if place.parent else view
        row = [place.key, place.name, "internal", parent, "base.main_company"]
        load(admin, "stock.location", ["id", "name", "usage", "location_id/.id", "company_id/id"], [row])
    row = ["patient_care", CARE, "production", "base.main_company"]
    load(admin, "stock.location", ["id", "name", "usage", "company_id/id"], [row])


def _units(admin: Session) -> None:
    fields = ["id", "name", "relative_factor", "relative_uom_id/id"]
    load(admin, "uom.uom", fields, [[BOX, "Box of 100", "100", UNIT]])


def _products(admin: Session) -> None:
    fields = ["id", "default_code", "name", "type", "is_storable", "uom_id/id", "standard_price"]
    fields += ["list_price", "tracking", "use_expiration_date", "route_ids/id"]
    rows = [
        [_key(item.code), item.code, item.name, "Goods", "1", item.unit, item.cost, *_traits(item)]
        for item in ITEMS
    ]
    for service in SERVICES:
        row = [_key(service.code), service.code, service.name, "Service", "0", service.unit, "0"]
        rows.append([*row, service.price, "none", "0", ""])
    load(admin, "product.product", fields, rows)


def _traits(item: Item) -> list[str]:
    route = "purchase_stock.route_warehouse0_buy" if item.vendor else ""
    return [item.price, item.tracking, str(int(item.code in DATED_LOTS)), route]


def _vendors(admin: Session) -> None:
    fields = ["id", "name", "is_company", "email"]
    rows = [
        ["medsupply", "MedSupply Trading", "1", "orders@medsupply.example"],
        ["orthotech", "OrthoTech Implants", "1", "orders@orthotech.example"],
    ]
    load(admin, "res.partner", fields, rows)
    fields = ["id", "partner_id/id", "product_tmpl_id/.id", "price", "min_qty", "delay", "product_uom_id/id"]
    load(admin, "product.supplierinfo", fields, [_offer(admin, item) for item in ITEMS if item.vendor])


def _offer(admin: Session, item: Item) -> list[Any]:
    """Gloves come by the box, all else by the piece."""
    found = admin.read("product.product", [["default_code", "=", item.code]], "product_tmpl_id")
    boxed = item.code == "GLV-M"
    price, unit = ("8.00", _external(BOX)) if boxed else (item.cost, item.unit)
    vendor, template = _external(item.vendor), found[0]["product_tmpl_id"][0]
    return [f"offer_{_key(item.code)}", vendor, template, price, "0", "2", unit]


def _cost_centres(admin: Session) -> None:
    load(admin, "account.analytic.plan", ["id", "name"], [["departments", "Departments"]])
    rows = [
        [code.lower().replace("-", "_"), name, code, "hospital.departments", "base.main_company"]
        for code, name in COST_CENTRES.items()
    ]
    load(admin, "account.analytic.account", ["id", "name", "code", "plan_id/id", "company_id/id"], rows)


def _stock(admin: Session) -> None:
    """Counts the stock in once; a product that ever was in a place is left as it is."""
    fields = ["id", "name", "product_id/id", "company_id/id", "expiration_date"]
    for code, lots in DATED_LOTS.items():
        rows = [
            [name.lower(), name, _external(_key(code)), "base.main_company", day] for name, _, day in lots
        ]
        load(admin, "stock.lot", fields, rows)
    places = {place.key: WARD_STOCK for place in LOCATIONS if place.parent}
    store = {item.code: item.stock for item in ITEMS if item.stock}
    places |= {"pharmacy": PHARMACY_STOCK, "lab": LAB_STOCK}
    for key, kept in {"stock.stock_location_stock": store, **places}.items():
        place = _found(admin, key)
        for code, quantity in kept.items():
            _count(admin, code, quantity, place)


def _count(admin: Session, code: str, quantity: int, place: int) -> None:
    product = _found(admin, _key(code))
    if admin.one("stock.quant", product_id=product, location_id=place):
        return
    lots = [(_found(admin, name.lower()), count) for name, count, _ in DATED_LOTS.get(code, ())]
    for lot, count in lots or [(False, quantity)]:
        values = {"product_id": product, "location_id": place, "lot_id": lot, "inventory_quantity": count}
        quant = admin.call("stock.quant", "create", values, context={"inventory_mode": True})
        admin.call("stock.quant", "action_apply_inventory", [quant])


def _integration_user(admin: Session, url: str, database: str) -> dict[str, str]:
    login, password = "wardline", secrets.token_urlsafe(24)
    fields = ["id", "login", "name", "email", "password", "group_ids/id", "company_id/id", "company_ids/id"]
    companies = "base.main_company,hospital.outpatient"
    row = ["wardline", login, "Wardline", "wardline@hospital.example", password, ",".join(RIGHTS)]
    load(admin, "res.users", fields, [[*row, "base.main_company", companies]])
    with Session(url, database, login, password) as user:
        return {"login": login, "password": password, "key": user.make_key("wardline")}


def _ids(admin: Session) -> dict[str, Any]:
    def by(model: str, field: str, *domain: list[Any]) -> dict[str, int]:
        return {row[field]: row["id"] for row in admin.read(model, list(domain), field)}

    codes = by("product.product", "default_code", ["default_code", "!=", False])
    internal = ["company_id", "=", _found(admin, "base.main_company")]
    return {
        "companies": by("res.company", "name"),
        "locations": by("stock.location", "complete_name"),
        "picking_types": by("stock.picking.type", "name", internal),
        "items": {item.code: codes[item.code] for item in ITEMS},
        "services": {service.code: codes[service.code] for service in SERVICES},
        "units": by("uom.uom", "name"),
        "vendors": by("res.partner", "name", ["supplier_rank", ">=", 0], ["is_company", "=", True]),
        "cost_centres": by("account.analytic.account", "code", ["code", "in", list(COST_CENTRES)]),
    }


def _named(key: str) -> list[list[str]]:
    module, _, name = _external(key).partition(".")
    return [["module", "=", module], ["name", "=", name]]


def _found(admin: Session, key: str) -> int:
    """The id behind an external id; raises `Refusal` when there is none."""
    found = admin.read("ir.model.data", _named(key), "res_id")
    if not found:
        raise Refusal(f"Odoo has no record {_external(key)}")
    return int(found[0]["res_id"])
