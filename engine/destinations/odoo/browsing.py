"""What Odoo has, to be listed: its items, units, locations and vendors. Only read, page by page.

Each is told in words of its own (`engine.config.spec.tables.CATALOGUES`), the same for every version of Odoo.
Vendors are those that offer something or were marked as one: other contacts are people and their visits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from engine.destinations.odoo.client import OdooClient

__all__ = ["browse"]

PAGE = 1000
"""Records of one answer: well below what an answer may have (10 MiB)."""

_USAGES = ("internal", "transit", "production", "customer")

Told = dict[str, str]


def browse(client: OdooClient, catalogue: str) -> list[Told]:
    """The records of one catalogue (`items`, `units`, `locations`, `vendors`), by what they are known by;
    those known by nothing are left out. Raises `Unavailable` and `Unacceptable` as the client does."""
    found = _BROWSED[catalogue](client)
    named = [(next(iter(one.values())), one) for one in found]
    return [one for name, one in sorted(named, key=lambda pair: pair[0]) if name]


def _items(client: OdooClient) -> Iterator[Told]:
    known = client.fields("product.product")
    fields = ["default_code", "name", "uom_id", "type", "tracking", "barcode"]
    domain = [("default_code", "!=", False)]
    for row in _all(client, "product.product", domain, [*fields, *_there(known, "is_storable")]):
        stocked = row["type"] == "product" or row.get("is_storable", False)
        kind = "service" if row["type"] == "service" else "goods" if stocked else "consumable"
        yield {
            "code": _text(row["default_code"]),
            "name": _text(row["name"]),
            "unit": _name(row["uom_id"]),
            "kind": kind,
            "tracking": _text(row["tracking"]),
            "barcode": _text(row["barcode"]),
        }


def _units(client: OdooClient) -> Iterator[Told]:
    """From 19 on a unit says how many of another it is, before how many of its category's own."""
    known = client.fields("uom.uom")
    if "relative_factor" in known:
        for row in _all(client, "uom.uom", [], ["name", "relative_uom_id", "relative_factor"]):
            of = _name(row["relative_uom_id"])
            factor = _number(row["relative_factor"]) if of else ""
            yield {"name": _text(row["name"]), "of": of, "factor": factor}
        return
    rows = list(_all(client, "uom.uom", [], ["name", "category_id", "uom_type", "factor_inv"]))
    own = {row["category_id"][0]: _text(row["name"]) for row in rows if row["uom_type"] == "reference"}
    for row in rows:
        of = own.get(row["category_id"][0], "") if row["uom_type"] != "reference" else ""
        yield {"name": _text(row["name"]), "of": of, "factor": _number(row["factor_inv"]) if of else ""}


def _locations(client: OdooClient) -> Iterator[Told]:
    domain = [("usage", "in", _USAGES)]
    for row in _all(client, "stock.location", domain, ["complete_name", "usage", "barcode"]):
        name = _text(row["complete_name"])
        yield {"name": name, "usage": _text(row["usage"]), "barcode": _text(row["barcode"])}


def _vendors(client: OdooClient) -> Iterator[Told]:
    offers = _all(client, "product.supplierinfo", [], ["partner_id"])
    ids = sorted({row["partner_id"][0] for row in offers if row["partner_id"]})
    domain: list[Any] = [("id", "in", ids)]
    if "supplier_rank" in client.fields("res.partner"):
        domain = ["|", *domain, ("supplier_rank", ">", 0)]
    for row in _all(client, "res.partner", domain, ["name", "ref"]):
        yield {"name": _text(row["name"]), "reference": _text(row["ref"])}


_BROWSED: dict[str, Callable[[OdooClient], Iterator[Told]]] = {
    "items": _items,
    "units": _units,
    "locations": _locations,
    "vendors": _vendors,
}


def _all(
    client: OdooClient, model: str, domain: Sequence[Any], fields: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """All records, in the order of their ids."""
    last = 0
    while True:
        rows = client.search_read(model, [*domain, ("id", ">", last)], fields, limit=PAGE)
        yield from rows
        if len(rows) < PAGE:
            return
        last = int(rows[-1]["id"])


def _there(known: dict[str, Any], name: str) -> list[str]:
    return [name] if name in known else []


def _text(value: Any) -> str:
    """Odoo says False for what is empty; blanks around a text are none of a table's."""
    return " ".join(str(value).split()) if value not in (False, None) else ""


def _name(link: Any) -> str:
    """What a many2one is called."""
    return _text(link[1]) if link else ""


def _number(value: Any) -> str:
    return format(Decimal(str(value)).normalize(), "f")
