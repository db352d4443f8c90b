"""AuditEvent and Provenance of a version, in every release; the X-Provenance header."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fhir.resources.auditevent import AuditEvent as AuditEvent5
from fhir.resources.provenance import Provenance as Provenance5
from fhir.resources.R4B.auditevent import AuditEvent as AuditEvent4
from fhir.resources.R4B.provenance import Provenance as Provenance4
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.fhir.audit import audit_event, provenance, read_provenance
from engine.fhir.issues import Rejected
from engine.fhir.releases import RELEASES, Release
from engine.fhir.validation import check
from engine.resources import ResourceKey, Version

CREATED = Version(
    key=ResourceKey("R4", "SupplyRequest", "7f0a"),
    version=1,
    at=1_790_000_000.25,
    deleted=False,
    message_id=41,
    created=41,
    unit="",
    client="ehr",
    request_id="req-1",
    body_hash=bytes(range(16)),
    body=b'{"deliverTo": {"display": "Jane Doe"}}',
)
UPDATED = replace(CREATED, version=2, message_id=42)
DELETED = replace(CREATED, version=3, message_id=43, deleted=True, request_id="", body_hash=b"")
VERSIONS = [(CREATED, "create", "C"), (UPDATED, "update", "U"), (DELETED, "delete", "D")]


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize(("version", "interaction", "action"), VERSIONS)
def test_an_audit_event(release: Release, version: Version, interaction: str, action: str) -> None:
    event = audit_event(version, release, observer="wardline")
    assert check(event, release, "AuditEvent") == []
    (AuditEvent5 if release == "R5" else AuditEvent4).model_validate(event)
    coding = event["code"]["coding"][0] if release == "R5" else event["subtype"][0]
    assert (coding["code"], event["action"]) == (interaction, action)
    assert event["id"] == str(version.message_id)
    assert event["recorded"] == "2026-09-21T14:13:20.250Z"
    assert event["agent"][0]["who"]["identifier"]["value"] == "ehr"
    assert event["entity"][0]["what"]["reference"] == f"SupplyRequest/7f0a/_history/{version.version}"
    details = [detail["valueString"] for detail in event["entity"][0].get("detail", [])]
    assert details == (["req-1", bytes(range(16)).hex()] if version.request_id else [])
    assert "Jane" not in json.dumps(event)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize(("version", "interaction", "action"), VERSIONS)
def test_a_provenance(release: Release, version: Version, interaction: str, action: str) -> None:
    found = provenance(version)
    assert check(found, release, "Provenance") == []
    (Provenance5 if release == "R5" else Provenance4).model_validate(found)
    assert found["target"] == [{"reference": f"SupplyRequest/7f0a/_history/{version.version}"}]
    assert found["activity"]["coding"][0]["code"] == interaction.upper()
    assert found["agent"][0]["who"]["identifier"]["value"] == "ehr"
    assert "Jane" not in json.dumps(found)


GIVEN: dict[str, Any] = {"resourceType": "Provenance", "agent": [{"who": {"display": "Zoë"}}]}


def as_header(value: object) -> str:
    """As a web server hands it over: bytes as latin-1."""
    return json.dumps(value, ensure_ascii=False).encode().decode("latin-1")


def test_a_provenance_in_a_header() -> None:
    assert read_provenance(as_header(GIVEN)) == GIVEN
    padded = {**GIVEN, "reason": "x" * (16384 - len(as_header({**GIVEN, "reason": ""})))}
    assert read_provenance(as_header(padded)) == padded
    with pytest.raises(Rejected):
        read_provenance(as_header(padded) + " ")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "{",
        "[]",
        "7",
        '"Provenance"',
        as_header({"resourceType": "Patient"}),
        as_header({}),
        "{\xff}",
        "{€}",
        '{"resourceType": "Provenance", "resourceType": "Provenance"}',
        '{"x": NaN}',
        "[" * 10_000,
        "x" * 16_385,
    ],
)
def test_what_is_no_provenance(header: str) -> None:
    with pytest.raises(Rejected) as caught:
        read_provenance(header)
    assert caught.value.status == 400


@given(st.text(max_size=40))
def test_whatever_the_header_holds(header: str) -> None:
    with pytest.raises(Rejected):
        read_provenance(header)
