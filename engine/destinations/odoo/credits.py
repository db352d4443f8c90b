"""Credit: a line with negative quantity on the visit's draft quotation, whose external id tells the charge
that it takes back.

A line that stands is never written again; the same key with other content is a conflict. A `whole` credit
takes back what is left of the charge as it stands, with its price, discount and cost centre, whatever the
message says by now.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from engine import effects
from engine.destinations.odoo.billing import (
    Plan,
    columns_of,
    conflict,
    differing,
    find,
    named,
    named_visit,
    orders_of,
    settle,
    titled,
    write,
)
from engine.destinations.odoo.faults import refusal
from engine.destinations.odoo.names import base_of, credit, external, full
from engine.destinations.odoo.orders import Order, OrderLine, order_with
from engine.destinations.odoo.work import Row, Site, open_rows
from engine.errors import Unacceptable
from engine.model import ReasonCode

__all__ = ["credits_of"]

Credits = Sequence[Row[effects.Credit]]


class _Charged(msgspec.Struct, frozen=True):
    """The charge that a credit is about: its line, what is left of it, and what credits it already."""

    line: OrderLine
    left: Decimal
    credits: tuple[tuple[Order, OrderLine], ...]


def credits_of(site: Site, rows: Credits) -> None:
    """Carry out the `Credit` effects of one company; no two reverse the same charge."""
    whole = {row: _order_token(site, row) for row in rows if row.effect.whole}
    whose = {row: whole[row] if row in whole else named_visit(row.effect) for row in rows}
    ledger = orders_of(site, {row: whose[row] for row in open_rows(rows)})
    plans: dict[Row[Any], Plan] = {}
    for row in open_rows(rows):
        try:
            columns = (_whole if row.effect.whole else _part)(site, row, ledger.orders)
        except Unacceptable as error:
            row.fail(error)
        else:
            plans |= {row: Plan(ledger.accounts[row].token, columns)} if columns else {}
    write(site, plans, ledger)


def _order_token(site: Site, row: Row[effects.Credit]) -> str:
    """Whose order holds the charge that a whole credit names; the row is settled when none does."""
    name = external("charge", row.effect.reverses)
    found = find(order_with(site, name), name)
    if found:
        return found[0].token or named_visit(row.effect)
    if row.effect.when_unknown == "ignore":
        row.notes.append("nothing was charged")
        row.stand()
    else:
        row.fail(_unknown())
    return ""


def _part(site: Site, row: Row[effects.Credit], orders: Sequence[Order]) -> dict[str, str]:
    """The line's columns; none when it stands. Raises `Unacceptable`."""
    effect = row.effect
    if effect.item is None:
        raise refusal(ReasonCode.QUANTITY, "the effect names no item", "item")
    name = credit(effect.reverses, effect.key)
    stands = find(orders, name)
    if stands:
        place = differing(site, effect, effect.item, stands[1])
        if place:
            raise conflict(place)
        settle(row, stands[0].id, stands[1].id)
        return {}
    wanted = site.catalogue.wanted(site.company, effect.item)
    charged = _charged(site, effect, orders)
    if (charged.line.product, charged.line.unit) != (wanted.product.id, wanted.unit):
        raise refusal(ReasonCode.CONFLICT, "the charge was for another item or unit", "item")
    if wanted.quantity > charged.left:
        raise refusal(ReasonCode.QUANTITY, "more is taken back than was charged", "item.quantity")
    back = msgspec.structs.replace(wanted, quantity=-wanted.quantity)
    title = f"Credit: {titled(effect, wanted) or named(wanted)}"
    price = effect.price or effects.Money(charged.line.price)
    return columns_of(site, name, back, price, title, effect.cost_centre)


def _whole(site: Site, row: Row[effects.Credit], orders: Sequence[Order]) -> dict[str, str]:
    """The columns of a line that takes back what is left; none when nothing is."""
    charged = _charged(site, row.effect, orders)
    line = charged.line
    if charged.left <= 0:
        row.notes.append("was taken back before")
        order, last = charged.credits[-1]
        settle(row, order.id, last.id)
        return {}
    unit = site.client.first_field("sale.order.line", "product_uom_id", "product_uom")
    return {
        "id": full(credit(row.effect.reverses, row.effect.key)),
        "product_id/.id": str(line.product),
        "product_uom_qty": str(-charged.left),
        f"{unit}/.id": str(line.unit),
        "price_unit": str(line.price),
        "discount": str(line.discount),
        "name": f"Credit: {line.title}",
        "analytic_distribution": json.dumps(line.distribution) if line.distribution else "",
    }


def _charged(site: Site, effect: effects.Credit, orders: Sequence[Order]) -> _Charged:
    """Raises `Unacceptable` when the charge is unknown."""
    name, prefix = external("charge", effect.reverses), base_of(effect.reverses)
    known = orders if find(orders, name) else order_with(site, name)
    found = find(known, name)
    if found is None:
        raise _unknown()
    taken = [(order, line) for order in known for line in order.lines if line.name.startswith(prefix)]
    left = found[1].quantity + sum((line.quantity for _, line in taken), Decimal(0))
    return _Charged(found[1], left, tuple(taken))


def _unknown() -> Unacceptable:
    return refusal(ReasonCode.UNKNOWN_REFERENCE, "no charge stands under this key", "reverses")
