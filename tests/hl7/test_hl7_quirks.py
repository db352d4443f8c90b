"""engine.hl7.quirks and `Reading.warn`: what was odd, in words and places, never in values."""

from __future__ import annotations

import pytest

from engine.hl7.document import Document
from engine.hl7.groups import groups
from engine.hl7.path import Path
from engine.hl7.quirks import QUIRKS, odd
from engine.model import Reason, ReasonCode

HEAD = b"MSH|^~&|A|B|C|D|||DFT^P03|C1|P|2.5||||||UTF8"


def test_nothing_odd_says_nothing():
    document = Document.parse(b"MSH|^~\\&|A|B|C|D|||DFT^P03|C1|P|2.5\rPID|1\r")
    assert odd(document) == ()


def test_quirks_are_said_in_words_with_places_and_counts():
    document = Document.parse(b"\n" + HEAD + b"\n pid|1||SECRET\nwrapped SECRET\nmore SECRET\n")
    found = odd(document)
    assert {(one.code.value, one.place, one.text) for one in found} == {
        ("structure", "MSH", "blanks or line ends stand before the message"),
        ("structure", "MSH-2", "the escape character is missing: no text is taken for an escape"),
        ("charset", "MSH-18", "the character set is not spelled as in table 0211"),
        ("structure", "", "segments end in line feeds"),
        ("structure", "", "a segment is indented"),
        ("structure", "", "a segment id in lower case"),
        ("structure", "", "a line that is no segment was passed over (2 times)"),
    }
    assert "SECRET" not in repr(found)


def test_a_warning_is_given_once_and_a_group_gives_it_for_the_message():
    document = Document.parse(HEAD + b"\rFT1|1\rFT1|2\r")
    before = len(odd(document))
    for group in groups(document, "FT1") * 2:
        group.warn(ReasonCode.BAD_VALUE, f"FT1[{group.number}]-11", "not what quantity and price make")
    assert odd(document)[before:] == (
        Reason(ReasonCode.BAD_VALUE, "not what quantity and price make", "FT1[1]-11"),
        Reason(ReasonCode.BAD_VALUE, "not what quantity and price make", "FT1[2]-11"),
    )


def test_warnings_are_bounded_and_the_rest_is_not_silent():
    document = Document.parse(HEAD + b"\rFT1|1\r")
    for number in range(1000):
        document.warn(ReasonCode.BAD_VALUE, f"FT1[{number}]-11", "odd")
    assert len(document.warnings) == 100
    assert "there were more warnings" in {one.text for one in odd(document)}


def header(charset: str = "", marks: str = "^~\\&") -> bytes:
    return f"MSH|{marks}|A|B|C|D|||ADT^A01|C1|P|2.5||||||{charset}\r".encode()


EXAMPLES = {
    "byte_order_mark": b"\xef\xbb\xbf" + header(),
    "charset_alias": header("utf8"),
    "doubtful_charset": header("8859/1") + "NTE|1||Ü".encode(),
    "double_encoded": header("UNICODE UTF-8") + "NTE|1||MÃœLLER".encode(),
    "undeclared_8bit": header() + "NTE|1||Ü".encode(),
    "unknown_charset": header("EBCDIC"),
    "doubled_escape": header(marks="^~\\\\&"),
    "lost_escape": header(marks="^~&"),
    "short_encoding": header(marks="^~"),
    "indented_segment": header() + b" PID|1",
    "leading_blanks": b"\n" + header(),
    "line_feeds": header() + b"PID|1\n",
    "lower_case_segment": header() + b"pid|1",
    "stray_line": header() + b"lost",
    "truncated": header(marks="^~\\&#") + b"PID|1||12345#|",
    "mixed_delete": header() + b'PID|1||77~""',
    "unknown_escape": header() + b"NTE|1||C:\\TEMP",
}


@pytest.mark.parametrize("name", sorted({*EXAMPLES, *QUIRKS} - {"more_warnings"}))
def test_every_quirk_has_an_example(name):
    document = Document.parse(EXAMPLES[name])
    document.value(Path.parse("NTE-3"))
    for fields in document.all("PID"):
        document.repetitions(fields, 3)
    assert list(document.quirks) == [name]
    (reason,) = odd(document)
    assert reason.text == QUIRKS[name][2]
