"""`wardline merges` and `wardline unmerge`."""

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
from engine.model import Delivered, Lane, Settlement


@pytest.fixture
def hospital(tmp_path: Path) -> Iterator[Hospital]:
    yield from hospitals(f"sqlite:///{tmp_path}/wardline.db")


@pytest.fixture
def run(tmp_path: Path, hospital: Hospital, monkeypatch: pytest.MonkeyPatch) -> Any:
    hospital.say("ADT^A40", "PID|1||2^^^GENERAL^MR", "MRG|1^^^GENERAL^MR")
    monkeypatch.setenv("WARDLINE_KEY", f"first:{base64.b64encode(bytes([7]) * 32).decode()}")
    monkeypatch.setenv("WARDLINE_STORE", f"sqlite:///{tmp_path}/wardline.db")
    monkeypatch.setenv("WARDLINE_USER", "officer")
    monkeypatch.setenv("WARDLINE_AUDIT_CHECKPOINTS", str(tmp_path / "checkpoints"))
    runner = CliRunner(env={"COLUMNS": "200"})
    return lambda *arguments: runner.invoke(app, arguments)


def sides(run: Any) -> tuple[str, str]:
    (line,) = json.loads(run("merges", "--json").stdout)
    return line["gone"], line["into"]


def deliver(hospital: Hospital) -> None:
    claimed = hospital.store.claim(
        "odoo:hospital-odoo", Lane.NORMAL, 10, now=300.0, lease_until=400.0, holder="me"
    )
    done = [Settlement(one.id, Delivered()) for one in claimed]
    hospital.store.settle(done, now=301.0, holder="me")


def test_a_merge_is_shown_and_taken_back_with_a_reason(run: Any, hospital: Hospital) -> None:
    gone, into = sides(run)
    assert into == hospital.person("1")
    deliver(hospital)
    result = run("unmerge", gone, "--from", into, "--why", "two persons", "--ticket", "C-7")
    assert result.exit_code == 0
    assert "odoo:hospital-odoo" in result.stdout
    assert hospital.person("1") == gone
    (recorded,) = hospital.store.entries(AuditQuery(act=Act.UNMERGE))
    assert (recorded.entry.object, recorded.entry.why, recorded.entry.ticket) == (gone, "two persons", "C-7")
    assert recorded.entry.detail["into"] == into
    assert "person" in run("merges", gone).stdout
    assert json.loads(run("merges", into, "--json").stdout)[0]["undone_at"] > 0
    assert "unmerge" in run("messages", "--id", "1").stdout


def test_what_cannot_be_taken_back_is_refused_and_not_audited(run: Any, hospital: Hospital) -> None:
    gone, into = sides(run)
    early = run("unmerge", gone, "--from", into, "--why", "x")
    assert "on its way" in str(early.exception)
    deliver(hospital)
    assert "merged into nothing" in str(run("unmerge", into, "--from", gone, "--why", "x").exception)
    assert "no token" in str(run("unmerge", gone[:-1], "--from", into, "--why", "x").exception)
    assert run("unmerge", gone, "--from", into, "--why", " ").exit_code == 2
    assert run("unmerge", gone, "--from", into).exit_code == 2
    assert hospital.store.entries(AuditQuery(act=Act.UNMERGE)) == []
    assert hospital.person("1") == into
