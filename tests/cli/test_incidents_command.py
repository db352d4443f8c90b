"""`wardline incidents`: what the guard stopped, by place and row, never by value."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from merging_hospital import Hospital
from typer.testing import CliRunner

from engine.cli import app
from engine.config.loading import load_channel

CHANNEL = """
channel: open
description: Codes pass as they are sent, so that a sender can put anything into an effect.
owner: {business: b@hospital.example, technical: t@hospital.example}
source:
  mllp: {listen: "tcp:2599", message_types: [DFT^P03]}
sequence_by: PV1-19
effects:
  - for_each: FT1
    charge: {key: "{FT1-2}", encounter: PV1-19, subject: PID-3, item: FT1-7, quantity: FT1-10 | number}
destinations:
  - ledger: {path: var/ledger.jsonl}
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("WARDLINE_KEY", f"first:{base64.b64encode(bytes([7]) * 32).decode()}")
    monkeypatch.setenv("WARDLINE_STORE", f"sqlite:///{tmp_path}/wardline.db")
    runner = CliRunner(env={"COLUMNS": "200"})
    return lambda *arguments: runner.invoke(app, ["incidents", *arguments])


def test_what_was_stopped_is_listed(tmp_path: Path, run: Any) -> None:
    (tmp_path / "open.yaml").write_text(CHANNEL)
    hospital = Hospital(f"sqlite:///{tmp_path}/wardline.db", load_channel(tmp_path / "open.yaml").program)
    hospital.say(
        "DFT^P03", "PID|1||7788123^^^GENERAL^MR||TESTMANN", "PV1|1|I|3A||||||||||||||||V1000001",
        "FT1|1|T1||20261118||CG|TESTMANN|||2", channel="open",
    )  # fmt: skip
    shown, listed, other = run(), run("--json", "--channel", "open"), run("--channel", "another")
    hospital.store.close()
    assert (shown.exit_code, listed.exit_code, other.exit_code) == (1, 1, 0)
    assert "charge.item" in shown.stdout
    assert "PID-5" in shown.stdout
    (one,) = json.loads(listed.stdout)
    assert one["entry"]["detail"] == {
        "channel": "open", "where": "routing", "place": "charge.item", "row": "PID-5",
    }  # fmt: skip
    assert "TESTMANN" not in shown.output + listed.output
