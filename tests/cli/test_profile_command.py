"""`wardline profile`: learn from samples, report drift."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.cli import app
from engine.config.profiles import read_profile, written
from engine.errors import Misconfigured


def adt(patient_class: str = "I", name: str = "SURNAMEX", more: str = "") -> str:
    return (
        "MSH|^~\\&|EHR|HOSP|ENG|STORE|20261121||ADT^A01|C1|P|2.5\n"
        f"PID|1||7788123^^^HOSP^MR||{name}^GIVENX||19700102|F\nPV1|1|{patient_class}|ICU\n{more}"
    )


def run(*arguments: object):
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["profile", *map(str, arguments)])


@pytest.fixture
def samples(tmp_path: Path) -> list[Path]:
    files = [tmp_path / "one.hl7", tmp_path / "many.hl7"]
    files[0].write_text(adt())
    files[1].write_text("BHS|^~\\&\n" + adt("O") * 25 + "BTS|25\n")
    return files


def test_a_profile_is_learned_and_holds_nothing_that_identifies(samples: list[Path], tmp_path: Path) -> None:
    result = run(*samples, "-o", tmp_path / "ehr.yaml")
    assert (result.exit_code, "learned from 26 messages" in result.stderr) == (0, True)
    text = (tmp_path / "ehr.yaml").read_text()
    assert not [word for word in ("SURNAMEX", "GIVENX", "7788123", "19700102") if word in text]
    known = read_profile(tmp_path / "ehr.yaml")
    assert known.types["ADT^A01"].segments["PV1"].fields[2].codes == ["I", "O"]
    assert known.types["ADT^A01"].segments["PID"].fields[8].codes == []  # sex does not leave
    assert written(known) == text


def test_a_number_of_the_patient_where_a_code_belongs_is_not_learned(tmp_path: Path) -> None:
    file = tmp_path / "one.hl7"
    file.write_text(adt("7788123") + adt("SURNAMEX") + adt("O"))
    result = run(file, "-o", tmp_path / "ehr.yaml")
    assert result.exit_code == 0
    assert read_profile(tmp_path / "ehr.yaml").types["ADT^A01"].segments["PV1"].fields[2].codes == ["O"]


def test_samples_do_not_depart_from_their_own_profile(samples: list[Path], tmp_path: Path) -> None:
    run(*samples, "-o", tmp_path / "ehr.yaml")
    result = run(*samples, "--against", tmp_path / "ehr.yaml")
    assert (result.exit_code, result.stdout) == (0, "")


def test_drift_is_told_once_with_its_number_of_messages(samples: list[Path], tmp_path: Path) -> None:
    run(*samples, "-o", tmp_path / "ehr.yaml")
    drifted = tmp_path / "new.hl7"
    drifted.write_text(adt("X") * 3 + adt(more="ZPV|1|SECRETLOCAL\n"))
    result = run(drifted, "--against", tmp_path / "ehr.yaml", "--json")
    assert result.exit_code == 1
    found = [(row["messages"], *row["finding"].values()) for row in json.loads(result.stdout)]
    assert found == [
        (3, "E", "PV1-2", 103, "a code that the profile does not have"),
        (1, "W", "ZPV", 100, "a segment that the profile does not have"),
    ]
    assert "SECRETLOCAL" not in run(drifted, "--against", tmp_path / "ehr.yaml").output


def test_files_that_cannot_be_read_are_named_and_the_rest_is_learned(
    samples: list[Path], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.txt"
    broken.write_text("no message here")
    result = run(*samples, broken)
    assert result.exit_code == 1
    assert "broken.txt: no HL7 v2 message in it" in result.stderr
    assert "messages: 26" in result.stdout


@pytest.mark.parametrize(
    "text", ["messages: many", "types: [a, b]", "{", "types: {ADT: {segments: {PID: 3}}}"]
)
def test_what_is_no_profile_is_refused_with_its_place(text: str, tmp_path: Path) -> None:
    file = tmp_path / "spoiled.yaml"
    file.write_text(text)
    with pytest.raises(Misconfigured, match="not a profile") as refused:
        read_profile(file)
    assert "spoiled.yaml" in str(refused.value)
