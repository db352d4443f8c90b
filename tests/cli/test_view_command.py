"""`wardline view`: trees with names, identity masked unless asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.cli import app

MESSAGE = "\n".join(
    [
        r"MSH|^~\&|EHR|HOSP|ENG|STORE|20261121120000||DFT^P03^DFT_P03|C1|P|2.5",
        "PID|1||7788123^^^HOSP^MR||SURNAMEX^GIVENX||19700102|F",
        "PV1|1|I|ICU^12^B^HOSP||||||||||||||||V77001",
        "FT1|1|T1||20261121||CG|G100^GLOVETEXT^L|||2",
        "ZXX|1|LOCALSECRET",
    ]
)
SECRETS = ("7788123", "SURNAMEX", "GIVENX", "19700102", "V77001", "LOCALSECRET")


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "message.hl7"
    path.write_text(MESSAGE)
    return str(path)


def run(*arguments: str, **given: str):
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["view", *arguments], **given)


def test_names_stand_beside_values_and_identity_is_masked(file: str) -> None:
    result = run(file)
    assert result.exit_code == 0
    assert "PID  patient identification" in result.stdout
    assert "<person token>" in result.stdout
    assert "<visit token>" in result.stdout
    assert "Assigned patient location · Point of care" in result.stdout
    assert "ICU" in result.stdout
    assert "G100" in result.stdout
    assert not [secret for secret in SECRETS if secret in result.output]


@pytest.mark.parametrize("code", ["7788123", "SURNAMEX", "X07788123"])
def test_identity_is_masked_where_codes_belong_too(code: str) -> None:
    """Where the guard stops a message, those who look for the reason are not shown it either."""
    (message,) = json.loads(run("-", "--json", input=MESSAGE.replace("G100", code)).stdout)
    line = next(one for one in message["lines"] if one["path"] == "FT1-7.1")
    assert (line["value"], line["treatment"], line["masked"]) == ("*****", "keep", True)
    (message,) = json.loads(run("-", "--json", "--show-phi", input=MESSAGE.replace("G100", code)).stdout)
    assert code in [line["value"] for line in message["lines"]]


def test_asked_for_identity_is_shown_with_a_warning(file: str) -> None:
    result = run(file, "--show-phi")
    assert all(secret in result.stdout for secret in SECRETS)
    assert "mind who sees" in result.stderr


def test_paths_are_ready_to_copy(file: str) -> None:
    lines = run(file, "--paths").stdout.splitlines()
    assert {"FT1-7.1", "FT1-10", "PV1-19", "PID-3.1"} <= set(lines)


def test_json_says_what_the_privacy_step_makes_of_each_place(file: str) -> None:
    (message,) = json.loads(run(file, "--json").stdout)
    found = {line["path"]: line for line in message["lines"]}
    assert found["PID-5.1"] | {"value": ""} == {
        "path": "PID-5.1", "segment": "PID", "title": "Patient name · Family name · Surname",
        "datatype": "ST",
        "value": "", "treatment": "drop", "masked": True, "row": found["PID-5.1"]["row"],
    }  # fmt: skip
    assert found["PID-5.1"]["row"].startswith("PID-5")
    assert found["PID-3.1"]["treatment"] == "token:person"
    assert "masked" not in found["FT1-10"]


def test_standard_input_may_hold_several_messages() -> None:
    result = run("-", input=MESSAGE + "\n" + MESSAGE)
    assert "message 1" in result.stdout
    assert "message 2" in result.stdout


def test_what_is_odd_is_named(tmp_path: Path) -> None:
    odd = tmp_path / "odd.hl7"
    odd.write_text(MESSAGE.replace("ZXX|", "stray words\nZXX|"))
    assert "odd but read: stray_line" in run(str(odd)).stdout


def test_a_message_that_cannot_be_read_does_not_hide_the_others(tmp_path: Path) -> None:
    bad = MESSAGE.replace("|2.5", "|2.5||||||UNICODE UTF-8", 1).encode() + b"\nNTE|1||\xff\xfe\n"
    both = tmp_path / "both.hl7"
    both.write_bytes(bad + MESSAGE.encode())
    result = run(str(both))
    assert result.exit_code == 1
    assert "message 1:" in result.stderr
    assert "── message 2" in result.stdout
    assert not [secret for secret in SECRETS if secret in result.output]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [((), "nothing to show"), (("no-such-file",), "cannot be read"), (("empty",), "no HL7 v2 message")],
)
def test_what_cannot_be_shown_is_said(
    arguments: tuple[str, ...], says: str, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").write_text("root:x:0\n")
    result = run(*arguments)
    assert result.exit_code != 0
    assert says in str(result.exception)
