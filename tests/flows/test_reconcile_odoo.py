"""Sixteen discrepancies planted in a real Odoo as people make them: each is found and told for what it is,
what should be repaired is, after somebody else approved it, and nothing else changes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hospital_messages import Used, admission, booking, charges, merge
from odoo_books import put_in_stock, read_stock, sign_in
from odoo_databases import drop_database, fresh_database
from odoo_engine import NEEDS_ODOO, HospitalEngine
from odoo_rows import changed, rows_of
from running import wait_for

from demo.odoo import Running
from demo.session import Session
from engine.effects import kind_of

pytestmark = [*NEEDS_ODOO, pytest.mark.timeout(900)]

ADT, DFT, SIU = "adt-encounters", "dft-charges", "theatre-schedule"
DESTINATION = "odoo:hospital-odoo"
VISITS = 8
TOUCHED = {
    "sale_order", "sale_order_line", "stock_picking", "stock_move", "stock_move_line", "stock_quant",
    "mail_message", "mail_tracking_value", "ir_model_data",
}  # fmt: skip
"""Tables that a repair may write to: documents, what is held of stock, Odoo's own notes of who did what."""


class Stands(NamedTuple):
    """What stands for an effect: its key, and ids in Odoo."""

    key: str
    line: int
    picking: int


class House:
    """The engine, Odoo's administrator, and what stands for each message."""

    def __init__(self, folder: Path, hospital: Running, admin: Session) -> None:
        self.hospital, self.admin = hospital, admin
        self.engine = HospitalEngine(folder, hospital)
        self.engine.environment["WARDLINE_RECONCILE_AT"] = "off"
        self._stands: dict[tuple[str, str], list[Stands]] = {}

    def tell(self) -> None:
        """The day as it was, before anybody touched Odoo."""
        visits = range(1, VISITS + 1)
        self.engine.send(ADT, *(admission(f"A{n}-1", f"P{n}", f"V{n}") for n in visits))
        for n in visits:
            lines = [Used(f"T{n}x{line}", "850001", "3", price="12.50") for line in range(3)]
            self.engine.send(DFT, charges(f"D{n}", f"P{n}", f"V{n}", *lines, Used(f"T{n}x9", "270001", "2")))
        self.engine.send(DFT, charges("D80", "P7", "V7", Used("T7x0", "850001", "3", kind="CD")))
        for n in visits:
            self.engine.send(SIU, booking(f"S{n}-1", f"C{n}", f"P{n}", f"V{n}"))
        self.engine.send(ADT, merge("M1-1", "P8", "P7"))
        self.engine.all_settled()
        for view in self.engine.deliveries():
            control = self.engine.content(view.delivery.message_id).split(b"|")[9].decode()
            line, picking = (view.documents.get(model, "0") for model in ("sale.order.line", "stock.picking"))
            one = Stands(view.delivery.effect.key, int(line), int(picking.partition(",")[0]))
            self._stands.setdefault((control, kind_of(view.delivery.effect)), []).append(one)

    def stands(self, control: str, kind: str = "charge", at: int = 0) -> Stands:
        """For one of the effects of a message, named by its control id."""
        return self._stands[control, kind][at]

    def reserved(self, number: int) -> Stands:
        return self.stands(f"S{number}-1", "reserve")

    def order_of(self, line: int) -> int:
        (row,) = self.admin.read("sale.order.line", [["id", "=", line]], "order_id")
        return int(row["order_id"][0])

    def moves(self, picking: int) -> list[dict[str, Any]]:
        return self.admin.read("stock.move", [["picking_id", "=", picking]], "product_uom_qty", order="id")

    def wardline(self, *arguments: str, who: str = "ann", code: int = 0) -> Any:
        """`wardline reconcile` as somebody; what it says as JSON."""
        self.engine.environment["WARDLINE_USER"] = who
        got, said = self.engine.wardline("reconcile", *arguments)
        assert got == code, said
        return json.loads(said) if "--json" in arguments else said

    def check(self, code: int = 1) -> dict[str, Any]:
        found: dict[str, Any] = self.wardline("--since", "1d", "--json", code=code)
        return found


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    hospital = fresh_database("reconcile")
    with sign_in(hospital) as admin:
        put_in_stock(admin, hospital)
        made = House(tmp_path_factory.mktemp("reconcile"), hospital, admin)
        made.engine.start()
        made.tell()
        yield made
        made.engine.end()
    drop_database(hospital)


def plant(house: House) -> dict[str, tuple[str, str]]:
    """What people do: kind of gap and key (or document) by what was done."""
    admin, planted = house.admin, dict[str, tuple[str, str]]()

    def did(what: str, kind: str, one: Stands | str) -> None:
        planted[what] = kind, one if isinstance(one, str) else one.key

    one = house.stands("D1", at=0)
    admin.call("sale.order.line", "unlink", [one.line])
    did("a line is deleted", "missing", one)
    one = house.stands("D1", at=1)
    admin.call("sale.order.line", "write", [one.line], {"product_uom_qty": 9})
    did("a quantity is changed", "changed", one)
    one = house.stands("D2", at=0)
    admin.call("sale.order.line", "write", [one.line], {"price_unit": 99})
    did("a price is changed", "changed", one)
    one = house.stands("D2", at=1)
    admin.call("sale.order.line", "write", [one.line], {"analytic_distribution": False})
    did("a cost centre is taken away", "changed", one)
    one = house.stands("D3", at=0)
    admin.call("sale.order.line", "copy", [one.line], {"order_id": house.order_of(one.line)})
    did("a line is doubled", "doubled", one)
    order = house.order_of(house.stands("D4").line)
    admin.call("sale.order", "action_cancel", [order])
    for at in range(4):
        did(f"a quotation is cancelled, line {at}", "cancelled", house.stands("D4", at=at))
    (row,) = admin.read("sale.order.line", [["id", "=", one.line]], "product_id", "order_id")
    values = {"order_id": row["order_id"][0], "product_id": row["product_id"][0], "product_uom_qty": 77}
    did("a line is added", "unknown", str(admin.call("sale.order.line", "create", values)))
    values = {"order_id": row["order_id"][0], "product_id": row["product_id"][0], "product_uom_qty": 5}
    stranger = admin.call("sale.order.line", "create", values)
    name = {"module": "wardline", "name": "charge_dft-charges/lost", "model": "sale.order.line"}
    admin.call("ir.model.data", "create", {**name, "res_id": stranger})
    did("the books forgot one", "unknown", str(stranger))
    plant_in_stock(house, did)
    visit = house.stands("A1-1", "encounter")
    (row,) = admin.read("res.partner", [["ref", "=", visit.key]], "id")
    admin.call("res.partner", "write", [row["id"]], {"function": "WH/Elsewhere"})
    did("a place is changed", "changed", visit)
    return planted


def plant_in_stock(house: House, did: Any) -> None:
    admin = house.admin
    one = house.reserved(1)
    admin.call("stock.picking", "action_cancel", [one.picking])
    did("a reservation is cancelled", "cancelled", one)
    one = house.reserved(2)
    admin.call("stock.picking", "write", [one.picking], {"scheduled_date": "2026-12-30 10:00:00"})
    did("a reservation is put off", "changed", one)
    one = house.reserved(3)
    move = house.moves(one.picking)[0]
    admin.call("stock.move", "write", [move["id"]], {"product_uom_qty": move["product_uom_qty"] + 3})
    did("a reservation is raised", "changed", one)
    one = house.reserved(4)
    admin.call("stock.picking", "copy", [one.picking])
    did("a reservation is doubled", "doubled", one)
    one = house.reserved(5)
    admin.call("stock.picking", "action_cancel", [one.picking])
    admin.call("stock.picking", "unlink", [one.picking])
    did("a reservation is deleted", "missing", one)
    one = house.stands("D5", "consume")
    wizard = {"active_id": one.picking, "active_model": "stock.picking"}
    back = admin.call("stock.return.picking", "create", {"picking_id": one.picking}, context=wizard)
    for line in admin.read("stock.return.picking.line", [["wizard_id", "=", back]], "id"):
        admin.call("stock.return.picking.line", "write", [line["id"]], {"quantity": 1})
    made = admin.call("stock.return.picking", "action_create_returns", [back])["res_id"]
    admin.call("stock.picking", "button_validate", [made])
    did("goods come back", "cancelled", one)


def do_what_is_their_work(house: House) -> None:
    """No gaps: a confirmed quotation, a transfer handed out, and one handed out in part."""
    admin = house.admin
    admin.call("sale.order", "action_confirm", [house.order_of(house.stands("D6").line)])
    admin.call("stock.picking", "button_validate", [house.reserved(6).picking])
    first = house.moves(house.reserved(7).picking)[0]
    admin.call("stock.move", "write", [first["id"]], {"quantity": 1, "picked": True})
    admin.call(
        "stock.picking", "button_validate", [house.reserved(7).picking],
        context={"skip_backorder": True, "picking_ids_not_to_backorder": []},
    )  # fmt: skip


def marks(found: dict[str, Any]) -> set[tuple[str, str]]:
    """Kind and key (of what is unknown the document) of the gaps of a check."""
    return {(gap["kind"], gap["key"] or str(gap["documents"][0])) for gap in found["report"].get("gaps", ())}


def test_the_books_agree_before_anybody_touched_odoo(house: House) -> None:
    do_what_is_their_work(house)
    found = house.check(code=0)
    assert marks(found) == set()
    assert all(
        Decimal(one["quantity_said"]) == Decimal(one["quantity_found"]) for one in found["report"]["totals"]
    )
    priced = [
        one for one in found["report"]["totals"] if one["item"] == "CON-01" or one["amount_said"] != "0"
    ]
    assert {one["amount_said"] == one["amount_found"] for one in priced} <= {True}


def test_each_planted_discrepancy_is_found_and_what_should_be_is_repaired(house: House) -> None:
    planted = plant(house)
    waiting, dead = keep_waiting(house)
    found = house.check()
    gaps = found["report"]["gaps"]
    assert marks(found) == {*planted.values(), ("waiting", waiting), ("dead", dead)}
    told(planted, gaps)
    unbalanced = {
        one["item"] for one in found["report"]["totals"] if one["quantity_said"] != one["quantity_found"]
    }
    assert unbalanced

    assert house.engine.wardline("let-go", DESTINATION, "--why", "a test")[0] == 0
    house.engine.all_settled()
    before = rows_of(house.hospital)
    lies = {place: lies_there for place, (lies_there, _) in read_stock(house.admin).items()}
    undo = [planted["a quantity is changed"], planted["a reservation is cancelled"]]
    safe = [one for one in gaps if one.get("mend") and not one.get("asked")]
    chosen = [*safe, *(one for one in gaps if (one["kind"], one["key"]) in undo)]
    numbers = [part for one in chosen for part in ("--gap", str(1 + gaps.index(one)))]
    made = house.wardline("repair", str(found["number"]), *numbers, "--why", "made by mistake", "--json")
    assert len(made["remedies"]) == 6
    assert all(one["calls"] and not one.get("outcome") for one in made["remedies"])
    assert changed(before, rows_of(house.hospital)) == {}  # a plan writes nothing
    number = str(made["number"])
    assert "nobody approves" in house.wardline("approve", number, "--why", "my own", code=2)
    house.wardline("approve", number, "--why", "seen", who="bob")
    wait_for(
        lambda: repaired(house, number)["state"] not in ("approved", "working", "sent"),
        "the repair",
        house.engine,
    )
    done = repaired(house, number)
    assert (done["state"], {one["outcome"] for one in done["remedies"]}) == ("done", {"done"})

    after = house.check()
    mended = {(one["kind"], one["key"]) for one in chosen}
    assert marks(after) == {*planted.values(), ("dead", dead)} - mended
    nothing_else(house, chosen, lies, changed(before, rows_of(house.hospital)))
    assert house.engine.account()["gaps"] == []


def keep_waiting(house: House) -> tuple[str, str]:
    """A charge of an item that Odoo does not have, and one that waits since its Odoo is held."""
    engine = house.engine
    engine.send(DFT, charges("D90", "P2", "V2", Used("T90", "999999")))
    engine.all_settled()
    assert engine.wardline("hold", DESTINATION, "--why", "a test")[0] == 0
    engine.send(DFT, charges("D91", "P2", "V2", Used("T91", "850001")))
    engine.routed()
    ids = {
        engine.content(view.id).split(b"|")[9]: view
        for view in engine.messages()
        if view.state.value != "duplicate"
    }
    waiting = [
        view.delivery.effect.key for view in engine.deliveries() if view.delivery.message_id == ids[b"D91"].id
    ]
    return waiting[0], f"message:{ids[b'D90'].id}"


def repaired(house: House, number: str) -> dict[str, Any]:
    found: dict[str, Any] = house.wardline("repaired", number, "--json")
    return found


def told(planted: dict[str, tuple[str, str]], gaps: list[dict[str, Any]]) -> None:
    """Field by field, where a field differs."""
    by_mark = {(one["kind"], one["key"]): one for one in gaps}
    wanted = {
        "a quantity is changed": ("quantity", "3", "9"),
        "a price is changed": ("price", "12.5", "99"),
        "a cost centre is taken away": ("cost centre", "CC-ICU", ""),
        "a reservation is put off": ("time", "2026-11-24 09:30:00", "2026-12-30 10:00:00"),
        "goods come back": ("quantity of GLV-M", "2", "1"),
        "a place is changed": ("function", "", ""),
    }
    for what, difference in wanted.items():
        found = [(one["field"], one["said"], one["found"]) for one in by_mark[planted[what]]["differences"]]
        assert difference in found, what


def nothing_else(house: House, chosen: list[dict[str, Any]], lies: Any, rows: dict[str, set[int]]) -> None:
    """A repair changed what it said, what Odoo works out from that, and nothing else."""
    admin = house.admin
    doubled = {
        model: set(one["documents"]) for one in chosen if one["kind"] == "doubled" for model in [one["model"]]
    }
    restored = {number for one in chosen if one["kind"] == "changed" for number in one["documents"]}
    assert set(rows) <= TOUCHED
    lines = rows["sale_order_line"]
    fresh = admin.read(
        "ir.model.data", [["model", "=", "sale.order.line"], ["res_id", "in", [*lines - restored]]], "name"
    )
    assert len(lines) == 3
    assert lines > restored
    assert {row["name"].partition("_")[0] for row in fresh} == {"charge", "double"}
    assert rows["sale_order"] == {house.order_of(line) for line in lines}
    pickings = rows["stock_picking"]
    assert len(pickings) == 3
    assert pickings > doubled["stock.picking"]
    assert rows["stock_move"] == {move["id"] for picking in pickings for move in house.moves(picking)}
    moved = admin.read("stock.move.line", [["id", "in", [*rows["stock_move_line"]]]], "picking_id")
    assert {row["picking_id"][0] for row in moved} <= pickings
    assert {place: lies_there for place, (lies_there, _) in read_stock(admin).items()} == lies
