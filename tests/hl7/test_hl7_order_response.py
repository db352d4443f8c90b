"""engine.hl7.order_response: what an answer to orders says, byte for byte."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.hl7.acknowledgement import ErrorItem, build
from engine.hl7.document import Document
from engine.hl7.header import read_header
from engine.hl7.order_response import ANSWERED_BY, order_response

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def orders(*segments: str, kind: str = "OMS^O05^OMS_O05", version: str = "2.5.1", charset: str = "") -> bytes:
    head = rf"MSH|^~\&|WARDS|GENERAL|ENG|GENERAL|20261121||{kind}|C1|P|{version}||||||{charset}"
    return "\r".join([head, "PID|1||50001^^^H^MR||TESTMANN^TESSA", *segments, ""]).encode("latin-1")


def answer(raw: bytes, *, done: bool = True) -> list[str]:
    """The answer's segments."""
    header = read_header(raw)
    errors = () if done else (ErrorItem(103, "RQD[1]-4.1"),)
    built = build(
        header, "AA" if done else "AE", control_id="N", now=NOW, own_application="W", own_facility="",
        errors=errors, response=order_response(raw, header, done=done),
    )  # fmt: skip
    assert built.endswith(b"\r")
    return built.decode("latin-1").split("\r")[:-1]


@pytest.mark.parametrize(
    ("request_", "done", "unable"),
    [
        ("NW", "OK", "UA"), ("CA", "CR", "UC"), ("DC", "DR", "UD"), ("HD", "HR", "UH"), ("RL", "OR", "UR"),
        ("RP", "RQ", "UM"), ("XO", "XR", "UX"), ("SN", "OK", "UA"), ("", "OK", "UA"),
    ],
)  # fmt: skip
def test_each_request_has_its_two_answers(request_: str, done: str, unable: str) -> None:
    raw = orders(f"ORC|{request_}|P-1^WARDS|F-1^STORE||||||20261121|9^NURSE^NORA", "RQD|1|||X|2")
    assert answer(raw)[1:] == ["MSA|AA|C1", f"ORC|{done}|P-1^WARDS|F-1^STORE"]
    assert answer(raw, done=False)[1:] == [
        "MSA|AE|C1",
        "ERR||RQD^1^4^1^1|103^Table value not found^HL70357|E",
        f"ORC|{unable}|P-1^WARDS|F-1^STORE",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ANSWERED_BY)
@pytest.mark.parametrize(("version", "parts"), [("2.1", 2), ("2.3", 2), ("2.3.1", 3), ("2.8.2", 3)])
def test_the_type_is_the_answer_s_own_in_the_shape_of_the_version(
    kind: str, version: str, parts: int
) -> None:
    answered = ANSWERED_BY[kind]
    msh = answer(orders("ORC|NW|P-1", kind=kind, version=version))[0].split("|")
    assert msh[8] == "^".join([*answered, "_".join(answered)][:parts])
    assert msh[11] == version


def test_every_order_of_a_message_is_named_in_its_order() -> None:
    raw = orders("ORC|NW|P-1", "RQD|1|||X", "NTE|1||FOR TESSA", "ORC|CA||F-2", "ORC|XO|P-3~P-4^A&B\\T\\C|F-3")
    assert answer(raw)[2:] == ["ORC|OK|P-1", "ORC|CR||F-2", "ORC|XR|P-3~P-4^A&B\\T\\C|F-3"]


def test_nothing_else_of_the_message_is_in_it() -> None:
    text = "\r".join(answer(orders("ORC|NW|P-1|F-1|G-1|||^^^20261124||20261121|9^NURSE^NORA", "RQD|1|||X|2")))
    for word in ("TESTMANN", "TESSA", "50001", "NORA", "NURSE", "G-1", "20261124"):
        assert word not in text


@pytest.mark.parametrize(
    "raw",
    [
        orders("OBR|1"), orders("ORC|NW|P-1", kind="ADT^A01"), orders("ORC|NW|P-1", kind="OMS^O99"),
        orders("ORC|NW|P-1", "MSH|^~\\&|A"),
    ],
    ids=["no order", "no order message", "no such event", "unreadable"],
)  # fmt: skip
def test_what_is_no_order_has_a_general_acknowledgement(raw: bytes) -> None:
    assert order_response(raw, read_header(raw), done=True) is None
    assert answer(raw)[0].split("|")[8].startswith("ACK")


@given(st.text(st.characters(min_codepoint=33, max_codepoint=255, exclude_characters="\x7f\x85\xa0\xad|")))
def test_numbers_come_back_as_they_were_sent(number: str) -> None:
    raw = orders(f"ORC|NW|{number}|F", charset="8859/1")
    document = Document.parse(raw)
    sent = document.all("ORC")[0][2]
    response = order_response(raw, document.header, done=True)
    assert response is not None
    assert response.segments.decode("latin-1") == f"ORC|OK|{sent}|F\r"
