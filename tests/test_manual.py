"""The manual names what there is: settings, metrics, reasons, states, commands."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from typer.main import get_command

from engine.auditing import Act
from engine.cli import app
from engine.model import MessageState, ReasonCode
from engine.settings import Settings

MANUAL = Path(__file__).parent.parent / "docs" / "manual"
OPERATE = (MANUAL / "operate.md").read_text()
INSTALL = (MANUAL / "install.md").read_text()


@pytest.mark.parametrize("name", [field.name for field in msgspec.structs.fields(Settings)])
def test_every_setting_is_in_the_manual(name: str) -> None:
    assert f"WARDLINE_{name.upper()}" in INSTALL


@pytest.mark.parametrize("state", [state.value for state in MessageState])
def test_every_state_is_in_the_manual(state: str) -> None:
    assert f"| {state} |" in OPERATE


@pytest.mark.parametrize("act", list(Act))
def test_every_act_of_the_audit_is_in_the_manual(act: str) -> None:
    assert f"| `{act}` |" in (MANUAL / "audit.md").read_text()


DEAD = set(ReasonCode) - {
    ReasonCode.FRAMING, ReasonCode.NOT_HL7, ReasonCode.OVERSIZE, ReasonCode.UNKNOWN_TYPE,
    ReasonCode.UNKNOWN_EVENT, ReasonCode.PROCESSING_ID, ReasonCode.VERSION, ReasonCode.CHARSET,
    ReasonCode.CONTROL_ID_REUSED, ReasonCode.SEQUENCE_NUMBER,
}  # fmt: skip
"""The others are quarantine: the sender's business, explained by their ERR segment."""


@pytest.mark.parametrize("code", sorted(code.value for code in DEAD))
def test_every_reason_of_a_dead_letter_has_a_way_out_in_the_manual(code: str) -> None:
    assert code in OPERATE


def test_every_command_of_the_readme_exists() -> None:
    readme = (MANUAL.parent.parent / "README.md").read_text()
    commands = get_command(app).commands  # type: ignore[attr-defined]
    for name in commands:
        assert name in readme or name == "schema", name
