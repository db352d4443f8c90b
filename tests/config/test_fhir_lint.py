"""What lint says of FHIR channel files: each mistake at its line and column, with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from fhir_channel import CHANNEL, CLIENTS

from engine.config.loading import examine, lint_files

LISTED = (Path(__file__).parent / "spoiled_fhir.txt").read_text().strip().split("\n\n")
MISTAKES = [[line.replace("⏎", "\n") for line in one.split("\n")] for one in LISTED]
"""What stands in the sample, what stands there instead (⏎ is a line's end), what is said of it."""


def said(folder: Path, text: str) -> list[str]:
    path = folder / "supply.yaml"
    path.write_text(text)
    (folder / "clients.yaml").write_text(CLIENTS)
    return [str(one).removeprefix(f"{path}:") for one in sorted(examine(path).findings)]


def test_the_sample_itself_is_sound(tmp_path: Path) -> None:
    assert said(tmp_path, CHANNEL) == []


@pytest.mark.parametrize(("before", "after", "expected"), MISTAKES)
def test_a_mistake_is_found_where_it_stands(tmp_path: Path, before: str, after: str, expected: str) -> None:
    assert before in CHANNEL
    found = said(tmp_path, CHANNEL.replace(before, after, 1))
    assert [one for one in found if one.startswith(expected)], found


def test_a_path_is_of_a_release_that_is_spoken(tmp_path: Path) -> None:
    found = said(tmp_path, CHANNEL.replace("listen: tcp:8480", "listen: tcp:8480\n    releases: [R5]"))
    text = "SupplyRequest.itemCodeableConcept is in no release that this channel speaks, and is always empty"
    assert f"7:15: warning: {text} (it speaks R5)" in found


def test_hl7_and_fhir_keep_their_own_words(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        "channel: one\ndescription: d\nowner: {business: a, technical: b}\nsystems: {items: 'urn:x'}\n"
        "source: {mllp: {listen: tcp:1, message_types: [ADT]}}\nsequence_by: Patient.identifier\n"
        "effects: [{merge: {kind: person, gone: PID-3, into: PID-2}}]\ndestinations: [{ledger: {path: l}}]\n"
    )
    found = [str(one).removeprefix(f"{path}:") for one in sorted(examine(path).findings)]
    assert found[0].startswith("4:1: systems are for FHIR paths (remove it)")
    assert found[1].startswith("6:14: not a field path (write it like PID-3.1")


def beside(folder: Path, *changes: tuple[str, str]) -> list[str]:
    """What is said of a second channel at the address of the first, its resources others."""
    (folder / "a.yaml").write_text(CHANNEL)
    (folder / "clients.yaml").write_text(CLIENTS)
    text = (
        "channel: other\ndescription: d\nowner: {business: a, technical: b}\nsource:\n  fhir:\n"
        "    listen: tcp:8480\n    resources: {Account: [create]}\n    clients: clients.yaml\n"
        'sequence_by: Account.id\neffects: [{encounter: {key: "{Account.identifier}", '
        "subject: Account.subject}}]\ndestinations: [{ledger: {path: l}}]\n"
    )
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    (folder / "b.yaml").write_text(text)
    found = lint_files([folder / "a.yaml", folder / "b.yaml"])
    return [str(one).removeprefix(f"{folder}/") for one in found if one.file == str(folder / "b.yaml")]


def test_two_channels_may_be_one_door(tmp_path: Path) -> None:
    assert [one for one in beside(tmp_path) if "address" in one or "port" in one] == []


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("{Account:", "{Patient: [read], Account:", "b.yaml:7:17: {}/a.yaml takes Patient at this address"),
        ("tcp:8480", "tcp:127.0.0.1:8480", "b.yaml:6:13: {}/a.yaml listens on port 8480 already (write it"),
        (
            "clients: clients.yaml",
            "clients: clients.yaml\n    rate: 5",
            "b.yaml:9:11: {}/a.yaml shares this address and says rate",
        ),
        (
            "clients: clients.yaml",
            "clients: a.yaml",
            "b.yaml:8:14: {}/a.yaml shares this address and says clients otherwise",
        ),
    ],
)  # fmt: skip
def test_two_channels_at_one_address_that_are_no_one_door(
    tmp_path: Path, before: str, after: str, expected: str
) -> None:
    found = beside(tmp_path, (before, after))
    assert [one for one in found if one.startswith(expected.format(tmp_path))], found


def test_one_release_each_may_take_the_same_resource(tmp_path: Path) -> None:
    (tmp_path / "clients.yaml").write_text(CLIENTS)
    changed = CHANNEL.replace("listen: tcp:8480", "listen: tcp:8480\n    releases: [R4]")
    (tmp_path / "a.yaml").write_text(changed)
    (tmp_path / "b.yaml").write_text(
        changed.replace("[R4]", "[R4B]").replace("channel: supply", "channel: other")
    )
    found = lint_files([tmp_path / "a.yaml", tmp_path / "b.yaml"])
    assert [one for one in found if one.severity == "error"] == []
