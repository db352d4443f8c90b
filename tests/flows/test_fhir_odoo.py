"""FHIR through the whole engine into a real Odoo: what stands there, and what a client reads of it."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fhir_hospital import KEY, WORKBENCH, FhirHospital
from hospital_messages import Used, admission, charges
from odoo_books import sign_in
from odoo_databases import drop_database, fresh_database
from odoo_engine import NEEDS_ODOO

from demo.session import Session

pytestmark = [*NEEDS_ODOO, pytest.mark.timeout(900)]

ITEMS, CHARGES = "https://hospital.example/items", "https://hospital.example/charges"
PATIENTS, VISITS = "https://hospital.example/ids/patients", "https://hospital.example/ids/visits"


@pytest.fixture(scope="module")
def odoo() -> Iterator[Any]:
    found = fresh_database("fhirflow")
    yield found
    drop_database(found)


@pytest.fixture(scope="module")
def hospital(odoo: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FhirHospital]:
    engine = FhirHospital(tmp_path_factory.mktemp("engine"), odoo)
    try:
        engine.start()
        yield engine
    finally:
        engine.end()


@pytest.fixture(scope="module")
def admin(odoo: Any) -> Iterator[Session]:
    with sign_in(odoo) as session:
        yield session


def request(quantity: int, item: str = "SUP-1001", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "SupplyRequest",
        "status": "active",
        "itemCodeableConcept": {"coding": [{"system": ITEMS, "code": item}]},
        "quantity": {"value": quantity},
        "deliverTo": {"reference": "Location/ICU"},
        "occurrenceDateTime": "2026-12-01T08:00:00Z",
        **more,
    }


def delivery(of: dict[str, Any], quantity: int, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "SupplyDelivery",
        "status": "completed",
        "basedOn": [{"reference": f"SupplyRequest/{of['id']}"}],
        "suppliedItem": {"quantity": {"value": quantity}, "itemCodeableConcept": of["itemCodeableConcept"]},
        **more,
    }


def charge(visit: str, quantity: int, release: str = "R4", **more: Any) -> dict[str, Any]:
    number = {"type": "Encounter", "identifier": {"system": VISITS, "value": visit}}
    person = {"type": "Patient", "identifier": {"system": PATIENTS, "value": f"P{visit}"}}
    return {
        "resourceType": "ChargeItem",
        "status": "billable",
        "code": {"coding": [{"system": CHARGES, "code": "850001"}]},
        "subject": person,
        "encounter" if release == "R5" else "context": number,
        "quantity": {"value": quantity},
        **more,
    }


def outcome(hospital: FhirHospital, written: dict[str, Any], release: str = "R4") -> dict[str, list[str]]:
    """What a client reads of what became of a resource: word → texts, documents without their number."""
    hospital.all_settled()
    read = hospital.ask("GET", f"{written['resourceType']}/{written['id']}", release=release).json()
    (told,) = read["extension"]
    words: dict[str, list[str]] = {}
    for part in told["extension"]:
        for one in part.get("extension", [part]):
            value = next(str(text) for name, text in one.items() if name.startswith("value"))
            words.setdefault(one["url"], []).append(value)
    return words


def documents(words: dict[str, list[str]], model: str) -> list[int]:
    """Ids of Odoo's records of a model."""
    named = [text.partition("/") for text in words.get("document", [])]
    return [int(id_) for found, _, ids in named if found == model for id_ in ids.split(",")]


def transfers(admin: Session, request_id: str) -> list[tuple[Any, ...]]:
    """State, from, to, planned, and what: of the transfers of a request."""
    found = admin.read(
        "stock.picking", [["origin", "=", f"supply-requests/{request_id}"]],
        "state", "location_id", "location_dest_id", "scheduled_date",
    )  # fmt: skip
    told = []
    for row in found:
        moves = admin.read("stock.move", [["picking_id", "=", row["id"]]], "product_id", "product_uom_qty")
        what = [(move["product_id"][1].split("]")[0][1:], move["product_uom_qty"]) for move in moves]
        places = (row["location_id"][1], row["location_dest_id"][1])
        told.append((row["state"], *places, row["scheduled_date"][:10], *what))
    return sorted(told)


def lines(admin: Session, order: int) -> list[tuple[Any, ...]]:
    """Item, quantity and price of an order's lines."""
    rows = admin.read(
        "sale.order.line", [["order_id", "=", order]], "product_id", "product_uom_qty", "price_unit"
    )
    told = [
        (row["product_id"][1].split("]")[0][1:], row["product_uom_qty"], row["price_unit"]) for row in rows
    ]
    return sorted(told)


def order_of(hospital: FhirHospital, written: dict[str, Any], release: str = "R4") -> int:
    (order,) = documents(outcome(hospital, written, release), "sale.order")
    return order


def test_f01_f13_a_request_is_reserved_changed_and_given_back(hospital: FhirHospital, admin: Session) -> None:
    made = hospital.create(request(2))
    words = outcome(hospital, made)
    assert (words["state"], words["what"]) == (["delivered"], ["reserved"])
    assert transfers(admin, made["id"]) == [
        ("assigned", "WH/Stock", "WH/Wards/ICU", "2026-12-01", ("GLV-M", 2.0))
    ]
    changed = {**made, "quantity": {"value": 3}, "deliverTo": {"reference": "Location/3A"}}
    hospital.update({**changed, "occurrenceDateTime": "2026-12-02T08:00:00Z"})
    hospital.all_settled()
    assert transfers(admin, made["id"]) == [
        ("assigned", "WH/Stock", "WH/Wards/3A", "2026-12-02", ("GLV-M", 3.0))
    ]
    hospital.update({**changed, "status": "suspended"})
    hospital.update(changed)  # it goes on: a new transfer
    hospital.update({**changed, "status": "cancelled"})
    assert outcome(hospital, made)["state"] == ["delivered"]
    assert [one[0] for one in transfers(admin, made["id"])] == ["cancel", "cancel"]


def test_f03_the_same_request_twice_is_one_reservation(hospital: FhirHospital, admin: Session) -> None:
    same = {"identifier": [{"system": "urn:o", "value": "A1"}]}
    body = request(1, **same)
    first, second = (
        hospital.ask("POST", "SupplyRequest", body, **{"If-None-Exist": "identifier=urn:o|A1"}) for _ in "12"
    )
    assert (first.status_code, second.status_code) == (201, 200)
    again, other = (hospital.ask("POST", "SupplyRequest", one) for one in (body, request(2, **same)))
    assert (again.status_code, other.status_code) == (200, 409)
    hospital.all_settled()
    assert len(transfers(admin, first.json()["id"])) == 1


def test_f45_a_delivery_turns_the_reservation_into_a_move_and_an_error_brings_it_back(
    hospital: FhirHospital, admin: Session
) -> None:
    made = hospital.create(request(5))
    some = hospital.create(delivery(made, 2))
    assert outcome(hospital, some)["state"] == ["delivered"]
    assert [(one[0], one[4]) for one in transfers(admin, made["id"])] == [
        ("assigned", ("GLV-M", 3.0)), ("done", ("GLV-M", 2.0)),
    ]  # fmt: skip
    hospital.create(delivery(made, 3))
    hospital.all_settled()
    assert [one[0] for one in transfers(admin, made["id"])] == ["done", "done"]
    before = stock(admin, "GLV-M", "WH/Wards/ICU")
    hospital.update({**some, "status": "entered-in-error"})
    hospital.all_settled()
    assert stock(admin, "GLV-M", "WH/Wards/ICU") == before - 2


def test_f35_f36_a_transaction_of_a_delivery_and_its_request(hospital: FhirHospital, admin: Session) -> None:
    wanted, brought = "urn:uuid:6a5cd0a4-8a3f-4f0e-9a86-0d2b1a7c1d11", request(4)
    based = delivery({"id": "x", **brought}, 4, basedOn=[{"reference": wanted}])
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {"resource": based, "request": {"method": "POST", "url": "SupplyDelivery"}},
            {"fullUrl": wanted, "resource": brought, "request": {"method": "POST", "url": "SupplyRequest"}},
        ],
    }
    answer = hospital.ask("POST", "", bundle)
    assert answer.status_code == 200, answer.text
    placed = [entry["response"]["location"] for entry in answer.json()["entry"]]
    (id_,) = (text.split("SupplyRequest/")[1].split("/")[0] for text in placed if "SupplyRequest/" in text)
    hospital.all_settled()
    assert [(one[0], one[4]) for one in transfers(admin, id_)] == [("done", ("GLV-M", 4.0))]


def test_t09_killed_between_a_request_and_its_delivery_nothing_is_lost_or_done_twice(
    hospital: FhirHospital, admin: Session
) -> None:
    made = hospital.create(request(6))
    hospital.create(delivery(made, 2))
    hospital.kill()
    hospital.start()
    last = hospital.create(delivery(made, 3))
    hospital.kill()
    hospital.start()
    assert outcome(hospital, last)["state"] == ["delivered"]
    assert [(one[0], one[4]) for one in transfers(admin, made["id"])] == [
        ("assigned", ("GLV-M", 1.0)), ("done", ("GLV-M", 2.0)), ("done", ("GLV-M", 3.0)),
    ]  # fmt: skip


def test_what_is_short_is_ordered_and_said(hospital: FhirHospital) -> None:
    words = outcome(hospital, hospital.create(request(1, "SUP-2001")))
    assert documents(words, "purchase.order") != []
    assert any("short by 1: on order P" in note for note in words["note"])


def test_what_cannot_be_carried_out_says_why(hospital: FhirHospital) -> None:
    made = hospital.create(request(1, "NO-SUCH"))
    words = outcome(hospital, made)
    assert words["state"] == ["dead"]
    assert "unmapped-code" in str(words)


def stock(admin: Session, code: str, place: str) -> float:
    domain = [["product_id.default_code", "=", code], ["location_id.complete_name", "=", place]]
    return sum(float(row["quantity"]) for row in admin.read("stock.quant", domain, "quantity"))


def test_f43_planned_billable_and_entered_in_error(hospital: FhirHospital, admin: Session) -> None:
    planned = hospital.create(charge("V-F43", 2, status="planned"))
    assert outcome(hospital, planned)["state"] == ["filtered"]
    assert visits(admin) == []
    hospital.update({**planned, "status": "billable"})
    order = order_of(hospital, planned)
    assert lines(admin, order) == [("LAB-CBC", 2.0, 14.0)]
    hospital.update({**planned, "status": "billable", "quantity": {"value": 3}})
    assert lines(admin, order_of(hospital, planned)) == [("LAB-CBC", 3.0, 14.0)]
    hospital.update({**planned, "status": "entered-in-error", "quantity": {"value": 9}})
    assert order_of(hospital, planned) == order
    assert lines(admin, order) == [("LAB-CBC", -3.0, 14.0), ("LAB-CBC", 3.0, 14.0)]


def visits(admin: Session) -> list[Any]:
    return admin.read("sale.order", [], "client_order_ref")


def test_f44_a_total_of_r4_and_a_price_of_r5_are_the_same_charge(
    hospital: FhirHospital, admin: Session
) -> None:
    total = {"priceOverride": {"value": 25.00, "currency": "EUR"}}
    one = {"unitPriceComponent": {"type": "base", "amount": {"value": 12.50, "currency": "EUR"}}}
    first = hospital.create(charge("V-F44", 2, **total))
    second = hospital.create(charge("V-F44", 2, "R5", **one), "R5")
    order = order_of(hospital, first)
    assert order_of(hospital, second, "R5") == order
    assert lines(admin, order) == [("LAB-CBC", 2.0, 12.5)] * 2


def test_one_person_and_one_visit_by_hl7_and_by_fhir_are_one(hospital: FhirHospital, admin: Session) -> None:
    assert b"|AA|" in (hospital.send("adt-encounters", admission("B-1", "70007", "V-BOTH"))[0] or b"")
    assert b"|AA|" in (
        hospital.send("dft-charges", charges("B-2", "70007", "V-BOTH", Used("T-B", "850001")))[0] or b""
    )
    hospital.all_settled()
    contacts = admin.call("res.partner", "search_count", [])
    person = hospital.create({"resourceType": "Patient", "identifier": [number(PATIENTS, "70007", "MR")]})
    visit = hospital.create(
        {
            "resourceType": "Encounter",
            "status": "finished",
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
            "identifier": [number(VISITS, "V-BOTH", "VN")],
            "subject": {"reference": f"Patient/{person['id']}"},
        }
    )
    billed = hospital.create(
        charge("none", 1)
        | {
            "subject": {"reference": f"Patient/{person['id']}"},
            "context": {"reference": f"Encounter/{visit['id']}"},
        }
    )
    order = order_of(hospital, billed)
    assert lines(admin, order) == [("LAB-CBC", 1.0, 14.0)] * 2
    (row,) = admin.read("sale.order", [["id", "=", order]], "partner_id", "client_order_ref")
    (partner,) = admin.read(
        "res.partner", [["ref", "=", row["client_order_ref"]]], "category_id", "parent_id"
    )
    tags = admin.read("res.partner.category", [["id", "in", partner["category_id"]]], "name")
    assert {tag["name"] for tag in tags} == {"Visit closed", "Inpatient"}
    assert admin.call("res.partner", "search_count", []) == contacts


def number(system: str, value: str, kind: str) -> dict[str, Any]:
    typed = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": kind}]}
    return {"type": typed, "system": system, "value": value}


def test_two_records_of_one_person_become_one(hospital: FhirHospital, admin: Session) -> None:
    old = hospital.create({"resourceType": "Patient", "identifier": [number(PATIENTS, "80001", "MR")]})
    billed = hospital.create(charge("V-M", 1) | {"subject": {"reference": f"Patient/{old['id']}"}})
    order = order_of(hospital, billed)
    new = hospital.create({"resourceType": "Patient", "identifier": [number(PATIENTS, "80002", "MR")]})
    link = [{"other": {"reference": f"Patient/{new['id']}"}, "type": "replaced-by"}]
    hospital.update({**old, "link": link})
    hospital.all_settled()
    (row,) = admin.read("sale.order", [["id", "=", order]], "partner_id")
    (visit,) = admin.read("res.partner", [["id", "=", row["partner_id"][0]]], "parent_id")
    billed = hospital.create(charge("V-N", 1) | {"subject": {"reference": f"Patient/{new['id']}"}})
    (other,) = admin.read("sale.order", [["id", "=", order_of(hospital, billed)]], "partner_id")
    (later,) = admin.read("res.partner", [["id", "=", other["partner_id"][0]]], "parent_id")
    assert visit["parent_id"][0] == later["parent_id"][0]


MANUAL = Path(__file__).parents[2] / "docs/manual/fhir.md"


def test_the_manuals_curl_examples_work_as_printed(
    hospital: FhirHospital, tmp_path: Path, admin: Session
) -> None:
    text = MANUAL.read_text()
    assert WORKBENCH.strip() in text
    steps = re.findall(r"```sh\n(.*?)```\n\n```text\n(.*?)```", text, re.DOTALL)
    assert len(steps) == text.count("```sh\n") == 10
    script = "\n".join(f"{commands}printf '\\n===\\n'" for commands, _ in steps)
    script = script.replace("http://127.0.0.1:8480", hospital.address)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        env={"PATH": os.environ["PATH"], "WARDLINE_WORKBENCH_KEY": KEY},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    printed = [part.strip().replace("\r", "") for part in done.stdout.split("\n===\n")[:-1]]
    for said, (commands, expected) in zip(printed, steps, strict=True):
        pattern = re.escape(expected.strip()).replace("…", ".*")
        assert re.fullmatch(pattern, said), f"{commands}\nprinted\n{said}"
    hospital.all_settled()
    request = (tmp_path / "delivery.json").read_text().split("SupplyRequest/")[1].split('"')[0]
    assert [(one[0], one[4]) for one in transfers(admin, request)] == [
        ("cancel", ("GLV-M", 2.0)), ("done", ("GLV-M", 1.0)),
    ]  # fmt: skip
