"""Single places of a message are changed, and nothing else of it."""

from __future__ import annotations

import pytest

from engine.config.cases.overriding import Unplaced, override, remove

HL7 = "MSH|^~\\&|A|B\rPID|1||5^^^H^MR~6^^^H^PI||X\rFT1|1|a\rFT1|2|b\r"


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        ("PID-3", "7^^^Z", "PID|1||7^^^Z||X"),
        ("PID-3.1", "7", "PID|1||7^^^H^MR~6^^^H^PI||X"),
        ("PID-3[2].1", "7", "PID|1||5^^^H^MR~7^^^H^PI||X"),
        ("PID-3[3]", "7", "PID|1||5^^^H^MR~6^^^H^PI~7||X"),
        ("PID-3.4.2", "7", "PID|1||5^^^H&7^MR~6^^^H^PI||X"),
        ("PID-8", "F", "PID|1||5^^^H^MR~6^^^H^PI||X|||F"),
        ("FT1[2]-2", "c", "FT1|2|c"),
        ("MSH-3", "Z", "MSH|^~\\&|Z|B"),
        ("MSH-6", "Z", "MSH|^~\\&|A|B||Z"),
    ],
)
def test_override_changes_one_place(path: str, value: str, line: str) -> None:
    changed = override(HL7, path, value).split("\r")
    assert line in changed
    assert sum(one != other for one, other in zip(changed, HL7.split("\r"), strict=True)) == 1


@pytest.mark.parametrize("path", ["FT1[3]-1", "ZZZ-1", "PID", "pid-3", "PID-0", "PID-3.1.1.1"])
def test_override_of_a_place_that_is_not_there_is_refused(path: str) -> None:
    with pytest.raises(Unplaced):
        override(HL7, path, "x")


def test_remove_takes_every_segment_of_an_id() -> None:
    assert remove(HL7, "FT1") == "MSH|^~\\&|A|B\rPID|1||5^^^H^MR~6^^^H^PI||X\r"
    with pytest.raises(Unplaced):
        remove(HL7, "OBX")
