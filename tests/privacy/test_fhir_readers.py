"""What a resource gives at a path: codes, quantities, places, and tokens that are those of HL7 v2."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config.cases.aliases import AliasBook
from engine.fhir.document import Resource
from engine.fhir.stored import Stored, pack
from engine.hl7.document import Document
from engine.privacy.authorities import Authorities
from engine.privacy.fhir_policy import FhirPolicy
from engine.privacy.fhir_readers import FhirReaders
from engine.privacy.policy import Change, Policy
from engine.privacy.readers import Readers
from engine.privacy.rules import Forbidden
from engine.resources import ResourceKey

HOSPITAL = {"HOSP": ["urn:oid:1.2.3", "http://hospital.example/mrn", "GENERAL"]}
SYSTEMS = {"cdm": "urn:cdm", "gtin": "urn:oid:1.3.160"}


def resource(type_: str, body: dict[str, Any], **links: dict[str, Any]) -> Resource:
    """A stored resource; `links` are others by `Type_id`."""
    made = Resource.parse(pack(Stored("R4", type_, "own-1", 3, False, json.dumps(body).encode())))
    made.links = {}
    for name, linked in links.items():
        kind, _, id_ = name.partition("_")
        key = ResourceKey("R4", kind, id_)
        made.links[key] = Resource.of(key, 1, json.dumps(linked).encode())
        made.links[key].links = made.links
    return made


class Reads:
    """Reads paths with one book: the same identifier, the same token."""

    def __init__(self, default: str = "") -> None:
        authorities = Authorities(HOSPITAL, default)
        self.fhir = FhirReaders(FhirPolicy(), authorities, SYSTEMS)
        self.hl7 = Readers(Policy(), authorities)
        self.book = AliasBook()

    def __call__(self, path: str, view: Resource, use: Any = "value") -> Any:
        return self.fhir.reader(path, use)(view, self.book)

    def v2(self, path: str, segment: str) -> Any:
        raw = f"MSH|^~\\&|HIS|GENERAL|||20261121||ADT^A01|1|P|2.5.1\r{segment}\r"
        return self.hl7.reader(path, "value")(Document.parse(raw.encode()), self.book)


def patient(value: str = "50001", system: str = "urn:oid:1.2.3", **more: Any) -> dict[str, Any]:
    return {"identifier": [{"system": system, "value": value, **more}]}


def typed(code: str) -> dict[str, Any]:
    system = "http://terminology.hl7.org/CodeSystem/v2-0203"
    return {"type": {"coding": [{"system": system, "code": code}]}}


# One person, one token (P04)


@pytest.mark.parametrize("system", ["urn:oid:1.2.3", "http://hospital.example/mrn", "1.2.3"])
@pytest.mark.parametrize("kind", [{}, typed("MR"), typed("MRN")])
def test_p04_a_person_is_the_same_in_pid_3_and_patient_identifier(system: str, kind: dict[str, Any]) -> None:
    reads = Reads()
    sent = reads.v2("PID-3", "PID|1||50001^^^GENERAL^MR")
    assert reads("Patient.identifier", resource("Patient", patient(system=system, **kind))) == sent
    assert reads.book.shown(sent) == "person:50001"
    untyped = reads.v2("PID-3", "PID|1||50001^^^&1.2.3&ISO")
    assert untyped == sent


@pytest.mark.parametrize(
    "other",
    [
        patient("50002"), patient(system="urn:oid:9.9"), patient(**typed("PI")),
        patient(system="http://hospital.example/mrn/"),
    ],
)  # fmt: skip
def test_p04_another_number_authority_or_type_is_another_person(other: dict[str, Any]) -> None:
    reads = Reads()
    assert reads("Patient.identifier", resource("Patient", other)) != reads.v2(
        "PID-3", "PID|1||50001^^^GENERAL^MR"
    )


def test_p04_a_visit_an_account_and_an_order_are_the_same_in_both() -> None:
    reads = Reads()
    visit = reads.v2("PV1-19", "PV1|1" + "|" * 18 + "V-1^^^GENERAL")
    account = reads.v2("PID-18", "PID|1" + "|" * 17 + "A-1^^^GENERAL")
    order = reads.v2("ORC-2", "ORC|NW|O-1^GENERAL")
    body = {"identifier": [{"system": "urn:oid:1.2.3", "value": "A-1", **typed("AN")},
                           {"system": "urn:oid:1.2.3", "value": "V-1", **typed("VN")}]}  # fmt: skip
    assert reads("Encounter.identifier", resource("Encounter", body)) == visit
    logical = {"identifier": {"system": "urn:oid:1.2.3", "value": "A-1"}}
    assert reads("ChargeItem.account", resource("ChargeItem", {"account": [logical]})) == account
    assert reads("SupplyRequest.identifier", resource("SupplyRequest", patient("O-1"))) == order


def test_a_reference_gives_the_token_of_the_person_behind_it() -> None:
    reads = Reads()
    sent = reads.v2("PID-3", "PID|1||50001^^^GENERAL^MR")
    charge = {"subject": {"reference": "Patient/7"}}
    assert reads("ChargeItem.subject", resource("ChargeItem", charge, Patient_7=patient())) == sent
    versioned = {"subject": {"reference": "Patient/7/_history/2"}}
    assert reads("ChargeItem.subject", resource("ChargeItem", versioned, Patient_7=patient())) == sent
    logical = {"subject": {"type": "Patient", "identifier": patient()["identifier"][0]}}
    assert reads("ChargeItem.subject", resource("ChargeItem", logical)) == sent
    contained = {
        "contained": [{"resourceType": "Patient", "id": "p", **patient()}],
        "subject": {"reference": "#p"},
    }
    assert reads("ChargeItem.subject", resource("ChargeItem", contained)) == sent
    assert reads("Patient.id", resource("Patient", patient())) == sent


def test_a_reference_to_nobody_we_know_is_a_token_of_its_own() -> None:
    reads = Reads()
    here = reads("ChargeItem.subject", resource("ChargeItem", {"subject": {"reference": "Patient/7"}}))
    assert here.startswith("t1p_")
    assert here == reads("Patient.id", Resource("R4", "Patient", "7", 1, {}))
    other = reads("ChargeItem.subject", resource("ChargeItem", {"subject": {"reference": "Patient/8"}}))
    away = {"subject": {"reference": "https://other.example/fhir/Patient/7"}}
    assert len({here, other, reads("ChargeItem.subject", resource("ChargeItem", away))}) == 3


@pytest.mark.parametrize(
    "subject",
    [
        {"reference": "Group/7"}, {"reference": "Location/7"}, {"display": "Jane Doe"},
        {"reference": "#nobody"},
        {"type": "Group", "identifier": {"system": "urn:oid:1.2.3", "value": "1"}},
        {"identifier": {"system": "urn:oid:1.2.3", "value": "unknown"}},
    ],
)  # fmt: skip
def test_what_is_no_person_has_no_persons_token(subject: dict[str, Any]) -> None:
    assert Reads()("ChargeItem.subject", resource("ChargeItem", {"subject": subject})) is None


@pytest.mark.parametrize(
    "identifier",
    [
        {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "000-00-0001"},
        {"system": "urn:oid:2.16.840.1.113883.4.1", "value": "000-00-0001"},
        {"system": "http://hl7.org/fhir/sid/passport-DEU", "value": "C01"},
        {"system": "urn:x", "value": "1", **typed("SS")}, {"system": "urn:x", "value": "1", **typed("DL")},
        {"system": "urn:x", "value": "1", "use": "old"}, {"system": "urn:x", "value": "N/A"},
        {"system": "urn:x"}, {"value": "1"}, {"system": "urn:x", "value": "  "},
    ],
)  # fmt: skip
def test_numbers_of_a_nation_old_ones_and_words_for_none_never_become_a_token(identifier: Any) -> None:
    assert Reads()("Patient.identifier", resource("Patient", {"identifier": [identifier]})) is None


def test_the_best_of_several_numbers_is_chosen_and_brackets_choose_another() -> None:
    reads = Reads()
    listed = [
        {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "000-00-0001"},
        {"system": "urn:b", "value": "77"},
        {"system": "urn:oid:1.2.3", "value": "88", **typed("PI")},
        {"system": "urn:oid:1.2.3", "value": "99", **typed("MR")},
        {"system": "urn:cdm", "value": "66", **typed("MR")},
    ]
    view = resource("Patient", {"identifier": listed})
    shown = {
        path: reads.book.shown(str(reads(f"Patient.identifier{path}", view)))
        for path in ("", "[PI]", "[MR@HOSP]", "[2]", "[cdm]")
    }
    assert shown == {
        "": "person:99", "[PI]": "person:88", "[MR@HOSP]": "person:99", "[2]": "person:77",
        "[cdm]": "person:66",
    }  # fmt: skip
    for never in ("[VN]", "[SS]"):
        with pytest.raises(Forbidden, match="never leaves"):
            reads(f"Patient.identifier{never}", view)


def test_numbers_of_a_nation_are_not_told_and_systems_only_by_name() -> None:
    """A channel may let an identifier of a charge pass as it stands: an insurer's or a nation's still does
    not, nor the address that a sender may have put where the system is named."""
    change = Change("ChargeItem.identifier", "keep", "needed for billing here", "Security office")
    readers = FhirReaders(FhirPolicy([change]), systems={"bills": "urn:bills"})
    listed = [
        {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "000-00-0001"},
        {"value": "000-00-0002", **typed("SS")},
        {"system": "urn:who:JANE", "value": "B-1"},
        {"system": "urn:bills", "value": "B-2"},
    ]
    view, book = resource("ChargeItem", {"identifier": listed}), Reads().book
    assert readers.reader("ChargeItem.identifier", "value")(view, book) == "B-1"
    assert readers.reader("ChargeItem.identifier.system", "value")(view, book) is None
    assert readers.reader("ChargeItem.identifier[bills].system", "value")(view, book) == "urn:bills"


def test_a_number_without_a_system_is_the_channels_authoritys() -> None:
    reads = Reads(default="HOSP")
    assert reads("Patient.identifier", resource("Patient", {"identifier": [{"value": "50001"}]})) == reads.v2(
        "PID-3", "PID|1||50001^^^GENERAL^MR"
    )


# Codes, quantities, dates, places


def test_a_concept_gives_the_code_that_a_person_selected_or_the_first_or_that_of_a_system() -> None:
    reads = Reads()
    codings = [
        {"system": "urn:cdm", "code": "C1", "version": "2"},
        {"system": "urn:oid:1.3.160", "code": "0401", "userSelected": True},
    ]
    view = resource("ChargeItem", {"code": {"coding": codings, "text": "Jane Doe"}})
    assert reads("ChargeItem.code", view) == "0401"
    assert reads("ChargeItem.code[cdm]", view) == "C1"
    assert reads("ChargeItem.code.coding[1].code", view) == "C1"
    assert reads("ChargeItem.code[cdm].version", view) == "2"
    assert reads("ChargeItem.code.system", view) == "urn:oid:1.3.160"
    assert reads("ChargeItem.code", resource("ChargeItem", {"code": {"text": "Jane Doe"}})) is None


def test_p13_security_labels_can_be_tested_and_never_go_out() -> None:
    reads = Reads()
    labels = [{"system": "urn:x", "code": "N"}, {"system": "urn:cdm", "code": "R", "display": "Jane Doe"}]
    view = resource("ChargeItem", {"meta": {"security": labels}})
    assert reads("ChargeItem.meta.security[cdm]", view, "test") == "R"
    assert reads("ChargeItem.meta.security", view, "test") == "N"
    for use in ("value", "date", "sequence"):
        with pytest.raises(Forbidden):
            reads.fhir.reader("ChargeItem.meta.security[cdm]", use)  # type: ignore[arg-type]


def test_r5_says_the_same_through_codeable_references() -> None:
    reads = Reads()
    concept = {"item": {"concept": {"coding": [{"system": "urn:cdm", "code": "G100"}]}}}
    assert reads("SupplyRequest.item[cdm]", resource("SupplyRequest", concept)) == "G100"
    linked = {"item": {"reference": {"reference": "Medication/m"}}}
    medication = {"code": {"coding": [{"code": "PARA500"}]}}
    view = resource("SupplyRequest", linked, Medication_m=medication)
    assert reads("SupplyRequest.item->Medication.code", view) == "PARA500"
    assert reads("SupplyRequest.item.reference[Medication]", view) == "m"
    assert reads("SupplyRequest.item[Medication]", view) == "m"
    assert reads("SupplyRequest.item[Substance]", view) is None
    assert reads("SupplyRequest.item", view) is None


def test_numbers_are_read_as_they_were_sent() -> None:
    raw = b'{"quantity": {"value": 1.10, "code": "{pack}"}, "factorOverride": 1,'
    raw += b' "priceOverride": {"value": 2e1}}'
    view = Resource.parse(pack(Stored("R4", "ChargeItem", "1", 1, False, raw)))
    reads = Reads()
    assert reads("ChargeItem.quantity", view) == "1.10"
    assert reads("ChargeItem.quantity.code", view) == "{pack}"
    assert reads("ChargeItem.factorOverride", view) == "1"
    assert reads("ChargeItem.priceOverride.value", view) == "20"


def test_places_and_things_are_told_by_their_ids_and_nobody_else_is() -> None:
    reads = Reads()
    at = "SupplyRequest.deliverTo[Location]"
    assert reads(at, resource("SupplyRequest", {"deliverTo": {"reference": "Location/OR1"}})) == "OR1"
    for told in ("Patient/OR1", "Organization/OR1", "https://x.example/Location/OR1", "#OR1", "OR1"):
        assert reads(at, resource("SupplyRequest", {"deliverTo": {"reference": told}})) is None
    view = resource("SupplyRequest", {"deliverFrom": {"reference": "Patient/7"}})
    assert reads("SupplyRequest.deliverFrom", view) is None


def test_requests_are_told_by_their_ids_where_they_are_stored_here() -> None:
    reads, path = Reads(), "SupplyDelivery.basedOn[SupplyRequest]"
    body = {"basedOn": [{"reference": "SupplyRequest/Jane-Doe"}, {"reference": "SupplyRequest/s-1"}]}
    assert reads(path, resource("SupplyDelivery", body)) is None
    assert reads(path, resource("SupplyDelivery", body, **{"SupplyRequest_s-1": {}})) == "s-1"


def test_what_a_reference_says_itself_stands_in_for_a_resource_that_is_not_here() -> None:
    reads, path = Reads(), "SupplyRequest.deliverTo->Location.identifier"
    logical = {"deliverTo": {"type": "Location", "identifier": {"system": "urn:w", "value": "4W"}}}
    assert reads(path, resource("SupplyRequest", logical)) == "4W"
    stored = {"deliverTo": {"reference": "Location/9"}}
    view = resource("SupplyRequest", stored, Location_9={"identifier": [{"value": "5W"}]})
    assert reads(path, view) == "5W"
    other = {"deliverTo": {"type": "Patient", "identifier": {"system": "urn:w", "value": "4W"}}}
    assert reads(path, resource("SupplyRequest", other)) is None


def test_a_path_of_another_type_gives_nothing() -> None:
    view = resource("SupplyRequest", {"status": "active", "identifier": [{"system": "urn:o", "value": "A1"}]})
    for path in ("ChargeItem.status", "ChargeItem.id", "Patient.id", "Patient.identifier", "ChargeItem.code"):
        assert Reads()(path, view) is None
    assert Reads()("SupplyRequest.id", view) == "own-1"
    assert Reads()("SupplyRequest.version", view) == "3"


def test_a_deletion_reads_as_entered_in_error() -> None:
    view = Resource.parse(pack(Stored("R4", "ChargeItem", "1", 2, True, b'{"status": "billable"}')))
    assert Reads()("ChargeItem.status", view) == "entered-in-error"


def test_each_element_is_read_by_itself() -> None:
    items = [
        {"quantity": {"value": n}, "itemCodeableConcept": {"coding": [{"code": f"G{n}"}]}} for n in (1, 2)
    ]
    view = resource("SupplyDelivery", {"status": "completed", "suppliedItem": items})
    reads, found = Reads(), view.groups("SupplyDelivery.suppliedItem")
    at = "SupplyDelivery.suppliedItem.itemCodeableConcept"
    assert [reads(at, one) for one in found] == ["G1", "G2"]  # type: ignore[arg-type]
    assert [reads("SupplyDelivery.status", one) for one in found] == ["completed"] * 2  # type: ignore[arg-type]
    reader = reads.fhir.reader(at, "value")
    assert found[1].place(reader.at) == "SupplyDelivery.suppliedItem[2].itemCodeableConcept"  # type: ignore[arg-type]
    assert reads("SupplyDelivery.suppliedItem[1].quantity", found[1]) == "1"  # type: ignore[arg-type]
    assert view.groups("ChargeItem.performer") == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "coding",
                    "code",
                    "reference",
                    "identifier",
                    "value",
                    "system",
                    "type",
                    "concept",
                    "use",
                    "id",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
PATHS = [
    "ChargeItem.code", "ChargeItem.code[cdm].version", "ChargeItem.subject", "ChargeItem.quantity",
    "ChargeItem.identifier", "ChargeItem.identifier.system", "ChargeItem.product", "ChargeItem.costCenter",
    "ChargeItem.subject->Patient.identifier", "ChargeItem.context->Encounter.class",
    "ChargeItem.partOf[ChargeItem]",
]  # fmt: skip


@given(st.sampled_from(PATHS), JSON, JSON)
def test_whatever_stands_there_is_text_or_nothing(path: str, value: Any, linked: Any) -> None:
    name = path.partition(".")[2].partition("[")[0].partition("-")[0].partition(".")[0]
    view = resource("ChargeItem", {name: value, "contained": linked}, Patient_7={"identifier": linked})
    found = Reads()(path, view)
    assert found is None or isinstance(found, str)
