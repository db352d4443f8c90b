"""Stocking: a reordering rule of an item at a place, with the reorder point and amount of the master.

Odoo orders up to a maximum when the forecast falls to the minimum; so the minimum is the reorder point
and the maximum the point and the amount together. One rule per item and place is all that Odoo takes:
one that stands is kept up to date, whoever made it, its trigger and route left alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from engine import effects
from engine.destinations.odoo.faults import refusal
from engine.destinations.odoo.procurement import Need, rule_name, standing_rules
from engine.destinations.odoo.repeat import act
from engine.destinations.odoo.work import Row, Site, open_rows, written
from engine.errors import Unacceptable
from engine.model import ReasonCode

__all__ = ["stocking"]

MODEL = "stock.warehouse.orderpoint"
Rows = Sequence[Row[Any]]


class Rule(msgspec.Struct, frozen=True):
    """A rule as it stands, in the item's own unit."""

    id: int
    least: Decimal
    most: Decimal
    active: bool


def stocking(site: Site, rows: Rows) -> None:
    """Carry out the `Stocking` effects of one company, whose items differ."""
    needs: dict[Row[Any], tuple[Need, Decimal]] = {}
    for row in rows:
        try:
            needs[row] = _need(site, row.effect)
        except Unacceptable as error:
            row.fail(error)
    rules = _read(site, [need for need, _ in needs.values()])
    writes: dict[Row[Any], dict[str, str]] = {}
    for row, (need, ratio) in needs.items():
        if columns := _columns(site, row.effect, need, ratio, rules.get(need)):
            writes[row] = columns
    ids = {row: rules[need].id for row, (need, _) in needs.items() if need in rules}
    ids |= written(site, MODEL, writes, _all(site))
    _archive(site, {row: rules[needs[row][0]] for row in open_rows(needs) if needs[row][0] in rules})
    for row in open_rows(needs):
        row.notes.append("made or changed" if row in writes else "nothing to change")
        row.documents |= {MODEL: str(ids[row])} if row in ids else {}
        row.stand()


def _need(site: Site, effect: effects.Stocking) -> tuple[Need, Decimal]:
    """The item and place of a rule, and how many of the item's own unit one of the effect's is."""
    item = site.catalogue.item(site.company, effect.code)
    place = site.catalogue.location(site.company, effect.location)
    if item.kind == "service":
        raise refusal(ReasonCode.CONFLICT, "a service is not kept in stock", "code")
    _, ratio = site.catalogue.unit(effect.unit, item)
    return Need(item.id, place.id, place.warehouse), ratio


def _read(site: Site, needs: Sequence[Need]) -> dict[Need, Rule]:
    ids = standing_rules(site, needs)
    if not ids:
        return {}
    fields = ["product_min_qty", "product_max_qty", "active"]
    rows = site.client.search_read(MODEL, [("id", "in", sorted(ids.values()))], fields, context=_all(site))
    rules = {
        row["id"]: Rule(
            row["id"],
            Decimal(str(row["product_min_qty"])),
            Decimal(str(row["product_max_qty"])),
            row["active"],
        )
        for row in rows
    }
    return {need: rules[number] for need, number in ids.items()}


def _columns(
    site: Site, effect: effects.Stocking, need: Need, ratio: Decimal, rule: Rule | None
) -> dict[str, str]:
    """What is to be written, empty when nothing is."""
    if rule is None and effect.status == "inactive":
        return {}
    least = _said(effect, "reorder_point", ratio, rule.least if rule else Decimal(0))
    kept = max(rule.most - rule.least, Decimal(0)) if rule else Decimal(0)
    most = least + _said(effect, "reorder_amount", ratio, kept)
    if rule and (least, most) == (rule.least, rule.most):
        return {}
    sizes = {"product_min_qty": str(least), "product_max_qty": str(most)}
    if rule:
        return {".id": str(rule.id), **sizes}
    trigger = "auto" if effect.trigger == "automatic" else "manual"
    return {
        "id": rule_name(need),
        "product_id/.id": str(need.product),
        "location_id/.id": str(need.location),
        "warehouse_id/.id": str(need.warehouse or ""),
        "company_id/.id": str(site.company),
        "trigger": trigger,
        **sizes,
    }


def _said(effect: effects.Stocking, word: str, ratio: Decimal, standing: Decimal) -> Decimal:
    """What the record says, zero where it takes it away, else what stands."""
    said: Decimal | None = getattr(effect, word)
    if said is not None:
        return said * ratio
    return Decimal(0) if word in effect.cleared else standing


def _archive(site: Site, rules: Mapping[Row[Any], Rule]) -> None:
    """Switch rules off and on as the records say."""
    for method, status in (("action_archive", "inactive"), ("action_unarchive", "active")):
        rows = {
            rule.id: row
            for row, rule in rules.items()
            if row.effect.status == status and rule.active is (status == "inactive")
        }
        for number, error in act(site.client, MODEL, method, sorted(rows), _all(site)).items():
            rows[number].fail(error)


def _all(site: Site) -> dict[str, Any]:
    """Rules that are switched off are there too."""
    return {**site.context, "active_test": False}
