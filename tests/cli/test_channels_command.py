"""`wardline lint | test | try | schema`: what they print and how they end."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from engine.cli import channels, testing, trying
from engine.config.schema import published
from engine.errors import Misconfigured

ROOT = Path(__file__).parents[2]
SPOILED = ROOT / "tests/config/spoiled"

app = typer.Typer(pretty_exceptions_enable=False)
app.command("lint")(channels.lint)
app.command("test")(testing.test)
app.command("try")(trying.try_)
app.command("schema")(channels.schema)


def _run(*arguments: object, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)


def test_lint_passes_what_is_shipped() -> None:
    done = _run("lint", ROOT / "channels")
    assert (done.exit_code, done.stdout) == (0, "")
    shipped = {path for path in (ROOT / "channels").glob("*.yaml") if ".test." not in path.name}
    assert done.stderr == f"{len(shipped)} channels: 0 errors, 0 warnings\n"


def test_lint_fails_with_file_line_column_and_hint() -> None:
    done = _run("lint", SPOILED / "unknown-verb.yaml")
    assert done.exit_code == 1
    assert (
        done.stdout == f"{SPOILED}/unknown-verb.yaml:19:26: there is no verb nubmer (did you mean number?)\n"
    )


def test_lint_warns_without_failing() -> None:
    done = _run("lint", SPOILED / "unused-table.yaml")
    assert done.exit_code == 0
    assert ":11:3: warning: " in done.stdout


def test_lint_prints_json() -> None:
    done = _run("lint", SPOILED / "tab.yaml", "--json")
    assert done.exit_code == 1
    (finding,) = json.loads(done.stdout)
    assert finding == {
        "file": str(SPOILED / "tab.yaml"),
        "line": 15,
        "column": 1,
        "text": "a tab",
        "hint": "indent with spaces",
        "severity": "error",
    }


@pytest.mark.parametrize("command", ["lint", "test"])
def test_a_path_that_is_not_there_is_said(command: str, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no such file"):
        CliRunner().invoke(app, [command, str(tmp_path / "none")], catch_exceptions=False)
    with pytest.raises(Misconfigured, match="no channel file"):
        CliRunner().invoke(app, [command, str(tmp_path)], catch_exceptions=False)


def test_test_passes_what_is_shipped(tmp_path: Path) -> None:
    done = _run("test", ROOT / "channels", "--junit", tmp_path / "junit.xml")
    assert done.exit_code == 0
    assert "pass  adt-encounters: an admission opens the visit" in done.stdout
    assert 'failures="0"' in (tmp_path / "junit.xml").read_text()


def test_test_runs_one_channel_and_prints_json() -> None:
    done = _run("test", ROOT / "channels", "--channel", "dft-charges", "--json")
    assert done.exit_code == 0
    assert {result["channel"] for result in json.loads(done.stdout)} == {"dft-charges"}


def test_test_fails_at_the_line_that_is_not_met(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "channels", tmp_path / "channels")
    cases = tmp_path / "channels/theatre-schedule.test.yaml"
    text = cases.read_text()
    cases.write_text(text.replace("destination: WH/Theatre/OR1", "destination: WH/Theatre/OR7", 1))
    line = text[: text.index("destination: WH/Theatre/OR1")].count("\n") + 1
    done = _run("test", tmp_path / "channels")
    assert done.exit_code == 1
    assert "FAIL  theatre-schedule: a booking reserves the kit" in done.stdout
    assert f"{cases}:{line}:26: destination: expected WH/Theatre/OR7, got WH/Theatre/OR1" in done.stdout


def test_test_fails_for_a_channel_that_does_not_load() -> None:
    done = _run("test", SPOILED / "unknown-verb.yaml")
    assert done.exit_code == 1
    assert "unknown-verb.yaml:19:26: there is no verb nubmer" in done.stdout


def test_test_fails_when_no_channel_has_the_name() -> None:
    assert _run("test", ROOT / "channels", "--channel", "nobody").exit_code == 1


CHARGE = ROOT / "tests/fixtures/hl7/dft-p03-charge.hl7"


def test_try_shows_answer_and_effects_with_readable_tokens() -> None:
    done = _run("try", ROOT / "channels/dft-charges.yaml", CHARGE)
    assert done.exit_code == 0
    assert done.stdout.startswith("answer: AA\nstate: effects\n")
    assert '"key": "dft-charges/txn:T-1001/270001"' in done.stdout
    assert "TESTMANN" not in done.output


def test_try_reads_a_framed_message_from_standard_input() -> None:
    framed = b"\x0b" + CHARGE.read_bytes() + b"\x1c\r"
    done = _run("try", ROOT / "channels/dft-charges.yaml", "-", "--json", stdin=framed)
    said = json.loads(done.stdout)
    assert (said["acknowledgement"], said["state"], said["sequence_key"]) == ("AA", "effects", "visit:V-7001")
    assert "MSA|AA|FIX-P03-1" in said["answer"]
    assert [list(effect) for effect in said["effects"]] == [["charge"], ["consume"]]


def test_try_says_why_not_and_fails(tmp_path: Path) -> None:
    message = tmp_path / "m.hl7"
    message.write_bytes(CHARGE.read_bytes().replace(b"270001", b"999999"))
    done = _run("try", ROOT / "channels/dft-charges.yaml", message)
    assert done.exit_code == 1
    assert "reason: unmapped-code at FT1[1]-7:" in done.stdout
    assert "999999" not in done.stdout.partition("──")[0]
    assert "lookup(items, charge_as) → refused" in done.stdout


def test_schema_is_printed_and_written(tmp_path: Path) -> None:
    assert json.loads(_run("schema").stdout)["title"] == "A Wardline channel"
    assert json.loads(_run("schema", "--effects").stdout)["title"] == "Canonical effects"
    assert _run("schema", "--write", tmp_path).exit_code == 0
    assert {path: (tmp_path / path).read_text() for path in published()} == published()
