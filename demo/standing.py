"""What stands in Odoo, read back through its own RPC by an administrator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from demo.after import After, OrderLines
from demo.provision import Running
from demo.session import Session

__all__ = ["Order", "Quotation", "Reservation", "Standing", "Used", "read_standing", "tidy"]

BOOKED = ["origin", "=like", "theatre-schedule/%"]
CHARGED = ["origin", "=like", "dft-charges/%"]


@dataclass(frozen=True)
class Reservation:
    """A transfer that holds a kit; `subject` is the contact it is for, a token."""

    name: str
    subject: str
    theatre: str
    at: str
    state: str
    kit: str


@dataclass(frozen=True)
class Order:
    """A line of a request for quotation."""

    name: str
    vendor: str
    item: str
    quantity: Decimal


@dataclass(frozen=True)
class Quotation:
    """An encounter's draft quotation; `encounter` is a token, `total` without tax in euro."""

    name: str
    encounter: str
    lines: tuple[tuple[str, Decimal], ...]
    total: Decimal


@dataclass(frozen=True)
class Used:
    """A validated transfer from a place to the patient; back again when negative."""

    name: str
    place: str
    item: str
    quantity: Decimal


@dataclass(frozen=True)
class Standing:
    """All of it; `visits` and `persons` as `After` has them."""

    reservations: list[Reservation]
    orders: list[Order]
    quotations: list[Quotation]
    used: list[Used]
    visits: Counter[tuple[str, str]]
    persons: Counter[str]

    def summary(self) -> After:
        """Comparable with what the story says."""
        ordered: Counter[tuple[str, str]] = Counter()
        for order in self.orders:
            ordered[order.vendor, order.item] += int(order.quantity)
        stock: Counter[tuple[str, str]] = Counter()
        for used in self.used:
            stock[used.place, used.item] += int(used.quantity)
        return After(
            reservations=Counter((r.theatre, r.at, r.state) for r in self.reservations),
            ordered=ordered,
            quotations=Counter(_lines(q.lines) for q in self.quotations),
            stock=stock,
            visits=self.visits,
            persons=self.persons,
        )


def read_standing(admin: Session, odoo: Running, since: dict[str, int]) -> Standing:
    """Everything that came after the ids in `since` (`tidy`)."""
    codes = {found: code for code, found in {**odoo.ids["items"], **odoo.ids["services"]}.items()}
    reader = _Reader(admin, since, codes)
    visits, persons = reader.contacts()
    return Standing(
        reader.reservations(), reader.orders(), reader.quotations(), reader.used(), visits, persons
    )


def tidy(admin: Session) -> dict[str, int]:
    """Takes back what an earlier day holds in a database that cannot be made afresh (open kits, RFQs),
    and notes the highest id of each model, so that what comes after is this day's."""
    held = admin.call("stock.picking", "search", [BOOKED, ["state", "not in", ["done", "cancel"]]])
    if held:
        admin.call("stock.picking", "action_cancel", held)
    lacking = [["order_line.product_id.default_code", "in", ["IMP-KNEE", "TRC-12", "MESH-15"]]]
    asked = admin.call("purchase.order", "search", [["state", "in", ["draft", "sent"]], *lacking])
    if asked:
        admin.call("purchase.order", "button_cancel", asked)
    models = ("stock.picking", "purchase.order", "sale.order", "res.partner")
    everything = {"active_test": False}
    found = {m: admin.call(m, "search", [], limit=1, order="id desc", context=everything) for m in models}
    return {model: ids[0] if ids else 0 for model, ids in found.items()}


class _Reader:
    def __init__(self, admin: Session, since: dict[str, int], codes: dict[int, str]) -> None:
        self._admin, self._since, self._codes = admin, since, codes

    def reservations(self) -> list[Reservation]:
        fields = ("name", "state", "location_dest_id", "scheduled_date", "partner_id")
        pickings = self._new("stock.picking", [BOOKED], *fields)
        moves = self._of("stock.move", "picking_id", pickings, "product_uom_qty", "quantity")
        return [
            Reservation(
                name=picking["name"],
                subject=_name(picking["partner_id"]),
                theatre=_place(picking["location_dest_id"]),
                at=picking["scheduled_date"][11:16],
                state=self._state(picking["state"], moves.get(picking["id"], [])),
                kit=_words((self._code(m), _number(m["product_uom_qty"])) for m in moves[picking["id"]]),
            )
            for picking in pickings
        ]

    def orders(self) -> list[Order]:
        orders = self._new("purchase.order", [["state", "in", ["draft", "sent"]]], "name", "partner_id")
        lines = self._of("purchase.order.line", "order_id", orders, "product_qty")
        return [
            Order(order["name"], _name(order["partner_id"]), self._code(line), _number(line["product_qty"]))
            for order in orders
            for line in lines.get(order["id"], [])
        ]

    def quotations(self) -> list[Quotation]:
        drafts = [["state", "=", "draft"], ["client_order_ref", "=like", "t1%"]]
        orders = self._new("sale.order", drafts, "name", "client_order_ref", "amount_untaxed")
        lines = self._of("sale.order.line", "order_id", orders, "product_uom_qty")
        return [
            Quotation(
                order["name"],
                order["client_order_ref"],
                tuple((self._code(line), _number(line["product_uom_qty"])) for line in lines[order["id"]]),
                _number(order["amount_untaxed"]),
            )
            for order in orders
        ]

    def used(self) -> list[Used]:
        fields = ("name", "location_id", "location_dest_id")
        pickings = self._new("stock.picking", [CHARGED, ["state", "=", "done"]], *fields)
        moves = self._of("stock.move", "picking_id", pickings, "quantity")
        found: list[Used] = []
        for picking in pickings:
            back = _place(picking["location_id"]) == "Patient Care"
            place = _place(picking["location_dest_id" if back else "location_id"])
            for move in moves[picking["id"]]:
                quantity = _number(move["quantity"]) * (-1 if back else 1)
                found.append(Used(picking["name"], place, self._code(move), quantity))
        return found

    def contacts(self) -> tuple[Counter[tuple[str, str]], Counter[str]]:
        fields = ("ref", "active", "category_id", "function")
        found = self._new("res.partner", [["ref", "=like", "t1%"]], *fields)
        tags = {tag["id"]: tag["name"] for tag in self._admin.read("res.partner.category", [], "name")}
        visits: Counter[tuple[str, str]] = Counter()
        for contact in (c for c in found if c["ref"].startswith("t1v")):
            states = [tags[i].removeprefix("Visit ") for i in contact["category_id"] if "Visit" in tags[i]]
            visits[", ".join(states), (contact["function"] or "").rpartition("/")[2]] += 1
        persons = [contact for contact in found if contact["ref"].startswith("t1p")]
        return visits, Counter("active" if person["active"] else "merged" for person in persons)

    def _new(self, model: str, domain: list[Any], *fields: str) -> list[dict[str, Any]]:
        mine = [["id", ">", self._since[model]], *domain]
        return self._admin.read(model, mine, *fields, order="id", context={"active_test": False})

    def _of(
        self, model: str, field: str, records: list[dict[str, Any]], *fields: str
    ) -> dict[int, list[dict[str, Any]]]:
        ids = [record["id"] for record in records]
        found: dict[int, list[dict[str, Any]]] = {record: [] for record in ids}
        for row in self._admin.read(model, [[field, "in", ids]], field, "product_id", *fields, order="id"):
            found[row[field][0]].append(row)
        return found

    def _state(self, state: str, moves: list[dict[str, Any]]) -> str:
        if state == "cancel":
            return "cancelled"
        lacking = [(self._code(m), _number(m["product_uom_qty"]) - _number(m["quantity"])) for m in moves]
        short = ", ".join(f"{quantity} {code}" for code, quantity in lacking if quantity > 0)
        return f"short by {short}" if short else "reserved"

    def _code(self, row: dict[str, Any]) -> str:
        return self._codes[row["product_id"][0]]


def _lines(lines: tuple[tuple[str, Decimal], ...]) -> OrderLines:
    return tuple(sorted((code, f"{quantity:f}") for code, quantity in lines))


def _words(lines: Iterable[tuple[str, Decimal]]) -> str:
    return ", ".join(f"{quantity:f} {code}" for code, quantity in lines)


def _number(value: float) -> Decimal:
    """Odoo's numbers are floats: `2.0` is 2."""
    number = Decimal(str(value))
    return number.quantize(Decimal(1)) if number == number.to_integral_value() else number


def _name(reference: Any) -> str:
    return str(reference[1]) if reference else ""


def _place(reference: Any) -> str:
    return _name(reference).rpartition("/")[2]
