"""`wardline view` of FHIR: every value at its path, identity masked unless asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conformance.store_contract import RING
from fhir_channel import packed, unit
from typer.testing import CliRunner

from engine.cli import app
from engine.errors import Unacceptable
from engine.privacy.fhir_policy import FhirPolicy
from engine.store.sql import open_store
from engine.workbench.resource_tree import resource_lines

CHARGE: dict[str, Any] = {
    "resourceType": "ChargeItem",
    "id": "c1",
    "text": {"status": "generated", "div": "<div>Jane Doe</div>"},
    "extension": [{"url": "urn:x", "valueString": "Jane Doe"}],
    "contained": [{"resourceType": "Patient", "id": "p", "name": [{"family": "Doe"}]}],
    "identifier": [{"system": "urn:o", "value": "T-4711"}],
    "status": "billable",
    "code": {
        "coding": [{"system": "urn:cdm", "code": "C1", "display": "Jane's"}, {"code": "C2"}],
        "text": "Doe",
    },
    "subject": {"reference": "Patient/7", "display": "Jane Doe"},
    "costCenter": {"reference": "Organization/ICU"},
    "performingOrganization": {"reference": "Patient/8"},
    "quantity": {"value": 2},
    "occurrenceDateTime": "2026-11-22",
    "note": [{"text": "Jane Doe said"}],
    "_status": {"extension": [{"url": "urn:y", "valueString": "Doe"}]},
    "nonsense": {"Doe": "Doe"},
}


def shown(*, show_phi: bool = False) -> dict[str, str]:
    raw = json.dumps(CHARGE).encode()
    return {line.path: line.value for line in resource_lines(raw, FhirPolicy(), show_phi=show_phi)}


def test_what_passes_is_shown_and_the_rest_is_masked() -> None:
    lines = shown()
    assert lines["ChargeItem.status"] == "billable"
    assert lines["ChargeItem.id"] == "c1"
    assert lines["ChargeItem.code.coding[1].code"] == "C1"
    assert lines["ChargeItem.quantity.value"] == "2"
    assert lines["ChargeItem.occurrenceDateTime"] == "2026-11-22"
    assert lines["ChargeItem.costCenter.reference"] == "Organization/ICU"
    assert lines["ChargeItem.identifier.value"] == "<txn token>"
    assert lines["ChargeItem.subject.reference"] == "<person token>"
    assert lines["ChargeItem.performingOrganization.reference"] == "<person token>"
    masked = {path for path, value in lines.items() if value == "*****"}
    assert {"ChargeItem.note.text", "ChargeItem.text.div", "ChargeItem.contained.name.family"} <= masked
    assert not any(word in value for value in lines.values() for word in ("Doe", "Jane", "T-4711"))


def test_identity_is_masked_where_codes_belong_too() -> None:
    code = {"coding": [{"system": "urn:cdm", "code": "T-471199"}]}
    told = {**CHARGE, "identifier": [{"value": "T-471199"}], "code": code}
    lines = {line.path: line for line in resource_lines(json.dumps(told).encode(), FhirPolicy())}
    assert lines["ChargeItem.code.coding.code"].value == "*****"
    assert lines["ChargeItem.code.coding.system"].value == "urn:cdm"


def test_everything_is_shown_when_asked_for() -> None:
    assert shown(show_phi=True)["ChargeItem.contained.name.family"] == "Doe"
    assert shown(show_phi=True)["ChargeItem.nonsense.Doe"] == "Doe"


@pytest.mark.parametrize("raw", [b"{", b"{}", b"[]", b'{"resourceType": 1}', b"fhir R9 x"])
def test_what_is_no_resource_is_refused(raw: bytes) -> None:
    with pytest.raises(Unacceptable):
        list(resource_lines(raw, FhirPolicy()))


def test_a_stored_resource_is_shown_by_its_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = open_store(f"sqlite:///{tmp_path}/wardline.db", RING)
    opened.write([unit("u1", ("ChargeItem", "c1", CHARGE))])
    monkeypatch.setattr("engine.cli.view.open_named", lambda _: opened)
    run = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["view", "--message", "1"])
    opened.close()
    assert run.exit_code == 0
    assert "ChargeItem.status" in run.output
    assert "<person token>" in run.output
    assert "Doe" not in run.output


def test_a_file_is_shown(tmp_path: Path) -> None:
    file = tmp_path / "charge.json"
    file.write_text(json.dumps(CHARGE, indent=2))
    run = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["view", str(file), "--json"])
    assert run.exit_code == 0
    paths = [line["path"] for line in json.loads(run.stdout)[0]["lines"]]
    assert "ChargeItem.code.coding[2].code" in paths
    file.write_bytes(packed("ChargeItem", "c1", {"status": "billed"}))
    run = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["view", str(file), "--paths"])
    assert run.output.split() == ["ChargeItem.id", "ChargeItem.status"]
