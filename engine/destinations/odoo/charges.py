"""Charge: a line of the visit's draft quotation, which is the review that finance wants.

One draft order per visit (`client_order_ref` = the token), made when the first charge comes; a line
per charge with its own external id, wherever the order stands by now. An order that was confirmed,
cancelled or invoiced takes no more and a new one is begun (`…@2`).

The same key with other content is a conflict that a person decides: the sender corrects what it said, or uses
a transaction number twice. Where the effect says that it is the former (`again: replace`), the line is
written anew, until its order is confirmed or some of it is credited.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from engine import effects
from engine.destinations.odoo.billing import (
    Account,
    Plan,
    columns_of,
    conflict,
    differing,
    distribution,
    find,
    named,
    named_visit,
    orders_of,
    settle,
    titled,
    write,
)
from engine.destinations.odoo.faults import refusal
from engine.destinations.odoo.names import base_of, external
from engine.destinations.odoo.orders import Order, OrderLine, read_orders_of_persons
from engine.destinations.odoo.work import Row, Site, open_rows
from engine.errors import Unacceptable
from engine.model import ReasonCode

__all__ = ["charge", "collide"]

AGAIN = "again"  # the progress word of a charge that is set right
Charges = Sequence[Row[effects.Charge]]


def charge(site: Site, rows: Charges) -> None:
    """Carry out the `Charge` effects of one company, whose keys differ."""
    for row in rows:
        if row.delivery.progress.get(AGAIN) == "replace":  # a repair: what was changed by hand goes back
            row.effect = msgspec.structs.replace(row.effect, again="replace")
    ledger = orders_of(site, {row: named_visit(row.effect) for row in rows})
    replacing = [row.effect.subject for row in rows if row.effect.again == "replace"]
    known = [*ledger.orders, *read_orders_of_persons(site, replacing)]
    plans: dict[Row[Any], Plan] = {}
    for row in open_rows(rows):
        try:
            stands = find(known, external("charge", row.effect.key))
            if stands and not _replaces(site, row.effect, ledger.accounts[row], stands, known):
                settle(row, stands[0].id, stands[1].id)
            else:
                plans[row] = _plan(site, row.effect, ledger.accounts[row], stands[1].id if stands else 0)
        except Unacceptable as error:
            row.fail(error)
    write(site, plans, ledger)


def collide(a: Row[Any], b: Row[Any]) -> bool:
    """Whether two of `Charge` or of `Credit` concern the same charge: then order matters."""
    ours = (a.effect.key, getattr(a.effect, "reverses", None))
    other = (b.effect.key, getattr(b.effect, "reverses", None))
    return ours[0] == other[0] or (ours[1] is not None and ours[1] == other[1])


def _plan(site: Site, effect: effects.Charge, account: Account, replaces: int) -> Plan:
    if account.ended:
        raise refusal(ReasonCode.CONFLICT, "the account has ended: it takes no charge", "encounter")
    wanted = site.catalogue.wanted(site.company, effect.item)
    name, title = external("charge", effect.key), titled(effect, wanted)
    columns = columns_of(site, name, wanted, effect.price, title, effect.cost_centre)
    if replaces:  # what is not said any more goes
        columns = {"name": named(wanted), "analytic_distribution": "", **columns}
    return Plan(account.token, columns, replaces)


def _replaces(
    site: Site,
    effect: effects.Charge,
    account: Account,
    stands: tuple[Order, OrderLine],
    known: Sequence[Order],
) -> bool:
    """Whether the line that stands says something else, and may be replaced. Raises `Unacceptable` when it
    may not."""
    order, line = stands
    place = differing(site, effect, effect.item, line)
    if effect.again == "replace" and not place:
        place = _moved(site, effect, account, order, line)
    if not place:
        return False
    if effect.again != "replace" or not order.open:
        raise conflict(place)
    if any(other.name.startswith(base_of(effect.key)) for one in known for other in one.lines):
        raise refusal(ReasonCode.CONFLICT, "the charge was credited: it is not replaced", place)
    return True


def _moved(site: Site, effect: effects.Charge, account: Account, order: Order, line: OrderLine) -> str:
    """What else differs of a charge that replaces what stands."""
    if order.token != account.token:
        return "encounter"
    return "cost_centre" if line.distribution != distribution(site, effect.cost_centre) else ""
