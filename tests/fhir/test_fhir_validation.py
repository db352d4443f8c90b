"""Every row of what the models let pass, and what FHIR asks besides: code, status and place of each."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.fhir.json_text import dump, load
from engine.fhir.outcome import operation_outcome
from engine.fhir.reading import read
from engine.fhir.validation import check, status_of

S1: dict[str, Any] = {
    "resourceType": "SupplyRequest",
    "status": "active",
    "identifier": [{"system": "urn:o", "value": "A1"}],
    "itemCodeableConcept": {"coding": [{"system": "urn:i", "code": "G100"}]},
    "quantity": {"value": 2},
    "deliverTo": {"reference": "Location/OR1"},
}
R5 = {name: value for name, value in S1.items() if name != "itemCodeableConcept"} | {
    "item": {"concept": S1["itemCodeableConcept"], "reference": {"reference": "InventoryItem/1"}}
}
CHARGE: dict[str, Any] = {
    "resourceType": "ChargeItem",
    "status": "billable",
    "code": {"text": "gloves"},
    "subject": {"reference": "Patient/1"},
}
URL = "http://example.org/x"


def _found(resource: dict[str, Any], release: Any = "R4") -> list[tuple[str, str]]:
    body = json.dumps(resource).encode()
    return [(issue.code, issue.expression) for issue in check(read(body, "json", release), release)]


def test_what_is_right_passes() -> None:
    """F01, F15, F22: the same request in each release."""
    assert not _found(S1)
    assert not _found(S1, "R4B")
    assert not _found(R5, "R5")
    assert not _found(CHARGE)


# what is sent besides S1, code, status, place
ROWS: list[tuple[dict[str, Any], str, int, str]] = [
    # 1.1, row by row
    ({"status": "wibble"}, "code-invalid", 422, "status"),
    ({"status": "Active"}, "code-invalid", 422, "status"),
    ({"priority": "soon"}, "code-invalid", 422, "priority"),
    ({"requester": {"reference": "Medication/1"}}, "invariant", 422, "requester.reference"),
    ({"requester": {"reference": "Medication/1/_history/3"}}, "invariant", 422, "requester.reference"),
    (
        {"requester": {"reference": "https://x.org/fhir/Medication/1"}},
        "invariant",
        422,
        "requester.reference",
    ),
    ({"requester": {"reference": "javascript:alert(1)"}}, "invariant", 422, "requester.reference"),
    ({"requester": {"reference": "JAVASCRIPT:alert(1)"}}, "invariant", 422, "requester.reference"),
    ({"requester": {"reference": "data:text/html,x"}}, "invariant", 422, "requester.reference"),
    ({"requester": {"reference": "file:///etc/passwd"}}, "invariant", 422, "requester.reference"),
    ({"requester": {"reference": "../Practitioner/1"}}, "invariant", 422, "requester.reference"),
    ({"requester": {"reference": "Jane Doe"}}, "invariant", 422, "requester.reference"),
    ({"requester": {"reference": "Wibble/1"}}, "invariant", 422, "requester.reference"),
    ({"requester": {"reference": f"Practitioner/{'1' * 65}"}}, "invariant", 422, "requester.reference"),
    ({"requester": {"reference": "Practitioner?identifier=1"}}, "invariant", 422, "requester.reference"),
    ({"requester": {"reference": "urn:uuid:1"}}, "invariant", 422, "requester.reference"),
    ({"requester": {"type": "Medication"}}, "invariant", 422, "requester.type"),
    ({"requester": {"reference": "Patient/1", "type": "Device"}}, "invariant", 422, "requester.type"),
    ({"requester": {"reference": "#p"}}, "invariant", 422, "requester.reference"),
    ({"id": "1" * 65}, "value", 400, "id"),
    ({"id": "a/b"}, "value", 400, "id"),
    ({"id": ""}, "value", 400, "id"),
    ({"id": 7}, "structure", 400, "id"),
    ({"quantity": {"value": "2"}}, "structure", 400, "quantity.value"),
    ({"quantity": {"value": True}}, "structure", 400, "quantity.value"),
    ({"quantity": {"value": [2]}}, "structure", 400, "quantity.value"),
    ({"quantity": {"value": None}}, "structure", 400, "quantity.value"),
    ({"quantity": "2"}, "structure", 400, "quantity"),
    ({"quantity": [{"value": 2}]}, "structure", 400, "quantity"),
    ({"quantity": {}}, "structure", 400, "quantity"),
    ({"quantity": {"id": "x"}}, "structure", 400, "quantity"),
    ({"quantity": None}, "structure", 400, "quantity"),
    ({"status": True}, "structure", 400, "status"),
    ({"status": ["active"]}, "structure", 400, "status"),
    ({"status": {"value": "active"}}, "structure", 400, "status"),
    ({"status": ""}, "value", 400, "status"),
    ({"status": " active"}, "value", 400, "status"),
    ({"extension": []}, "structure", 400, "extension"),
    ({"extension": {"url": URL, "valueString": "x"}}, "structure", 400, "extension"),
    ({"extension": [{"valueString": "x"}]}, "required", 400, "extension[0].url"),
    ({"extension": [{"url": URL}]}, "invariant", 422, "extension[0]"),
    (
        {"extension": [{"url": URL, "valueString": "x", "valueCode": "x"}]},
        "structure",
        400,
        "extension[0].value",
    ),
    ({"identifier": [{}]}, "structure", 400, "identifier[0]"),
    ({"identifier": []}, "structure", 400, "identifier"),
    ({"identifier": [None]}, "structure", 400, "identifier[0]"),
    ({"identifier": ["x"]}, "structure", 400, "identifier[0]"),
    ({"identifier": [{"system": "urn:o", "value": ""}]}, "value", 400, "identifier[0].value"),
    ({"identifier": [{"system": "urn:o", "value": " \n"}]}, "value", 400, "identifier[0].value"),
    ({"identifier": [{"value": "1"}, {"system": "a b"}]}, "value", 400, "identifier[1].system"),
    ({"identifier": [{"value": "1", "use": "mine"}]}, "code-invalid", 422, "identifier[0].use"),
    ({"identifier": [{"value": "a\u0000b"}]}, "value", 400, "identifier[0].value"),
    ({"identifier": [{"value": "a\u0007b"}]}, "value", 400, "identifier[0].value"),
    ({"identifier": [{"value": "a\ufffeb"}]}, "value", 400, "identifier[0].value"),
    ({"item": {"concept": {"text": "x"}}}, "structure", 400, "item"),
    ({"occurrenceDateTime": "2026-13-45"}, "value", 400, "occurrenceDateTime"),
    ({"occurrenceDateTime": "2026-02-29"}, "value", 400, "occurrenceDateTime"),
    ({"occurrenceDateTime": "2026-11-22T10:00:00"}, "value", 400, "occurrenceDateTime"),
    ({"occurrenceDateTime": "2026-11-22T10:00Z"}, "value", 400, "occurrenceDateTime"),
    ({"occurrenceDateTime": "2026-11T10:00:00Z"}, "value", 400, "occurrenceDateTime"),
    ({"occurrenceDateTime": "2026-11-22T24:00:00Z"}, "value", 400, "occurrenceDateTime"),
    ({"occurrenceDateTime": "20261122"}, "value", 400, "occurrenceDateTime"),
    ({"occurrenceDateTime": "2026-11-22T10:00:00+15:00"}, "value", 400, "occurrenceDateTime"),
    ({"occurrenceDateTime": 2026}, "structure", 400, "occurrenceDateTime"),
    ({"authoredOn": "0000"}, "value", 400, "authoredOn"),
    # choices (F16)
    ({"itemReference": {"reference": "Device/1"}}, "structure", 400, "item"),
    (
        {"occurrencePeriod": {"start": "2026"}, "_occurrenceDateTime": {"id": "a"}},
        "structure",
        400,
        "occurrence",
    ),
    # modifiers (F23)
    ({"implicitRules": URL}, "not-supported", 422, "implicitRules"),
    ({"modifierExtension": [{"url": URL, "valueCode": "x"}]}, "extension", 422, "modifierExtension[0]"),
    (
        {"parameter": [{"modifierExtension": [{"url": URL, "valueCode": "x"}]}]},
        "extension",
        422,
        "parameter[0].modifierExtension[0]",
    ),
    # extensions of primitive values
    ({"_status": {}}, "structure", 400, "status"),
    ({"_status": []}, "structure", 400, "status"),
    ({"_status": "x"}, "structure", 400, "status"),
    ({"_status": {"extension": []}}, "structure", 400, "status.extension"),
    (
        {"_status": {"extension": [{"url": URL, "valueInteger": 1.5}]}},
        "structure",
        400,
        "status.extension[0].valueInteger",
    ),
    ({"_quantity": {"id": "x"}}, "structure", 400, ""),
    ({"_id": {"id": "x"}}, "structure", 400, ""),
    ({"extension": [{"url": URL, "_url": {"id": "x"}, "valueCode": "x"}]}, "structure", 400, "extension[0]"),
    # constraints of types
    ({"quantity": {"value": 1, "code": "kg"}}, "invariant", 422, "quantity.system"),
    ({"quantity": {"value": 1, "comparator": "=="}}, "code-invalid", 422, "quantity.comparator"),
    (
        {"occurrencePeriod": {"start": "2026-11-23", "end": "2026-11-22"}},
        "invariant",
        422,
        "occurrencePeriod.end",
    ),
    (
        {"occurrencePeriod": {"start": "2026-11-22T10:00:00Z", "end": "2026-11-22T10:00:00+01:00"}},
        "invariant",
        422,
        "occurrencePeriod.end",
    ),
    (
        {"parameter": [{"valueRange": {"low": {"value": 2}, "high": {"value": 1.5}}}]},
        "invariant",
        422,
        "parameter[0].valueRange.low",
    ),
    ({"text": {"status": "generated"}}, "required", 400, "text.div"),
    # what is no element
    ({"quanttity": 1}, "structure", 400, ""),
    ({"Jane Doe": 1}, "structure", 400, ""),
    ({"fhir_comments": ["x"]}, "structure", 400, ""),
    ({"": 1}, "structure", 400, ""),
    ({"_": {"id": "x"}}, "structure", 400, ""),
    ({"quantity": {"value": 1, "resourceType": "Quantity"}}, "structure", 400, "quantity"),
]


@pytest.mark.parametrize(
    ("more", "code", "status", "place"),
    ROWS,
    ids=[f"{place or 'top'}-{n}" for n, (_, _, _, place) in enumerate(ROWS)],
)
def test_what_is_wrong(more: dict[str, Any], code: str, status: int, place: str) -> None:
    """F16-F19, F23."""
    resource = S1 | more
    found = check(read(json.dumps(resource).encode(), "json", "R4"), "R4", "SupplyRequest")
    expected = f"SupplyRequest.{place}" if place else "SupplyRequest"
    assert [(issue.code, issue.expression) for issue in found] == [(code, expected)]
    assert status_of(found) == status


RIGHT: list[dict[str, Any]] = [
    {"requester": {"reference": "Practitioner/1/_history/3"}},
    {"requester": {"reference": "https://x.org/fhir/Practitioner/1"}},
    {"requester": {"reference": "https://x.org/whatever?a=b#c"}},
    {"requester": {"reference": "urn:uuid:2dcd4f9f-4a3c-4dd4-9a62-4d1b0a6a4b1a"}},
    {"requester": {"reference": "urn:oid:1.2.3"}},
    {"requester": {"reference": "http://169.254.169.254/latest"}},  # F55: text at most
    {"requester": {"identifier": {"value": "x"}, "type": "Practitioner"}},
    {"requester": {"display": "x"}},
    {"deliverTo": {"reference": "#p"}, "contained": [{"resourceType": "Patient", "id": "p"}]},  # F56
    {"extension": [{"url": URL, "valueString": "x"}]},  # F24
    {"extension": [{"url": URL, "extension": [{"url": "a", "valueBoolean": False}]}]},
    {"_status": {"extension": [{"url": URL, "valueCode": "x"}]}},
    {"occurrenceDateTime": "2026"},
    {"occurrenceDateTime": "2026-11"},
    {"occurrenceDateTime": "2024-02-29"},
    {"occurrenceDateTime": "2026-11-22T10:00:60.123456789-05:00"},
    {"occurrencePeriod": {"start": "2026-11-22", "end": "2026-11-22T00:00:00Z"}},
    {"occurrencePeriod": {"start": "2026-11-22", "end": "2026-11"}},
    {"quantity": {"value": 1.10, "system": "http://unitsofmeasure.org", "code": "kg"}},
    {"quantity": {"value": 0}},  # a rule, not a form
    {"text": {"status": "generated", "div": "<div xmlns='http://www.w3.org/1999/xhtml'>x</div>"}},
    {"language": "en-US"},
    {"id": "A-1.b" + "x" * 59},
]


@pytest.mark.parametrize("more", RIGHT, ids=map(str, range(len(RIGHT))))
def test_what_is_right_and_unusual(more: dict[str, Any]) -> None:
    assert not _found(S1 | more)


def test_f15_a_missing_quantity_and_f16_no_item() -> None:
    bare = {"resourceType": "SupplyRequest", "status": "active"}
    assert _found(bare) == [("required", "SupplyRequest.quantity"), ("required", "SupplyRequest.item")]
    assert _found(bare, "R5") == [("required", "SupplyRequest.item"), ("required", "SupplyRequest.quantity")]


def test_f22_a_body_of_r5_is_told_so() -> None:
    found = check(R5, "R4")
    assert [(issue.code, issue.expression, issue.text) for issue in found] == [
        ("structure", "SupplyRequest.item", "is no element in R4, but in R5"),
        ("required", "SupplyRequest.item", "one of its types is required"),
    ]
    assert status_of(found) == 400


def test_targets_within_a_codeable_reference() -> None:
    wrong = R5 | {"item": {"reference": {"reference": "Patient/1"}}}
    assert _found(wrong, "R5") == [("invariant", "SupplyRequest.item.reference.reference")]


@pytest.mark.parametrize("release", ["R4", "R4B", "R5"])
@pytest.mark.parametrize(
    "word",
    ["planned", "billable", "not-billable", "aborted", "billed", "entered-in-error", "unknown"],
)
def test_statuses_of_charges(release: Any, word: str) -> None:
    assert not _found(CHARGE | {"status": word}, release)
    assert _found(CHARGE | {"status": f"{word}x"}, release) == [("code-invalid", "ChargeItem.status")]


def test_a_charge_needs_status_code_and_subject() -> None:
    assert _found({"resourceType": "ChargeItem"}) == [
        ("required", f"ChargeItem.{name}") for name in ("status", "code", "subject")
    ]


def test_money_is_in_a_currency() -> None:
    assert not _found(CHARGE | {"priceOverride": {"value": 12.50, "currency": "EUR"}})
    wrong = CHARGE | {"priceOverride": {"value": 12.50, "currency": "Euro"}}
    assert _found(wrong) == [("code-invalid", "ChargeItem.priceOverride.currency")]


@pytest.mark.parametrize(
    ("contained", "code", "place"),
    [
        ([{"resourceType": "Patient"}], "invariant", "contained[0].id"),
        ([{"resourceType": "Patient", "id": "p", "contained": [{}]}], "invariant", "contained[0].contained"),
        (
            [{"resourceType": "Patient", "id": "p", "meta": {"versionId": "1"}}],
            "invariant",
            "contained[0].meta.versionId",
        ),
        (
            [{"resourceType": "Patient", "id": "p", "meta": {"security": [{"code": "R"}]}}],
            "invariant",
            "contained[0].meta.security",
        ),
        (
            [{"resourceType": "Patient", "id": "p"}, {"resourceType": "Device", "id": "d"}],
            "invariant",
            "contained[1]",
        ),
        ([{"resourceType": "Patient", "id": "p", "gender": "x"}], "code-invalid", "contained[0].gender"),
        ([{"id": "p"}], "invalid", "contained[0]"),
        ([{"resourceType": "Wibble", "id": "p"}], "not-supported", "contained[0]"),
        ([{"resourceType": "Medication", "id": "p"}], "invariant", "deliverTo.reference"),
        (
            [{"resourceType": "Patient", "id": "p"}, {"resourceType": "Patient", "id": "p"}],
            "invariant",
            "contained[1].id",
        ),
        (
            [
                {"resourceType": "Patient"},
                {"resourceType": "Patient", "id": "p"},
                {"resourceType": "Device", "id": "d"},
            ],
            "invariant",
            "contained[2]",
        ),
    ],
)
def test_contained_resources(contained: list[Any], code: str, place: str) -> None:
    """dom-2 to dom-5; what is contained is checked like anything else; its type counts for references."""
    resource = S1 | {"contained": contained, "deliverTo": {"reference": "#p"}}
    assert (code, f"SupplyRequest.{place}") in _found(resource)


def test_a_contained_resource_may_point_back() -> None:
    inner = {
        "resourceType": "Provenance",
        "id": "x",
        "target": [{"reference": "#"}],
        "recorded": "2026-11-22T10:00:00Z",
        "agent": [{"who": {"display": "x"}}],
    }
    assert not _found(S1 | {"contained": [inner]})


def test_lists_of_primitive_values() -> None:
    """FHIR R4 2.6.2.3: null stands for a value that has only extensions."""
    patient = {"resourceType": "Patient", "name": [{"given": ["A", None], "_given": [None, {"id": "x"}]}]}
    assert not _found(patient)
    for given, extras in (
        (["A", None], None),
        (["A", None], [None, None]),
        (["A", None], [None]),
        (["A", "B"], [None, None]),
        ([None], [{"id": "x"}, {"id": "y"}]),
    ):
        name = {"given": given} | ({"_given": extras} if extras else {})
        assert _found({"resourceType": "Patient", "name": [name]}), (given, extras)


def test_the_type() -> None:
    assert [(i.code, status_of([i])) for i in check({}, "R4", "SupplyRequest")] == [("invalid", 400)]
    assert [(i.code, status_of([i])) for i in check(S1, "R4", "ChargeItem")] == [("invalid", 400)]
    assert [(i.code, status_of([i])) for i in check({"resourceType": "Wibble"}, "R4")] == [
        ("not-supported", 422)
    ]
    assert [i.code for i in check({"resourceType": 7}, "R4")] == ["invalid"]
    assert [i.code for i in check({"resourceType": "InventoryItem"}, "R4")] == ["not-supported"]


def _bundle(*entries: Any, type_: str = "transaction") -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": type_, "entry": list(entries)}


POST = {"method": "POST", "url": "SupplyRequest"}


def test_a_bundle_is_checked_as_an_envelope() -> None:
    """F39: what is wrong in an entry is found when the entry is checked for itself."""
    assert not _found(_bundle({"resource": S1 | {"status": "wibble"}, "request": POST}))
    entry = check(S1 | {"status": "wibble"}, "R4", at="Bundle.entry[2].resource")
    assert [issue.expression for issue in entry] == ["Bundle.entry[2].resource.status"]


@pytest.mark.parametrize(
    ("entry", "code", "place"),
    [
        ({"resource": S1}, "required", "entry[0].request"),
        ({"resource": S1, "request": POST | {"method": "FOO"}}, "code-invalid", "entry[0].request.method"),
        ({"resource": S1, "request": {"method": "POST"}}, "required", "entry[0].request.url"),
        ({"resource": {"resourceType": "Wibble"}, "request": POST}, "not-supported", "entry[0].resource"),
        ({"resource": {"status": "x"}, "request": POST}, "invalid", "entry[0].resource"),
        ({"resource": "x", "request": POST}, "structure", "entry[0].resource"),
        ({"resource": {"resourceType": "Bundle"}, "request": POST}, "not-supported", "entry[0].resource"),
    ],
)
@pytest.mark.parametrize("type_", ["transaction", "batch"])
def test_f41_envelopes(entry: dict[str, Any], code: str, place: str, type_: str) -> None:
    assert _found(_bundle(entry, type_=type_)) == [(code, f"Bundle.{place}")]


def test_bundles_of_no_type_or_twice_the_same() -> None:
    assert _found({"resourceType": "Bundle"}) == [("required", "Bundle.type")]
    assert _found({"resourceType": "Bundle", "type": "wibble"}) == [("code-invalid", "Bundle.type")]
    twice = {"fullUrl": "urn:uuid:2dcd4f9f-4a3c-4dd4-9a62-4d1b0a6a4b1a", "resource": S1, "request": POST}
    assert _found(_bundle(twice, twice)) == [("invariant", "Bundle.entry[1].fullUrl")]


def test_conditional_references_in_transactions() -> None:
    """F37."""
    sent = S1 | {"deliverTo": {"reference": "Location?identifier=urn:o|1"}}
    assert not check(sent, "R4", conditional=True)
    wrong = S1 | {"deliverTo": {"reference": "Device?identifier=urn:o|1"}}
    assert check(wrong, "R4", conditional=True)


def test_not_more_is_told_than_can_be_read() -> None:
    many = S1 | {"identifier": [{} for _ in range(5_000)]}
    found = check(many, "R4")
    assert len(found) == 101
    assert found[-1].severity == "information"
    assert status_of(found) == 400


@pytest.mark.parametrize("depth", [20, 30, 31, 400])
def test_what_is_checked_can_be_read_again(depth: int) -> None:
    """A patch may nest deeper than what is read: then it is refused here."""
    extension: dict[str, Any] = {"url": URL, "valueCode": "x"}
    for _ in range(depth):
        extension = {"url": URL, "extension": [extension]}
    resource = S1 | {"extension": [extension]}
    found = check(resource, "R4")
    assert bool(found) is (depth > 30)
    if found:
        assert status_of(found) == 400
    else:
        assert load(dump(resource)) == resource


def test_f54_no_value_is_ever_said() -> None:
    name = "Jane Doe"
    resource = S1 | {
        "status": name,
        name: name,
        "identifier": [{"system": name, "use": name, "value": [name]}],
        "requester": {"reference": name, "type": name, name: name},
        "contained": [{"resourceType": name, "id": name}],
        "authoredOn": name,
        "quantity": {"value": name},
        f"_{name}": name,
    }
    found = check(read(json.dumps(resource).encode(), "json", "R4"), "R4", "SupplyRequest")
    assert len(found) >= 10
    assert "Jane" not in json.dumps(operation_outcome(found))


@pytest.mark.parametrize(
    ("resource", "place"),
    [
        ({"resourceType": "Organization", "active": True}, "Organization"),
        ({"resourceType": "Patient", "contact": [{"gender": "male"}]}, "Patient.contact[0]"),
        ({"resourceType": "Patient", "photo": [{"data": "eA=="}]}, "Patient.photo[0].contentType"),
        ({"resourceType": "Patient", "telecom": [{"value": "1"}]}, "Patient.telecom[0].system"),
        (
            {
                "resourceType": "Parameters",
                "parameter": [{"name": "x", "valueCode": "x", "part": [{"name": "y"}]}],
            },
            "Parameters.parameter[0]",
        ),
    ],
)
def test_constraints_of_context(resource: dict[str, Any], place: str) -> None:
    assert _found(resource) == [("invariant", place)]


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ({"status": "booked"}, "start"),
        ({"status": "proposed"}, ""),
        ({"status": "booked", "start": "2026-11-22T10:00:00Z"}, "end"),
        ({"status": "booked", "start": "2026-11-22T10:00:00Z", "end": "2026-11-22T11:00:00Z"}, ""),
    ],
)
def test_appointments(more: dict[str, Any], place: str) -> None:
    """app-2, app-3."""
    made = {"resourceType": "Appointment", "participant": [{"actor": {"display": "x"}, "status": "accepted"}]}
    assert _found(made | more) == ([("invariant", f"Appointment.{place}")] if place else [])
