"""Price: what an item or service is billed at, on the product itself or in a price list.

A product has one price, from now on; days and quantities need a price list (`product.pricelist`), which
people make. The rules that come from a master file are Wardline's own, one per key; others stay.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from engine import effects
from engine.destinations.odoo.billing import amount
from engine.destinations.odoo.catalogue import Product
from engine.destinations.odoo.client import OdooClient
from engine.destinations.odoo.faults import refusal
from engine.destinations.odoo.names import external, full
from engine.destinations.odoo.work import Row, Site, open_rows, written
from engine.errors import Unacceptable
from engine.model import ReasonCode

__all__ = ["price", "price_list", "price_lists"]

PRODUCT, RULE = "product.product", "product.pricelist.item"
Rows = Sequence[Row[Any]]


def price(site: Site, rows: Rows) -> None:
    """Carry out the `Price` effects of one company, whose items differ."""
    lists = price_lists(site.client, site.company, {row.effect.price_list for row in rows} - {""})
    writes: dict[str, dict[Row[Any], dict[str, str]]] = {PRODUCT: {}, RULE: {}}
    for row in rows:
        try:
            item = site.catalogue.item(site.company, row.effect.code)
            if row.effect.price_list:
                writes[RULE][row] = _rule(site, row.effect, item, lists)
            else:
                writes[PRODUCT][row] = _own(site, row.effect, item)
        except Unacceptable as error:
            row.fail(error)
    _unchanged(site, writes[PRODUCT])
    for model, columns in writes.items():
        for row, number in written(site, model, columns).items():
            row.documents[model] = str(number)
    for row in open_rows(rows):
        row.stand()


def price_lists(client: OdooClient, company: int, names: Collection[str]) -> dict[str, list[int]]:
    """Price lists by name; of one name, the company's own before one that all share."""
    if not names:
        return {}
    domain = [("name", "in", sorted(names)), ("company_id", "in", [company, False])]
    context = {"allowed_company_ids": [company]}
    rows = client.search_read("product.pricelist", domain, ["name", "company_id"], context=context)
    own = [row for row in rows if row["company_id"]]
    result: dict[str, list[int]] = {}
    for name in names:
        mine = [row["id"] for row in own if row["name"] == name]
        result[name] = mine or [row["id"] for row in rows if row["name"] == name]
    return result


def price_list(found: Mapping[str, Sequence[int]], name: str) -> int:
    """The one price list of this name. Raises `Unacceptable`."""
    if len(found[name]) != 1:
        text = "two price lists in Odoo have this name" if found[name] else "Odoo has no such price list"
        raise refusal(ReasonCode.UNKNOWN_REFERENCE, text, "price_list")
    return found[name][0]


def _own(site: Site, effect: effects.Price, item: Product) -> dict[str, str]:
    """The product's one price. Raises `Unacceptable` for what only a price list can hold."""
    if effect.from_quantity is not None and effect.from_quantity > 1:
        raise refusal(ReasonCode.REFUSED, "a price from a quantity on needs a price list", "from_quantity")
    if effect.valid_until is not None:
        raise refusal(ReasonCode.REFUSED, "a price that ends needs a price list", "valid_until")
    if effect.valid_from is not None and effect.valid_from > datetime.now(UTC).date():
        text = "a price for later needs a price list: redeliver on its day, or name a list"
        raise refusal(ReasonCode.REFUSED, text, "valid_from")
    return {".id": str(item.id), "list_price": str(amount(site, effect.price))}


def _rule(site: Site, effect: effects.Price, item: Product, lists: Mapping[str, list[int]]) -> dict[str, str]:
    """A fixed price in a price list. Raises `Unacceptable`."""
    return {
        "id": full(external("price", effect.key)),
        "pricelist_id/.id": str(price_list(lists, effect.price_list)),
        "applied_on": "1_product",
        "product_tmpl_id/.id": str(item.template),
        "compute_price": "fixed",
        "fixed_price": str(amount(site, effect.price)),
        "min_quantity": str(effect.from_quantity or 0),
        "date_start": f"{effect.valid_from} 00:00:00" if effect.valid_from else "",
        "date_end": f"{effect.valid_until} 23:59:59" if effect.valid_until else "",
    }


def _unchanged(site: Site, writes: dict[Row[Any], dict[str, str]]) -> None:
    """Take out the products that have their price already."""
    ids = [int(columns[".id"]) for columns in writes.values()]
    if not ids:
        return
    rows = site.client.search_read(PRODUCT, [("id", "in", ids)], ["list_price"], context=site.context)
    prices = {row["id"]: Decimal(str(row["list_price"])) for row in rows}
    for row, columns in list(writes.items()):
        if prices.get(int(columns[".id"])) == Decimal(columns["list_price"]):
            row.documents[PRODUCT] = columns[".id"]
            row.notes.append("nothing to change")
            del writes[row]
        else:
            row.notes.append("changed: price")
