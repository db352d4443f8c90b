"""The allow-list for FHIR against the reviewed table: every row as it says, everything else denied."""

from __future__ import annotations

from contextlib import suppress
from typing import get_args

import pytest

from engine.errors import Misconfigured
from engine.privacy.fhir_policy import FhirPolicy
from engine.privacy.fhir_readers import FhirReaders
from engine.privacy.fhir_table import fhir_table
from engine.privacy.policy import Change
from engine.privacy.rules import Forbidden, Use
from engine.privacy.table import Row

READERS = FhirReaders(FhirPolicy())
USES: tuple[Use, ...] = tuple(use for use in get_args(Use) if use != "whether")
EVERY = {"test", "value", "date", "sequence"}
GENERIC = ("*", "Identifier", "Reference", "Coding", "CodeableConcept", "Annotation", "Attachment")
DATATYPES = (*GENERIC, "HumanName", "Address", "ContactPoint", "HTTP")
ROWS = {place: row for place, row in fhir_table().rows.items() if place[0] not in DATATYPES}

READ = {
    "keep": EVERY,
    "keep-code": EVERY,
    "token": {"value", "sequence"},
    "token+keep-code": EVERY,
    "opdate": {"date"},
    "engine": {"test"},
}
"""What a place may be read for, by its treatment; anything else is for nothing."""

NAMED_IN_PARTS = {
    "Period": "start", "Timing": "event", "Range": "low", "Ratio": "numerator", "MonetaryComponent": "amount",
    "PatientLink": "type",
}  # fmt: skip
"""Datatypes that come down to nothing by themselves, and a part of each that is treated as the whole."""

CLOSED = {"Device.udiCarrier", "Parameters.parameter.valueMeta"}
"""Structures that the table treats as a whole: none of their parts is named, so none is read."""


def uses_of(path: str) -> set[str]:
    found: set[str] = set()
    for use in USES:
        with suppress(Forbidden):
            READERS.reader(path, use)
            found.add(use)
    return found


def test_a_refusal_names_the_row_and_what_to_use_instead() -> None:
    with pytest.raises(Forbidden) as refused:
        READERS.reader("Patient.name.family", "value")
    assert str(refused.value) == (
        "Patient.name.family: is dropped (Patient.name, class A): use Patient.identifier for a token"
    )
    for path, row in ((".".join(place), row) for place, row in ROWS.items() if row.treatment == "deny"):
        with pytest.raises(Forbidden) as refused:
            READERS.reader(path, "value")
        assert row.path.startswith(refused.value.rule.row)
        assert refused.value.rule.row in str(refused.value)
        assert refused.value.advice


def expected(row: Row, path: str) -> set[str]:
    if path in CLOSED:
        return set()
    if "Reference" in row.datatypes and row.treatment == "token+keep-code":
        return READ["token"]
    return READ.get(row.treatment, set())


@pytest.mark.parametrize("type_", sorted({place[0] for place in ROWS}))
def test_every_row_is_read_as_it_says(type_: str) -> None:
    for place, row in ROWS.items():
        if place[0] != type_:
            continue
        path = ".".join(place)
        part = next((NAMED_IN_PARTS[one] for one in row.datatypes if one in NAMED_IN_PARTS), "")
        if part and row.treatment in READ:
            assert uses_of(path) == set(), path
            path = f"{path}.{part}"
        assert uses_of(path) == expected(row, ".".join(place)), path


def test_all_rows_were_looked_at() -> None:
    assert len(ROWS) > 1800
    assert {row.treatment for row in ROWS.values()} >= {*READ, "deny", "drop", "scan", "recurse"}


@pytest.mark.parametrize("type_", ["SupplyRequest", "ChargeItem", "SupplyDelivery", "Patient", "Encounter"])
@pytest.mark.parametrize(
    "path",
    [
        "text", "text.div", "text.status", "contained", "contained.name", "extension",
        "extension.valueString", "modifierExtension", "language", "meta", "meta.tag", "meta.source",
        "meta.lastUpdated",
        "identifier.extension.valueString", "identifier.period.start", "identifier.type.text",
        "identifier.assigner.display", "identifier.use", "identifier.type.coding.code",
    ],
)  # fmt: skip
def test_narrative_contained_and_extensions_are_never_read(type_: str, path: str) -> None:
    with suppress(Misconfigured):  # there is no such element at all
        assert uses_of(f"{type_}.{path}") == set()


@pytest.mark.parametrize(
    "path",
    [
        "ChargeItem.code.text", "ChargeItem.code.coding.display", "ChargeItem.subject.display",
        "SupplyRequest.deliverTo.display", "ChargeItem.subject.identifier.value", "ChargeItem.subject.type",
        "ChargeItem.quantity.extension", "ChargeItem.occurrenceTiming.code.text",
        "ChargeItem.subject->Patient.name", "ChargeItem.subject->Patient.birthDate", "ChargeItem.status.id",
        "ChargeItem.service->Procedure.code", "SupplyRequest.reasonReference->Condition.code",
        "ChargeItem.note.text", "Encounter.location", "Patient.link.other.display",
    ],
)  # fmt: skip
def test_what_lies_in_a_datatype_is_denied_where_nothing_lets_it_pass(path: str) -> None:
    assert uses_of(path) == set()


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("ChargeItem.quantty", "ChargeItem has no element quantty (did you mean quantity?)"),
        (
            "ChargItem.quantity",
            "no resource that is read here is called ChargItem (did you mean ChargeItem?)",
        ),
        ("ChargeItem.code[gtn]", "there is no system gtn (name it under systems:)"),
        ("ChargeItem.status[x]", "nothing to choose from by x here"),
        ("SupplyRequest.deliverTo[Locaton]", "no resource is called Locaton (did you mean Location?)"),
        ("SupplyRequest.deliverTo[ward]", "no resource is called ward"),
        ("ChargeItem.code[Medication]", "there is no system Medication"),
    ],
)
def test_what_does_not_exist_is_said_with_what_does(path: str, said: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        READERS.reader(path, "test")
    assert said in str(refused.value)


def test_ids_are_our_own_and_those_of_people_are_tokens() -> None:
    assert uses_of("SupplyRequest.id") == uses_of("SupplyRequest.version") == EVERY
    for type_ in ("Patient", "Practitioner", "PractitionerRole"):
        assert uses_of(f"{type_}.id") == {"value", "sequence"}


@pytest.mark.parametrize(
    ("path", "chosen", "uses"),
    [
        ("SupplyRequest.deliverTo", "Location", EVERY),
        ("SupplyRequest.deliverTo", "Organization", EVERY),
        ("SupplyRequest.deliverTo", "Patient", {"value", "sequence"}),
        ("SupplyRequest.requester", "Practitioner", {"value", "sequence"}),
        ("SupplyDelivery.basedOn", "SupplyRequest", EVERY),
        ("SupplyRequest.item", "Medication", EVERY),
        ("ChargeItem.context", "Encounter", {"value", "sequence"}),
        ("ChargeItem.service", "Procedure", set()),
        ("SupplyRequest.reasonReference", "Condition", set()),
    ],
)
def test_places_and_things_are_told_and_people_are_tokens(path: str, chosen: str, uses: set[str]) -> None:
    assert uses_of(f"{path}[{chosen}]") == uses


def widened(path: str, to: str) -> set[str]:
    change = Change(path, to, "needed for billing here", "Security office")  # type: ignore[arg-type]
    readers = FhirReaders(FhirPolicy([change]))
    return {use for use in USES if _compiles(readers, path, use)}


def _compiles(readers: FhirReaders, path: str, use: Use) -> bool:
    try:
        readers.reader(path, use)
    except Forbidden:
        return False
    return True


def test_a_channel_may_widen_what_the_table_offers() -> None:
    assert widened("ChargeItem.identifier", "keep") == EVERY
    assert widened("ChargeItem.reason", "keep-code") == EVERY
    assert widened("Patient.deceasedDateTime", "year") == {"value"}
    assert widened("Device.udiCarrier.deviceIdentifier", "keep") == EVERY


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ("Patient.name", "keep"), ("Patient.birthDate", "keep"), ("Patient.birthDate", "shift"),
        ("ChargeItem.note", "scanned"),
        ("ChargeItem.note", "keep"), ("Device.udiCarrier.serialNumber", "keep"),
        ("Device.udiCarrier", "keep"), ("ChargeItem.reason", "keep"), ("Patient.address", "keep"),
        ("ChargeItem.extension", "keep"),
    ],
)  # fmt: skip
def test_a_channel_may_widen_nothing_else(path: str, to: str) -> None:
    with pytest.raises(Forbidden):
        widened(path, to)
