"""Privacy flags are obeyed (spec: PHI, section 7, P13): block, restrict or pass, as a channel says."""

from __future__ import annotations

from typing import Any

import pytest

from engine.config.build import build
from engine.config.spec import ChannelSpec
from engine.fhir.document import Resource
from engine.fhir.path import Path
from engine.hl7.document import Document
from engine.model import Dead, Filtered, Owner, Reason, ReasonCode, Routed, StoredMessage
from engine.pipeline import route
from engine.privacy.book import TokenBook
from engine.privacy.flags import V2_FLAGS, FhirFlags, Flags, Raised
from engine.privacy.vault import Vault
from engine.resources import ResourceKey

HEAD = "MSH|^~\\&|ADT|HOSP|||20261121||ADT^A01|C1|P|2.5.1{tags}\r"
PLAIN = HEAD.format(tags="") + "PID|1||77^^^HOSP^MR\rPV1|1|I|ICU||||||||||||||||V1\r"

CHANNEL: dict[str, Any] = {
    "channel": "flagged",
    "description": "Visits and what is wanted for them.",
    "owner": {"business": "b@x.example", "technical": "t@x.example"},
    "source": {"mllp": {"listen": "tcp:2575", "message_types": ["ADT^A01"]}},
    "sequence_by": "PV1-19",
    "effects": [
        {"encounter": {"key": "{PV1-19}", "subject": "PID-3", "state": "open"}},
        {
            "reserve": {
                "key": "{PV1-19}/bed", "item": "literal(LINEN)", "quantity": "literal(1)",
                "destination": "PV1-3.1", "subject": "PID-3", "encounter": "PV1-19",
            }
        },
        {"forward": {"segments": ["PID", "PV1"]}},
    ],
    "destinations": [{"ledger": {"path": "out"}}, {"folder": {"path": "out"}}],
}  # fmt: skip


def routed(raw: str, flags: dict[str, str]) -> tuple[object, tuple[Reason, ...]]:
    program, problems = build(ChannelSpec.model_validate({**CHANNEL, "privacy": {"flags": flags}}), {})
    assert program is not None, problems
    book = TokenBook(Vault(tenant="", index_keys={"k": bytes(32)}), lambda _: {})
    (routing,) = route([StoredMessage(1, "flagged", raw.encode(), 0.0)], program, book)
    return routing.result, routing.warnings


def at(place: str, value: str) -> str:
    """The message with one flag."""
    segment, number = place.split("-")
    blank = "|" * (int(number) - 1)
    if segment == "PV1":
        return PLAIN.replace("PV1|1|I|ICU|||||||||||||", f"PV1|1|I|ICU|||||||||||||{value}")
    if segment == "MSH":
        return PLAIN.replace(HEAD.format(tags=""), HEAD.format(tags="|" * (int(number) - 12) + value))
    return f"{PLAIN}{segment}|{blank}{value}\r"


RAISED = {
    "MSH-26": "R", "MSH-27": "NOCOLLECT", "MSH-28": "for the ward alone", "PD1-11": "N", "PD1-12": "Y",
    "PV1-16": "VIP", "PV2-21": "F", "PV2-22": "Y", "ORC-28": "R", "DG1-18": "Y",
}  # fmt: skip


def test_every_flag_of_the_table_is_known() -> None:
    assert RAISED.keys() == V2_FLAGS.keys()


@pytest.mark.parametrize("flag", RAISED)
def test_P13_a_flag_blocks_where_the_channel_says_so(flag: str) -> None:
    result, warnings = routed(at(flag, RAISED[flag]), {flag: "block"})
    assert result == Filtered("privacy-flag")
    (warning,) = warnings
    assert (warning.code, warning.owner) == (ReasonCode.PRIVACY, Owner.PRIVACY)
    assert warning.place.replace("[1]", "") == flag
    assert RAISED[flag] not in f" {warning.text} ".replace(" N ", "") or len(RAISED[flag]) == 1


@pytest.mark.parametrize("flag", RAISED)
@pytest.mark.parametrize("flags", [{}, {"PD1-12": "pass"}], ids=["unsaid", "another"])
def test_P13_a_flag_restricts_where_the_channel_says_nothing(flag: str, flags: dict[str, str]) -> None:
    if flags and flag in flags:
        pytest.skip("this one is let pass")
    result, warnings = routed(at(flag, RAISED[flag]), dict(flags))
    assert isinstance(result, Routed)
    encounter, reserve = result.effects
    assert encounter.subject.startswith("t1p_")  # type: ignore[union-attr]
    assert (reserve.subject, reserve.encounter[:4]) == ("", "t1v_")  # type: ignore[union-attr]
    assert [warning.text for warning in warnings] == ["a privacy flag: passed on to nobody"]


@pytest.mark.parametrize("flag", RAISED)
def test_P13_a_flag_passes_where_the_channel_says_so(flag: str) -> None:
    result, warnings = routed(at(flag, RAISED[flag]), {flag: "pass"})
    assert isinstance(result, Routed)
    assert [type(effect).__name__ for effect in result.effects] == ["Encounter", "Reserve", "Forward"]
    assert warnings == ()


@pytest.mark.parametrize("flag", ["MSH-26", "ORC-28"])
def test_P13_very_restricted_is_for_a_person_to_decide(flag: str) -> None:
    result, _ = routed(at(flag, "V"), {})
    assert isinstance(result, Dead)
    assert (result.reason.code, result.reason.owner) == (ReasonCode.PRIVACY, Owner.PRIVACY)
    assert isinstance(routed(at(flag, "V"), {flag: "restrict"})[0], Routed)


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        *((flag, code) for flag, codes in V2_FLAGS.items() for code in sorted(codes)),
        *((flag, '""') for flag in V2_FLAGS),
        ("PV1-16", "n"), ("ORC-28", "U^usual control^HL70177"), ("PD1-12", "N~N"),
    ],
)  # fmt: skip
def test_what_says_that_nothing_is_special_raises_nothing(flag: str, value: str) -> None:
    result, warnings = routed(at(flag, value), {flag: "block"})
    assert isinstance(result, Routed)
    assert len(result.effects) == 3
    assert warnings == ()


@pytest.mark.parametrize("value", ["U~VIP", "^only a text", "^^^R", "vip", "U&X~Y"])
def test_any_repetition_and_any_other_code_raises(value: str) -> None:
    assert routed(at("ORC-28", value), {"ORC-28": "block"})[0] == Filtered("privacy-flag")


def test_of_several_flags_and_segments_the_strictest_counts() -> None:
    flags = Flags({"PD1-12": "block", "PV1-16": "pass"})
    raw = at("PV1-16", "VIP") + "ORC|1\rORC|2" + "|" * 27 + "R\r"
    assert flags.of(Document.parse(raw.encode())) == Raised("ORC[2]-28", "restrict")
    raw += "PD1|||||||||||O|Y\r"
    assert flags.of(Document.parse(raw.encode())) == Raised("PD1[1]-12", "block")


def test_a_message_that_is_only_passed_on_comes_to_nothing_when_restricted() -> None:
    channel = {**CHANNEL, "effects": CHANNEL["effects"][2:], "destinations": [{"folder": {"path": "out"}}]}
    program, problems = build(ChannelSpec.model_validate(channel), {})
    assert program is not None, problems
    book = TokenBook(Vault(tenant="", index_keys={"k": bytes(32)}), lambda _: {})
    (routing,) = route([StoredMessage(1, "flagged", at("PD1-12", "Y").encode(), 0.0)], program, book)
    assert routing.result == Filtered("privacy-flag")


# FHIR

CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


def labelled(*labels: dict[str, str], type_: str = "ChargeItem", **more: Any) -> Resource:
    return Resource("R4", type_, "1", 1, {"resourceType": type_, "meta": {"security": list(labels)}, **more})


@pytest.mark.parametrize("system", [CONFIDENTIALITY, None])
def test_P13_a_restricted_resource_is_obeyed(system: str | None) -> None:
    label = {"code": "R"} if system is None else {"system": system, "code": "R"}
    assert FhirFlags({"meta.security": "block"}).of(labelled(label)) == Raised(
        "ChargeItem.meta.security", "block"
    )
    assert FhirFlags({}).of(labelled(label)) == Raised("ChargeItem.meta.security", "restrict")
    assert FhirFlags({"meta.security": "pass"}).of(labelled(label)) is None


@pytest.mark.parametrize("code", ["ETH", "HIV", "PSY", "SUD", "42CFRPart2", "NORDSLCD", "R"])
def test_sensitivity_restricts_and_very_restricted_is_undecided(code: str) -> None:
    assert FhirFlags({}).of(labelled({"system": ACT_CODE, "code": code})) is not None
    very = FhirFlags({}).of(labelled({"system": ACT_CODE, "code": code}, {"code": "V"}))
    assert very is not None
    assert very.obeys == "undecided"


@pytest.mark.parametrize("code", ["U", "L", "M", "N"])
def test_usual_confidentiality_and_test_data_raise_nothing(code: str) -> None:
    test_data = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}
    resource = labelled({"system": CONFIDENTIALITY, "code": code}, test_data)
    assert FhirFlags({"meta.security": "block"}).of(resource) is None


@pytest.mark.parametrize("meta", [None, "R", {"security": "R"}, {"security": ["R"]}, {}, {"security": []}])
def test_labels_that_are_none_raise_nothing(meta: Any) -> None:
    assert FhirFlags({}).of(Resource("R4", "ChargeItem", "1", 1, {"meta": meta})) is None


@pytest.mark.parametrize("contained", [True, False])
def test_P13_the_label_of_a_patient_that_is_referred_to_counts(contained: bool) -> None:
    patient = {"resourceType": "Patient", "id": "p", "meta": {"security": [{"code": "R"}]}}
    charge = labelled(subject={"reference": "#p" if contained else "Patient/p"})
    if contained:
        charge.body["contained"] = [patient]
    else:
        charge.links = {ResourceKey("R4", "Patient", "p"): Resource("R4", "Patient", "p", 1, patient)}
    follows = (Path.parse("ChargeItem.subject"),)
    assert FhirFlags({}).of(charge, follows) == Raised("Patient.meta.security", "restrict")
    assert FhirFlags({}).of(charge) is None


def test_P13_a_label_is_found_along_a_chain_of_references() -> None:
    patient = labelled({"code": "R"}, type_="Patient")
    encounter = labelled(type_="Encounter", subject={"reference": "Patient/1"})
    charge = labelled(context={"reference": "Encounter/1"})
    links = {ResourceKey("R4", one.type, "1"): one for one in (patient, encounter)}
    for one in (patient, encounter, charge):
        one.links = links
    follows = (Path.parse("ChargeItem.context->Encounter.subject"),)
    assert FhirFlags({}).of(charge, follows) == Raised("Patient.meta.security", "restrict")
