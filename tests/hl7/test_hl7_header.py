"""engine.hl7.header and engine.hl7.delimiters."""

from __future__ import annotations

import pytest

from engine.errors import Unacceptable
from engine.hl7.delimiters import USUAL, read_delimiters
from engine.hl7.header import read_header

B1 = (
    b"MSH|^~\\&|EHR^1.2.3^ISO|HOSP|ENG|STORE|20261121120000||DFT^P03^DFT_P03|C1|P|2.5\r"
    b"EVN|P03|20261121120000\rPID|1||77^^^H^MR||DOE^JANE\r"
)


def header(**fields: str):
    parts = ["MSH", "^~\\&", *[""] * 20]
    for name, value in fields.items():
        parts[int(name[1:]) - 1] = value
    return read_header("|".join(parts).encode("latin-1") + b"\rPID|1\r")


def test_every_field_of_an_ordinary_message():
    found = read_header(B1)
    assert found.sending_application == b"EHR^1.2.3^ISO"
    assert found.sending_facility == b"HOSP"
    assert (found.receiving_application, found.receiving_facility) == (b"ENG", b"STORE")
    assert found.sent_at == "20261121120000"
    assert (found.type, found.event, found.structure) == ("DFT", "P03", "DFT_P03")
    assert found.control_id == b"C1"
    assert (found.processing_id, found.processing_mode, found.version) == ("P", "", "2.5")
    assert found.sequence_number is None
    assert found.continuation == b""
    assert (found.accept_acknowledgement, found.application_acknowledgement) == ("", "")
    assert found.charsets == []
    assert not found.is_answer
    assert found.quirks == ()
    assert "EHR" not in repr(found)


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
def test_a18_the_header_ends_at_any_line_end(end):
    assert read_header(B1.split(b"\r")[0] + end + b"PID|1").version == "2.5"


@pytest.mark.parametrize(
    ("before", "quirk"),
    [
        (b"\r\n", "leading_blanks"),
        (b"  \t", "leading_blanks"),
        (b"\xef\xbb\xbf", "byte_order_mark"),
        (b"\r\n\xef\xbb\xbf", "byte_order_mark"),
    ],
)
def test_a66_what_stands_before_msh_is_passed_over(before, quirk):
    found = read_header(before + B1)
    assert found.control_id == b"C1"
    assert found.start == len(before)
    assert found.quirks == (quirk,)


def test_lower_case_header_is_read():
    assert read_header(b"msh" + B1[3:]).quirks == ("lower_case_segment",)


def test_a34_control_id_is_exact():
    assert header(f10="A\\T\\B 1 ").control_id == b"A\\T\\B 1 "


def test_a22_mode_and_a23_version_components():
    found = header(f11="P^T", f12="2.5^USA&&ISO3166")
    assert (found.processing_id, found.processing_mode, found.version) == ("P", "T", "2.5")


def test_a41_two_quotes_are_an_empty_condition():
    found = header(f15='""', f16="al")
    assert (found.accept_acknowledgement, found.application_acknowledgement) == ("", "AL")


def test_charsets_are_repetitions():
    assert header(f18="8859/1~ISO IR87 ").charsets == ["8859/1", "ISO IR87"]
    assert header(f18='""').charsets == []


@pytest.mark.parametrize(("text", "number"), [("", None), ('""', None), ("0", 0), ("-1", -1), ("17", 17)])
def test_sequence_number(text, number):
    assert header(f13=text).sequence_number == number


@pytest.mark.parametrize("text", ["x", "1.5", "--1", "9" * 16, "\xb2"])
def test_sequence_number_that_is_none(text):
    with pytest.raises(Unacceptable) as caught:
        _ = header(f13=text).sequence_number
    assert (caught.value.hl7, caught.value.place) == (102, "MSH-13")


@pytest.mark.parametrize(
    ("kind", "rest", "answer"),
    [
        ("ACK^A01^ACK", b"\rMSA|AA|1", True),
        ("ACK", b"", True),
        ("MCF^Q01", b"", True),
        ("ORR^O02", b"\rSFT|x\rMSA|AA|1", True),
        ("ORR^O02", b"\nMSA|AA|1", True),
        ("ADT^A01", b"\rNTE|1||xMSA|", False),
        ("ADT^A01", b"\rPID|1", False),
    ],
)
def test_a46_answers_are_known(kind, rest, answer):
    raw = b"MSH|^~\\&|A|B|C|D|||" + kind.encode() + b"|1|P|2.5" + rest
    assert read_header(raw).is_answer is answer


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x0b",
        b"\r\n",
        b"PID|1||77",
        b"MSH",
        b"MSH|",
        b"MSH|^~\\&",
        b"GET / HTTP/1.1",
        b"FHS|^~\\&|A|B",
        b"MSH|^^^^|A|B|C",
        b"MSH||^~\\&|A|B",
        b"MSH|^|A|B|C|D|E",
        b"MSH|^~\\&#!|A|B|C",
        b"MSH|^~\\\\\\|A|B|C",
        b"MSH|0000|A|B|C|D",
        b"MSH|^~\\E|A|B|C|D",
        b"MSH ^~\\& A B C D",
        b"MSHx^~\\&xAxBxC",
        b"MSH\x00^~\\&\x00A\x00B",
        b"MSH|^~\xff&|A|B|C",
        b"MSH|^~\\ |A|B|C|D",
        b"M\x00S\x00H\x00|\x00^\x00~\x00",
    ],
)
def test_a67_no_usable_header_is_100(raw):
    with pytest.raises(Unacceptable) as caught:
        read_header(raw)
    assert (caught.value.code, caught.value.hl7) == ("not-hl7", 100)


@pytest.mark.parametrize(
    ("encoding", "marks", "quirks"),
    [
        (b"^~\\&", "^~\\&", ()),
        (b"^~\\&#", "^~\\&#", ()),
        (b"^~&", "^~&", ("lost_escape",)),
        (b"^~\\\\&", "^~\\&", ("doubled_escape",)),
        (b"^~\\", "^~\\", ("short_encoding",)),
        (b"^~", "^~", ("short_encoding",)),
        (b"!@%*", "!@%*", ()),
        (b"^~\\}", "^~\\}", ()),
    ],
)
def test_forms_of_msh_2(encoding, marks, quirks):
    found = read_delimiters(b"|", encoding)
    assert found.encoding == encoding
    assert found.quirks == quirks
    read = (found.component, found.repetition, found.escape, found.subcomponent, found.truncation)
    assert "".join(read) == marks
    if quirks == ("lost_escape",):
        assert (found.escape, found.subcomponent) == ("", "&")


def test_a20_other_delimiters():
    found = read_header(b"MSH$%~\\&$A%1$B$C$D$$$ADT%A01$C1$P$2.5")
    assert (found.type, found.event, found.control_id) == ("ADT", "A01", b"C1")
    assert found.delimiters.separator == b"$"
    assert USUAL.field == "|"
