"""What in a FHIR resource identifies somebody, in itself and in what it refers to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.config.loading import load_channel
from engine.egress import identities_of
from engine.fhir.document import Resource
from engine.fhir.json_text import dump
from engine.fhir.stored import Stored, pack
from engine.model import StoredMessage
from engine.privacy.fhir_harvest import fhir_harvest
from engine.privacy.matching import Identities
from engine.resources import ResourceKey

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p817",
    "identifier": [{"system": "urn:x", "value": "00817263"}],
    "name": [{"family": "Müller", "given": ["Anna", "Lena"], "text": "Frau Anna Müller"}],
    "birthDate": "1970-01-09",
    "telecom": [{"system": "phone", "value": "+49 30 5550199"}, {"value": "anna@home.example"}],
    "address": [{"line": ["1 Elm Road"], "city": "Littleton", "postalCode": "90210", "state": "XX"}],
    "contact": [{"name": {"family": "Samplesister"}, "telecom": [{"value": "030 4440188"}]}],
}
CHARGE: dict[str, Any] = {
    "resourceType": "ChargeItem",
    "identifier": [{"value": "CH-4711-99"}],
    "subject": {"reference": "Patient/p817", "display": "A. Testmann"},
    "code": {"coding": [{"system": "urn:cdm", "code": "270001", "display": "Bandage"}]},
    "quantity": {"value": 2},
    "performingOrganization": {"reference": "Organization/icu", "display": "Intensive Care"},
    "note": [{"text": "Please call his wife about the new device", "authorString": "Dr Housemann"}],
    "enterer": {"reference": "Practitioner/pr-778899"},
}


def known(body: dict[str, Any], *linked: dict[str, Any]) -> Identities:
    resource = Resource("R4", body["resourceType"], body.get("id", ""), 1, body)
    resource.links = {
        ResourceKey("R4", one["resourceType"], one["id"]): Resource(
            "R4", one["resourceType"], one["id"], 1, one
        )
        for one in linked
    }
    return Identities(fhir_harvest(resource))


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("817263", "Patient.identifier.value"),
        ("MUELLER", "Patient.name.family"),
        ("lena", "Patient.name.family"),
        ("9 Jan 1970", "Patient.birthDate"),
        ("030/5550199", "Patient.telecom.value"),
        ("ANNA@home.example", "Patient.telecom.value"),
        ("1elmroad", "Patient.address.line"),
        ("Littleton", "Patient.address.city"),
        ("90210 Littleton", "Patient.address"),
        ("samplesister", "Patient.contact.name.family"),
        ("4440188", "Patient.contact.telecom.value"),
        ("p817", "ChargeItem.subject.reference"),
        ("Testmann", "ChargeItem.subject.display"),
        ("ch471199", "ChargeItem.identifier.value"),
        ("Housemann", "ChargeItem.note.authorString"),
        ("call his wife about the new device", "ChargeItem.note.text"),
        ("pr-778899", "ChargeItem.enterer.reference"),
    ],
)
def test_it_is_found_in_the_resource_and_in_what_it_refers_to(text: str, row: str) -> None:
    assert known(CHARGE, PATIENT).row_in(text) == row


@pytest.mark.parametrize("text", ["270001", "Bandage", "urn:cdm", "icu", "Intensive Care", "2", "XX"])
def test_codes_places_and_things_are_not(text: str) -> None:
    assert known(CHARGE, PATIENT).row_in(text) == ""


def test_contained_persons_and_unknown_types_are_found_by_their_shape() -> None:
    body = {
        "resourceType": "SupplyRequest",
        "contained": [
            {"resourceType": "Patient", "id": "c", "name": [{"family": "Samplemann"}]},
            {"resourceType": "Unheard", "who": {"name": {"family": "Elsewhere"}, "birthDate": "1970-01-09"}},
        ],
    }
    for text in ("samplemann", "ELSEWHERE", "09.01.1970"):
        assert known(body).row_in(text)


def test_numbers_and_phones_in_extensions_are_found() -> None:
    extension = [
        {"url": "urn:x:former", "valueIdentifier": {"system": "urn:x", "value": "MRN-771342"}},
        {"url": "urn:x:house", "valueAddress": {"text": "7 Oak Road"}},
        {"url": "urn:x:call", "valueContactPoint": {"system": "phone", "value": "+49 30 5550199"}},
    ]
    body = {"resourceType": "SupplyRequest", "extension": extension}
    for text in ("MRN-771342", "030 5550199", "7 oak road"):
        assert known(body).row_in(text)


def test_ids_in_references_to_other_servers_are_found() -> None:
    body = {
        "resourceType": "SupplyRequest",
        "deliverFor": {"reference": "https://ehr.example/r4/Patient/8172634"},
    }
    assert known(body).row_in("8172634") == "SupplyRequest.deliverFor.reference"


def test_ids_that_are_made_up_here_are_nobody() -> None:
    """Of a person, and where something refers to a resource, an id may be a number of the sender's."""
    procedure = {
        "resourceType": "Procedure",
        "id": "b7c1f0aa",
        "partOf": [{"reference": "Procedure/c8d2e1bb"}],
    }
    assert known(procedure).row_in("b7c1f0aa") == ""
    assert known(procedure).row_in("c8d2e1bb") == "Procedure.partOf.reference"
    assert known(procedure, {"resourceType": "Procedure", "id": "c8d2e1bb"}).row_in("c8d2e1bb") == ""
    charge = {"resourceType": "ChargeItem", "service": [{"reference": "Procedure/b7c1f0aa"}]}
    assert known(charge).row_in("b7c1f0aa") == "ChargeItem.service.reference"
    assert known(charge, procedure).row_in("b7c1f0aa") == ""
    assert known({"resourceType": "Patient", "id": "mrn-7788123"}).row_in("7788123") == "Patient.id"
    patient = {"reference": "Patient/mrn-7788123"}
    named = known({"resourceType": "ChargeItem", "subject": patient}, {**PATIENT, "id": "mrn-7788123"})
    assert named.row_in("7788123")


def test_what_nobody_refers_to_is_not_compared() -> None:
    """Of a batch, the resources of others are at hand as well."""
    other = {**PATIENT, "id": "other", "name": [{"family": "Somebodyelse"}]}
    assert known(CHARGE, PATIENT, other).row_in("Somebodyelse") == ""


def test_what_a_channel_lets_through_is_not_compared() -> None:
    raw = pack(Stored("R4", "ChargeItem", "1", 1, deleted=False, body=dump(CHARGE)))
    message = StoredMessage(1, "charge-items", raw, 0.0)
    channel = load_channel(Path(__file__).parents[2] / "channels/charge-items.yaml").program
    widened = msgspec.structs.replace(channel, widened=("ChargeItem.identifier.",))
    assert identities_of(message, channel, {}).row_in("CH-4711-99") == "ChargeItem.identifier.value"
    assert identities_of(message, widened, {}).row_in("CH-4711-99") == ""
    assert identities_of(message, widened, {}).row_in("Testmann") == "ChargeItem.subject.display"
