"""Lot: a lot of an item with its expiry date. What the sender counted is compared with what Odoo has and
told in the delivery's note; it is never written: HL7's inventory files are snapshots, and stock moves by
receipts, uses and counts that people answer for (HL7 v2.9.1 chapter 17, IIM and ILT).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from engine import effects
from engine.destinations.odoo.catalogue import Product
from engine.destinations.odoo.faults import refusal
from engine.destinations.odoo.names import external, full
from engine.destinations.odoo.work import Row, Site, open_rows, written
from engine.errors import Unacceptable
from engine.model import ReasonCode

__all__ = ["lot"]

MODEL = "stock.lot"
Rows = Sequence[Row[Any]]


def lot(site: Site, rows: Rows) -> None:
    """Carry out the `Lot` effects of one company, whose items differ."""
    items: dict[Row[Any], Product] = {}
    for row in rows:
        try:
            items[row] = _item(site, row.effect)
        except Unacceptable as error:
            row.fail(error)
    standing = _read(site, items)
    ids: dict[Row[Any], int] = {}
    writes: dict[Row[Any], dict[str, str]] = {}
    for row, item in items.items():
        found = standing.get((item.id, row.effect.lot))
        ids |= {row: int(found["id"])} if found else {}
        if columns := _columns(site, row, item, found):
            writes[row] = columns
    ids |= written(site, MODEL, writes)
    going_on = {row: items[row] for row in open_rows(items)}
    _compare(site, going_on, ids)
    for row in going_on:
        row.documents[MODEL] = str(ids[row])
        row.stand()


def _columns(site: Site, row: Row[Any], item: Product, found: Mapping[str, Any] | None) -> dict[str, str]:
    """What is to be written, empty when nothing is."""
    columns = _expiry(row.effect, found)
    if found:
        row.notes.append("changed: expires" if columns else "nothing to change")
        return {".id": str(found["id"]), **columns} if columns else {}
    row.notes.append("made")
    own = {
        "id": full(external("lot", row.effect.key)),
        "name": row.effect.lot,
        "product_id/.id": str(item.id),
    }
    return {**own, "company_id/.id": str(site.company), **columns}


def _item(site: Site, effect: effects.Lot) -> Product:
    """Raises `Unacceptable` for an item that is unknown or not told apart by lot."""
    item = site.catalogue.item(site.company, effect.code)
    if item.tracking == "none":
        raise refusal(ReasonCode.CONFLICT, "in Odoo the item is not tracked by lot", "lot")
    if effect.expires and "expiration_date" not in site.client.fields(MODEL):
        raise refusal(ReasonCode.NOT_ALLOWED, "Odoo keeps no expiry dates: module product_expiry", "expires")
    if effect.location:
        site.catalogue.location(site.company, effect.location)
    site.catalogue.unit(effect.unit, item)
    return item


def _read(site: Site, items: Mapping[Row[Any], Product]) -> dict[tuple[int, str], dict[str, Any]]:
    if not items:
        return {}
    dated = ["expiration_date"] if "expiration_date" in site.client.fields(MODEL) else []
    domain = [
        ("product_id", "in", sorted({item.id for item in items.values()})),
        ("name", "in", sorted({row.effect.lot for row in items})),
        ("company_id", "in", [site.company, False]),
    ]
    rows = site.client.search_read(MODEL, domain, ["name", "product_id", *dated], context=site.context)
    return {(row["product_id"][0], row["name"]): row for row in rows}


def _expiry(effect: effects.Lot, found: Mapping[str, Any] | None) -> dict[str, str]:
    """The expiry date where the record says another day than Odoo has."""
    day = (found or {}).get("expiration_date") or ""
    if effect.expires is not None and day[:10] != effect.expires.isoformat():
        return {"expiration_date": f"{effect.expires} 00:00:00"}
    return {"expiration_date": ""} if "expires" in effect.cleared and day else {}


def _compare(site: Site, items: Mapping[Row[Any], Product], ids: Mapping[Row[Any], int]) -> None:
    """Say where what was counted is not what Odoo has."""
    counted = {
        row: item for row, item in items.items() if row.effect.on_hand is not None and row.effect.location
    }
    if not counted:
        return
    domain = [("lot_id", "in", sorted(ids[row] for row in counted))]
    rows = site.client.search_read(
        "stock.quant", domain, ["lot_id", "location_id", "quantity"], context=site.context
    )
    has: dict[tuple[int, int], Decimal] = {}
    for row in rows:
        key = row["lot_id"][0], row["location_id"][0]
        has[key] = has.get(key, Decimal(0)) + Decimal(str(row["quantity"]))
    for one, item in counted.items():
        place = site.catalogue.location(site.company, one.effect.location)
        _, ratio = site.catalogue.unit(one.effect.unit, item)
        stands, said = has.get((ids[one], place.id), Decimal(0)), one.effect.on_hand * ratio
        if stands != said:
            one.notes.append(f"counted {said.normalize():f}, Odoo has {stands.normalize():f}: not written")
