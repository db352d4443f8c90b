"""Procure, and what reservations are short of: reordering rules, pulled.

Purchase orders are never written from messages: the demand stands in Odoo's forecast, a reordering
rule (manual, minimum 0) per product and place exists or is made, and `action_replenish` orders the
exact shortage, consolidated, and nothing more when it is called again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from engine import effects
from engine.destinations.odoo.catalogue import Location
from engine.destinations.odoo.faults import refusal
from engine.destinations.odoo.names import external, full
from engine.destinations.odoo.repeat import Bad, act, load_each
from engine.destinations.odoo.transfers import Line, lines_of
from engine.destinations.odoo.work import Row, Site, open_rows
from engine.errors import Unacceptable
from engine.model import ReasonCode

__all__ = ["Need", "Ordered", "procure", "replenish", "rule_name", "standing_rules"]

MODEL = "stock.warehouse.orderpoint"


class Need(msgspec.Struct, frozen=True):
    """A product (id) that has to get to a location (id) in a warehouse (id, or 0)."""

    product: int
    location: int
    warehouse: int = 0


class Ordered(msgspec.Struct, frozen=True):
    """What is on its way: the purchase orders (ids and names) that hold the need."""

    ids: tuple[int, ...] = ()
    names: tuple[str, ...] = ()


def replenish(site: Site, needs: Collection[Need]) -> dict[Need, Ordered | Bad]:
    """Order what the forecast lacks. A refusal means: no vendor or route."""
    listed = sorted(needs, key=lambda need: (need.product, need.location))
    rules, result = _rules(site, listed)
    failed = act(site.client, MODEL, "action_replenish", sorted(rules.values()), site.context)
    orders = _orders(site, [rule for rule in rules.values() if rule not in failed])
    for need, rule in rules.items():
        result[need] = _no_source(failed[rule]) if rule in failed else orders.get(rule, Ordered())
    return result


def procure(site: Site, rows: Sequence[Row[effects.Procure]]) -> None:
    """Carry out the `Procure` effects of one company.

    What is asked for beyond the forecast is held by the rule's minimum: the most that any
    `Procure` asked for at that place."""
    asked: dict[Row[effects.Procure], tuple[Location, tuple[Line, ...]]] = {}
    for row in rows:
        try:
            place = site.catalogue.location(site.company, row.effect.location)
            asked[row] = (place, lines_of(site, row.effect.items))
        except Unacceptable as error:
            row.fail(error)
    _raise_minimum(site, asked)
    needs = {row: [_need(line, place) for line in lines] for row, (place, lines) in asked.items()}
    answers = replenish(site, {need for listed in needs.values() for need in listed})
    for row in open_rows(asked):
        for need in needs[row]:
            answer = answers[need]
            if not isinstance(answer, Ordered):
                row.fail(answer)
                continue
            if answer.ids:
                row.documents["purchase.order"] = ",".join(map(str, answer.ids))
            row.notes.extend(
                f"on order {name}" for name in answer.names if f"on order {name}" not in row.notes
            )
        row.stand()


def _need(line: Line, place: Location) -> Need:
    return Need(line.product.id, place.id, place.warehouse)


def _rules(site: Site, needs: Sequence[Need]) -> tuple[dict[Need, int], dict[Need, Ordered | Bad]]:
    """The reordering rule of each need, made where there is none; or why there can be none."""
    rules = standing_rules(site, needs)
    missing = [need for need in needs if need not in rules]
    if not missing:
        return rules, {}
    fields = ["id", "product_id/.id", "location_id/.id", "warehouse_id/.id", "company_id/.id", "trigger"]
    fields += ["product_min_qty", "product_max_qty"]
    far = "visibility_days" in site.client.fields(MODEL)  # 17, 18: look as far ahead as 19 does
    records = [[[*_rule_row(site, need), *(["365"] if far else [])]] for need in missing]
    loaded = load_each(
        site.client, MODEL, [*fields, *(["visibility_days"] if far else [])], records, site.context
    )
    failed: dict[Need, Ordered | Bad] = {}
    again = standing_rules(site, missing) if any(not isinstance(i, int) for i in loaded) else {}
    for need, answer in zip(missing, loaded, strict=True):
        if isinstance(answer, int):
            rules[need] = answer
        elif need in again:  # another writer made it meanwhile
            rules[need] = again[need]
        else:
            failed[need] = answer
    return rules, failed


def rule_name(need: Need) -> str:
    """The external id of a reordering rule that is ours: one per product and place."""
    return full(external("orderpoint", f"{need.product}-{need.location}"))


def _rule_row(site: Site, need: Need) -> list[str]:
    name = rule_name(need)
    ids = [str(need.product), str(need.location), str(need.warehouse or ""), str(site.company)]
    return [name, *ids, "manual", "0", "0"]


def standing_rules(site: Site, needs: Sequence[Need]) -> dict[Need, int]:
    """Rules that stand, the hospital's own ones too (one per product and place is all Odoo takes)."""
    if not needs:
        return {}
    domain = [
        ("company_id", "=", site.company),
        ("product_id", "in", sorted({need.product for need in needs})),
        ("location_id", "in", sorted({need.location for need in needs})),
    ]
    context = {**site.context, "active_test": False}
    rows = site.client.search_read(MODEL, domain, ["product_id", "location_id"], context=context)
    found = {(row["product_id"][0], row["location_id"][0]): int(row["id"]) for row in rows}
    return {
        need: found[need.product, need.location] for need in needs if (need.product, need.location) in found
    }


def _raise_minimum(site: Site, asked: dict[Row[effects.Procure], tuple[Location, tuple[Line, ...]]]) -> None:
    """Let the rules of a `Procure` want at least that much at the place."""
    most: dict[Need, Decimal] = {}
    for place, lines in asked.values():
        for line in lines:
            need = _need(line, place)
            most[need] = max(most.get(need, Decimal(0)), line.base)
    rules, _ = _rules(site, sorted(most, key=lambda need: (need.product, need.location)))
    if not rules:
        return
    standing: dict[int, dict[str, Any]] = {
        row["id"]: row
        for row in site.client.search_read(
            MODEL,
            [("id", "in", sorted(rules.values()))],
            ["product_min_qty", "product_max_qty"],
            context={**site.context, "active_test": False},
        )
    }
    rows = []
    for need, rule in rules.items():
        least = Decimal(str(standing[rule]["product_min_qty"]))
        top = Decimal(str(standing[rule]["product_max_qty"]))
        if least < most[need]:
            rows.append([[str(rule), str(most[need]), str(max(most[need], top))]])
    load_each(site.client, MODEL, [".id", "product_min_qty", "product_max_qty"], rows, site.context)


def _orders(site: Site, rules: Sequence[int]) -> dict[int, Ordered]:
    """Open purchase orders by the rule that made their lines."""
    if not rules or "orderpoint_id" not in site.client.fields("purchase.order.line"):
        return {}
    domain = [
        ("orderpoint_id", "in", list(rules)),
        ("state", "in", ["draft", "sent", "to approve", "purchase"]),
    ]
    fields = ["orderpoint_id", "order_id", "product_qty", "qty_received"]
    found: dict[int, dict[int, str]] = {}
    for row in site.client.search_read("purchase.order.line", domain, fields, context=site.context):
        if Decimal(str(row["qty_received"])) < Decimal(str(row["product_qty"])):
            found.setdefault(row["orderpoint_id"][0], {})[row["order_id"][0]] = row["order_id"][1].split(" ")[
                0
            ]
    return {rule: Ordered(tuple(o), tuple(o.values())) for rule, o in found.items()}


def _no_source(error: Bad) -> Bad:
    if isinstance(error, Unacceptable) and error.code == ReasonCode.REFUSED:
        return refusal(ReasonCode.REFUSED, "an item has no vendor or route: it cannot be procured", "items")
    return error
