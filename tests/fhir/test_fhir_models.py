"""The shapes taken from fhir.resources, and the codes that they do not say."""

from __future__ import annotations

from typing import Any

import pytest

from engine.fhir import models
from engine.fhir.models import elsewhere, expression, known, shape
from engine.fhir.resource_types import TYPES

NAMES = """
    SupplyRequest ChargeItem SupplyDelivery Patient Encounter Location Appointment Device DeviceDefinition
    Medication Substance Organization HealthcareService Practitioner PractitionerRole Account
    ChargeItemDefinition Task AuditEvent Provenance Bundle OperationOutcome CapabilityStatement MessageHeader
    Parameters Group EpisodeOfCare
"""
SERVED = NAMES.split()
FREE = {  # codes that may be anything, or of which there are too many to list
    "language", "contentType", "code", "valueCode", "sigFormat", "targetFormat", "name", "format",
    "fhirVersion", "patchFormat", "acceptLanguage", "intervalUnit", "relation",
}  # fmt: skip


def _kinds(release: Any) -> set[str]:
    found: set[str] = set()
    waiting = [*SERVED, *(["InventoryItem"] if release == "R5" else [])]
    while waiting:
        kind = waiting.pop()
        if kind not in found and kind != "Resource":
            found.add(kind)
            waiting += [part.kind for part in shape(release, kind).elements.values() if not part.primitive]
    return found


@pytest.mark.parametrize("release", ["R4", "R4B", "R5"])
def test_every_required_code_of_what_is_served_has_its_list(release: Any) -> None:
    without = {
        f"{kind}.{element.name}"
        for kind in _kinds(release)
        for element in shape(release, kind).elements.values()
        if element.kind == "code" and element.codes is None and element.name not in FREE
    }
    assert without == {
        "CapabilityStatementRestResource.type",  # types of resources, in what only we say
        "DataRequirement.type",
        "ParameterDefinition.type",
    }


def test_no_list_is_cut_short() -> None:
    for release in ("R4", "R5"):
        for kind in _kinds(release):
            for element in shape(release, kind).elements.values():
                assert not (element.codes or set()) & {"+", "etc.", "formats", "..."}, (kind, element.name)


def test_which_types_there_are() -> None:
    for release, types in TYPES.items():
        for type_ in sorted(types)[::12] + SERVED:
            assert shape(release, type_).resource
    assert known("R5", "InventoryItem")
    assert not known("R4", "InventoryItem")
    for name in (
        "Resource",
        "DomainResource",
        "Quantity",
        "Element",
        "",
        "__init__",
        "SupplyRequestParameter",
    ):
        assert not known("R4", name)


@pytest.mark.parametrize("kind", ["Wibble", "", "__class__", "../x", "FhirBase"])
def test_what_is_no_type(kind: str) -> None:
    with pytest.raises(LookupError):
        shape("R4", kind)


def test_shapes() -> None:
    request = shape("R4", "SupplyRequest")
    assert request.required == ("quantity",)
    assert request.choices["item"] == (
        frozenset({"itemReference", "_itemReference", "itemCodeableConcept", "_itemCodeableConcept"}),
        True,
    )
    assert request.elements["deliverTo"].targets == {"Organization", "Location", "Patient"}
    assert request.elements["supplier"].many
    assert shape("R4", "ChargeItem").required == ("status", "code", "subject")
    assert shape("R4", "ChargeItem").elements["supportingInformation"].targets is None
    kinds = [
        shape("R4", "Extension").elements[f"value{word}"].kind for word in ("Decimal", "Uuid", "DateTime")
    ]
    assert kinds == ["decimal", "uuid", "dateTime"]


def test_paths_name_only_elements() -> None:
    steps = ("identifier", 1, "system")
    assert expression("R4", "SupplyRequest", steps) == "SupplyRequest.identifier[1].system"
    assert expression("R4", "SupplyRequest", ("_status", "extension", 0, "url")) == "SupplyRequest.status"
    assert expression("R4", "SupplyRequest", ("quantity", "Jane Doe", "value")) == "SupplyRequest.quantity"
    assert expression("R4", "Jane", ("quantity",)) == ""
    assert expression("R4", "Bundle", ("entry", 0, "resource", "x")) == "Bundle.entry[0].resource"


def test_where_an_element_is_at_home() -> None:
    assert elsewhere("R4", "SupplyRequest", "item") == "R5"
    assert elsewhere("R5", "SupplyRequest", "itemReference") == "R4"
    assert elsewhere("R4", "Extension", "valueRatioRange") == "R4B"
    assert elsewhere("R4", "SupplyRequest", "wibble") is None
    assert elsewhere("R4", "Wibble", "item") is None


def test_what_is_prepared_is_not_loaded_again() -> None:
    models.prepare("R5", ["SupplyRequest", "Bundle"])
    before = shape.cache_info().misses
    for kind in (
        "SupplyRequest",
        "SupplyRequestParameter",
        "CodeableReference",
        "Extension",
        "BundleEntryRequest",
    ):
        shape("R5", kind)
    models.prepare("R5", ["SupplyRequest"])
    assert shape.cache_info().misses == before
