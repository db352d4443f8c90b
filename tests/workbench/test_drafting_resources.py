"""Channels out of sample resources of FHIR, with made-up people; those of the corpus hold together too."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from corpus_messages import CORPUS

from engine.errors import Misconfigured
from engine.workbench.drafting.draft import Draft, draft
from engine.workbench.drafting.fhir_sender import FhirSender
from engine.workbench.drafting.questions import Answers
from engine.workbench.drafting.resources import read_resources, resources_in
from engine.workbench.drafting.sender import Wanted

RESOURCES = CORPUS.parent / "fhir"
WANTED = Wanted("supply", "business@hospital.example", "technical@hospital.example", 8499, "hospital-odoo")
REQUEST = {
    "resourceType": "SupplyRequest",
    "id": "77-4711",
    "identifier": [{"system": "urn:orders", "value": "ORD-882211"}],
    "text": {"status": "generated", "div": "<div xmlns='http://www.w3.org/1999/xhtml'>Morwenna</div>"},
    "status": "active",
    "priority": "urgent",
    "itemCodeableConcept": {
        "coding": [{"system": "urn:i", "code": "SUP-9", "display": "Gloves for Morwenna"}]
    },
    "quantity": {"value": 3, "system": "http://unitsofmeasure.org", "code": "{box}"},
    "occurrenceDateTime": "2024-03-05T08:00:00Z",
    "requester": {"reference": "Patient/8844", "display": "Morwenna Penhaligon"},
    "deliverFrom": {"reference": "Location/w1", "display": "Denzil Tregear"},
    "deliverTo": {"reference": "Location/w1"},
}
WARD = {
    "resourceType": "Location",
    "id": "w1",
    "identifier": [{"system": "urn:p", "value": "ICU"}],
    "name": "ICU",
}
PATIENT = {
    "resourceType": "Patient",
    "id": "8844",
    "identifier": [{"system": "urn:mrn", "value": "884412"}],
    "name": [{"family": "Penhaligon", "given": ["Morwenna"]}],
    "birthDate": "1952-06-30",
}


BILLED: dict[str, object] = {
    "resourceType": "ChargeItem",
    "id": "c-1",
    "status": "billable",
    "code": {"coding": [{"system": "urn:cdm", "code": "99213"}]},
    "subject": {"reference": "Patient/8844"},
    "context": {"reference": "Encounter/e-77"},
    "occurrenceDateTime": "2024-03-05",
    "quantity": {"value": 1},
    "performingOrganization": {"reference": "Organization/dep-5"},
}


def _bundle(*resources: dict[str, object]) -> bytes:
    entries = [{"resource": one} for one in resources]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()


def _drafted(data: bytes) -> Draft:
    samples, wrong = resources_in("sample.json", data)
    assert wrong == []
    return draft(FhirSender(samples), WANTED, Answers({}, lambda question: question.suggestion))


def test_a_request_with_its_place_becomes_a_reservation() -> None:
    made = _drafted(_bundle(REQUEST, WARD, PATIENT))
    assert (made.findings, made.failed) == ([], [])
    assert [came.words for _, came in made.came] == ["reserve"]
    assert made.files["tables/supply-places.csv"].splitlines()[1:] == ["place,odoo_location", "ICU,WH/ICU"]
    assert made.files["tables/supply-units.csv"].splitlines()[1:] == ["code,unit", "{box},Units"]
    assert (
        "where-to: SupplyRequest.deliverTo->Location.identifier or SupplyRequest.deliverTo[Location]"
        in (made.files["supply.yaml"])
    )
    names = [line for line in made.files["supply.test.yaml"].splitlines() if line.startswith("  - name:")]
    assert names == [
        '  - name: "SupplyRequest as it was sampled: reserve"',
        "  - name: no longer wanted, it is given back",
        "  - name: a draft asks for nothing yet",
    ]


def test_nothing_of_a_person_gets_into_a_file() -> None:
    written = "".join(_drafted(_bundle(REQUEST, WARD, PATIENT)).files.values())
    for word in ("Morwenna", "Penhaligon", "Tregear", "8844", "882211", "4711", "1952", "2024"):
        assert word not in written


def test_resources_without_a_channel_say_so() -> None:
    with pytest.raises(Misconfigured, match="Patient: no channel is drafted from such messages"):
        _drafted(_bundle(PATIENT))


def test_what_is_no_resource_is_told() -> None:
    (told,) = resources_in("a.json", b'{"resourceType": "SupplyRequest"}')[1]
    assert told == "a.json: no resource of R4, R4B or R5 (SupplyRequest.quantity: is required)"
    assert "no resource that can be read" in resources_in("a.json", b"{")[1][0]


def test_files_of_resources_are_found_beside_others(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(REQUEST).encode())
    (tmp_path / "b.txt").write_text("MSH|^~\\&|A")
    assert [one.name for one in read_resources([tmp_path])[0]] == ["a.json"]


@pytest.mark.skipif(not RESOURCES.is_dir(), reason=f"no corpus at {RESOURCES}")
def test_every_sample_of_the_corpus_gives_a_channel_that_holds_together_or_a_reason() -> None:
    drafted: Counter[str] = Counter()
    for path in sorted(RESOURCES.rglob("*")):
        data = path.read_bytes() if path.suffix in (".json", ".xml") else b""
        if not any(one in data for one in (b"SupplyRequest", b"SupplyDelivery", b"ChargeItem")):
            continue
        samples, _ = resources_in(path.name, data)
        try:
            made = draft(FhirSender(samples), WANTED, Answers({}, lambda question: question.suggestion))
        except Misconfigured as why:
            drafted[why.text.partition(":")[2]] += 1
            continue
        assert (made.findings, made.failed) == ([], []), path
        drafted.update(came.state for _, came in made.came)
    assert drafted["effects"] >= 7
    assert drafted["dead"] >= 36
    assert not any("wardline-new" in reason for reason in drafted)


def test_a_department_that_is_named_by_its_id_stays_one() -> None:
    made = _drafted(_bundle(BILLED, PATIENT))
    assert made.failed == []
    assert "Organization/dep-5" in made.files["supply.test.yaml"]
    assert not any(real in "".join(made.files.values()) for real in ("8844", "e-77"))
    somebodys = BILLED | {"performingOrganization": {"reference": "Organization/884412"}}
    assert "884412" not in "".join(_drafted(_bundle(somebodys, PATIENT)).files.values())
