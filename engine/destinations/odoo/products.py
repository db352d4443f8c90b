"""Product: what an item master says of an item, written on the product of that internal reference.

Only what the record states and Odoo has otherwise is written; what people changed in other fields
stays. Odoo 19 lets a product's unit, kind and tracking be changed under the stock that is counted in
them, so that is refused here. Withdrawn products are archived, never deleted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from engine import effects
from engine.destinations.odoo.faults import refusal
from engine.destinations.odoo.names import external, full
from engine.destinations.odoo.repeat import act
from engine.destinations.odoo.work import Row, Site, open_rows, written
from engine.errors import Unacceptable
from engine.model import ReasonCode

__all__ = ["product"]

MODEL = "product.product"
Rows = Sequence[Row[Any]]

_LOCKED = ("kind", "unit", "tracking")
"""What may not change while documents count in it, in the effect's words."""

_USED_BY = ("stock.move", "purchase.order.line", "sale.order.line")


class Standing(msgspec.Struct, frozen=True):
    """A product as it stands, in the effect's words; `unit` is a database id."""

    id: int
    active: bool
    name: str
    kind: str
    unit: int
    barcode: str
    tracking: str
    expires: str


class Plan(msgspec.Struct, frozen=True):
    """What a record comes down to: the product (None: a new one), the columns to write and the
    effect's words for them, and whether it is to be archived (False: brought back; None: neither)."""

    standing: Standing | None
    columns: dict[str, str]
    changed: tuple[str, ...] = ()
    archive: bool | None = None


def product(site: Site, rows: Rows) -> None:
    """Carry out the `Product` effects of one company, whose codes differ."""
    found = _read(site, {row.effect.code for row in rows})
    plans: dict[Row[Any], Plan] = {}
    for row in rows:
        try:
            plans[row] = _plan(site, row.effect, found.get(row.effect.code, []))
        except Unacceptable as error:
            row.fail(error)
    _refuse_in_use(site, plans)
    _refuse_with_stock(site, plans)
    ids = _write(site, {row: plans[row] for row in open_rows(plans)})
    _archive(site, {row: plans[row] for row in open_rows(plans)}, ids)
    codes = {row.effect.code for row in rows}
    site.catalogue.forget_items(codes)
    site.catalogue.prepare(site.company, codes, ())
    for row in open_rows(plans):
        row.notes.append(_told(plans[row]))
        if row in ids:
            row.documents[MODEL] = str(ids[row])
        row.stand()


def _read(site: Site, codes: Collection[str]) -> dict[str, list[Standing]]:
    """The products of these codes, archived ones too, living ones first."""
    known = site.client.fields(MODEL)
    optional = [name for name in ("is_storable", "use_expiration_date") if name in known]
    fields = ["default_code", "active", "name", "type", "uom_id", "barcode", "tracking", *optional]
    domain = [("default_code", "in", sorted(codes)), ("company_id", "in", [site.company, False])]
    found: dict[str, list[Standing]] = {}
    for row in site.client.search_read(MODEL, domain, fields, context=_all(site)):
        found.setdefault(row["default_code"], []).append(_standing(row))
    return {code: sorted(some, key=lambda one: not one.active) for code, some in found.items()}


def _standing(row: Mapping[str, Any]) -> Standing:
    stocked = row["type"] == "product" or row.get("is_storable", False)
    return Standing(
        row["id"],
        row["active"],
        row["name"],
        "service" if row["type"] == "service" else "goods" if stocked else "consumable",
        row["uom_id"][0],
        row["barcode"] or "",
        row["tracking"],
        "yes" if row.get("use_expiration_date") else "no",
    )


def _plan(site: Site, effect: effects.Product, found: Sequence[Standing]) -> Plan:
    """Raises `Unacceptable` when the record cannot be carried out."""
    living = [one for one in found if one.active]
    if len(living) > 1 or (not living and len(found) > 1):
        raise refusal(ReasonCode.UNKNOWN_ITEM, "two products in Odoo have this item code", "code")
    standing = found[0] if found else None
    if standing is None and effect.status == "inactive":
        return Plan(None, {})
    if standing is None and not effect.name:
        text = "Odoo has no product of this item code, and a new one needs a name"
        raise refusal(ReasonCode.MISSING_FIELD, text, "name")
    stated = _stated(site, effect)
    if standing is None:
        base = {"id": full(external("product", effect.code)), "default_code": effect.code}
        return Plan(None, {**base, **_columns(site, stated, new=True)}, tuple(stated))
    changed = {word: value for word, value in stated.items() if value != getattr(standing, word)}
    columns = {".id": str(standing.id), **_columns(site, changed)} if changed else {}
    archive = {"inactive": True, "active": False}.get(effect.status)
    return Plan(standing, columns, tuple(changed), None if archive is not standing.active else archive)


def _stated(site: Site, effect: effects.Product) -> dict[str, Any]:
    """What the record says, by the effect's words; a unit as its id. Raises `Unacceptable`."""
    said: dict[str, Any] = {
        word: getattr(effect, word)
        for word in ("name", "kind", "barcode", "tracking", "expires")
        if getattr(effect, word)
    }
    said |= dict.fromkeys(effect.cleared, "")
    if effect.unit:
        said["unit"] = site.catalogue.own_unit(effect.unit)
    if said.get("expires") == "yes" and "use_expiration_date" not in site.client.fields(MODEL):
        raise refusal(ReasonCode.NOT_ALLOWED, "Odoo keeps no expiry dates: module product_expiry", "expires")
    return said


def _columns(site: Site, stated: Mapping[str, Any], *, new: bool = False) -> dict[str, str]:
    """The columns of `load`; Odoo 17 has storable products as a type of their own."""
    known = site.client.fields(MODEL)
    columns = {word: stated[word] for word in ("name", "barcode", "tracking") if word in stated}
    if "kind" in stated:
        goods = stated["kind"] == "goods"
        if "is_storable" in known:
            columns["is_storable"] = "1" if goods else "0"
            columns["type"] = "service" if stated["kind"] == "service" else "consu"
        else:
            columns["type"] = {"goods": "product", "consumable": "consu", "service": "service"}[
                stated["kind"]
            ]
    if "unit" in stated:
        columns["uom_id/.id"] = str(stated["unit"])
        if "uom_po_id" in known:  # until 18, and of the same family
            columns["uom_po_id/.id"] = str(stated["unit"])
    if "expires" in stated and "use_expiration_date" in known and not (new and stated["expires"] == "no"):
        columns["use_expiration_date"] = "1" if stated["expires"] == "yes" else "0"
    return columns


def _refuse_in_use(site: Site, plans: Mapping[Row[Any], Plan]) -> None:
    """Rows that would change what documents are counted in fail."""
    for row, plan in plans.items():
        locked = [word for word in _LOCKED if word in plan.changed]
        if plan.standing is None or not locked:
            continue
        domain = [("product_id", "=", plan.standing.id), ("state", "!=", "cancel")]
        if any(site.client.search_read(model, domain, ["id"], limit=1) for model in _USED_BY):
            text = f"the product is in use, and its {locked[0]} can no longer change"
            row.fail(refusal(ReasonCode.CONFLICT, text, locked[0]))


def _refuse_with_stock(site: Site, plans: Mapping[Row[Any], Plan]) -> None:
    """Rows that would archive what is still in stock, or promised, fail: nobody could use it up."""
    ids = [plan.standing.id for plan in plans.values() if plan.standing and plan.archive]
    if not ids:
        return
    fields = ["qty_available", "outgoing_qty"]
    rows = site.client.search_read(MODEL, [("id", "in", ids)], fields, context=site.context)
    left = {row["id"] for row in rows if any(row[field] for field in fields)}
    for row, plan in plans.items():
        if plan.standing and plan.archive and plan.standing.id in left:
            text = "the item is still in stock or promised: redeliver when it is used up"
            row.fail(refusal(ReasonCode.CONFLICT, text, "status"))


def _write(site: Site, plans: Mapping[Row[Any], Plan]) -> dict[Row[Any], int]:
    """Load what is new or differs; the product of each row that has one now."""
    ids = {row: plan.standing.id for row, plan in plans.items() if plan.standing}
    columns = {row: plan.columns for row, plan in plans.items() if plan.columns}
    return ids | written(site, MODEL, columns, _all(site))


def _archive(site: Site, plans: Mapping[Row[Any], Plan], ids: Mapping[Row[Any], int]) -> None:
    """Archive and bring back; Odoo's actions take the template along, writing `active` does not, and
    only while archived variants do not count (`active_test`)."""
    for method, wanted in (("action_archive", True), ("action_unarchive", False)):
        rows = {ids[row]: row for row, plan in plans.items() if plan.archive is wanted}
        for number, error in act(site.client, MODEL, method, sorted(rows), site.context).items():
            rows[number].fail(error)


def _all(site: Site) -> dict[str, Any]:
    """Archived products are there too."""
    return {**site.context, "active_test": False}


def _told(plan: Plan) -> str:
    if plan.standing is None:
        return "made" if plan.columns else "Odoo has no such item, and it is withdrawn: nothing made"
    said = [f"changed: {', '.join(plan.changed)}"] if plan.changed else []
    said += [] if plan.archive is None else ["archived" if plan.archive else "brought back"]
    return "; ".join(said) or "nothing to change"
