"""An Odoo that is made up of what effects name, for a plan without a connection.

It has every item, unit, place, company and cost centre that the effects name, plenty of everything in stock,
and nothing of what Wardline may have written before. Its answers are those of Odoo 19.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import product
from typing import Any

from engine.destinations.odoo.connection import OdooConnection
from engine.destinations.odoo.faults import ServerError
from engine.destinations.odoo.planning.records import Record
from engine.effects import Effect, Encounter, Item, Lot, Offer

__all__ = ["CONNECTION", "SCHEMA", "MadeUp", "fields_of", "seeds"]

CONNECTION = OdooConnection("made-up", url="", database="", consumption_location="Patient Care")
"""The settings of a connection, as they come."""

_PLENTY = 1_000_000.0
_UNITS = "Units"
_PLACES = ("source", "destination", "location")

SCHEMA = """
res.partner: ref name function active? is_company? parent_id>res.partner company_id>res.company
res.partner: category_id*res.partner.category
res.partner.category: name
sale.order: client_order_ref state~ partner_id>res.partner company_id>res.company
sale.order.line: name product_uom_qty# price_unit# discount# analytic_distribution{} display_type~
sale.order.line: order_id>sale.order product_id>product.product product_uom_id>uom.uom
stock.picking: origin state~ scheduled_date@ priority~ picking_type_id>stock.picking.type
stock.picking: location_id>stock.location location_dest_id>stock.location partner_id>res.partner
stock.picking: backorder_id>stock.picking company_id>res.company move_ids<stock.move/picking_id
stock.move: origin state~ date@ product_uom_qty# product_qty# quantity# picked? picking_id>stock.picking
stock.move: product_id>product.product product_uom>uom.uom location_id>stock.location
stock.move: location_dest_id>stock.location company_id>res.company origin_returned_move_id>stock.move
stock.move: move_line_ids<stock.move.line/move_id
stock.move.line: quantity# move_id>stock.move lot_id>stock.lot picking_id>stock.picking
stock.move.line: product_id>product.product product_uom_id>uom.uom location_id>stock.location
stock.move.line: location_dest_id>stock.location
stock.lot: name expiration_date@ product_id>product.product company_id>res.company
stock.quant: quantity# reserved_quantity# product_id>product.product location_id>stock.location
stock.quant: lot_id>stock.lot
stock.location: complete_name usage~ company_id>res.company warehouse_id>stock.warehouse
stock.warehouse.orderpoint: product_min_qty# product_max_qty# active? trigger~ company_id>res.company
stock.warehouse.orderpoint: product_id>product.product location_id>stock.location
stock.warehouse.orderpoint: warehouse_id>stock.warehouse
purchase.order.line: product_qty# qty_received# state~ orderpoint_id>stock.warehouse.orderpoint
purchase.order.line: order_id>purchase.order
product.product: default_code name type~ barcode tracking~ list_price# active? is_storable? qty_available#
product.product: outgoing_qty# use_expiration_date? uom_id>uom.uom product_tmpl_id>product.template
product.product: company_id>res.company
product.supplierinfo: product_code price# sequence$ product_tmpl_id>product.template
product.supplierinfo: product_id>product.product partner_id>res.partner currency_id>res.currency
product.supplierinfo: product_uom_id>uom.uom company_id>res.company
product.pricelist: name company_id>res.company
product.pricelist.item: fixed_price# min_quantity# applied_on~ compute_price~ date_start@ date_end@
product.pricelist.item: pricelist_id>product.pricelist product_tmpl_id>product.template
account.analytic.account: code company_id>res.company
uom.uom: name factor# parent_path
"""
"""The fields of Odoo 19 that the sagas read and write: `#` a float, `$` an integer, `?` a boolean, `@` a
time, `~` a word, `{}` JSON, `>` one of a model, `*` several, `<` those whose field leads back."""

_KINDS = {"#": "float", "$": "integer", "?": "boolean", "@": "datetime", "~": "selection", "{}": "json"}
_FIELD = re.compile(r"([a-z_]+)(#|\$|\?|@|~|{}|)(?:([>*<])([a-z.]+)(?:/([a-z_]+))?)?")


class MadeUp:
    """See `client.Wire`: an Odoo 19 with nothing in it but what is seeded."""

    transport = "json2"
    version: tuple[int, ...] = (19, 0)

    def call(
        self,
        model: str,
        method: str,
        ids: Sequence[int] | None,  # noqa: ARG002 - the interface of a wire
        context: Mapping[str, Any],  # noqa: ARG002
        args: Mapping[str, Any],  # noqa: ARG002
    ) -> Any:
        """Nothing found."""
        if method == "fields_get":
            return fields_of(model)
        if method == "context_get":
            return {"uid": 2, "lang": "en_US"}
        if method == "check_object_reference":
            raise ServerError("ValueError: no such external id")
        return []

    def close(self) -> None:
        """Nothing is open."""


def fields_of(model: str) -> dict[str, Record]:
    """What fields a model has, as `fields_get` answers."""
    rows = [row.partition(": ")[2] for row in SCHEMA.splitlines() if row.startswith(f"{model}: ")]
    found = [match for row in rows for one in row.split() if (match := _FIELD.fullmatch(one))]
    return {match[1]: _field(match) for match in found}


def _field(match: re.Match[str]) -> Record:
    _, kind, leads, to, back = match.groups()
    if leads:
        kinds = {">": "many2one", "*": "many2many", "<": "one2many"}
        return {"type": kinds[leads], "relation": to, **({"relation_field": back} if back else {})}
    return {"type": _KINDS.get(kind, "char")}


def seeds(effects: Sequence[Effect], connection: OdooConnection) -> dict[str, list[Record]]:
    """The records that these effects need to find, by model."""
    items = [item for effect in effects for item in _items(effect)]
    codes = _numbered({item.code for item in items} | _said(effects, "code"))
    units = _numbered(({item.unit for item in items} | _said(effects, "unit")) - {_UNITS, ""}, first=2)
    lots = {(item.code, item.lot) for item in items if item.lot}
    tracked = {code for code, _ in lots} | {one.code for one in effects if isinstance(one, Lot)}
    own = {connection.source_location, connection.consumption_location}
    places = _numbered({place for word in _PLACES for place in _said(effects, word, but=Encounter)} | own)
    return {
        "res.company": [
            {"id": number, "name": name, "currency_id": [1, _currency(effects)]}
            for name, number in _numbered(_said(effects, "company") or {"My Company"}).items()
        ],
        "res.users": [{"id": 2, "company_id": [1, ""]}],
        "uom.uom": [
            {"id": number, "name": name, "parent_path": "1/", "factor": float(_packed(effects, name))}
            for name, number in {_UNITS: 1, **units}.items()
        ],
        "product.product": [_product(number, code, code in tracked) for code, number in codes.items()],
        "stock.location": [
            {"id": number, "complete_name": name, "usage": "internal", "warehouse_id": [1, ""]}
            for name, number in places.items()
        ],
        "stock.warehouse": [{"id": 1, "int_type_id": [1, ""]}],
        "stock.quant": [
            {"id": at, "product_id": [one, ""], "location_id": [place, ""], "quantity": _PLENTY}
            for at, (one, place) in enumerate(product(codes.values(), places.values()), 1)
        ],
        "stock.lot": [
            {"id": number, "name": lot, "product_id": [codes[code], ""]}
            for number, (code, lot) in enumerate(sorted(lots), 1)
        ],
        "account.analytic.account": _named(_said(effects, "cost_centre"), "code"),
        "product.pricelist": _named(_said(effects, "price_list"), "name"),
        "res.partner": _named(_said(effects, "vendor"), "ref"),
    }


def _said(effects: Iterable[Effect], word: str, but: type[Effect] | None = None) -> set[str]:
    """What effects say under a word, those of the kind `but` left out."""
    return {getattr(one, word, "") for one in effects if but is None or not isinstance(one, but)} - {""}


def _numbered(names: Iterable[str], first: int = 1) -> dict[str, int]:
    return {name: number for number, name in enumerate(sorted({*names} - {""}), first)}


def _named(names: Iterable[str], field: str) -> list[Record]:
    return [{"id": number, field: name} for name, number in _numbered(names).items()]


def _product(number: int, code: str, tracked: bool) -> Record:
    return {
        "id": number, "default_code": code, "name": code, "uom_id": [1, _UNITS], "type": "consu",
        "tracking": "lot" if tracked else "none", "product_tmpl_id": [number, ""],
        "is_storable": True, "active": True,
    }  # fmt: skip


def _items(effect: Effect) -> list[Item]:
    single = getattr(effect, "item", None)
    return [*getattr(effect, "items", ()), *([single] if single else [])]


def _packed(effects: Iterable[Effect], unit: str) -> Decimal:
    """How many are in a unit, where an offer says so."""
    offers = (one for one in effects if isinstance(one, Offer) and one.unit == unit)
    return next((one.package_quantity for one in offers if one.package_quantity), Decimal(1))


def _currency(effects: Iterable[Effect]) -> str:
    prices = (getattr(effect, "price", None) for effect in effects)
    return next((price.currency for price in prices if price and price.currency), "EUR")
