"""What the tests against a real Odoo share: a desk that delivers like the engine does, and a snapshot
of everything Wardline may have written."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from demo.odoo import Running
from demo.session import Session
from engine.destinations.odoo import OdooConnection, OdooDestination
from engine.effects import Effect, Item
from engine.model import Delivered, Delivery, Outcome, Refused

Step = Callable[[str], None]


class Killed(BaseException):
    """Stands for kill -9 at a fault point."""


def connection(hospital: Running, **changes: Any) -> OdooConnection:
    """The least-privilege user's connection."""
    settings: dict[str, Any] = {
        "url": hospital.url,
        "database": hospital.database,
        "user": hospital.user.login,
        "key": hospital.user.key,
        "consumption_location": "Patient Care",
        **changes,
    }
    return OdooConnection("hospital", **settings)


class Desk:
    """Delivers batches and keeps the sagas' progress, as the store does. A delivery is known by
    its effect's place in the desk's life, so that delivering it again is a redelivery."""

    def __init__(self, hospital: Running, **changes: Any) -> None:
        self._connection = connection(hospital, **changes)
        self._ids = itertools.count(1)
        self.progress: dict[int, dict[str, str]] = {}
        self.destination = OdooDestination(self._connection)

    def batch(self, *wanted: Effect) -> list[Delivery]:
        return [Delivery(next(self._ids), 1, "test", "odoo", effect, "", 1) for effect in wanted]

    def note(self, progress: dict[int, dict[str, str]]) -> None:
        for delivery, words in progress.items():
            self.progress.setdefault(delivery, {}).update(words)

    def deliver(self, batch: Sequence[Delivery], step: Step | None = None) -> list[Outcome]:
        """With a `step` in a process of its own: a new connection, nothing remembered."""
        destination = OdooDestination(self._connection, step=step) if step else self.destination
        known = [msgspec.structs.replace(d, progress=dict(self.progress.get(d.id, {}))) for d in batch]

        def note(progress: dict[int, dict[str, str]]) -> None:
            (step or _no_step)("before note")
            self.note(progress)
            (step or _no_step)("after note")

        try:
            return destination.deliver(known, note)
        finally:
            if step:
                destination.close()

    def close(self) -> None:
        self.destination.close()

    def done(self, *wanted: Effect) -> list[Delivered]:
        """Deliver; every effect must stand."""
        outcomes = self.deliver(self.batch(*wanted))
        assert all(isinstance(outcome, Delivered) for outcome in outcomes), outcomes
        return outcomes  # type: ignore[return-value]

    def one(self, wanted: Effect) -> Delivered:
        return self.done(wanted)[0]

    def refused(self, wanted: Effect) -> Refused:
        outcome = self.deliver(self.batch(wanted))[0]
        assert isinstance(outcome, Refused), outcome
        return outcome


def _no_step(_: str) -> None:
    return None


def item(code: str, quantity: str | int, **more: str) -> Item:
    return Item(code, Decimal(quantity), **more)


class Mirror:
    """Reads back, as administrator, all that stands under keys and tokens with a prefix."""

    def __init__(self, admin: Session) -> None:
        self.admin = admin

    def snapshot(self, prefix: str) -> dict[str, Any]:
        """Everything Wardline wrote for the prefix, without ids, the prefix written as `~`."""
        taken = {
            "transfers": self.transfers(prefix),
            "orders": self.orders(prefix),
            "contacts": self.contacts(prefix),
            "masters": self.masters(prefix),
            "names": self.names(prefix),
            "orphans": self.admin.call("stock.move.line", "search_count", [["move_id", "=", False]]),
        }
        return _without(taken, prefix)

    def transfers(self, prefix: str) -> list[Any]:
        found = self.admin.read(
            "stock.picking",
            [["origin", "=like", f"{prefix}%"]],
            "origin", "state", "location_id", "location_dest_id", "scheduled_date", "partner_id", "priority",
        )  # fmt: skip
        moves = self._moves(row["id"] for row in found)
        return sorted(
            [
                row["origin"], row["state"], row["location_id"][1], row["location_dest_id"][1],
                _planned(row),
                row["partner_id"][1] if row["partner_id"] else "", row["priority"], moves[row["id"]],
            ]
            for row in found
        )  # fmt: skip

    def _moves(self, pickings: Iterable[int]) -> dict[int, list[Any]]:
        found = self._below(
            "stock.move", "picking_id", pickings,
            "product_id", "product_uom_qty", "quantity", "state", "product_uom", "origin_returned_move_id",
        )  # fmt: skip
        all_of_them = [row["id"] for rows in found.values() for row in rows]
        lots = {
            move: sorted([row["lot_id"][1] if row["lot_id"] else "", row["quantity"]] for row in rows)
            for move, rows in self._below(
                "stock.move.line", "move_id", all_of_them, "lot_id", "quantity"
            ).items()
        }
        return {
            picking: sorted(
                [
                    row["product_id"][1], row["product_uom_qty"], row["quantity"], row["state"],
                    row["product_uom"][1], bool(row["origin_returned_move_id"]), lots[row["id"]],
                ]
                for row in rows
            )
            for picking, rows in found.items()
        }  # fmt: skip

    def _below(
        self, model: str, by: str, of: Iterable[int], *fields: str, **options: Any
    ) -> dict[int, list[dict[str, Any]]]:
        """The rows of a model by what their field `by` names, read at once."""
        found: dict[int, list[dict[str, Any]]] = {one: [] for one in of}
        if found:
            for row in self.admin.read(model, [[by, "in", list(found)]], by, *fields, **options):
                found[row[by][0]].append(row)
        return found

    def orders(self, prefix: str) -> list[Any]:
        found = self.admin.read(
            "sale.order",
            [["client_order_ref", "=like", f"{prefix}%"]],
            "client_order_ref",
            "state",
            "partner_id",
        )
        result = []
        below = self._below(
            "sale.order.line", "order_id", (row["id"] for row in found), "product_id",
            "product_uom_qty", "price_unit", "name", "analytic_distribution", "product_uom_id",
        )  # fmt: skip
        for row in found:
            told = sorted(
                [
                    line["product_id"][1], line["product_uom_qty"], line["price_unit"], line["name"],
                    str(line["analytic_distribution"]), line["product_uom_id"][1],
                ]
                for line in below[row["id"]]
            )  # fmt: skip
            result.append([row["client_order_ref"], row["state"], row["partner_id"][1], told])
        return sorted(result)

    def contacts(self, prefix: str) -> list[Any]:
        found = self.admin.read(
            "res.partner", [["ref", "=like", f"{prefix}%"]],
            "ref", "name", "active", "parent_id", "function", "category_id", context={"active_test": False},
        )  # fmt: skip
        if not found:
            return []
        tags = {row["id"]: row["name"] for row in self.admin.read("res.partner.category", [], "name")}
        return sorted(
            [
                row["ref"], row["name"], row["active"], row["parent_id"][1] if row["parent_id"] else "",
                row["function"] or "", sorted(tags[tag] for tag in row["category_id"]),
            ]
            for row in found
        )  # fmt: skip

    def masters(self, prefix: str) -> list[Any]:
        """The items whose code has the prefix, with their vendors' lines, prices, rules and lots."""
        everything = {"active_test": False}
        fields = "default_code", "name", "active", "uom_id", "type", "tracking", "barcode", "list_price"
        found = self.admin.read(
            "product.product", [["default_code", "=like", f"{prefix}%"]], *fields, "product_tmpl_id",
            context=everything,
        )  # fmt: skip
        below = {
            "product.supplierinfo": (
                "product_tmpl_id",
                ["partner_id", "price", "product_uom_id", "product_code", "sequence"],
            ),
            "product.pricelist.item": ("product_tmpl_id", ["fixed_price", "min_quantity", "date_start"]),
            "stock.warehouse.orderpoint": (
                "product_tmpl_id",
                ["location_id", "product_min_qty", "product_max_qty", "trigger", "active"],
            ),
            "stock.lot": ("product_id", ["name", "expiration_date"]),
        }
        lines = {
            model: self._below(model, by, (_one(row, by) for row in found), *words, context=everything)
            for model, (by, words) in below.items()
        }
        result = []
        for row in found:
            told: list[Any] = [_plain(row[field]) for field in fields]
            for model, (by, words) in below.items():
                rows = lines[model][_one(row, by)]
                told.append(sorted(str([_plain(line[word]) for word in words]) for line in rows))
            result.append(told)
        return sorted(result)

    def held(self, code: str, place: str = "WH/Stock") -> float:
        """How much of an item Odoo believes to be reserved at a place."""
        domain = [["product_id.default_code", "=", code], ["location_id.complete_name", "=", place]]
        return sum(
            float(row["reserved_quantity"])
            for row in self.admin.read("stock.quant", domain, "reserved_quantity")
        )

    def names(self, prefix: str) -> list[str]:
        """External ids of the module `wardline` that hold the prefix, without ids and hashes."""
        found = self.admin.read(
            "ir.model.data", [["module", "=", "wardline"], ["name", "like", prefix]], "name", "model"
        )
        plain = [re.sub(r":.*|(?<=credit_)[0-9a-f]{16}", "", row["name"]) for row in found]
        return sorted(f"{row['model']} {name}" for row, name in zip(found, plain, strict=True))

    def ordered(self) -> dict[str, float]:
        """How much of each product is on draft purchase orders."""
        total: dict[str, float] = {}
        for row in self.admin.read("purchase.order.line", [], "product_id", "product_qty"):
            name = row["product_id"][1]
            total[name] = total.get(name, 0.0) + row["product_qty"]
        return total


def _one(product: dict[str, Any], by: str) -> int:
    """What names a product in another model: itself, or its template."""
    return int(product["id"] if by == "product_id" else product["product_tmpl_id"][0])


def _plain(value: Any) -> Any:
    """A many2one by its name."""
    return value[1] if isinstance(value, list) else value


def _planned(row: dict[str, Any]) -> str:
    """When a transfer is planned, if that was said: Odoo writes now where it was not."""
    return str(row["scheduled_date"]) if row["scheduled_date"][:7] == "2026-12" else ""


def _without(value: Any, prefix: str) -> Any:
    """The same value with the prefix replaced and the digits of database ids in names ironed out."""
    if isinstance(value, dict):
        return {key: _without(part, prefix) for key, part in value.items()}
    if isinstance(value, list):
        return [_without(part, prefix) for part in value]
    return value.replace(prefix, "~") if isinstance(value, str) else value
