"""A password on the command line is refused, or told, with where to put it instead."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.cli import app
from engine.errors import Misconfigured

SECRET = "postgresql://odoo:Hx7-secret@127.0.0.1:1/hospital"


@pytest.mark.parametrize("option", ["odoo", "store"])
def test_the_proof_takes_no_password_from_the_command_line(option: str) -> None:
    refused = CliRunner().invoke(app, ["prove-phi", f"--{option}", SECRET]).exception
    assert isinstance(refused, Misconfigured)
    assert (refused.where, "Hx7" in str(refused)) == (f"--{option}", False)
    assert f"set WARDLINE_PROOF_{option.upper()}" in str(refused)


@pytest.mark.parametrize(("by", "told"), [("option", True), ("variable", False)])
def test_a_store_s_password_on_the_command_line_is_told(
    by: str, told: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = ["--store", SECRET] if by == "option" else []
    if not given:
        monkeypatch.setenv("WARDLINE_STORE", SECRET)
    result = CliRunner().invoke(app, ["status", *given])
    assert ("seen by every account" in result.stderr) == told
    assert "Hx7" not in result.output + str(result.exception)
