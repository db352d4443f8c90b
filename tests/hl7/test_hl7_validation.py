"""The structure of messages by hl7apy's tables: places, codes and fixed phrases, never a value."""

from __future__ import annotations

import pytest

from engine.errors import Unacceptable
from engine.hl7.validation import LARGEST, Finding, findings

GOOD = (
    r"MSH|^~\&|EHR|HOSP|ENG|STORE|20261121120000||ADT^A01^ADT_A01|C1|P|2.5" + "\r"
    "EVN||20261121120000\rPID|1||7788^^^HOSP^MR||SURNAMEX^GIVENX\rPV1|1|I|ICU^12^B^HOSP\r"
)


def check(text: str) -> list[tuple[str, str, int]]:
    return [(one.severity, one.place, one.hl7) for one in findings(text.encode())]


def test_a_message_as_the_standard_wants_it_has_no_findings() -> None:
    assert check(GOOD) == []


@pytest.mark.parametrize(
    ("spoiled", "place", "code"),
    [
        (GOOD.replace("PV1|1|I|ICU^12^B^HOSP\r", ""), "PV1", 100),
        (GOOD.replace("EVN||20261121120000\r", ""), "EVN", 100),
        (GOOD.replace("PID|1||7788^^^HOSP^MR||SURNAMEX^GIVENX", "PID|1||||SURNAMEX^GIVENX"), "PID-3", 101),
        (GOOD.replace("PV1|1|I|", "PV1|1||"), "PV1-2", 101),
        (GOOD.replace("|P|2.5", "||2.5"), "MSH-11", 101),
        (GOOD.replace("PV1|1|I|", "PV1|1|I~O|"), "PV1-2", 198),
    ],
)
def test_what_is_wrong_is_named_by_place_and_code(spoiled: str, place: str, code: int) -> None:
    assert ("E", place, code) in check(spoiled)


def test_a_code_that_its_table_does_not_have_is_only_worth_a_look() -> None:
    assert check(GOOD.replace("SURNAMEX^GIVENX", "SURNAMEX^GIVENX||19700101|Q")) == [("W", "PID-8", 103)]


@pytest.mark.parametrize("more", ["ZXX|1|local\r", "OBX|1|ST|X||Y||||||F\r"])
def test_local_segments_and_those_that_may_follow_are_no_finding(more: str) -> None:
    assert check(GOOD + more) == []


def test_a_segment_that_the_structure_does_not_expect_makes_no_message_wrong() -> None:
    assert [one for one in check(GOOD + "RGS|1\r") if one[0] == "E"] == []


def test_a_field_beyond_the_last_is_passed_over() -> None:
    assert check(GOOD.replace("EVN||20261121120000", "EVN||20261121120000|||||||||more")) == [
        ("W", "EVN", 100)
    ]


def test_withdrawn_fields_are_still_filled_and_no_finding() -> None:
    """PID-2, PID-4, PID-19 and PID-20 are withdrawn in 2.7 (hl7v2.md, section 3)."""
    old = GOOD.replace("|2.5\r", "|2.7\r").replace("PID|1||7788", "PID|1|55^^^HOSP|7788")
    assert [one for one in check(old) if one[1].startswith("PID")] == []


def test_five_encoding_characters_and_other_delimiters_are_read() -> None:
    assert check(GOOD.replace(r"|^~\&|", r"|^~\&#|")) == []
    other = GOOD.translate({ord("|"): "$", ord("^"): "%"})
    assert check(other) == []


def test_line_feeds_between_segments_are_read() -> None:
    assert check(GOOD.replace("\r", "\r\n")) == []


def test_a_choice_of_order_details_asks_for_one_of_them_alone() -> None:
    order = (
        r"MSH|^~\&|EHR|HOSP|ENG|STORE|20261121120000||ORM^O01^ORM_O01|C1|P|2.5" + "\r"
        "PID|1||7788^^^HOSP^MR||SURNAMEX^GIVENX\rORC|NW|1\rOBR|1|1||GLU^Glucose^L\r"
    )
    assert [one for one in check(order) if one[1] in {"RQD", "RQ1", "RXO", "ODS", "ODT"}] == []


def test_no_finding_holds_a_value() -> None:
    spoiled = GOOD.replace("PV1|1|I|", "PV1|1|SECRETCLASS~SECRETTOO|").replace("7788", "SECRETNUMBER" * 40)
    found = findings(spoiled.encode())
    assert found
    assert "SECRET" not in repr(found)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (GOOD.replace("|2.5\r", "|9.9\r").encode(), "not checked: no tables of this version"),
        (GOOD.encode() + b"NTE|1||" + b"x" * LARGEST + b"\r", "not checked: longer than 256 KiB"),
    ],
)
def test_what_cannot_be_checked_is_said(raw: bytes, text: str) -> None:
    assert [one.text for one in findings(raw)] == [text]
    assert findings(raw)[0].severity == "W"


def test_a_piece_of_a_message_is_not_checked() -> None:
    assert findings((GOOD.replace("PV1|1|I|ICU^12^B^HOSP\r", "DSC|next\r")).encode()) == []


def test_no_hl7_is_unacceptable() -> None:
    with pytest.raises(Unacceptable):
        findings(b"GET / HTTP/1.1")


@pytest.mark.parametrize(
    "version", ["2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5.1", "2.6", "2.7", "2.8", "2.8.2"]
)
def test_every_version_has_its_tables(version: str) -> None:
    found = findings(GOOD.replace("|2.5\r", f"|{version}\r").encode())
    assert [one for one in found if one.severity == "E" and one.place in {"EVN", "PID", "PV1"}] == []
    assert Finding("W", "MSH-12", 203, "not checked: no tables of this version") not in found
