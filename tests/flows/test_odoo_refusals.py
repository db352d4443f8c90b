"""What Odoo will never take as it stands: an answer, a state, a reason with its place, and a way on.

Each message is acknowledged (it is safe), becomes a dead letter that names the place and never the value,
and holds back none of those sent with it. When a person has put it right, `wardline redeliver` carries it
out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hospital_messages import Used, admission, booking, charges, merge
from odoo_books import put_in_stock, read_books, sign_in
from odoo_databases import drop_database, fresh_database
from odoo_engine import NEEDS_ODOO, HospitalEngine

from demo.odoo import Running
from demo.session import Session
from engine.store.contracts.views import Query

pytestmark = [*NEEDS_ODOO, pytest.mark.timeout(900)]

ADT, DFT, SIU = "adt-encounters", "dft-charges", "theatre-schedule"
ITEMS = (
    "299001,,NO-SUCH-ITEM,no,,",
    "299002,NO-SUCH-GOODS,CHG-GLV-M,yes,,",
    "299003,,CHG-GLV-M,no,Furlong,",
    "299004,,LAB-CBC,no,Minutes,",
)
PLACES = (
    "ATTIC,WH/Attic,CC-ICU,",
    "CELLAR,WH/Wards/ICU,CC-NOWHERE,",
    "ABROAD,WH/Wards/ICU,CC-ICU,Elsewhere Ltd",
)


class Letter(NamedTuple):
    """What waits for a person."""

    message: int
    state: str
    code: str
    place: str
    text: str
    owner: str


class Office:
    """The engine with tables that name what Odoo does not have, and the people around it."""

    def __init__(self, folder: Path, hospital: Running, admin: Session) -> None:
        self.engine = HospitalEngine(folder, hospital)
        self.engine.add_to_table("items.csv", *ITEMS)
        self.engine.add_to_table("locations.csv", *PLACES)
        self.hospital, self.admin = hospital, admin
        self._good = 0

    def send(self, channel: str, *raws: bytes) -> list[Letter]:
        """Send them with good charges, which stand; the dead letters come back."""
        before = len(self.engine.all_settled())
        raws = (self._charge(), *raws) if channel == DFT else raws
        answers = self.engine.send(channel, *raws) + self.engine.send(DFT, self._charge())
        assert all(answer and b"\rMSA|AA|" in answer for answer in answers)
        views = self.engine.all_settled()[before:]
        assert views[-1].state.value == "delivered"
        if channel == DFT:
            assert views[0].state.value == "delivered"
        return [letter for view in views if view.state.value == "dead" for letter in self.letters(view.id)]

    def letters(self, message: int) -> list[Letter]:
        with self.engine.store() as store:
            (view,) = store.messages(Query(ids=(message,)))
            reasons = [view.reason] if view.reason else []
            reasons += [one.reason for one in store.deliveries(Query(), message_id=message) if one.reason]
        return [
            Letter(view.id, view.state.value, r.code.value, r.place, r.text, r.owner.value) for r in reasons
        ]

    def redeliver(self, message: int) -> str:
        """As an operator does; the state it comes to."""
        which = ("--message", str(message), "--why", "mended")
        code, said = self.engine.wardline("redeliver", *which, "--json")
        assert code == 0
        assert json.loads(said)["redelivered"] >= 1
        (view,) = [one for one in self.engine.all_settled() if one.id == message]
        return view.state.value

    def _charge(self) -> bytes:
        self._good += 1
        return charges(
            f"GOOD-{self._good}", f"G{self._good}", f"VG{self._good}", Used(f"TG{self._good}", "850001")
        )

    def lines(self) -> dict[str, tuple[str, float]]:
        """Item and quantity of every charge and credit in Odoo."""
        return {key: (line.item, line.quantity) for key, line in read_books(self.admin).lines.items()}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    hospital = fresh_database("refusals")
    with sign_in(hospital) as admin:
        put_in_stock(admin, hospital)
        made = Office(tmp_path_factory.mktemp("refusals"), hospital, admin)
        made.engine.start("impatient=0.05")
        yield made
        made.engine.account()
        made.engine.end()
    drop_database(hospital)


def product(code: str, kind: str) -> Callable[[Office], None]:
    def create(office: Office) -> None:
        values = {"name": code, "default_code": code, "type": kind, "list_price": 1.0}
        office.admin.call(
            "product.product", "create", {**values, **({"is_storable": True} if kind == "consu" else {})}
        )

    return create


def location(name: str) -> Callable[[Office], None]:
    def create(office: Office) -> None:
        warehouse = office.admin.read("stock.warehouse", [["code", "=", "WH"]], "view_location_id")[0]
        values = {"name": name, "usage": "internal", "location_id": warehouse["view_location_id"][0]}
        office.admin.call("stock.location", "create", values)

    return create


def unit(name: str) -> Callable[[Office], None]:
    def create(office: Office) -> None:
        values = {
            "name": name,
            "relative_factor": 10,
            "relative_uom_id": office.hospital.ids["units"]["Units"],
        }
        office.admin.call("uom.uom", "create", values)

    return create


def cost_centre(code: str) -> Callable[[Office], None]:
    def create(office: Office) -> None:
        plan = office.admin.read("account.analytic.plan", [["name", "=", "Departments"]], "id")[0]["id"]
        office.admin.call("account.analytic.account", "create", {"name": code, "code": code, "plan_id": plan})

    return create


class Unknown(NamedTuple):
    """A charge that names something Odoo does not have, how that is told, and what a person then does."""

    used: Used
    code: str
    place: str
    value: str
    create: Callable[[Office], None]


UNKNOWN = {
    "item": Unknown(
        Used("U1", "299001"), "unknown-item", "item.code", "NO-SUCH-ITEM", product("NO-SUCH-ITEM", "service")
    ),
    "goods": Unknown(
        Used("U2", "299002"), "unknown-item", "item.code", "NO-SUCH-GOODS", product("NO-SUCH-GOODS", "consu")
    ),
    "unit": Unknown(Used("U3", "299003"), "unknown-unit", "item.unit", "Furlong", unit("Furlong")),
    "location": Unknown(
        Used("U4", "270001", ward="ATTIC"), "unknown-location", "location", "Attic", location("Attic")
    ),
    "cost centre": Unknown(
        Used("U5", "850001", ward="CELLAR"),
        "unmapped-code",
        "cost_centre",
        "NOWHERE",
        cost_centre("CC-NOWHERE"),
    ),
}


@pytest.mark.parametrize("what", UNKNOWN)
def test_what_odoo_does_not_have_waits_for_the_business_and_goes_on_when_it_is_there(
    what: str, office: Office
) -> None:
    used, code, place, value, create = UNKNOWN[what]
    letters = office.send(DFT, charges(f"UNKNOWN-{what}", f"P{used.txn}", f"V{used.txn}", used))
    assert letters
    assert {(letter.state, letter.code, letter.place, letter.owner) for letter in letters} == {
        ("dead", code, place, "business")
    }
    said = office.engine.wardline("dead")[1] + "\n".join(office.engine.logs) + "".join(map(str, letters))
    assert value not in said
    create(office)
    assert office.redeliver(letters[0].message) == "delivered"
    assert office.letters(letters[0].message) == []


def test_a_unit_that_does_not_fit_the_item(office: Office) -> None:
    (letter,) = office.send(DFT, charges("FIT-1", "PF", "VF", Used("TF", "299004")))
    assert letter[2:4] == ("unknown-unit", "item.unit")


def test_a_company_that_odoo_does_not_let_the_user_into(office: Office) -> None:
    letters = office.send(DFT, charges("CO-1", "PC", "VC", Used("TC", "850001", ward="ABROAD")))
    assert {letter[2:4] for letter in letters} == {("unknown-company", "company")}


@pytest.mark.parametrize("quantity", ["0", "99999999", "1e99", "-99999999"])
def test_an_absurd_quantity_goes_nowhere(quantity: str, office: Office) -> None:
    before = office.lines()
    letters = office.send(DFT, charges(f"Q-{quantity}", "PQ", "VQ", Used("TQ", "850001", quantity)))
    assert {(letter.code, letter.place) for letter in letters} <= {
        ("quantity", "FT1[1]-10"), ("bad-value", "FT1[1]-10"),
    }  # fmt: skip
    assert letters
    assert all(quantity not in letter.text for letter in letters)
    assert len(office.lines()) == len(before) + 2


def test_a_credit_for_an_unknown_charge_waits_for_the_charge(office: Office) -> None:
    """Also as a negative quantity. When the charge has come, redelivery takes it back."""
    credits = [
        charges("CR-1", "PX", "VX", Used("TX1", "850001", "1", "CD")),
        charges("CR-2", "PX", "VX", Used("TX2", "850001", "-1")),
        charges("CR-3", "PX", "VX", Used("TX3", "270001", "1", "CD")),
    ]
    letters = office.send(DFT, *credits)
    assert {(letter.code, letter.place) for letter in letters} == {("unknown-reference", "reverses")}
    assert len({letter.message for letter in letters}) == 3
    first = letters[0].message
    assert office.redeliver(first) == "dead"
    assert office.send(DFT, charges("CR-4", "PX", "VX", Used("TX1", "850001", "2"))) == []
    assert office.redeliver(first) == "delivered"
    assert [n for key, (_, n) in office.lines().items() if "credit" in key] == [-1.0]


def test_more_is_taken_back_than_was_charged(office: Office) -> None:
    letters = office.send(
        DFT,
        charges("MORE-1", "PM", "VM", Used("TM", "850001", "2")),
        charges("MORE-2", "PM", "VM", Used("TM", "850001", "3", "CD")),
    )
    assert [(letter.code, letter.place) for letter in letters] == [("quantity", "item.quantity")]


def test_a_cancellation_before_its_booking_is_carried_out_when_it_is_redelivered(office: Office) -> None:
    (letter,) = office.send(SIU, booking("CB-1", "CBX", "PB", "VB", "S15"))
    assert letter[2:4] == ("unknown-reference", "key")
    assert office.send(SIU, booking("CB-2", "CBX", "PB", "VB", "S12")) == []
    assert {t.state for k, t in read_books(office.admin).transfers.items() if k.startswith("reserve")} == {
        "assigned"
    }
    assert office.redeliver(letter.message) == "delivered"
    assert {t.state for k, t in read_books(office.admin).transfers.items() if k.startswith("reserve")} == {
        "cancel"
    }


def test_a_merge_of_unknown_patients_is_nothing_to_do_and_is_remembered(office: Office) -> None:
    """Neither was ever seen. What comes later under the number that is gone is the survivor's."""
    before = read_books(office.admin).contacts
    assert office.send(ADT, merge("MU-1", "GONE1", "INTO1")) == []
    (view,) = [v for v in office.engine.deliveries() if v.delivery.channel == ADT][-1:]
    assert view.note == "nothing stood under the token that is gone"
    assert office.send(ADT, admission("MU-2", "GONE1", "VGONE"), admission("MU-3", "INTO1", "VINTO")) == []
    now = read_books(office.admin).contacts
    visits = {k: c for k, c in now.items() if k.startswith("t1v_") and k not in before and c.tags}
    assert len(visits) == 2
    assert len({contact.above for contact in visits.values()}) == 1


def test_an_item_without_vendor_is_told_to_the_buyer(office: Office) -> None:
    """What is in stock is reserved; what is short cannot be ordered."""
    quants = [["product_id.default_code", "=", "MESH-15"], ["location_id.complete_name", "=", "WH/Stock"]]
    quant = office.admin.read("stock.quant", quants, "id")[0]["id"]
    office.admin.call(
        "stock.quant", "write", [quant], {"inventory_quantity": 0}, context={"inventory_mode": True}
    )
    office.admin.call("stock.quant", "action_apply_inventory", [quant])
    (letter,) = office.send(SIU, booking("NV-1", "CNV", "PN", "VN", procedures=("49505",)))
    assert letter.code == "refused"
    assert "no vendor or route" in letter.text
    office.admin.call(
        "stock.quant", "write", [quant], {"inventory_quantity": 5}, context={"inventory_mode": True}
    )
    office.admin.call("stock.quant", "action_apply_inventory", [quant])
    assert office.redeliver(letter.message) == "delivered"
