"""Charge and Credit: lines of the visit's draft quotation, which is the review that finance wants.

One draft order per visit (`client_order_ref` = the token), made when the first charge comes; a line
per charge with its own external id, wherever the order stands by now. An order that was confirmed,
cancelled or invoiced takes no more and a new one is begun (`…@2`). A credit is a line with negative
quantity whose external id tells the charge it reverses.

A line that stands is never written again. The same key with other content is a conflict that a person
decides: the sender corrects what it said, or uses a transaction number twice.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from engine import effects
from engine.destinations.odoo import contacts, encounters
from engine.destinations.odoo.catalogue import Wanted
from engine.destinations.odoo.faults import refusal
from engine.destinations.odoo.names import base_of, credit, external, full
from engine.destinations.odoo.orders import Order, OrderLine, load_lines, make_orders, order_with, read_orders
from engine.destinations.odoo.work import Row, Site, open_rows
from engine.errors import Unacceptable
from engine.model import ReasonCode

__all__ = ["amount", "charge", "collide", "credits_of"]

Rows = Sequence[Row[Any]]


_ROUNDED = Decimal("0.01")
"""Odoo rounds quantities and prices to the digits that its settings say, two as it comes."""

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}$")


class Account(msgspec.Struct, frozen=True):
    """Who is billed: the visit's or account's token now; whether it has ended."""

    token: str
    ended: bool


class Plan(msgspec.Struct, frozen=True):
    """What one charge or credit comes down to: the visit (its token now) and the line's columns."""

    token: str
    columns: dict[str, str]


def charge(site: Site, rows: Rows) -> None:
    """Carry out the `Charge` effects of one company, whose keys differ."""
    tokens, orders = _orders(site, rows)
    plans: dict[Row[Any], Plan] = {}
    for row in rows:
        name = external("charge", row.effect.key)
        if _stands(site, row, name, orders):
            continue
        try:
            if tokens[row].ended:
                raise refusal(ReasonCode.CONFLICT, "the account has ended: it takes no charge", "encounter")
            wanted = site.catalogue.wanted(site.company, row.effect.item)
            columns = _columns(site, row.effect, name, wanted, row.effect.price, _title(row.effect, wanted))
            plans[row] = Plan(tokens[row].token, columns)
        except Unacceptable as error:
            row.fail(error)
    _write(site, plans, orders)


def credits_of(site: Site, rows: Rows) -> None:
    """Carry out the `Credit` effects of one company; no two reverse the same charge."""
    tokens, orders = _orders(site, rows)
    plans: dict[Row[Any], Plan] = {}
    for row in rows:
        effect: effects.Credit = row.effect
        name = credit(effect.reverses, effect.key)
        if _stands(site, row, name, orders):
            continue
        try:
            wanted = site.catalogue.wanted(site.company, effect.item)
            price = _price_left(site, effect, wanted, orders)
            back = msgspec.structs.replace(wanted, quantity=-wanted.quantity)
            title = f"Credit: {_title(effect, wanted) or _named(wanted)}"
            plans[row] = Plan(tokens[row].token, _columns(site, effect, name, back, price, title))
        except Unacceptable as error:
            row.fail(error)
    _write(site, plans, orders)


def collide(a: Row[Any], b: Row[Any]) -> bool:
    """Whether two of `Charge` or of `Credit` concern the same charge: then order matters."""
    ours = (a.effect.key, getattr(a.effect, "reverses", None))
    other = (b.effect.key, getattr(b.effect, "reverses", None))
    return ours[0] == other[0] or (ours[1] is not None and ours[1] == other[1])


def _orders(site: Site, rows: Rows) -> tuple[dict[Row[Any], Account], list[Order]]:
    """Who is billed in each row, after merges, and all orders of these visits."""
    named = {row: row.effect.encounter or row.effect.subject for row in rows}
    known = contacts.survivors(site, set(named.values()))
    accounts: dict[Row[Any], Account] = {}
    for row, token in named.items():
        stands = known.get(token)
        accounts[row] = (
            Account(stands.token, encounters.ended(site, stands)) if stands else Account(token, False)
        )
        if not token:
            row.fail(refusal(ReasonCode.UNKNOWN_REFERENCE, "the charge names no visit", "encounter"))
    return accounts, read_orders(site, {one.token for one in accounts.values() if one.token})


def _stands(site: Site, row: Row[Any], name: str, orders: Sequence[Order]) -> bool:
    """Settle a row whose line exists already, in whatever order, when it says the same."""
    for order in orders:
        for line in order.lines:
            if line.name == name:
                _compare(site, row, line)
                _settle(row, order.id, line.id)
    return row.outcome is not None


def _compare(site: Site, row: Row[Any], line: OrderLine) -> None:
    """Fail a row whose line says something else, by the effect's first field that differs."""
    effect: effects.Charge | effects.Credit = row.effect
    try:
        wanted = site.catalogue.wanted(site.company, effect.item)
    except Unacceptable as error:
        row.fail(error)
        return
    day = _DAY.search(line.title)
    differs = {
        "item": (line.product, line.unit) != (wanted.product.id, wanted.unit),
        "item.quantity": abs(abs(line.quantity) - wanted.quantity) > _ROUNDED,
        "price": effect.price is not None and abs(line.price - effect.price.amount) > _ROUNDED,
        "date": effect.date is not None and day is not None and day[0] != effect.date.isoformat(),
    }
    for place, other in differs.items():
        if other:
            row.fail(refusal(ReasonCode.CONFLICT, "another line stands under this key", place))


def _settle(row: Row[Any], order: int, line: int) -> None:
    row.documents |= {"sale.order": str(order), "sale.order.line": str(line)}
    row.stand()


def _price_left(site: Site, effect: effects.Credit, wanted: Wanted, orders: Sequence[Order]) -> effects.Money:
    """The price to take back, the charge's own unless the credit names one. Raises `Unacceptable`
    when the charge is unknown or less of it is left."""
    charged = external("charge", effect.reverses)
    known = orders if _find(orders, charged) else order_with(site, charged)
    line = _find(known, charged)
    if line is None:
        raise refusal(ReasonCode.UNKNOWN_REFERENCE, "no charge stands under this key", "reverses")
    if line.product != wanted.product.id or line.unit != wanted.unit:
        raise refusal(ReasonCode.CONFLICT, "the charge was for another item or unit", "item")
    prefix = base_of(effect.reverses)
    taken = [other for order in known for other in order.lines if other.name.startswith(prefix)]
    left = line.quantity + sum((other.quantity for other in taken), Decimal(0))
    if wanted.quantity > left:
        raise refusal(ReasonCode.QUANTITY, "more is taken back than was charged", "item.quantity")
    return effect.price or effects.Money(line.price)


def _find(orders: Sequence[Order], name: str) -> OrderLine | None:
    return next((line for order in orders for line in order.lines if line.name == name), None)


def _columns(
    site: Site,
    effect: effects.Charge | effects.Credit,
    name: str,
    wanted: Wanted,
    price: effects.Money | None,
    title: str,
) -> dict[str, str]:
    """The line as columns for `load`; what is not said is left to Odoo. Raises `Unacceptable`."""
    unit = site.client.first_field("sale.order.line", "product_uom_id", "product_uom")
    columns = {
        "id": full(name),
        "product_id/.id": str(wanted.product.id),
        "product_uom_qty": str(wanted.quantity),
        f"{unit}/.id": str(wanted.unit),
    }
    if price is not None:
        columns["price_unit"] = str(amount(site, price))
    if title:
        columns["name"] = title
    if effect.cost_centre:
        account = site.catalogue.cost_centre(site.company, effect.cost_centre)
        columns["analytic_distribution"] = f'{{"{account}": 100}}'
    return columns


def amount(site: Site, price: effects.Money) -> Decimal:
    """A price in the company's currency. Raises `Unacceptable`."""
    if not price.amount.is_finite() or abs(price.amount) > 10**9:
        raise refusal(ReasonCode.BAD_VALUE, "a price is absurdly large", "price")
    if price.currency and price.currency != site.catalogue.currency(site.company):
        raise refusal(ReasonCode.BAD_VALUE, "the price is not in the company's currency", "price.currency")
    return price.amount


def _title(effect: effects.Charge | effects.Credit, wanted: Wanted) -> str:
    """Odoo's line has no date: the description carries it. Empty: Odoo's own description."""
    return f"{_named(wanted)}, {effect.date.isoformat()}" if effect.date else ""


def _named(wanted: Wanted) -> str:
    return f"[{wanted.product.code}] {wanted.product.name}"


def _write(site: Site, plans: dict[Row[Any], Plan], orders: Sequence[Order]) -> None:
    """Contacts, then orders, then lines: each for the whole batch."""
    going_on = open_rows(plans)
    wanted = {row: contacts.Wanted(plans[row].token, row.effect.subject) for row in going_on}
    partners = contacts.ensure(site, wanted)
    by_token = {plans[row].token: partner for row, partner in partners.items()}
    made = make_orders(site, by_token, orders)
    lines: dict[Row[Any], dict[str, str]] = {}
    for row in partners:
        order = made[plans[row].token]
        if isinstance(order, int):
            lines[row] = {"order_id/.id": str(order), **plans[row].columns}
        else:
            row.fail(order)
    for row, answer in load_lines(site, lines).items():
        if isinstance(answer, int):
            _settle(row, int(lines[row]["order_id/.id"]), answer)
        else:
            row.fail(answer)
