"""Cases of FHIR channels: resources in YAML or JSON, changed by path, with what they refer to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fhir_channel import channel_in, packed

from engine.config.cases.fhir_overriding import override_resource, remove_element, typed
from engine.config.cases.overriding import Unplaced
from engine.config.cases.rehearsal import trial_of
from engine.config.cases.running import run_cases
from engine.fhir import json_text

MESSAGES = """\
messages:
  request:
    resourceType: SupplyRequest
    id: s1
    status: active
    identifier: [{system: 'urn:o', value: A1}]
    itemCodeableConcept: {coding: [{system: 'urn:i', code: G100}]}
    quantity: {value: 2, system: 'http://unitsofmeasure.org', code: '{pack}'}
    deliverTo: {reference: Location/OR1}
  patient: |
    {"resourceType": "Patient", "id": "7", "name": [{"family": "Doe"}],
     "identifier": [{"system": "urn:oid:1.2.3", "value": "50001"}]}
  encounter:
    resourceType: Encounter
    id: v
    status: in-progress
    class: {code: IMP}
    identifier: [{system: 'urn:oid:1.2.3', value: V-77}]
    subject: {reference: Patient/7}
  charge:
    resourceType: ChargeItem
    id: c1
    status: billable
    code: {coding: [{code: C100}]}
    subject: {reference: Patient/7}
    context: {reference: Encounter/v}
    quantity: {value: 1.50}
    priceOverride: {value: 12.50, currency: EUR}
cases:
"""

PASSING = {
    "a request is stored and becomes a reservation": """
    message: request
    expect:
      acknowledgement: 201
      effects:
        - reserve: {key: supply/s1, destination: OR1, items: [{code: G100, quantity: 2, unit: '{pack}'}]}
      sequence_key: s1
      never_contains: [A1]""",
    "a request that is cancelled is released": """
    message: request
    with: {SupplyRequest.status: cancelled}
    after: [request]
    expect: {acknowledgement: 200, effects: [{release: {key: supply/s1, when_unknown: ignore}}]}""",
    "a resource that nobody may delete": """
    message: request
    deleted: yes
    after: [request]
    expect: {acknowledgement: 405, state: refused}""",
    "a charge is the visit's and the person's": """
    message: charge
    links: [patient, encounter]
    expect:
      acknowledgement: 201
      effects:
        - charge:
            key: supply/c1
            encounter: visit:V-77
            subject: person:50001
            item: {code: C100, quantity: 1.50}
            price: {amount: 12.50, currency: EUR}
      never_contains: [Doe, Patient/7]""",
    "a status that does not follow": """
    message: charge
    with: {ChargeItem.status: planned}
    after: [charge]
    links: [patient, encounter]
    expect: {acknowledgement: 422, state: refused, reason: {code: bad-value, place: ChargeItem.status}}""",
    "F15 a request without a quantity": """
    message: request
    without: [SupplyRequest.quantity]
    expect:
      acknowledgement: 400
      state: refused
      reason: {code: missing-field, place: SupplyRequest.quantity}""",
    "F17 a status that there is not": """
    message: request
    with: {SupplyRequest.status: wibble}
    expect: {acknowledgement: 422, state: refused, reason: {code: bad-value, place: SupplyRequest.status}}""",
    "F16 no item is named": """
    message: request
    without: [SupplyRequest.itemCodeableConcept]
    expect: {acknowledgement: 400, state: refused}""",
    "F16 two items are named": """
    message: request
    with: {SupplyRequest.itemReference: {reference: Medication/m}}
    expect: {acknowledgement: 400, state: refused}""",
    "a type that does not come here": """
    message: {resourceType: Location, status: active}
    expect: {acknowledgement: 404, state: refused, reason: {code: unknown-type}}""",
    "JSON that is none": """
    message: '{"resourceType": "SupplyRequest", "status": "active",'
    expect: {acknowledgement: 400, state: refused}""",
    "F21 a name that stands twice": """
    message: '{"resourceType": "SupplyRequest", "quantity": {"value": 1}, "quantity": {"value": 2}}'
    expect: {acknowledgement: 400, state: refused, reason: {code: structure}}""",
    "an item by its Medication": """
    message: request
    without: [SupplyRequest.itemCodeableConcept]
    with: {SupplyRequest.itemReference.reference: Medication/m}
    links: [{message: {resourceType: Medication, id: m, code: {coding: [{code: PARA}]}}}]
    expect:
      effects:
        - reserve: {key: supply/s1, destination: OR1, items: [{code: PARA, quantity: 2, unit: '{pack}'}]}""",
    "an item by a Medication that is not here is a dead letter": """
    message: request
    without: [SupplyRequest.itemCodeableConcept]
    with: {SupplyRequest.itemReference.reference: Medication/m}
    expect: {acknowledgement: 201, state: dead, reason: {code: missing-field}}""",
    "another release": """
    message:
      resourceType: SupplyRequest
      status: active
      quantity: {value: 1}
      item: {concept: {coding: [{code: G}]}}
    release: R5
    expect: {acknowledgement: 201, state: dead}""",
    "a draft wants nothing yet": """
    message: request
    with: {SupplyRequest.status: draft}
    expect: {acknowledgement: 201, state: filtered, step: no-effect-rule}""",
}  # fmt: skip


def results(folder: Path, cases: str) -> dict[str, list[str]]:
    channel = channel_in(folder)
    (folder / "supply.test.yaml").write_text(MESSAGES + cases)
    return {
        one.case: [str(found).removeprefix(str(folder)) for found in one.failures]
        for one in run_cases(channel)
    }


def test_cases_pass_that_say_what_becomes_of_a_resource(tmp_path: Path) -> None:
    written = "".join(f"  - name: {name}{body}\n" for name, body in PASSING.items())
    assert results(tmp_path, written) == {name: [] for name in PASSING}


REQUEST = "message: request\n    "


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (f"{REQUEST}expect: {{acknowledgement: 422}}", "acknowledgement: expected 422, got 201"),
        (f"{REQUEST}with: {{SupplyRequest.quantty.value: 1}}", "no element quantty in R4"),
        (f"{REQUEST}with: {{ChargeItem.status: billed}}", "the resource is no ChargeItem"),
        (f"{REQUEST}with: {{PID-3: x}}", "not a field path of FHIR"),
        (f"{REQUEST}without: [SupplyRequest.priority]", "the resource has no SupplyRequest"),
        ("message: reqest", "no message is called reqest (did you mean request?)"),
        (f"{REQUEST}with: {{SupplyRequest.status: draft}}\n    after: [request]", "was refused"),
        (
            "message: charge\n    links: [{message: {resourceType: Patient, id: '7', gender: x}}]",
            "no resource that could be there: 422",
        ),
        ("file: nowhere.json", "the file cannot be read"),
    ],
)
def test_a_case_that_cannot_be_or_does_not_hold_says_where(tmp_path: Path, case: str, said: str) -> None:
    expect = "" if "expect:" in case else "    expect: {}\n"
    ((_, found),) = results(tmp_path, f"  - name: one\n    {case}\n{expect}").items()
    assert [one for one in found if said in one and one.startswith("/supply.test.yaml:")], found


def test_a_file_is_tried_as_it_is(tmp_path: Path) -> None:
    channel = channel_in(tmp_path)
    said = trial_of(channel).say(packed("SupplyRequest", "s9", {"status": "draft"}))
    assert (said.code, said.state) == ("400", "refused")
    assert json.loads(said.acknowledgement)["resourceType"] == "OperationOutcome"
    body = json.dumps(
        {
            "resourceType": "SupplyRequest",
            "status": "active",
            "itemCodeableConcept": {"coding": [{"system": "urn:i", "code": "G"}]},
            "quantity": {"value": 1},
            "deliverTo": {"reference": "Location/OR1"},
        }
    )
    created = trial_of(channel).say(body.encode() + b"\r")
    assert (created.code, created.state, created.effects[0]["reserve"]["key"]) == (
        "201",
        "effects",
        "supply/case",
    )


def test_texts_become_what_the_standard_says_they_are() -> None:
    written: Any = {"resourceType": "Patient", "active": "true", "multipleBirthInteger": "2", "id": "7"}
    assert typed(written, "R4") == {**written, "active": True, "multipleBirthInteger": 2}
    quantity = typed({"resourceType": "ChargeItem", "quantity": {"value": "1.50"}}, "R4")
    assert json_text.dump(quantity) == b'{"resourceType":"ChargeItem","quantity":{"value":1.50}}'
    wrong: Any = {
        "resourceType": "Patient",
        "active": "perhaps",
        "multipleBirthInteger": "many",
        "nme": ["x"],
    }
    assert typed(wrong, "R4") == wrong


def test_places_are_made_changed_and_taken_away() -> None:
    charge: dict[str, Any] = {"resourceType": "ChargeItem"}
    override_resource(charge, "ChargeItem.code.coding.code", "C1", "R4")
    override_resource(charge, "ChargeItem.code.coding[2].code", "C2", "R4")
    override_resource(charge, "ChargeItem.factorOverride", "0.50", "R4")
    override_resource(charge, "ChargeItem.partOf", {"reference": "ChargeItem/1"}, "R4")
    assert charge["code"] == {"coding": [{"code": "C1"}, {"code": "C2"}]}
    assert str(charge["factorOverride"]) == "0.50"
    assert charge["partOf"] == [{"reference": "ChargeItem/1"}]
    remove_element(charge, "ChargeItem.code.coding[1]")
    remove_element(charge, "ChargeItem.partOf")
    assert charge["code"] == {"coding": [{"code": "C2"}]}
    assert "partOf" not in charge
    for path in (
        "ChargeItem.code.coding[4].code",
        "ChargeItem.status.x",
        "ChargeItem.x",
        "ChargeItem.code[a]",
    ):
        with pytest.raises(Unplaced):
            override_resource(charge, path, "x", "R4")
