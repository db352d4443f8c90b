"""The FHIR half of the reviewed table: what becomes of every element of every resource it lists."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from engine.privacy.table import Row, fhir_rows
from engine.privacy.tokens import DOMAINS

__all__ = [
    "OUR_OWN", "PERSONS", "THINGS", "FhirTable", "domain_of", "domain_of_row", "fhir_table",
]  # fmt: skip

PERSONS = frozenset({"Patient", "RelatedPerson", "Person", "Practitioner", "PractitionerRole", "Group"})
"""Whose ids are never told: people, or lists of them."""

THINGS = frozenset(
    {
        "Location", "Organization", "HealthcareService", "Medication", "Substance", "DeviceDefinition",
        "BiologicallyDerivedProduct", "NutritionProduct", "InventoryItem", "ChargeItemDefinition", "Contract",
    }
)  # fmt: skip
"""Places and things: what refers to them says nothing of a person (decision 0017)."""

OUR_OWN = frozenset({"SupplyRequest", "SupplyDelivery", "ChargeItem", "Device", "Task"})
"""Whose ids are told where they are stored here: then the id is one that this server made up."""

_DOMAINS = {
    "Patient": "person", "RelatedPerson": "person", "Person": "person",
    "Practitioner": "staff", "PractitionerRole": "staff",
    "Encounter": "visit", "Account": "account", "Appointment": "appt", "Device": "device",
    "SupplyRequest": "order", "SupplyDelivery": "order", "ServiceRequest": "order", "ChargeItem": "txn",
}  # fmt: skip


class FhirTable(NamedTuple):
    """The rows by type and elements (`("Encounter", "class")`); those for every type under `*`, those of a
    datatype under its name; and the elements that each type has."""

    rows: dict[tuple[str, ...], Row]
    elements: dict[tuple[str, ...], tuple[str, ...]]


@cache
def fhir_table() -> FhirTable:
    """The table, read once."""
    rows: dict[tuple[str, ...], Row] = {}
    elements: dict[tuple[str, ...], list[str]] = {}
    for row in fhir_rows():
        place = tuple(part.removesuffix("_fhir").removesuffix("[*]") for part in row.path.split("."))
        rows[place] = row
        elements.setdefault(place[:-1], []).append(place[-1])
    return FhirTable(rows, {place: tuple(names) for place, names in elements.items()})


def domain_of(type_: str) -> str:
    """The token domain (a letter) of a resource of this type, be it by its identifier or by its id."""
    return DOMAINS[_DOMAINS.get(type_, "resource")]


def domain_of_row(row: Row, type_: str) -> str:
    """The token domain (a letter) that a row of a resource of this type says; empty for none. What it
    calls a resource is, of an identifier, the resource that has it."""
    word = "person" if row.path == "Patient.link" else row.domain.partition(" ")[0]
    if word == "resource" and "Identifier" in row.types and row.path.count(".") == 1:
        return domain_of(type_)
    return DOMAINS.get(word, "")
