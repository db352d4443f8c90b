"""What Odoo's actions on transfers, reordering rules and products come to, as far as the sagas read it.

What is reserved is what the stock has free (`stock.quant`) and this plan has not taken; Odoo's own choice of
lots, its procurement routes and its refusals (a product without vendor, a locked period) are not foreseen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from engine.destinations.odoo.planning.records import Change, Record, Records

__all__ = ["ACTIONS", "DERIVED", "Stock"]

ORDERED: Final = "RFQ"
"""The name of a request for quotation that does not stand yet."""

_MOVE = ["state", "product_id", "product_uom_qty", "product_qty", "quantity", "location_id", "picked"]
_OVER = ("done", "cancel")
_FROM_STOCK = ("internal", "transit")
_ZERO = Decimal(0)


class Stock:
    """The actions, upon the records of one plan."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._taken: dict[tuple[int, int], Decimal] = {}
        self._changes: list[Change] = []

    def act(self, model: str, method: str, ids: Sequence[int]) -> list[Change]:
        """Carry out one of `ACTIONS`; what changes of records that stand."""
        self._changes = []
        for number in ids:
            ACTIONS[model, method](self, number)
        return self._changes

    def _write(self, model: str, number: int, **values: Any) -> None:
        changes = self._records.change(model, number, values)
        if not self._records.is_new(number):
            self._changes += changes

    def _moves(self, picking: int) -> list[Record]:
        found = self._records.search("stock.move", [("picking_id", "=", picking)], _MOVE)
        return [move for move in found if move["state"] not in _OVER]

    def was_written(self, changes: Sequence[Change]) -> None:
        """What Odoo does by itself when transfers and moves are written: another quantity frees or wants
        goods, other places go for the moves too."""
        for one in changes:
            if one.model == "stock.move" and one.field in ("product_uom_qty", "quantity"):
                self._recount(one)
            elif one.model == "stock.picking" and one.field in ("location_id", "location_dest_id"):
                for move in self._moves(one.id):
                    self._records.change("stock.move", move["id"], {one.field: [one.after, ""]})

    def _recount(self, change: Change) -> None:
        move = self._records.record("stock.move", change.id, *_MOVE, "product_uom")
        if move["state"] in (*_OVER, "draft"):
            return
        want, had = _decimal(move["product_uom_qty"]), _decimal(move["quantity"])
        if change.field == "quantity":
            ratio = _decimal(move["product_qty"]) / want if want else Decimal(1)
            place = move["product_id"][0], move["location_id"][0]
            more = (_decimal(change.after) - _decimal(change.before)) * ratio
            self._taken[place] = self._taken.get(place, _ZERO) + more
        elif had > want:
            self._records.change("stock.move", move["id"], {"quantity": float(want)})
        state = "assigned" if had >= want else "partially_available" if had else "confirmed"
        self._records.change("stock.move", move["id"], {"state": state})

    def confirm(self, picking: int) -> None:
        """Drafts wait for their goods."""
        for move in self._moves(picking):
            if move["state"] == "draft":
                self._write("stock.move", move["id"], state="confirmed")
        if self._records.record("stock.picking", picking, "state")["state"] == "draft":
            self._write("stock.picking", picking, state="confirmed")

    def assign(self, picking: int) -> None:
        """Reserve what is free."""
        moves = self._moves(picking)
        for move in moves:
            want, had = _decimal(move["product_uom_qty"]), _decimal(move["quantity"])
            ratio = _decimal(move["product_qty"]) / want if want else Decimal(1)
            got = min(max(want - had, _ZERO), self._take(move, max(want - had, _ZERO) * ratio) / ratio)
            state = "assigned" if had + got >= want else "partially_available" if had + got else "confirmed"
            self._write("stock.move", move["id"], quantity=float(had + got), state=state)
        states = {move["state"] for move in self._moves(picking)}
        if moves and states == {"assigned"}:
            self._write("stock.picking", picking, state="assigned")

    def cancel(self, picking: int) -> None:
        """What is not done is cancelled."""
        for move in self._moves(picking):
            self._write("stock.move", move["id"], state="cancel", quantity=0.0)
        self._write("stock.picking", picking, state="cancel")

    def validate(self, picking: int) -> None:
        """What was counted is done; the rest waits in a transfer of its own."""
        moves = self._moves(picking)
        picked = [move for move in moves if move["picked"]] or moves
        rest: list[tuple[Record, Decimal]] = [(move, _ZERO) for move in moves if move not in picked]
        for move in picked:
            want, had = _decimal(move["product_uom_qty"]), _decimal(move["quantity"])
            rest += [(move, want - had)] if want > had else []
            self._write("stock.move", move["id"], state="done", product_uom_qty=float(had))
        self._write("stock.picking", picking, state="done")
        if rest:
            self._split(picking, rest)

    def replenish(self, rule: int) -> None:
        """Odoo orders what its forecast lacks: how much is its own affair."""
        lines = [("orderpoint_id", "=", rule), ("state", "in", ["draft", "sent", "to approve", "purchase"])]
        if self._records.search("purchase.order.line", lines, ["state"]):
            return
        order = self._records.create("purchase.order", {"name": ORDERED, "state": "draft"})
        line = {
            "orderpoint_id": [rule, ""],
            "order_id": [order, ORDERED],
            "state": "draft",
            "product_qty": 1.0,
        }
        self._records.create("purchase.order.line", line)

    def _split(self, picking: int, rest: Sequence[tuple[Record, Decimal]]) -> None:
        fields = ["origin", "location_id", "location_dest_id", "scheduled_date", "partner_id", "company_id"]
        head = self._records.record("stock.picking", picking, *fields)
        del head["id"]
        made = self._records.create(
            "stock.picking", {**head, "backorder_id": [picking, ""], "state": "confirmed"}
        )
        for move, left in rest:
            if not left:
                self._write("stock.move", move["id"], picking_id=[made, ""])
                continue
            again = self._records.record("stock.move", move["id"], "product_id", "product_uom", *fields[1:3])
            del again["id"]
            more = {"picking_id": [made, ""], "product_uom_qty": float(left), "state": "confirmed"}
            self._records.create("stock.move", again | more)
        self.assign(made)

    def _take(self, move: Record, want: Decimal) -> Decimal:
        """So much of it is free at its place, in the product's own unit."""
        product, place = move["product_id"][0], move["location_id"][0]
        if self._records.fixed("stock.location", place, "usage") not in _FROM_STOCK:
            return want
        domain = [("product_id", "=", product), ("location_id", "child_of", place)]
        quants = self._records.search("stock.quant", domain, ["quantity", "reserved_quantity"])
        has = sum((_decimal(one["quantity"]) - _decimal(one["reserved_quantity"]) for one in quants), _ZERO)
        free = max(has - self._taken.get((product, place), _ZERO), _ZERO)
        self._taken[product, place] = self._taken.get((product, place), _ZERO) + min(free, want)
        return min(free, want)


def _switch(model: str, active: bool) -> Callable[[Stock, int], None]:
    return lambda stock, number: stock._write(model, number, active=active)


_ARCHIVED = ("product.product", "stock.warehouse.orderpoint")
ACTIONS: Mapping[tuple[str, str], Callable[[Stock, int], None]] = {
    ("stock.picking", "action_confirm"): Stock.confirm,
    ("stock.picking", "action_assign"): Stock.assign,
    ("stock.picking", "action_cancel"): Stock.cancel,
    ("stock.picking", "button_validate"): Stock.validate,
    ("stock.warehouse.orderpoint", "action_replenish"): Stock.replenish,
    **{(model, "action_archive"): _switch(model, active=False) for model in _ARCHIVED},
    **{(model, "action_unarchive"): _switch(model, active=True) for model in _ARCHIVED},
}


def _decimal(value: Any) -> Decimal:
    return Decimal(str(value or 0))


def _in_own_unit(records: Records, move: Record) -> float:
    """A move's demand in the product's own unit."""
    factor = "factor_inv" if "factor_inv" in records.schema("uom.uom") else "factor"
    unit = records.fixed("product.product", move["product_id"][0], "uom_id")[0]
    own, used = (_decimal(records.fixed("uom.uom", one, factor)) for one in (unit, move["product_uom"][0]))
    return float(_decimal(move["product_uom_qty"]) * used / own)


DERIVED = {("stock.move", "product_qty"): _in_own_unit}
"""Fields that Odoo works out from others."""
