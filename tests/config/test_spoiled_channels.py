"""Each spoiled channel file is found out, at its line and column, with a hint (and so is each of
two that cannot run side by side)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.config.loading import examine, lint_files, load_channel, load_channels
from engine.errors import Misconfigured

FOLDER = Path(__file__).parent / "spoiled"

EXPECTED = {
    "alias": ("3:50", "aliases", "quote a text"),
    "credit-of-nothing": ("15:7", "quantity is missing", "whole: yes"),
    "credit-of-what-stands": ("18:7", "item does not go with whole", "all that stands"),
    "folder-pattern": ("7:14", "names in the folder itself", "*.hl7"),
    "identity-in-key": ("16:22", "PATIENT_NAME", "PID-3 for a token"),
    "message-type": ("7:21", "not a message type", "ADT^A01"),
    "misspelt-choice": ("7:18", "acknowledge cannot be storge", "did you mean storage?"),
    "missing-key": ("1:1", "sequence_by is missing", "in order"),
    "missing-table": ("10:10", "no file tables/item.csv", "did you mean tables/items.csv?"),
    "no-effect": ("12:5", "makes no effect", "add one of: reserve"),
    "nobody-hears": ("7:15", "nobody is told", "acknowledge: storage"),
    "not-a-path": ("17:18", "not a field path", "PID-3.1"),
    "open-to-all": ("6:13", "without TLS", "insecure_ok"),
    "ragged-table": ("3:3", "the row has 3 cells", "must be quoted"),
    "repeated-code": ("4:1", "1 has a row on line 2 already", "one row per code"),
    "secret": ("7:50", "looks like a secret", "env:NAME"),
    "tab": ("15:1", "a tab", "indent with spaces"),
    "time-zone": ("7:15", "no such time zone", "Europe/Berlin"),
    "token-in-condition": ("14:25", "replaced by a token", "no place in a condition"),
    "two-destinations-in-one": ("22:5", "has one kind", "another entry"),
    "two-effects": ("15:5", "makes one effect", "a rule of its own"),
    "two-sources": ("5:3", "source has exactly one kind", "mllp:, folder: or fhir:"),
    "unclosed-call": ("18:41", "expected )", "close the arguments"),
    "unknown-column": ("18:37", "no column itm", "did you mean item?"),
    "unknown-key": ("2:1", "unknown key descripton", "did you mean description?"),
    "unknown-table": ("18:30", "no table itmes", "did you mean items?"),
    "unknown-verb": ("19:26", "no verb nubmer", "did you mean number?"),
    "unquoted-key": ("16:19", "does not fit", "starts with { or ["),
    "unreachable-rule": ("14:34", "no message that the channel accepts", "P03"),
    "value-beside-another": ("20:13", "the value charged ends in verbs", "put them after the whole"),
    "value-called-like-a-path": ("12:3", "pv1-19 looks like a field path", "choose another name"),
    "value-called-like-a-verb": ("12:3", "number is a word of expressions", "choose another name"),
    "value-in-a-condition": (
        "12:10",
        "replaced by a token (ID_NUMBER, class R), used on line 16",
        "no place",
    ),
    "value-in-folds": ("14:20", "PATIENT_NAME, class A), used on line 22", "PID-3 for a token"),
    "value-misspelt": ("12:36", "the table has no column itm, used on line 20", "did you mean item?"),
    "value-nobody-may-read": ("12:20", "PATIENT_NAME, class A), used on lines 16, 20", "PID-3 for a token"),
    "value-not-there": ("20:18", "there is no value visti", "did you mean visit?"),
    "value-of-no-event": ("16:32", "no message that the channel accepts", "P03"),
    "value-of-itself": ("12:20", "visit is not known yet here, used on line 19", "those before it"),
    "widen-not-offered": ("12:12", "PATIENT_NAME", "offers nothing else"),
    "written-twice": ("9:1", "sequence_by is written twice", "line 8"),
}
WARNED = {
    "same-key-for-all": ("16:12", "the key is the same for every FT1", "{FT1-1}"),
    "unused-value": ("13:3", "no expression uses the value unread", "remove it"),
    "unused-table": ("11:3", "no expression uses the table kits", "remove it"),
}
IN_TABLE = {"ragged-table": "tables/ragged.csv", "repeated-code": "tables/repeated.csv"}


def test_every_spoiled_file_is_expected() -> None:
    files = {path.stem for path in FOLDER.glob("*.yaml")}
    assert files == EXPECTED.keys() | WARNED.keys()
    assert len(EXPECTED) >= 20


@pytest.mark.parametrize("name", EXPECTED)
def test_spoiled_channel_is_found_out(name: str) -> None:
    where, text, hint = EXPECTED[name]
    path = FOLDER / f"{name}.yaml"
    findings = [str(finding) for finding in examine(path).findings if finding.severity == "error"]
    file = FOLDER / IN_TABLE.get(name, path.name)
    at = f"{file}:{where}: "
    found = next((finding for finding in findings if finding.startswith(at)), None)
    assert found is not None, findings
    assert text in found
    assert hint in found
    with pytest.raises(Misconfigured) as refused:
        load_channel(path)
    assert at in str(refused.value)


@pytest.mark.parametrize("name", WARNED)
def test_doubtful_channel_is_warned_of_and_runs(name: str) -> None:
    where, text, hint = WARNED[name]
    path = FOLDER / f"{name}.yaml"
    (finding,) = examine(path).findings
    assert str(finding).startswith(f"{path}:{where}: warning: ")
    assert text in str(finding)
    assert hint in str(finding)
    assert load_channel(path).spec.channel == name


def test_every_finding_has_the_form_that_editors_know() -> None:
    form = re.compile(r"[^:]+:[1-9][0-9]*:[1-9][0-9]*: (warning: )?\S.*")
    findings = lint_files(sorted(FOLDER.glob("*.yaml")))
    assert findings == sorted(findings)
    assert all(form.fullmatch(str(finding)) for finding in findings)
    assert not any("pydantic" in str(finding).lower() for finding in findings)


def test_two_channels_cannot_share_a_name_or_a_port(tmp_path: Path) -> None:
    text = (FOLDER / "unused-table.yaml").read_text().replace("  kits: tables/repeated.csv\n", "")
    tables = tmp_path / "tables"
    tables.mkdir()
    (tables / "items.csv").write_bytes((FOLDER / "tables/items.csv").read_bytes())
    (tmp_path / "a.yaml").write_text(text)
    (tmp_path / "b.yaml").write_text(text)
    found = [str(finding) for finding in lint_files([tmp_path / "a.yaml", tmp_path / "b.yaml"])]
    assert found == [
        f"{tmp_path}/b.yaml:1:10: {tmp_path}/a.yaml is called unused-table too (choose another name)",
        f"{tmp_path}/b.yaml:6:13: {tmp_path}/a.yaml listens on port 2600 already (choose another port)",
    ]
    with pytest.raises(Misconfigured, match="choose another port"):
        load_channels(tmp_path)


def test_two_channels_cannot_take_files_from_one_folder(tmp_path: Path) -> None:
    text = (FOLDER / "folder-pattern.yaml").read_text().replace("in/*.hl7", "'*.hl7'")
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables/items.csv").write_bytes((FOLDER / "tables/items.csv").read_bytes())
    (tmp_path / "a.yaml").write_text(text)
    (tmp_path / "b.yaml").write_text(
        text.replace("channel: f", "channel: g").replace("/srv/in", "/srv/./in/")
    )
    found = [str(finding) for finding in lint_files([tmp_path / "a.yaml", tmp_path / "b.yaml"])]
    assert found == [f"{tmp_path}/b.yaml:6:11: {tmp_path}/a.yaml takes its files too (choose another folder)"]


def test_a_folder_without_channels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no channel file"):
        load_channels(tmp_path)
