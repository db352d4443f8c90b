"""`wardline find`: what it shows, what it writes into the audit, what it never says."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from merging_hospital import Hospital, hospitals
from typer.testing import CliRunner

from engine.auditing import Act, AuditQuery
from engine.cli import app

SECRETS = ("7788123", "TESTMANN")


@pytest.fixture
def hospital(tmp_path: Path) -> Iterator[Hospital]:
    yield from hospitals(f"sqlite:///{tmp_path}/wardline.db")


@pytest.fixture
def run(tmp_path: Path, hospital: Hospital, monkeypatch: pytest.MonkeyPatch) -> Any:
    hospital.say("ADT^A01", "PID|1||7788123^^^GENERAL^MR||TESTMANN", "PV1|1|I|3A||||||||||||||||V1")
    hospital.say("ADT^A31", "PID|1||7788123^^^GENERAL^MR||TESTMANN")
    monkeypatch.setenv("WARDLINE_KEY", f"first:{base64.b64encode(bytes([7]) * 32).decode()}")
    monkeypatch.setenv("WARDLINE_STORE", f"sqlite:///{tmp_path}/wardline.db")
    monkeypatch.setenv("WARDLINE_USER", "officer")
    monkeypatch.setenv("WARDLINE_AUDIT_CHECKPOINTS", str(tmp_path / "checkpoints"))
    runner = CliRunner(env={"COLUMNS": "200"})
    return lambda *arguments, **given: runner.invoke(app, ["find", *arguments], **given)


def searches(hospital: Hospital) -> list[Any]:
    return [one.entry for one in hospital.store.entries(AuditQuery(act=Act.SEARCH))]


def test_messages_are_listed_and_the_look_up_is_audited_as_a_token(run: Any, hospital: Hospital) -> None:
    result = run("7788123", "--why", "complaint", "--ticket", "C-12")
    assert result.exit_code == 0
    assert "ADT^A01" in result.stdout
    assert "person-only" in result.stdout
    (entry,) = searches(hospital)
    assert entry.who.startswith("officer@")
    assert (entry.object, entry.why, entry.ticket) == (hospital.person("7788123"), "complaint", "C-12")
    assert entry.detail["messages"] == "2"
    assert not [secret for secret in SECRETS if secret in result.output + repr(searches(hospital))]


def test_a_number_may_be_typed_where_nothing_keeps_it(run: Any) -> None:
    result = run("-", "--kind", "visit", "--json", input="V1\n")
    assert [view["type"] for view in json.loads(result.stdout)["messages"]] == ["ADT^A01"]
    assert "V1\n" not in result.output.replace('"V1"', "")


def test_what_is_not_found_is_audited_too(run: Any, hospital: Hospital) -> None:
    result = run("999")
    assert result.exit_code == 1
    assert "looked for under" in result.stderr
    assert [entry.object for entry in searches(hospital)] == ["unknown mrn"]


def test_an_authority_that_nothing_came_from_is_said(run: Any, hospital: Hospital) -> None:
    result = run("7788123", "--authority", "GENERAI")
    assert result.exit_code != 0
    assert "GENERAL" in str(result.exception)
    assert run("7788123", "--authority", "GENERAL").exit_code == 0
    assert len(searches(hospital)) == 1


@pytest.mark.parametrize("wrong", ["t1p_123", "7788123"])
def test_a_wrong_token_is_refused_without_being_repeated(run: Any, wrong: str) -> None:
    result = run(wrong, "--kind", "token")
    assert "no token" in str(result.exception)
    assert wrong not in str(result.exception)


def test_nothing_is_shown_when_it_cannot_be_audited(
    run: Any, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WARDLINE_USER", "a\tb")
    result = run("7788123")
    assert result.exit_code != 0
    assert "ADT" not in result.output
