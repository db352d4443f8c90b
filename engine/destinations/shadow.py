"""The destination of a shadow: what each effect would come to in Odoo, with nothing written anywhere.

Effects are planned over what stands (`engine.destinations.odoo.planning`), those of one batch one upon the
other. What would not go to an Odoo (a ledger, a folder, another system) would simply be written.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from engine.destinations.base import Note
from engine.destinations.odoo import OdooConnection
from engine.destinations.odoo.planning import Change, PlannedEffect, Planner
from engine.model import Delivery, Outcome, Reason, ReasonCode, Shadowed, TryAgain

__all__ = ["ShadowDestination"]

_WORDS = {
    "product_uom_qty": "quantity", "quantity": "quantity held", "scheduled_date": "time",
    "location_id": "source", "location_dest_id": "destination", "partner_id": "whose", "product_id": "item",
    "price_unit": "price", "list_price": "price", "fixed_price": "price", "name": "description",
    "analytic_distribution": "cost centre", "order_id": "quotation", "parent_id": "person",
    "function": "place", "category_id": "state or kind", "active": "in use", "state": "progress",
    "product_min_qty": "reorder point", "product_max_qty": "reorder amount", "expiration_date": "expiry",
    "uom_id": "unit", "product_uom_id": "unit", "priority": "priority",
}  # fmt: skip
"""Odoo's fields in the words of the business; another field is called as Odoo calls it."""

_TOLD = ("quantity", "time", "price", "reorder point", "reorder amount", "expiry", "priority")
"""What is told with its values, before and after: numbers and days, never a text."""


class ShadowDestination:
    """See `engine.destinations.base.Destination`: everything is `Shadowed`, or tried again while Odoo cannot
    be asked. Without a connection nothing is compared."""

    def __init__(self, connection: OdooConnection | None) -> None:
        self._planner = Planner(connection) if connection else None

    def deliver(self, deliveries: Sequence[Delivery], note: Note) -> list[Outcome]:  # noqa: ARG002
        """Outcomes in the order of the deliveries; no saga begins, so there is nothing to note."""
        if self._planner is None:
            return [Shadowed({"would": "write"}) for _ in deliveries]
        return list(map(_outcome, self._planner.verdicts([one.effect for one in deliveries])))

    def close(self) -> None:
        """Every batch closes its own connection."""


def _outcome(planned: PlannedEffect) -> Outcome:
    if planned.verdict == "unavailable":
        return TryAgain(planned.reason or Reason(ReasonCode.UNAVAILABLE, "Odoo cannot be asked"))
    changes = [one for one in planned.changes if one.field != "state"] or list(planned.changes)
    words = dict.fromkeys(_WORDS.get(one.field, one.field) for one in changes)
    found: dict[str, str] = {"would": planned.verdict}
    if words:
        found["differs"] = ", ".join(words)
    told = [text for one in changes if (text := _told(one))]
    return Shadowed(found, "; ".join(dict.fromkeys([*told, *filter(None, [planned.note])])), planned.reason)


def _told(change: Change) -> str:
    """`quantity 4 → 6`."""
    word = _WORDS.get(change.field, "")
    return f"{word} {_plain(change.before)} → {_plain(change.after)}" if word in _TOLD else ""


def _plain(value: Any) -> str:
    if isinstance(value, float | int) and not isinstance(value, bool):
        return f"{Decimal(str(value)).normalize():f}"
    return str(value) if value else "nothing"
