"""What charges and credits share: whose quotation, which line, what of it differs, and writing it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from engine import effects
from engine.destinations.odoo import contacts, encounters
from engine.destinations.odoo.catalogue import Wanted
from engine.destinations.odoo.faults import refusal
from engine.destinations.odoo.names import full
from engine.destinations.odoo.orders import (
    Order,
    OrderLine,
    load_lines,
    make_orders,
    newest_line,
    read_orders,
)
from engine.destinations.odoo.work import Row, Site, open_rows
from engine.errors import Unacceptable
from engine.model import ReasonCode

__all__ = [
    "Account", "Ledger", "Plan", "amount", "columns_of", "conflict", "differing", "distribution", "find",
    "named", "named_visit", "orders_of", "settle", "titled", "write",
]  # fmt: skip

Billed = effects.Charge | effects.Credit


_ROUNDED = Decimal("0.01")
"""Odoo rounds quantities and prices to the digits that its settings say, two as it comes."""

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}$")


class Account(msgspec.Struct, frozen=True):
    """Who is billed: the visit's or account's token now; whether it has ended."""

    token: str
    ended: bool = False


class Plan(msgspec.Struct, frozen=True):
    """What one charge or credit comes down to: the visit (its token now), the line's columns, and the line
    (id) that it replaces, 0 for none."""

    token: str
    columns: dict[str, str]
    replaces: int = 0


def named_visit(effect: Billed) -> str:
    """The token of the visit or account that an effect names; where it names none, the person's."""
    return effect.encounter or effect.subject


class Ledger(NamedTuple):
    """Who is billed in each row, after merges; all orders of these visits; the newest line (id) of all
    when they were read."""

    accounts: dict[Row[Any], Account]
    orders: list[Order]
    newest: int


def orders_of(site: Site, whose: Mapping[Row[Any], str]) -> Ledger:
    """What stands for these visits, given as tokens."""
    newest = newest_line(site)  # first: what another deliverer writes meanwhile is newer
    known = contacts.survivors(site, set(whose.values()))
    accounts: dict[Row[Any], Account] = {}
    for row, token in whose.items():
        stands = known.get(token)
        accounts[row] = Account(stands.token, encounters.ended(site, stands)) if stands else Account(token)
        if not token:
            row.fail(refusal(ReasonCode.UNKNOWN_REFERENCE, "the charge names no visit", "encounter"))
    return Ledger(accounts, read_orders(site, {one.token for one in accounts.values() if one.token}), newest)


def find(orders: Sequence[Order], name: str) -> tuple[Order, OrderLine] | None:
    """The line of an external id, and its order."""
    return next(((order, line) for order in orders for line in order.lines if line.name == name), None)


def differing(site: Site, effect: Billed, item: effects.Item, line: OrderLine) -> str:
    """The effect's first field that a line says otherwise, empty for none. Raises `Unacceptable`."""
    wanted = site.catalogue.wanted(site.company, item)
    day = _DAY.search(line.title)
    differs = {
        "item": (line.product, line.unit) != (wanted.product.id, wanted.unit),
        "item.quantity": abs(abs(line.quantity) - wanted.quantity) > _ROUNDED,
        "price": effect.price is not None and abs(line.price - effect.price.amount) > _ROUNDED,
        "date": effect.date is not None and day is not None and day[0] != effect.date.isoformat(),
    }
    return next((place for place, other in differs.items() if other), "")


def conflict(place: str) -> Unacceptable:
    """Something else stands under the effect's key."""
    return refusal(ReasonCode.CONFLICT, "another line stands under this key", place)


def settle(row: Row[Any], order: int, line: int) -> None:
    """The line stands."""
    row.documents |= {"sale.order": str(order), "sale.order.line": str(line)}
    row.stand()


def columns_of(
    site: Site, name: str, wanted: Wanted, price: effects.Money | None, title: str, centre: str
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
    if centre:
        columns["analytic_distribution"] = json.dumps(distribution(site, centre))
    return columns


def distribution(site: Site, centre: str) -> dict[str, float]:
    """A cost centre as Odoo has it on a line: all of it on one account. Raises `Unacceptable`."""
    return {str(site.catalogue.cost_centre(site.company, centre)): 100} if centre else {}


def amount(site: Site, price: effects.Money) -> Decimal:
    """A price in the company's currency. Raises `Unacceptable`."""
    if not price.amount.is_finite() or abs(price.amount) > 10**9:
        raise refusal(ReasonCode.BAD_VALUE, "a price is absurdly large", "price")
    if price.currency and price.currency != site.catalogue.currency(site.company):
        raise refusal(ReasonCode.BAD_VALUE, "the price is not in the company's currency", "price.currency")
    return price.amount


def titled(effect: Billed, wanted: Wanted) -> str:
    """Odoo's line has no date: the description carries it. Empty: Odoo's own description."""
    return f"{named(wanted)}, {effect.date.isoformat()}" if effect.date else ""


def named(wanted: Wanted) -> str:
    """Code and name of a product, as Odoo describes it."""
    return f"[{wanted.product.code}] {wanted.product.name}"


def write(site: Site, plans: Mapping[Row[Any], Plan], ledger: Ledger) -> None:
    """Contacts, then orders, then lines: each for the whole batch."""
    going_on = open_rows(plans)
    whose = {row: contacts.Wanted(plans[row].token, row.effect.subject) for row in going_on}
    partners = contacts.ensure(site, whose)
    by_token = {plans[row].token: partner for row, partner in partners.items()}
    made = make_orders(site, by_token, ledger.orders)
    lines: dict[Row[Any], dict[str, str]] = {}
    for row in partners:
        order = made[plans[row].token]
        if isinstance(order, int):
            lines[row] = {"order_id/.id": str(order), **plans[row].columns}
        else:
            row.fail(order)
    for row, answer in load_lines(site, lines).items():
        if not isinstance(answer, int):
            row.fail(answer)
            continue
        if answer <= ledger.newest and answer != plans[row].replaces:
            _moved(row)
        settle(row, int(lines[row]["order_id/.id"]), answer)


def _moved(row: Row[Any]) -> None:
    """A line that is older than what was read, and was on none of the visit's orders: loading it by its
    external id took it from the visit that it was charged to before."""
    text = "stood on another visit's quotation, and is on this one's now"
    if getattr(row.effect, "again", "") == "replace":
        row.notes.append(text)
    else:
        row.fail(refusal(ReasonCode.CONFLICT, text, "encounter"))
