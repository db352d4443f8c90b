"""Everything that Wardline made in an Odoo, read back by its administrator, as plain values.

Independent of the engine: what stands is found through Odoo's own register of external ids, and what
the integration user made without one is counted as a stray. Database ids appear nowhere; tokens are
shown as `name(token)`, so that two runs, and a run and an expectation, can be compared with `==`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from demo.odoo import Running
from demo.session import Session

TOKEN = re.compile(r"t1[a-z]_[0-9a-hjkmnp-tv-z]{28}")
Name = Callable[[str], str]
Row = dict[str, Any]


class Transfer(NamedTuple):
    """`lines`: item, wanted, held or done, unit, whether it takes another move back."""

    state: str
    source: str
    destination: str
    planned: str
    partner: str
    lines: tuple[tuple[str, float, float, str, bool], ...]


class Line(NamedTuple):
    """One line of a visit's quotation."""

    visit: str
    item: str
    quantity: float
    price: float
    unit: str
    cost_centre: str
    title: str


class Contact(NamedTuple):
    """`above` is the person's contact, or the survivor's of one that was merged away."""

    name: str
    active: bool
    above: str
    place: str
    tags: tuple[str, ...]


class Listing(NamedTuple):
    """An item that a master file made, and what stands below it: vendors' lines, rules, lots."""

    name: str
    active: bool
    traits: tuple[str, ...]  # unit, kind, tracking, barcode, price
    below: tuple[str, ...]


BELOW = {
    "product.supplierinfo": [
        "product_id",
        "partner_id",
        "price",
        "product_uom_id",
        "product_code",
        "sequence",
    ],
    "stock.warehouse.orderpoint": [
        "product_id",
        "location_id",
        "product_min_qty",
        "product_max_qty",
        "active",
    ],
    "stock.lot": ["product_id", "name", "expiration_date"],
}


class Books(NamedTuple):
    """By key: `reserve theatre-schedule/appt:C-1/1`, `charge dft-charges/txn:T-1/270001`, `person:1`."""

    transfers: dict[str, Transfer]
    lines: dict[str, Line]
    orders: dict[str, tuple[str, str]]  # key of the order → its visit, its state
    contacts: dict[str, Contact]
    strays: dict[str, int]  # documents of the integration user that no external id tells
    line_order: dict[str, tuple[str, ...]]  # visit → its lines' keys as they were written
    items: Mapping[str, Listing] = {}  # by item code


def sign_in(hospital: Running) -> Session:
    """The administrator of a database."""
    return Session(hospital.url, hospital.database, hospital.admin.login, hospital.admin.password)


def put_in_stock(admin: Session, hospital: Running, quantity: int = 100_000, but: Iterable[str] = ()) -> None:
    """So much of everything in the store that nothing is short, knee implants aside."""
    lots = {row["product_id"][0]: row["id"] for row in admin.read("stock.lot", [], "product_id", order="id")}
    for code, product in hospital.ids["items"].items():
        if code not in ("IMP-KNEE", *but):
            values = {
                "product_id": product,
                "location_id": hospital.ids["locations"]["WH/Stock"],
                "lot_id": lots.get(product, False),
                "inventory_quantity": quantity,
            }
            quant = admin.call("stock.quant", "create", values, context={"inventory_mode": True})
            admin.call("stock.quant", "action_apply_inventory", [quant])


def read_books(admin: Session, name: Name = str) -> Books:
    """All of it. `name` says what a token stands for."""
    return _Reader(admin, name).books()


def read_ordered(admin: Session) -> dict[str, float]:
    """How much of each item is on purchase orders that were not cancelled."""
    codes = _codes(admin)
    total: dict[str, float] = {}
    rows = admin.read("purchase.order.line", [["state", "!=", "cancel"]], "product_id", "product_qty")
    for row in rows:
        code = codes[row["product_id"][0]]
        total[code] = total.get(code, 0.0) + row["product_qty"]
    return total


def read_lots(admin: Session, name: Name = str) -> dict[str, dict[tuple[str, str], float]]:
    """By key (`consume pharmacy-dispense/order:RX-1/1`): how much of each item went from which lot."""
    codes = _codes(admin)
    names = {
        row["res_id"]: TOKEN.sub(lambda token: name(token[0]), row["name"].replace("_", " ", 1))
        for row in admin.read(
            "ir.model.data", [["module", "=", "wardline"], ["model", "=", "stock.picking"]], "res_id", "name"
        )
    }
    found: dict[str, dict[tuple[str, str], float]] = {}
    domain = [["lot_id", "!=", False], ["picking_id", "in", list(names)]]
    for row in admin.read("stock.move.line", domain, "picking_id", "product_id", "lot_id", "quantity"):
        lots = found.setdefault(names[row["picking_id"][0]], {})
        what = codes[row["product_id"][0]], row["lot_id"][1]
        lots[what] = lots.get(what, 0.0) + row["quantity"]
    return found


def read_stock(admin: Session) -> dict[tuple[str, str], tuple[float, float]]:
    """Item and place → what lies there, and how much of it is held."""
    codes = _codes(admin)
    places = {row["id"]: row["complete_name"] for row in admin.read("stock.location", [], "complete_name")}
    held: dict[tuple[str, str], tuple[float, float]] = {}
    for row in admin.read("stock.quant", [], "product_id", "location_id", "quantity", "reserved_quantity"):
        key = codes[row["product_id"][0]], places[row["location_id"][0]]
        lies, kept = held.get(key, (0.0, 0.0))
        held[key] = lies + row["quantity"], kept + row["reserved_quantity"]
    return held


class _Reader:
    """One reading: everything is asked for once."""

    def __init__(self, admin: Session, name: Name) -> None:
        self._admin = admin
        self._show = lambda text: TOKEN.sub(lambda found: name(found[0]), text)
        self._names: dict[str, dict[int, str]] = {}
        for row in admin.read("ir.model.data", [["module", "=", "wardline"]], "model", "name", "res_id"):
            self._names.setdefault(row["model"], {})[row["res_id"]] = row["name"]
        self._codes = _codes(admin)
        self._refs = {
            row["id"]: row["ref"] or row["name"]
            for row in self._read("res.partner", [], "ref", "name", context={"active_test": False})
        }

    def books(self) -> Books:
        lines, order = self._lines()
        return Books(
            self._transfers(), lines, self._orders(), self._contacts(), self._strays(), order, self._items()
        )

    def _read(self, model: str, domain: list[Any], *fields: str, **options: Any) -> list[Row]:
        return self._admin.read(model, domain, *fields, **options)

    def _made(self, model: str, *fields: str, **options: Any) -> Iterable[tuple[str, Row]]:
        """The key and the record of whatever has an external id of ours."""
        names = self._names.get(model, {})
        for row in self._read(model, [["id", "in", list(names)]], *fields, **options):
            kind, _, key = names[row["id"]].partition("_")
            key = re.sub(r"^[0-9a-f]{16}_", "", key) if kind == "credit" else key
            yield self._show(f"{kind} {key}"), row

    def _transfers(self) -> dict[str, Transfer]:
        moves: dict[int, list[tuple[str, float, float, str, bool]]] = {}
        for move in self._read(
            "stock.move", [["picking_id", "!=", False]],
            "picking_id", "product_id", "product_uom_qty", "quantity", "product_uom",
            "origin_returned_move_id",
        ):  # fmt: skip
            moves.setdefault(move["picking_id"][0], []).append(
                (
                    self._codes[move["product_id"][0]], move["product_uom_qty"], move["quantity"],
                    move["product_uom"][1], bool(move["origin_returned_move_id"]),
                )
            )  # fmt: skip
        fields = "state", "location_id", "location_dest_id", "scheduled_date", "partner_id"
        return {
            key: Transfer(
                row["state"], row["location_id"][1], row["location_dest_id"][1], row["scheduled_date"],
                self._ref(row["partner_id"]), tuple(sorted(moves.get(row["id"], []))),
            )
            for key, row in self._made("stock.picking", *fields)
        }  # fmt: skip

    def _lines(self) -> tuple[dict[str, Line], dict[str, tuple[str, ...]]]:
        centres = {row["id"]: row["code"] for row in self._read("account.analytic.account", [], "code")}
        visits = {
            row["id"]: row["client_order_ref"] for row in self._read("sale.order", [], "client_order_ref")
        }
        found: dict[str, Line] = {}
        order: dict[str, tuple[str, ...]] = {}
        for key, row in self._made(
            "sale.order.line", "order_id", "product_id", "product_uom_qty", "price_unit", "product_uom_id",
            "analytic_distribution", "name", order="id",
        ):  # fmt: skip
            shares: Mapping[str, float] = row["analytic_distribution"] or {}
            assert set(shares.values()) <= {100}
            visit = self._show(visits[row["order_id"][0]])
            order[visit] = (*order.get(visit, ()), key)
            found[key] = Line(
                visit, self._codes[row["product_id"][0]], row["product_uom_qty"], row["price_unit"],
                row["product_uom_id"][1], ",".join(centres[int(share)] for share in shares), row["name"],
            )  # fmt: skip
        return found, order

    def _orders(self) -> dict[str, tuple[str, str]]:
        return {
            key: (self._show(row["client_order_ref"]), f"{row['state']} for {self._ref(row['partner_id'])}")
            for key, row in self._made("sale.order", "client_order_ref", "state", "partner_id")
        }

    def _contacts(self) -> dict[str, Contact]:
        tags = {row["id"]: row["name"] for row in self._read("res.partner.category", [], "name")}
        fields = "name", "ref", "active", "parent_id", "function", "category_id"
        found = {}
        for key, row in self._made("res.partner", *fields, context={"active_test": False}):
            shown = self._show(row["ref"])
            assert key == f"contact {shown}"
            found[shown] = Contact(
                self._show(row["name"]), row["active"], self._ref(row["parent_id"]), row["function"] or "",
                tuple(sorted(tags[tag] for tag in row["category_id"])),
            )  # fmt: skip
        return found

    def _items(self) -> dict[str, Listing]:
        everything = {"active_test": False}
        traits = ("uom_id", "type", "tracking", "barcode", "list_price")
        products = dict(
            self._made("product.product", "default_code", "name", "active", *traits, context=everything)
        )
        below: dict[int, list[str]] = {row["id"]: [] for row in products.values()}
        for model, fields in BELOW.items():
            domain = [["product_id", "in", list(below)]]
            for row in self._read(model, domain, *fields, context=everything):
                below[row["product_id"][0]].append(str([model, *(_plain(row[word]) for word in fields[1:])]))
        return {
            row["default_code"]: Listing(
                row["name"], row["active"], tuple(str(_plain(row[word])) for word in traits),
                tuple(sorted(below[row["id"]])),
            )
            for row in products.values()
        }  # fmt: skip

    def _strays(self) -> dict[str, int]:
        user = self._read("res.users", [["login", "=", "wardline"]], "id")[0]["id"]
        counts = {
            model: self._admin.call(
                model, "search_count",
                [["create_uid", "=", user], ["id", "not in", list(self._names.get(model, {}))]],
                context={"active_test": False},
            )
            for model in (
                "stock.picking", "sale.order", "sale.order.line", "res.partner", "product.product",
                "product.supplierinfo", "stock.warehouse.orderpoint", "stock.lot",
            )
        }  # fmt: skip
        return {model: count for model, count in counts.items() if count}

    def _ref(self, many2one: Any) -> str:
        return self._show(self._refs[many2one[0]]) if many2one else ""


def _plain(value: Any) -> Any:
    """A many2one by its name."""
    return value[1] if isinstance(value, list) else value


def _codes(admin: Session) -> dict[int, str]:
    rows = admin.read("product.product", [], "default_code", context={"active_test": False})
    return {row["id"]: row["default_code"] for row in rows}
