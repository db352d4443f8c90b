"""Charges and credits held against the lines of quotations. Reads; what differs is pure arithmetic."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from engine import effects
from engine.destinations.odoo.catalogue import Product
from engine.destinations.odoo.work import Site
from engine.errors import Unacceptable
from engine.reconciling.expecting import Wanted, name_of
from engine.reconciling.finding import gap_of, plain
from engine.reconciling.standing import Line, Standing
from engine.reconciling.words import Difference, Gap, GapKind

__all__ = ["Billed", "check_bills", "repaired"]

MODEL = "sale.order.line"
_ROUNDED = Decimal("0.005")  # Odoo rounds to the digits that its settings say, two as it comes
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_OPEN = ("draft", "sent")
_RESTORED = {"item", "unit", "quantity", "price", "date", "cost centre", "encounter"}
"""What a charge that is carried out again writes anew."""
Charged = effects.Charge | effects.Credit


class Billed(NamedTuple):
    """A charge or credit, the line that stands for it (None: there is none), how much of what it should be,
    and in which unit (its name)."""

    wanted: Wanted
    line: Line | None
    product: Product | None
    quantity: Decimal | None
    unit: str


def repaired(line: int) -> str:
    """The external id of the line that credits a double."""
    return f"double_{line}"


def check_bills(
    standing: Standing, site: Site, some: Sequence[Wanted], survivors: Mapping[str, str]
) -> tuple[list[Billed], list[Gap]]:
    """Charges and credits of one company, a page of them. `survivors` are the tokens that stand for those
    that were merged away. Raises as `OdooClient` does."""
    ids = {number for one in some for number in one.ids.get(MODEL, ())}
    lines = standing.lines(site, ids)
    by_name = {line.name: line for line in lines.values() if line.name}
    missing = [name for one in some if (name := _name(one)) not in by_name]
    found = standing.found(missing)
    lines |= standing.lines(site, [*found.values()]) if found else {}
    by_name |= {line.name: line for line in lines.values() if line.name}
    site.catalogue.prepare(site.company, {code for one in some if (code := _code(one.effect))}, ())
    gaps: list[Gap] = []
    billed: list[Billed] = []
    for one in some:
        line = by_name.get(_name(one))
        product, quantity = _item(site, one)
        if one.left == 0:  # nothing was left to take back: no line is wanted
            continue
        unit = _unit(one.effect) or (standing.unit_name(product.unit) if product else "")
        billed.append(Billed(one, line, product, quantity, unit))
        gaps += _judged(site, billed[-1], survivors)
    return billed, gaps + _strays(standing, site, billed, lines)


def _name(one: Wanted) -> str:
    (name,) = name_of(one.effect)
    return name


def _judged(site: Site, bill: Billed, survivors: Mapping[str, str]) -> list[Gap]:
    """What is wrong with one line."""
    one, line = bill.wanted, bill.line
    if line is None:
        text = "its line is in no quotation of Odoo any more"
        return [gap_of(one, GapKind.MISSING, text, MODEL, mend="again")]
    if line.order.state == "cancel":
        advice = "ask who cancelled the quotation; replay the message when it was a mistake"
        text = "its quotation was cancelled in Odoo"
        return [gap_of(one, GapKind.CANCELLED, text, MODEL, [line.id], advice=advice)]
    differences = _differences(site, bill, line, survivors)
    if not differences:
        return []
    named = {difference.field for difference in differences}
    fixable = one.kind == "charge" and line.order.state in _OPEN and named <= _RESTORED
    return [
        gap_of(
            one, GapKind.CHANGED, "its line says something else than the message", MODEL, [line.id],
            differences, mend="restore" if fixable else "", asked=fixable,
            advice="ask who changed it: nothing is changed back unless it is asked for",
        )
    ]  # fmt: skip


def _item(site: Site, one: Wanted) -> tuple[Product | None, Decimal | None]:
    """The product and the signed quantity that the line should have, as far as they are known."""
    code = _code(one.effect)
    product = None
    if code:
        try:
            product = site.catalogue.item(site.company, code)
        except Unacceptable:  # it was archived or called otherwise since: its code is compared
            product = None
    if isinstance(one.effect, effects.Charge):
        return product, one.effect.item.quantity
    return product, None if one.left is None else -one.left


def _code(effect: effects.Effect) -> str:
    item = getattr(effect, "item", None)
    return item.code if item else ""


def _unit(effect: effects.Effect) -> str:
    item = getattr(effect, "item", None)
    return item.unit if item else ""


def _differences(site: Site, bill: Billed, line: Line, survivors: Mapping[str, str]) -> list[Difference]:
    effect = bill.wanted.effect
    whole = isinstance(effect, effects.Credit) and effect.whole  # says nothing of the line but how much
    found = [] if whole else _terms(site, bill, effect, line)
    if bill.quantity is not None and abs(line.quantity - bill.quantity) > _ROUNDED:
        found.append(Difference("quantity", plain(bill.quantity), plain(line.quantity)))
    return [*found, *_whose(effect, line, survivors)]


def _terms(site: Site, bill: Billed, effect: Charged, line: Line) -> list[Difference]:
    """Item, unit and price; the day and the cost centre."""
    found: list[Difference] = []
    code = _code(effect)
    if code and (line.product != bill.product.id if bill.product else line.item != code):
        found.append(Difference("item", code, line.item))
    if code and bill.product and not _same_unit(site, effect, bill.product, line):
        found.append(Difference("unit", effect.item.unit if effect.item else "", line.unit_name))
    if effect.price and abs(line.price - effect.price.amount) > _ROUNDED:
        found.append(Difference("price", plain(effect.price.amount), plain(line.price)))
    if effect.price and isinstance(effect, effects.Charge) and line.discount:
        found.append(Difference("discount", "0", plain(line.discount)))
    return [*found, *_labels(site, effect, line)]


def _same_unit(site: Site, effect: Charged, product: Product, line: Line) -> bool:
    try:
        return site.catalogue.unit(effect.item.unit if effect.item else "", product)[0] == line.unit
    except Unacceptable:  # the unit is not there any more: nothing can be said
        return True


def _labels(site: Site, effect: Charged, line: Line) -> list[Difference]:
    """The day, which the description carries, and the cost centre."""
    found = []
    day = _DAY.search(line.title.splitlines()[0][-10:] if line.title else "")
    if effect.date and (day is None or day[0] != effect.date.isoformat()):
        found.append(Difference("date", effect.date.isoformat(), day[0] if day else ""))
    if effect.cost_centre:
        try:
            account = str(site.catalogue.cost_centre(site.company, effect.cost_centre))
        except Unacceptable:
            return found
        if line.shares != {account: 100}:
            found.append(Difference("cost centre", effect.cost_centre, ""))
    return found


def _whose(effect: Charged, line: Line, survivors: Mapping[str, str]) -> list[Difference]:
    """Whether the quotation is still the visit's (or the one's that the visit was merged into). Of a credit
    the charge says whose it is."""
    if isinstance(effect, effects.Credit):
        return []
    mine = {one for one in (effect.encounter or effect.subject, effect.subject) if one}
    mine |= {survivors[one] for one in mine if one in survivors}
    token, partner = line.order.token, line.order.partner
    if token and token not in mine:
        return [Difference("encounter", "", "")]
    return [Difference("whose", "", "")] if partner not in mine else []


def _strays(standing: Standing, site: Site, billed: Sequence[Billed], lines: Mapping[int, Line]) -> list[Gap]:
    """Lines that no message asked for: on our quotations, and on others made out to the same contacts. One
    that says the same as one of ours is its double."""
    partners = {bill.line.order.partner_id for bill in billed if bill.line}
    strays = {line.id: line for line in lines.values() if not line.name and line.order.name}
    strays |= {line.id: line for line in standing.strays(site, partners)} if partners else {}
    settled = standing.found([repaired(number) for number in strays])
    free = {bill.line.id: bill for bill in billed if bill.line and bill.line.order.state != "cancel"}
    gaps: list[Gap] = []
    for stray in strays.values():
        if repaired(stray.id) in settled:
            continue
        twin = next((bill for bill in free.values() if bill.line and _twins(bill.line, stray)), None)
        if twin and twin.line:
            del free[twin.line.id]
            gaps.append(_double(twin.wanted, stray))
        elif stray.order.name:
            gaps.append(_unasked(stray))
    return gaps


def _twins(line: Line, stray: Line) -> bool:
    same = (line.product, line.unit, line.quantity) == (stray.product, stray.unit, stray.quantity)
    return same and line.order.partner_id == stray.order.partner_id and line.title == stray.title


def _double(one: Wanted, stray: Line) -> Gap:
    still = stray.order.state in _OPEN
    return gap_of(
        one, GapKind.DOUBLED, "a second line says the same, and no message asked for it", MODEL, [stray.id],
        mend="credit" if still else "",
        advice="" if still else "its quotation is confirmed: make a credit note in Odoo",
    )  # fmt: skip


def _unasked(stray: Line) -> Gap:
    return Gap(
        kind=GapKind.UNKNOWN, subject="charges", effect="charge", key="", model=MODEL, documents=(stray.id,),
        text="a line on a visit's quotation that no message asked for",
        differences=(Difference("quantity", "0", plain(stray.quantity)),),
        advice="ask who added it; it is left as it is",
    )  # fmt: skip
