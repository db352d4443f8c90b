"""Effects per second into a real Odoo, beside plain odoorpc that writes one record at a time.

`python -m bench.odoo_bench [--visits N]` brings the demo's Odoo up, plays the same visits twice (each
with an admission, a kit of three items reserved, one consumption, four charges and a credit): through
the destination in batches of 100, and through odoorpc as a careful script would do it (products and
places looked up once, a search before each create so that nothing is doubled, no external ids). Both
end with the same documents, which is checked. Prints a table; `--json` prints the figures.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any

import odoorpc

from demo.odoo import Running, drop_database, fresh_database
from engine.destinations.odoo import OdooConnection, OdooDestination
from engine.effects import Charge, Consume, Credit, Effect, Encounter, Item, Reserve, kind_of
from engine.model import Delivered, Delivery

KIT = (("GLV-M", 2), ("SUT-30", 1), ("GWN-L", 1))
WHEN = datetime(2026, 12, 1, 8, tzinfo=UTC)
BATCH = 100


def visits(prefix: str, number: int) -> Iterator[list[Effect]]:
    """The day in the order things happen: all admissions, all bookings, …"""
    names = [f"{prefix}{n:05}" for n in range(number)]
    yield [Encounter(key=f"{n}v", subject=f"{n}p", state="open", location="WH/Wards/ICU") for n in names]
    items = tuple(Item(code, Decimal(quantity)) for code, quantity in KIT)
    yield [
        Reserve(key=f"{n}/kit", items=items, destination="WH/Theatre/OR1", needed_at=WHEN, encounter=f"{n}v")
        for n in names
    ]
    used = (Item("SYR-10", Decimal(1)),)
    yield [Consume(key=f"{n}u", items=used, location="WH/Stock", encounter=f"{n}v") for n in names]
    lab = Item("LAB-CBC", Decimal(2))
    yield [Charge(key=f"{n}f{i}", encounter=f"{n}v", item=lab) for n in names for i in range(4)]
    one = Item("LAB-CBC", Decimal(1))
    yield [Credit(key=f"{n}k", reverses=f"{n}f0", encounter=f"{n}v", item=one) for n in names]


def engine(hospital: Running, prefix: str, number: int, transport: str) -> dict[str, tuple[int, float]]:
    """Effects and seconds by kind, through the destination."""
    destination = OdooDestination(
        OdooConnection(
            "bench",
            hospital.url,
            hospital.database,
            hospital.user.login,
            key=hospital.user.key,
            transport=transport,  # type: ignore[arg-type]
            consumption_location="Patient Care",
        )
    )
    ids = count(1)
    taken: dict[str, tuple[int, float]] = {}
    for effects in visits(prefix, number):
        began = time.perf_counter()
        for start in range(0, len(effects), BATCH):
            batch = [Delivery(next(ids), 1, "b", "odoo", e, "", 1) for e in effects[start : start + BATCH]]
            outcomes = destination.deliver(batch, lambda _: None)
            assert all(isinstance(outcome, Delivered) for outcome in outcomes), outcomes
        taken[kind_of(effects[0])] = (len(effects), time.perf_counter() - began)
    destination.close()
    return taken


class Script:
    """What a careful integrator writes with odoorpc: search, create, act; one record at a time."""

    def __init__(self, hospital: Running) -> None:
        port = int(hospital.url.rpartition(":")[2])
        self.odoo = odoorpc.ODOO("127.0.0.1", port=port, timeout=120)
        self.odoo.login(hospital.database, hospital.user.login, hospital.user.key)
        self.products = {
            r["default_code"]: r for r in self.read("product.product", [], "default_code", "uom_id")
        }
        self.places = {r["complete_name"]: r["id"] for r in self.read("stock.location", [], "complete_name")}
        (self.kind,) = self.read(
            "stock.picking.type", [["code", "=", "internal"], ["company_id", "=", 1]], "id"
        )

    def call(self, model: str, method: str, *args: Any) -> Any:
        return self.odoo.execute(model, method, *args)

    def read(self, model: str, domain: list[Any], *fields: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call(model, "search_read", domain, list(fields))
        return found

    def once(self, model: str, domain: list[Any], values: dict[str, Any]) -> int:
        """The record, created if a search does not find it."""
        found = self.call(model, "search", domain)
        return int(found[0] if found else self.call(model, "create", values))

    def contact(self, token: str, parent: int = 0) -> int:
        values = {"name": token, "ref": token, "parent_id": parent or False, "is_company": bool(parent)}
        return self.once("res.partner", [["ref", "=", token]], values)

    def encounter(self, effect: Encounter) -> None:
        visit = self.contact(effect.key, self.contact(effect.subject))
        tag = self.once("res.partner.category", [["name", "=", "Visit open"]], {"name": "Visit open"})
        self.call("res.partner", "write", [visit], {"category_id": [[4, tag]], "function": effect.location})

    def transfer(self, key: str, items: tuple[Item, ...], source: str, destination: str, visit: str) -> int:
        picking = self.once(
            "stock.picking",
            [["origin", "=", key]],
            {
                "picking_type_id": self.kind["id"],
                "origin": key,
                "location_id": self.places[source],
                "location_dest_id": self.places[destination],
                "scheduled_date": WHEN.strftime("%Y-%m-%d %H:%M:%S"),
                "partner_id": self.contact(visit),
            },
        )
        for item in items:
            product = self.products[item.code]
            values = {
                "picking_id": picking,
                "product_id": product["id"],
                "product_uom_qty": float(item.quantity),
                "product_uom": product["uom_id"][0],
                "location_id": self.places[source],
                "location_dest_id": self.places[destination],
            }
            self.once(
                "stock.move", [["picking_id", "=", picking], ["product_id", "=", product["id"]]], values
            )
        self.call("stock.picking", "action_confirm", [picking])
        self.call("stock.picking", "action_assign", [picking])
        return picking

    def reserve(self, effect: Reserve) -> None:
        picking = self.transfer(effect.key, effect.items, "WH/Stock", effect.destination, effect.encounter)
        self.read("stock.move", [["picking_id", "=", picking]], "state", "quantity", "product_uom_qty")

    def consume(self, effect: Consume) -> None:
        picking = self.transfer(effect.key, effect.items, effect.location, "Patient Care", effect.encounter)
        moves = self.call("stock.move", "search", [["picking_id", "=", picking]])
        self.call("stock.move", "write", moves, {"picked": True})
        self.call("stock.picking", "button_validate", [picking])
        self.read("stock.picking", [["id", "=", picking]], "state")

    def line(self, effect: Charge | Credit, quantity: float, name: str) -> None:
        order = self.once(
            "sale.order",
            [["client_order_ref", "=", effect.encounter], ["state", "=", "draft"]],
            {"partner_id": self.contact(effect.encounter), "client_order_ref": effect.encounter},
        )
        values = {
            "order_id": order,
            "product_id": self.products[effect.item.code]["id"],
            "product_uom_qty": quantity,
            "name": name,
        }
        self.once("sale.order.line", [["order_id", "=", order], ["name", "=", name]], values)

    def charge(self, effect: Charge) -> None:
        self.line(effect, float(effect.item.quantity), f"charge {effect.key}")

    def credit(self, effect: Credit) -> None:
        self.line(effect, -float(effect.item.quantity), f"credit {effect.key}")


def script(hospital: Running, prefix: str, number: int) -> dict[str, tuple[int, float]]:
    """Effects and seconds by kind, through odoorpc."""
    plain = Script(hospital)
    taken: dict[str, tuple[int, float]] = {}
    for effects in visits(prefix, number):
        carry: Callable[[Any], None] = getattr(plain, kind_of(effects[0]))
        began = time.perf_counter()
        for effect in effects:
            carry(effect)
        taken[kind_of(effects[0])] = (len(effects), time.perf_counter() - began)
    return taken


def same(hospital: Running, one: str, other: str, of_one: int, of_other: int) -> None:
    """Both ways left the same documents per visit."""
    plain = Script(hospital)
    counted = []
    for prefix, number in ((one, of_one), (other, of_other)):
        like = f"{prefix}%"
        counted.append(
            [
                plain.call("res.partner", "search_count", [["ref", "=like", like]]) / number,
                plain.call("stock.move", "search_count", [["picking_id.origin", "=like", like]]) / number,
                plain.call(
                    "stock.picking", "search_count", [["origin", "=like", like], ["state", "=", "done"]]
                ) / number,
                plain.call("sale.order.line", "search_count", [["order_id.client_order_ref", "=like", like]])
                / number,
            ]
        )  # fmt: skip
    assert counted[0] == counted[1], counted


def measure(number: int, share: int = 4) -> dict[str, Any]:
    """Effects/s of the destination on both transports and of the script (on a share of the visits)."""
    hospital = fresh_database("odoo_bench")
    try:
        engine(hospital, "warm", 5, "json2")
        ours = engine(hospital, "e", number, "json2")
        rpc = engine(hospital, "r", max(number // share, 1), "jsonrpc")
        baseline = script(hospital, "b", max(number // share, 1))
        same(hospital, "e", "b", number, max(number // share, 1))
    finally:
        drop_database(hospital)
    return {"json2": ours, "jsonrpc": rpc, "odoorpc": baseline}


def rate(taken: dict[str, tuple[int, float]], kind: str = "") -> float:
    chosen = [taken[kind]] if kind else list(taken.values())
    return sum(n for n, _ in chosen) / sum(seconds for _, seconds in chosen)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visits", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    taken = measure(chosen.visits)
    if chosen.json:
        print(json.dumps({way: {"all": rate(t), **{k: rate(t, k) for k in t}} for way, t in taken.items()}))
        return
    print(f"{'effects/s':<12}{'json2':>10}{'jsonrpc':>10}{'odoorpc 1×1':>13}{'times':>8}")
    for kind in [*taken["json2"], ""]:
        ours, rpc, baseline = (rate(taken[way], kind) for way in ("json2", "jsonrpc", "odoorpc"))
        print(f"{kind or 'all':<12}{ours:>10.1f}{rpc:>10.1f}{baseline:>13.1f}{ours / baseline:>8.1f}")


if __name__ == "__main__":
    main()
