"""Offer: a vendor's price of an item, a line of Odoo's vendor price list (`product.supplierinfo`).

One line per item, vendor and unit; a line that people made for the same is the one that is kept up to
date. Odoo up to 18 knows no unit here: there the price is per the item's own unit, from the
packaging's quantity on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from engine import effects
from engine.destinations.odoo.catalogue import Product
from engine.destinations.odoo.client import OdooClient
from engine.destinations.odoo.faults import refusal
from engine.destinations.odoo.names import external, full
from engine.destinations.odoo.work import Row, Site, open_rows, written
from engine.errors import Unacceptable
from engine.model import ReasonCode

__all__ = ["offer", "vendor", "vendors"]

MODEL = "product.supplierinfo"
FIRST, LATER = 0, 10
"""Where a primary vendor and another one stand among the vendors of an item."""

Rows = Sequence[Row[Any]]


class Named(msgspec.Struct, frozen=True):
    """What an offer names, found: product, vendor (id), unit (id), and how many of the product's own
    unit are in one of it."""

    product: Product
    vendor: int
    unit: int
    ratio: Decimal


def offer(site: Site, rows: Rows) -> None:
    """Carry out the `Offer` effects of one company, whose items differ."""
    found = vendors(site.client, site.company, {row.effect.vendor for row in rows})
    named: dict[Row[Any], Named] = {}
    for row in rows:
        try:
            named[row] = _named(site, row.effect, found)
        except Unacceptable as error:
            row.fail(error)
    lines = _read(site, list(named.values()))
    writes: dict[Row[Any], dict[str, str]] = {}
    for row, one in named.items():
        line = _same(site, one, lines)
        row.documents |= {MODEL: str(line["id"])} if line else {}
        writes[row] = _write(site, row, one, line)
    for row, number in written(site, MODEL, {row: some for row, some in writes.items() if some}).items():
        row.documents[MODEL] = str(number)
    for row in open_rows(named):
        row.stand()


def _write(site: Site, row: Row[Any], one: Named, line: Mapping[str, Any] | None) -> dict[str, str]:
    """The columns to write, empty when the line has it all."""
    columns = _columns(site, row.effect, one)
    if line is None:
        row.notes.append("made")
        return {"id": full(external("offer", row.effect.key)), **_identity(site, one), **columns}
    changed = {name: text for name, text in columns.items() if not _is(line, name, text)}
    said = ", ".join(sorted(_WORDS[name] for name in changed))
    row.notes.append(f"changed: {said}" if changed else "nothing to change")
    return {".id": str(line["id"]), **changed} if changed else {}


_WORDS = {"price": "price", "currency_id": "currency", "product_code": "vendor_code", "sequence": "primary"}


def vendors(client: OdooClient, company: int, names: Collection[str]) -> dict[str, list[int]]:
    """Contacts by reference, and by name where no reference says so."""
    wanted = sorted(names)
    domain = ["|", ("ref", "in", wanted), ("name", "in", wanted), ("company_id", "in", [company, False])]
    context = {"allowed_company_ids": [company]}
    rows = client.search_read("res.partner", domain, ["ref", "name"], context=context)
    by_ref = {name: [row["id"] for row in rows if row["ref"] == name] for name in wanted}
    return {name: by_ref[name] or [row["id"] for row in rows if row["name"] == name] for name in wanted}


def vendor(found: Mapping[str, Sequence[int]], name: str) -> int:
    """The one vendor of this name. Raises `Unacceptable`."""
    if len(found[name]) != 1:
        text = "two contacts in Odoo have this vendor's name" if found[name] else "Odoo has no such vendor"
        raise refusal(ReasonCode.UNKNOWN_REFERENCE, text, "vendor")
    return found[name][0]


def _named(site: Site, effect: effects.Offer, found: Mapping[str, Sequence[int]]) -> Named:
    """Raises `Unacceptable` for what Odoo does not have."""
    product = site.catalogue.item(site.company, effect.code)
    seller = vendor(found, effect.vendor)
    unit, ratio = site.catalogue.unit(effect.unit, product)
    if effect.package_quantity is not None and effect.package_quantity != ratio:
        text = "Odoo's unit holds another quantity than this packaging"
        raise refusal(ReasonCode.QUANTITY, text, "package_quantity")
    return Named(product, seller, unit, ratio)


def _read(site: Site, named: Sequence[Named]) -> list[dict[str, Any]]:
    """The lines of these items and vendors."""
    if not named:
        return []
    domain = [
        ("product_tmpl_id", "in", sorted({one.product.template for one in named})),
        ("partner_id", "in", sorted({one.vendor for one in named})),
        ("company_id", "in", [site.company, False]),
    ]
    fields = [
        "product_tmpl_id",
        "product_id",
        "partner_id",
        "price",
        "currency_id",
        "product_code",
        "sequence",
    ]
    fields += ["product_uom_id"] if _has_units(site) else ["min_qty"]
    return site.client.search_read(MODEL, domain, fields, context=site.context)


def _has_units(site: Site) -> bool:
    return "product_uom_id" in site.client.fields(MODEL)


def _same(site: Site, one: Named, lines: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The line of this item, vendor and unit."""
    for line in lines:
        if (line["product_tmpl_id"][0], line["partner_id"][0]) != (one.product.template, one.vendor):
            continue
        if line["product_id"] and line["product_id"][0] != one.product.id:
            continue
        if _has_units(site):
            if line["product_uom_id"][0] == one.unit:
                return line
        elif Decimal(str(line["min_qty"])) == _least(one):
            return line
    return None


def _identity(site: Site, one: Named) -> dict[str, str]:
    columns = {"product_tmpl_id/.id": str(one.product.template), "partner_id/.id": str(one.vendor)}
    if _has_units(site):
        return {**columns, "product_uom_id/.id": str(one.unit)}
    return {**columns, "min_qty": str(_least(one))}


def _least(one: Named) -> Decimal:
    """From how many of the item's own unit the price of a packaging counts, where Odoo has no units."""
    return Decimal(0) if one.ratio == 1 else one.ratio


def _columns(site: Site, effect: effects.Offer, one: Named) -> dict[str, str]:
    """What the record says. A currency that Odoo does not use is refused by it."""
    columns: dict[str, str] = {}
    if effect.price is not None:
        amount = effect.price.amount if _has_units(site) else effect.price.amount / one.ratio
        columns["price"] = str(amount)
        if effect.price.currency:
            columns["currency_id"] = effect.price.currency
    if effect.vendor_code or "vendor_code" in effect.cleared:
        columns["product_code"] = effect.vendor_code
    if effect.primary:
        columns["sequence"] = str(FIRST if effect.primary == "yes" else LATER)
    return columns


def _is(line: Mapping[str, Any], name: str, text: str) -> bool:
    """Whether a line has that already."""
    value = line[name]
    if name == "price":
        return Decimal(str(value)) == Decimal(text)
    if name == "currency_id":
        return bool(value) and value[1] == text
    return str("" if value is False else value) == text
