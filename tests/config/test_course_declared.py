"""What a channel may declare about its courses, and what lint says of the rest."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine.config.cases.rehearsal import Trial
from engine.config.loading import examine, lint_files, load_channel

CHANNELS = Path(__file__).parents[2] / "channels"
KEY = "  key: visit\n"
ADMIT = (
    "MSH|^~\\&|HIS|GENERAL|||{sent}||ADT^{event}|{control}|P|2.5.1\r"
    "EVN||{at}\r"
    "PID|1||50001^^^GENERAL^MR\r"
    "PV1|1|I|{ward}||||||||||||||||V-1\r"
)


def channel(folder: Path, name: str = "adt-encounters", before: str = "", after: str = "") -> Path:
    shutil.copytree(CHANNELS / "tables", folder / "tables", dirs_exist_ok=True)
    text = (CHANNELS / f"{name}.yaml").read_text()
    assert before in text
    path = folder / f"{name}.yaml"
    path.write_text(text.replace(before, after, 1))
    return path


@pytest.mark.parametrize(
    ("before", "after", "finding"),
    [
        (KEY, "  key: PV1-3\n", "a course is known by a number that becomes a token"),
        (KEY, "  key: PV1-19 or PV1-3\n", "a course is known by a number that becomes a token"),
        (KEY, "", "key is missing"),
        ("  of: encounter", "  of: visit", "of cannot be visit"),
        ("  of: encounter", "  of: appointment", "no message that the channel accepts says anything of such"),
        ("EVN-6 or EVN-2 or MSH-7", "EVN-2 | timestamp", "only field paths say when it happened"),
        ("EVN-6 or EVN-2 or MSH-7", "PID-7", "PID-7"),
        (KEY, KEY + "  starts: PV1-44\n", "starts has no effect here"),
        (KEY, KEY + "  line_action: PV1-2\n", "line_action has no effect here"),
        (KEY, KEY + "  late: ignore\n", "late cannot be ignore"),
        (KEY, KEY + "  counts_as: PID-3\n", "PID-3"),
    ],
)
def test_what_cannot_be_meant_is_found(tmp_path: Path, before: str, after: str, finding: str) -> None:
    findings = examine(channel(tmp_path, before=before, after=after)).findings
    assert any(finding in str(one) for one in findings), list(map(str, findings))


def test_two_kinds_of_course_have_two_spaces(tmp_path: Path) -> None:
    paths = [
        channel(tmp_path, name, "sequence_by:", "key_space: hospital\nsequence_by:")
        for name in ("adt-encounters", "theatre-schedule")
    ]
    (finding,) = lint_files(paths)
    assert "keeps courses of another kind in the same key_space" in str(finding)


def said(trial: Trial, event: str, at: str, *, sent: str = "", ward: str = "ICU") -> tuple[str, str]:
    when = f"20261121{at}00"
    raw = ADMIT.format(event=event, at=when, sent=sent or when, control=f"{event}{at}", ward=ward)
    got = trial.say(raw.encode())
    return got.state, got.step or (got.reason.code.value if got.reason else "")


@pytest.mark.parametrize(
    ("declared", "unknown", "late"),
    [
        ("", ("effects", ""), ("filtered", "older-than-what-stands")),
        ("  unknown: dead\n", ("dead", "unknown-reference"), ("filtered", "older-than-what-stands")),
        ("  late: dead\n", ("effects", ""), ("dead", "conflict")),
    ],
)
def test_what_becomes_of_the_unknown_and_the_late_is_declared(
    tmp_path: Path, declared: str, unknown: tuple[str, str], late: tuple[str, str]
) -> None:
    loaded = load_channel(channel(tmp_path, before=KEY, after=KEY + declared))
    assert said(Trial(loaded), "A03", "1200") == unknown
    trial = Trial(loaded)
    said(trial, "A01", "0800")
    said(trial, "A03", "1200")
    assert said(trial, "A02", "0900", ward="ICU") == late


def test_a_time_in_the_future_is_told(tmp_path: Path) -> None:
    trial = Trial(load_channel(channel(tmp_path)))
    raw = ADMIT.format(event="A01", at="20361121080000", sent="20261121080000", control="1", ward="ICU")
    (warning,) = trial.say(raw.encode()).warnings
    assert (warning.place, "after the message was made" in warning.text) == ("EVN-2", True)
    assert said(trial, "A03", "0900") == ("effects", "")  # it does not outlast what happens after


def test_a_clock_that_was_put_back_makes_later_messages_older_by_name(tmp_path: Path) -> None:
    trial = Trial(load_channel(channel(tmp_path)))
    said(trial, "A01", "0800")
    said(trial, "A02", "1000", ward="3A")
    assert said(trial, "A02", "0930", ward="ED") == ("filtered", "older-than-what-stands")
