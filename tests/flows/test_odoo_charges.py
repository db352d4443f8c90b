"""Charges, accounts and a laboratory's results through the running engine into a real Odoo: what is sent
twice, corrected, late or counted, as finance and the laboratory find it there."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hospital_messages import DAY, Used, account, charges
from odoo_books import put_in_stock, read_books, sign_in
from odoo_databases import drop_database, fresh_database
from odoo_engine import NEEDS_ODOO, HospitalEngine

from demo.odoo import Running
from demo.session import Session
from engine.effects import kind_of
from engine.store.contracts.views import MessageView, Query

pytestmark = [*NEEDS_ODOO, pytest.mark.timeout(900)]

DFT, LAB = "dft-charges", "lab-charges"
YESTERDAY = str(int(DAY) - 1)


class House:
    """The engine, with an unknown lot in the laboratory's table, and the people around it."""

    def __init__(self, folder: Path, hospital: Running, admin: Session) -> None:
        self.engine = HospitalEngine(folder, hospital)
        self.engine.add_to_table("lab-tests.csv", "850090,result,,")
        self.engine.add_to_table("reagents.csv", "850090,RGT-GLU,1,ml,GL-0000,")
        self.admin = admin
        self._number = count(1)

    def send(self, channel: str, *raws: bytes) -> list[MessageView]:
        """What became of them."""
        before = len(self.engine.all_settled())
        assert all(answer and b"\rMSA|AA|" in answer for answer in self.engine.send(channel, *raws))
        return self.engine.all_settled()[before:]

    def charge(self, visit: str, *lines: Used) -> bytes:
        """A DFT with a control id of its own."""
        return charges(f"H{next(self._number)}", f"P{visit}", visit, *lines)

    def account(self, visit: str, event: str) -> bytes:
        """A BAR."""
        return account(f"H{next(self._number)}", f"P{visit}", visit, event)

    def result(self, order: str, code: str, status: str, *results: str) -> bytes:
        """An ORU; `results` are OBX-3."""
        said = [f"OBX|{n}|NM|{one}||13.2||||||{status}" for n, one in enumerate(results, 1)]
        obr = f"OBR|1||{order}|{code}|||{DAY}080000|||||||||||||||{DAY}101500|||{status}"
        return self._message("ORU^R01", "VL", obr, *said)

    def _message(self, kind: str, visit: str, *segments: str) -> bytes:
        said = (
            rf"MSH|^~\&|HIS|GENERAL|WARDLINE|GENERAL|{DAY}180000||{kind}|H{next(self._number)}|P|2.5.1",
            f"PID|1||P{visit}^^^GENERAL^MR",
            f"PV1|1|I|ICU||||||||||||||||{visit}",
            *segments,
        )
        return "".join(f"{segment}\r" for segment in said).encode()

    def refusals(self, view: MessageView) -> dict[str, tuple[str, str]]:
        """By effect: code and place."""
        with self.engine.store() as store:
            return {
                kind_of(one.delivery.effect): (one.reason.code.value, one.reason.place)
                for one in store.deliveries(Query(), message_id=view.id)
                if one.reason
            }

    def redeliver(self, view: MessageView) -> str:
        """As an operator does; the state it comes to."""
        code, said = self.engine.wardline("redeliver", "--message", str(view.id), "--why", "mended", "--json")
        assert (code, json.loads(said)["redelivered"] > 0) == (0, True)
        return next(one.state.value for one in self.engine.all_settled() if one.id == view.id)

    def lines(self) -> Counter[tuple[str, float, str]]:
        """Item, quantity and day of every line in Odoo."""
        found = read_books(self.admin).lines.values()
        return Counter((line.item, line.quantity, line.title[-10:]) for line in found)

    def lots(self) -> Counter[tuple[str, str, str]]:
        """How much of which lot left the laboratory, in which unit."""
        domain = [["picking_id.origin", "=like", "lab-charges/%"], ["state", "=", "done"]]
        fields = ("product_id", "lot_id", "quantity", "product_uom_id")
        used: Counter[tuple[str, str, str]] = Counter()
        for row in self.admin.read("stock.move.line", domain, *fields):
            code, lot = row["product_id"][1].split("]")[0][1:], row["lot_id"][1] if row["lot_id"] else ""
            used[code, lot, row["product_uom_id"][1]] += row["quantity"]
        return used


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    hospital = fresh_database("charges")
    with sign_in(hospital) as admin:
        put_in_stock(admin, hospital)
        made = House(tmp_path_factory.mktemp("charges"), hospital, admin)
        made.engine.start()
        yield made
        made.engine.account()
        made.engine.end()
    drop_database(hospital)


def states(views: list[MessageView]) -> list[str]:
    return [view.state.value for view in views]


def test_the_same_charge_under_another_control_id_stands_once(house: House) -> None:
    before = house.lines()
    sent = [house.charge("VA", Used("TA", "270001", "2", price="3.50")) for _ in range(3)]
    assert states(house.send(DFT, *sent)) == ["delivered"] * 3
    assert house.lines() - before == Counter({("CHG-GLV-M", 2.0, "2026-11-24"): 1})


def test_a_transaction_id_with_a_new_date_is_told_and_overwrites_nothing(house: House) -> None:
    before = house.lines()
    sent = house.charge("VB", Used("TB", "120001"))
    other = house.charge("VB", Used("TB", "120001")).replace(
        f"|TB||{DAY}|".encode(), f"|TB||{YESTERDAY}|".encode()
    )
    views = house.send(DFT, sent, other)
    assert states(views) == ["delivered", "dead"]
    assert house.refusals(views[1]) == {"charge": ("conflict", "date")}
    assert house.redeliver(views[1]) == "dead"
    assert house.lines() - before == Counter({("BED-DAY", 1.0, "2026-11-24"): 1})


def test_a_corrected_quantity_under_the_same_id_takes_no_stock_either(house: House) -> None:
    before = house.lines()
    views = house.send(
        DFT, house.charge("VC", Used("TC", "270001", "2")), house.charge("VC", Used("TC", "270001", "5"))
    )
    assert house.refusals(views[1]) == {
        "charge": ("conflict", "item.quantity"),
        "consume": ("conflict", "items"),
    }
    assert house.lines() - before == Counter({("CHG-GLV-M", 2.0, "2026-11-24"): 1})


@pytest.mark.parametrize("order", [("CD", "CG"), ("CG", "CD")], ids="-".join)
def test_a_correction_is_a_credit_and_a_new_charge_in_either_order(
    house: House, order: tuple[str, str]
) -> None:
    before, visit = house.lines(), "V" + "".join(order)
    said = {
        "CD": house.charge(visit, Used(f"T1{visit}", "270001", "2", "CD")),
        "CG": house.charge(visit, Used(f"T2{visit}", "270001", "3")),
    }
    first = house.charge(visit, Used(f"T1{visit}", "270001", "2"))
    assert states(house.send(DFT, first, *(said[word] for word in order))) == ["delivered"] * 3
    assert house.lines() - before == Counter(
        {("CHG-GLV-M", quantity, "2026-11-24"): 1 for quantity in (2.0, -2.0, 3.0)}
    )


def test_two_hundred_charges_of_one_message_all_stand(house: House) -> None:
    """With set ids that repeat, and payments among them."""
    before = house.lines()
    lines = [Used(f"TD{n}", "850001", kind="PY" if n % 10 == 0 else "CG") for n in range(200)]
    raw = house.charge("VD", *lines)
    for n in range(2, 201):
        raw = raw.replace(f"\rFT1|{n}|".encode(), b"\rFT1|1|")
    (view,) = house.send(DFT, raw)
    assert (view.state.value, view.effects) == ("delivered", 180)
    assert house.lines() - before == Counter({("LAB-CBC", 1.0, "2026-11-24"): 180})


def test_a_late_charge_waits_until_a_person_opens_the_account(house: House) -> None:
    before = house.lines()
    views = house.send(
        DFT,
        house.charge("VE", Used("TE1", "850001")),
        house.account("VE", "P06"),
        house.charge("VE", Used("TE2", "850001")),
        house.charge("VE", Used("TE1", "850001", "1", "CD")),
        house.account("VE", "P05"),
    )
    assert states(views) == ["delivered", "delivered", "dead", "delivered", "delivered"]
    assert house.refusals(views[2]) == {"charge": ("conflict", "encounter")}
    (tag,) = house.admin.read("res.partner.category", [["name", "=", "Account ended"]], "id", "partner_ids")
    (contact,) = tag["partner_ids"]
    house.admin.call("res.partner", "write", [contact], {"category_id": [[3, tag["id"]]]})
    assert house.redeliver(views[2]) == "delivered"
    assert house.lines() - before == Counter(
        {("LAB-CBC", 1.0, "2026-11-24"): 2, ("LAB-CBC", -1.0, "2026-11-24"): 1}
    )


def test_reagents_leave_the_oldest_lot_or_the_one_in_use_once(house: House) -> None:
    before = house.lots()
    views = house.send(
        LAB,
        house.result("F1", "850001^Count^L", "P"),
        house.result("F1", "850001^Count^L", "F"),
        house.result("F1", "850001^Count^L", "F"),
        house.result("F1", "850001^Count^L", "C"),
        house.result("F2", "850020^Panel^L", "F", "2345-7^Glucose^LN", "2951-2^Sodium^LN"),
    )
    assert states(views) == ["filtered", *["delivered"] * 4]
    assert views[0].step == "no-final-result"
    assert house.lots() - before == Counter(
        {
            ("RGT-CBC", "HD-2703", "ml"): 25.0,
            ("TUBE-EDTA", "", "Units"): 1.0,
            ("RGT-GLU", "GL-2705", "ml"): 1.5,
        }
    )


def test_a_lot_that_odoo_does_not_have_waits_for_the_laboratory(house: House) -> None:
    before = house.lots()
    (view,) = house.send(LAB, house.result("F3", "850090^Test^L", "F"))
    assert house.refusals(view) == {"consume": ("refused", "items.lot")}
    assert house.lots() == before
    product = house.admin.read("product.product", [["default_code", "=", "RGT-GLU"]], "id")[0]["id"]
    house.admin.call("stock.lot", "create", {"name": "GL-0000", "product_id": product})
    assert house.redeliver(view) == "delivered"
    assert house.lots() - before == Counter({("RGT-GLU", "GL-0000", "ml"): 1.0})
