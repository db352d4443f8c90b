"""docs/manual/reidentify.md: its commands run, its examples are taken, its words are all there are."""

from __future__ import annotations

import re
import shlex
import stat
from pathlib import Path
from typing import get_args

import pytest
import typer.main
from typer.testing import CliRunner

from engine.cli import app
from engine.cli.reidentify import reidentify
from engine.people.file import examine_people, read_people
from engine.people.words import Limits
from engine.reidentify.gate import FAILURES, LOCKED_FOR
from engine.reidentify.requests import APPROVE_WITHIN, COLLECT_WITHIN, MISSES
from engine.reidentify.words import ERRORS, PURPOSES, Why

MANUAL = (Path(__file__).parents[2] / "docs/manual/reidentify.md").read_text()


def blocks(language: str) -> list[str]:
    """The examples in this language, as one would type them."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", MANUAL, re.DOTALL | re.MULTILINE)
    return [re.sub(rf"^{indent}", "", text, flags=re.MULTILINE) for indent, text in found]


def rows(heading: str) -> list[list[str]]:
    """The cells of the tables of a section."""
    section = MANUAL.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in section.splitlines() if row[:1] == "|"]


def test_the_steps_of_setting_up_run_as_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    commands = "".join(blocks("sh")).replace("\\\n", " ").splitlines()
    assert len(commands) == 4
    for command in commands:
        program, *arguments = shlex.split(command)
        done = CliRunner().invoke(app, arguments)
        assert (program, done.exit_code) == ("wardline", 0), done.output
    assert set(read_people(tmp_path / "people.yaml").people) == {"m.weber", "j.okafor"}
    for name in ("reidentify.key", "m.weber.key", "j.okafor.key"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert (tmp_path / "reidentify.key.pub").exists()


def test_the_people_file_of_the_manual_is_right(tmp_path: Path) -> None:
    path = tmp_path / "people.yaml"
    path.write_text(blocks("yaml")[0])
    people, findings = examine_people(path)
    assert findings == []
    assert people is not None
    assert people.limits == Limits()


def test_every_setting_is_a_setting() -> None:
    said = set(re.findall(r"WARDLINE_REIDENTIFY_[A-Z_]+|WARDLINE_PERSON_[A-Z_]+", MANUAL))
    commands = typer.main.get_group(reidentify).commands.values()
    known = {str(option.envvar) for command in commands for option in command.params if option.envvar}
    known |= {
        "WARDLINE_REIDENTIFY_PUBLIC", "WARDLINE_REIDENTIFY_PRIVATE", "WARDLINE_REIDENTIFY_CA",
        "WARDLINE_PERSON_CERTIFICATE", "WARDLINE_PERSON_CERTIFICATE_KEY",
    }  # fmt: skip
    assert said - known == set()
    assert {name for name in known if "REIDENTIFY" in name or "PERSON" in name} - said <= {
        "WARDLINE_REIDENTIFY_CERTIFICATE_KEY"  # told as `…_CERTIFICATE_KEY`
    }


def test_purposes_errors_and_limits_are_those_of_the_code() -> None:
    assert [tuple(row) for row in rows("Asking") if row[0] in set(PURPOSES)] == [
        (purpose.value, text) for purpose, text in PURPOSES.items()
    ]
    errors = [row for row in rows("Over HTTP") if row[0][0].isalpha() and row[1].isdigit()]
    told = {word: int(row[1]) for row in errors for word in row[0].split(", ")}
    assert told.pop("unavailable") == 503
    assert told == {why: ERRORS[why][0] for why in get_args(Why)}
    assert (APPROVE_WITHIN, COLLECT_WITHIN, MISSES) == (4 * 3600, 900, 5)
    assert (FAILURES, LOCKED_FOR) == (5, 900)


@pytest.mark.parametrize("why", ["enumeration", "limit", "own", "locked", "people", "replaced"])
def test_alarms(why: str) -> None:
    assert [why in row[0] for row in rows("Alarms")].count(True) == 1
