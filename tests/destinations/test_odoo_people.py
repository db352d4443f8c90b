"""Encounter, Merge, Charge and Credit, read back from a real Odoo, over both transports."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from itertools import count

import pytest
from odoo_desk import Desk, Mirror, connection, item

from demo.odoo import Running
from demo.session import Session
from engine.effects import Charge, Credit, Encounter, Merge, Money, Release, Reserve
from engine.model import Delivered, Refused

pytestmark = [pytest.mark.odoo, pytest.mark.timeout(900)]

_numbers = count(1)


@pytest.fixture
def key() -> str:
    return f"p{next(_numbers)}k"


@pytest.fixture(params=["json2", "jsonrpc"])
def either(request: pytest.FixtureRequest, hospital: Running) -> Iterator[Desk]:
    made = Desk(hospital, transport=request.param)
    yield made
    made.close()


def charge(key: str, visit: str, code: str = "LAB-CBC", quantity: str = "1", **more: object) -> Charge:
    return Charge(key=key, encounter=visit, item=item(code, quantity), **more)  # type: ignore[arg-type]


def credit(key: str, visit: str, reverses: str, quantity: str = "1", **more: object) -> Credit:
    return Credit(key=key, encounter=visit, reverses=reverses, item=item("LAB-CBC", quantity), **more)  # type: ignore[arg-type]


def lines(mirror: Mirror, visit: str) -> list[tuple[str, float, float]]:
    return [
        (line[0].split("]")[0][1:], line[1], line[2]) for order in mirror.orders(visit) for line in order[3]
    ]


def test_encounter_keeps_what_an_update_does_not_say(either: Desk, mirror: Mirror, key: str) -> None:
    visit, person = f"{key}V", f"{key}P"

    def state() -> list[object]:
        return mirror.contacts(visit)[0][2:]

    either.one(Encounter(key=visit, subject=person, location="WH/Wards/ICU", kind="inpatient"))
    assert state() == [True, person, "WH/Wards/ICU", ["Inpatient", "Visit open"]]
    either.one(Encounter(key=visit, subject=person, state="closed"))
    assert state() == [True, person, "WH/Wards/ICU", ["Inpatient", "Visit closed"]]
    either.one(Encounter(key=visit, subject=person, location="WH/Wards/3A"))
    assert state() == [True, person, "WH/Wards/3A", ["Inpatient", "Visit closed"]]
    assert [c[0] for c in mirror.contacts(key)] == [person, visit]


def test_a_visit_that_was_charged_before_it_was_admitted(either: Desk, mirror: Mirror, key: str) -> None:
    either.one(charge(f"{key}1", f"{key}V"))
    either.one(Encounter(key=f"{key}V", subject=f"{key}P", state="open"))
    either.one(Encounter(key=f"{key}V", subject=f"{key}Q", state="open"))
    (visit,) = mirror.contacts(f"{key}V")
    assert visit[3] == f"{key}Q"


def test_a_whole_encounter_is_all_that_is_known(either: Desk, mirror: Mirror, key: str) -> None:
    visit, person = f"{key}V", f"{key}P"
    either.one(Encounter(key=visit, subject=person, location="WH/Wards/ICU", kind="inpatient"))
    either.one(Encounter(key=visit, subject=person, state="cancelled", whole=True))
    assert mirror.contacts(visit)[0][2:] == [True, person, "", ["Visit cancelled"]]


def test_encounter_leaves_the_tags_of_people_alone(
    desk: Desk, admin: Session, mirror: Mirror, key: str
) -> None:
    visit = desk.one(Encounter(key=f"{key}V", subject=f"{key}P", state="open")).documents["res.partner"]
    tag = admin.call("res.partner.category", "create", {"name": "VIP lounge"})
    admin.call("res.partner", "write", [int(visit)], {"category_id": [[4, tag]]})
    desk.one(Encounter(key=f"{key}V", subject=f"{key}P", state="closed"))
    assert mirror.contacts(f"{key}V")[0][5] == ["VIP lounge", "Visit closed"]


def test_charges_of_a_visit_are_lines_of_one_draft(either: Desk, mirror: Mirror, key: str) -> None:
    visit = f"{key}V"
    money, day = Money(Decimal("12.50"), "EUR"), date(2026, 11, 20)
    first = charge(
        f"{key}1", visit, quantity="2", price=money, cost_centre="CC-LAB", date=day, subject=f"{key}P"
    )
    either.done(first, charge(f"{key}2", visit, "GLV-M", "3"), charge(f"{key}3", f"{key}W", "BED-DAY"))
    either.done(first, charge(f"{key}4", visit, "BED-DAY"), charge(f"{key}5", visit, "OR-MIN", "90"))
    (order,) = mirror.orders(visit)
    assert order[:3] == [visit, "draft", f"{key}P, {visit}"] or order[:3] == [visit, "draft", visit]
    assert sorted(line[:2] for line in lines(mirror, visit)) == [
        ("BED-DAY", 1.0), ("GLV-M", 3.0), ("LAB-CBC", 2.0), ("OR-MIN", 90.0),
    ]  # fmt: skip
    (lab,) = (line for line in order[3] if "LAB-CBC" in line[0])
    assert lab[2] == 12.5
    assert lab[3].endswith(", 2026-11-20")
    assert lab[4].endswith(": 100.0}") or lab[4].endswith(": 100}")
    assert len(mirror.orders(f"{key}W")) == 1


def test_a_price_that_is_not_said_is_odoos(desk: Desk, admin: Session, mirror: Mirror, key: str) -> None:
    desk.one(charge(f"{key}1", f"{key}V"))
    (product,) = admin.read("product.product", [["default_code", "=", "LAB-CBC"]], "list_price")
    assert lines(mirror, f"{key}V") == [("LAB-CBC", 1.0, product["list_price"])]


def test_a_closed_order_takes_no_more(desk: Desk, admin: Session, mirror: Mirror, key: str) -> None:
    order = desk.one(charge(f"{key}1", f"{key}V", "BED-DAY")).documents["sale.order"]
    admin.call("sale.order", "action_confirm", [int(order)])
    desk.done(charge(f"{key}1", f"{key}V", "BED-DAY"), charge(f"{key}2", f"{key}V", "BED-DAY"))
    desk.one(charge(f"{key}3", f"{key}V", "BED-DAY"))
    assert sorted((o[1], len(o[3])) for o in mirror.orders(key)) == [("draft", 2), ("sale", 1)]
    assert f"sale.order order_1_{key}V@2" in mirror.names(key)


def test_a_credit_takes_back_what_was_charged_and_no_more(either: Desk, mirror: Mirror, key: str) -> None:
    visit = f"{key}V"
    either.one(charge(f"{key}1", visit, quantity="3", price=Money(Decimal("12.50"))))
    either.one(credit(f"{key}c1", visit, f"{key}1", "1"))
    either.one(credit(f"{key}c1", visit, f"{key}1", "1"))
    assert either.refused(credit(f"{key}c2", visit, f"{key}1", "3")).reason.code == "quantity"
    either.one(
        credit(f"{key}c3", visit, f"{key}1", "2", price=Money(Decimal("12.50")), date=date(2026, 11, 21))
    )
    assert either.refused(credit(f"{key}c4", visit, "never")).reason.code == "unknown-reference"
    assert sorted(lines(mirror, visit)) == [
        ("LAB-CBC", -2.0, 12.5), ("LAB-CBC", -1.0, 12.5), ("LAB-CBC", 3.0, 12.5),
    ]  # fmt: skip


def test_a_charge_that_stands_is_not_written_again_with_other_content(
    either: Desk, admin: Session, mirror: Mirror, key: str
) -> None:
    """A transaction number used twice, or a correction: finance decides, nothing is overwritten or lost."""
    visit, day = f"{key}V", date(2026, 11, 20)
    price = Money(Decimal("12.50"), "EUR")
    first = charge(f"{key}1", visit, quantity="2.0", price=price, date=day)
    order = either.one(first).documents["sale.order"]
    either.done(first, charge(f"{key}1", visit, quantity="2"))  # what is not said does not differ
    for place, other in {
        "item": charge(f"{key}1", visit, "BED-DAY", "2", price=price, date=day),
        "item.quantity": charge(f"{key}1", visit, quantity="3", price=price, date=day),
        "price": charge(f"{key}1", visit, quantity="2", price=Money(Decimal("13.50")), date=day),
        "date": charge(f"{key}1", visit, quantity="2", price=price, date=date(2026, 11, 21)),
    }.items():
        reason = either.refused(other).reason
        assert (reason.code, reason.place, reason.owner) == ("conflict", place, "business")
    admin.call("sale.order", "action_confirm", [int(order)])
    assert either.refused(charge(f"{key}1", visit, quantity="3")).reason.code == "conflict"
    either.one(first)
    assert lines(mirror, visit) == [("LAB-CBC", 2.0, 12.5)]


def test_a_credit_that_stands_is_not_written_again_with_other_content(
    either: Desk, mirror: Mirror, key: str
) -> None:
    visit = f"{key}V"
    either.one(charge(f"{key}1", visit, quantity="3"))
    either.done(credit(f"{key}c", visit, f"{key}1"), credit(f"{key}c", visit, f"{key}1"))
    assert either.refused(credit(f"{key}c", visit, f"{key}1", "2")).reason.code == "conflict"
    assert sorted(line[1] for line in lines(mirror, visit)) == [-1.0, 3.0]


def test_an_account_that_ended_takes_no_charge_until_a_person_lets_it(
    either: Desk, admin: Session, mirror: Mirror, key: str
) -> None:
    visit, person = f"{key}V", f"{key}P"
    either.one(charge(f"{key}1", visit, subject=person))
    contact = either.one(Encounter(key=visit, subject=person, account="ended")).documents["res.partner"]
    assert mirror.contacts(visit)[0][5] == ["Account ended", "Visit open"]
    outcomes = either.deliver(
        either.batch(charge(f"{key}2", visit), charge(f"{key}1", visit), charge(f"{key}3", f"{key}W"))
    )
    assert [type(outcome).__name__ for outcome in outcomes] == ["Refused", "Delivered", "Delivered"]
    assert outcomes[0].reason.code == "conflict"  # type: ignore[union-attr]
    assert outcomes[0].reason.place == "encounter"  # type: ignore[union-attr]
    either.one(credit(f"{key}c", visit, f"{key}1"))  # what was charged before may be taken back
    either.one(Encounter(key=visit, subject=person, state="closed"))
    assert either.refused(charge(f"{key}2", visit)).reason.code == "conflict"
    tag = admin.read("res.partner.category", [["name", "=", "Account ended"]], "id")[0]["id"]
    admin.call("res.partner", "write", [int(contact)], {"category_id": [[3, tag]]})
    either.one(charge(f"{key}2", visit))
    assert sorted(line[1] for line in lines(mirror, visit)) == [-1.0, 1.0, 1.0]


def test_a_visit_merged_into_an_ended_account_takes_no_charge(desk: Desk, key: str) -> None:
    old, new, person = f"{key}V1", f"{key}V2", f"{key}P"
    for visit in (old, new):
        desk.one(Encounter(key=visit, subject=person, state="open"))
    desk.one(Merge(key=f"merge/{old}/{new}", kind="visit", gone=old, into=new))
    desk.one(Encounter(key=new, subject=person, account="ended"))
    assert desk.refused(charge(f"{key}1", old)).reason.place == "encounter"


def test_two_credits_in_one_batch_cannot_both_take_the_same(desk: Desk, key: str) -> None:
    visit = f"{key}V"
    outcomes = desk.deliver(
        desk.batch(
            charge(f"{key}1", visit, quantity="2"),
            credit(f"{key}a", visit, f"{key}1", "2"),
            credit(f"{key}b", visit, f"{key}1", "2"),
        )
    )
    assert [type(outcome) for outcome in outcomes] == [Delivered, Delivered, Refused]


def test_a_credit_finds_its_charge_in_a_confirmed_order(
    desk: Desk, admin: Session, mirror: Mirror, key: str
) -> None:
    order = desk.one(charge(f"{key}1", f"{key}V")).documents["sale.order"]
    admin.call("sale.order", "action_confirm", [int(order)])
    desk.one(credit(f"{key}c", f"{key}V", f"{key}1"))
    assert sorted((o[1], o[3][0][1]) for o in mirror.orders(key)) == [("draft", -1.0), ("sale", 1.0)]


def test_what_a_charge_names_wrongly_is_refused_and_the_rest_goes_on(
    desk: Desk, mirror: Mirror, key: str
) -> None:
    visit = f"{key}V"
    outcomes = desk.deliver(
        desk.batch(
            charge(f"{key}1", visit, "NO-SUCH"),
            charge(f"{key}2", visit, cost_centre="CC-NONE"),
            charge(f"{key}3", visit, price=Money(Decimal(1), "USD")),
            charge(f"{key}4", visit, price=Money(Decimal("1e20"))),
            charge(f"{key}5", visit, quantity="-1"),
            charge(f"{key}6", ""),
            charge(f"{key}7", visit),
        )
    )
    assert [o.reason.code.value if isinstance(o, Refused) else "stands" for o in outcomes] == [
        "unknown-item", "unmapped-code", "bad-value", "bad-value", "quantity", "unknown-reference", "stands",
    ]  # fmt: skip
    assert len(lines(mirror, visit)) == 1


def test_merge_of_visits_takes_orders_and_reservations_along(either: Desk, mirror: Mirror, key: str) -> None:
    old, new, person = f"{key}V1", f"{key}V2", f"{key}P"
    either.one(Encounter(key=old, subject=person, state="open"))
    either.done(
        charge(f"{key}1", old),
        Reserve(key=f"{key}r", items=(item("GLV-M", 1),), destination="WH/Theatre/OR1", encounter=old),
    )
    merged = Merge(key=f"{key}m", kind="visit", gone=old, into=new)
    either.done(merged)
    either.done(merged)
    either.one(charge(f"{key}2", old))  # routed before the merge, delivered after it
    (order,) = mirror.orders(key)
    assert (order[0], len(order[3])) == (new, 2)
    assert mirror.transfers(f"{key}r")[0][2:4] == ["WH/Stock", "WH/Theatre/OR1"]
    assert mirror.transfers(f"{key}r")[0][5].endswith(new)
    assert [c[0] for c in mirror.contacts(key) if not c[2]] == [old]
    either.one(Release(key=f"{key}r"))


def test_merge_of_persons_moves_their_visits(either: Desk, mirror: Mirror, key: str) -> None:
    gone, into = f"{key}P1", f"{key}P2"
    either.done(
        Encounter(key=f"{key}V1", subject=gone, state="open"),
        Encounter(key=f"{key}V2", subject=into, state="open"),
    )
    merged = Merge(key=f"{key}m", kind="person", gone=gone, into=into)
    either.done(merged)
    either.done(merged)
    parents = {c[0]: (c[2], c[3]) for c in mirror.contacts(key)}
    assert parents == {
        gone: (False, into), into: (True, ""), f"{key}V1": (True, into), f"{key}V2": (True, into),
    }  # fmt: skip
    either.one(Encounter(key=f"{key}V3", subject=gone, state="open"))
    assert mirror.contacts(f"{key}V3")[0][3] == into


def test_chained_and_unknown_merges(desk: Desk, mirror: Mirror, key: str) -> None:
    a, b, c = f"{key}Pa", f"{key}Pb", f"{key}Pc"
    desk.one(Encounter(key=f"{key}V", subject=a, state="open"))
    desk.done(
        Merge(key=f"{key}1", kind="person", gone=a, into=b),
        Merge(key=f"{key}2", kind="person", gone=b, into=c),
    )
    assert {k[0]: k[3] for k in mirror.contacts(key)} == {a: c, b: c, c: "", f"{key}V": c}
    back = desk.one(Merge(key=f"{key}3", kind="person", gone=c, into=a))
    assert "before" in back.note
    unknown = desk.one(Merge(key=f"{key}4", kind="person", gone=f"{key}Px", into=f"{key}Py"))
    assert (unknown.documents, mirror.contacts(f"{key}Px")) == ({}, [])


def test_companies_have_their_own_orders(desk: Desk, admin: Session, key: str) -> None:
    clinic = "Lakeside Outpatient Clinic"
    outcomes = desk.done(charge(f"{key}1", f"{key}V", company=clinic), charge(f"{key}2", f"{key}V"))
    ids = [int(outcome.documents["sale.order"]) for outcome in outcomes]
    both = {"allowed_company_ids": [1, 2]}
    rows = admin.read("sale.order", [["id", "in", ids]], "company_id", order="id", context=both)
    assert sorted(row["company_id"][1] for row in rows) == ["Lakeside Hospital", clinic]


@pytest.mark.parametrize("transport", ["json2", "jsonrpc"])
def test_neither_secret_nor_content_is_logged(
    hospital: Running,
    transport: str,
    key: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Not even at DEBUG, where odoorpc would log both."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("odoorpc").setLevel(logging.DEBUG)
    desk = Desk(hospital, transport=transport)
    desk.one(charge(f"{key}1", f"{key}V"))
    desk.refused(charge(f"{key}2", f"{key}V", "NO-SUCH"))
    desk.close()
    told = caplog.text + "".join(capfd.readouterr())
    assert hospital.user.key not in told
    assert f"{key}V" not in told
    assert "NO-SUCH" not in told
    assert hospital.user.key not in repr(connection(hospital))
