"""engine.hl7.escape."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.hl7.delimiters import USUAL, read_delimiters
from engine.hl7.document import DELETE, Document
from engine.hl7.escape import escape, unescape
from engine.hl7.path import Path

SEVEN = read_delimiters(b"|", b"^~\\&#")
LOST = read_delimiters(b"|", b"^~&")
ODD = read_delimiters(b"$", b"%@!*")


@pytest.mark.parametrize(
    ("text", "expected", "unknown"),
    [
        ("plain", "plain", 0),
        ("a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f", "a|b^c&d~e\\f", 0),
        ("\\T\\", "&", 0),
        ("one\\.br\\two", "one\ntwo", 0),
        ("a\\.sp2\\b\\.sp\\c", "a\n\nb\nc", 0),
        ("\\H\\loud\\N\\", "loud", 0),
        ("\\X0D\\", "\r", 0),
        ("M\\XC39C\\LLER", "MÜLLER", 0),
        ("C:\\TEMP", "C:\\TEMP", 1),
        ("C:\\TEMP\\X", "C:\\TEMP\\X", 2),
        ("C:\\TEMP\\T\\x", "C:\\TEMP&x", 1),
        ("\\XZZ\\", "\\XZZ\\", 2),
        ("\\XFF\\", "\\XFF\\", 2),
        ("\\X0\\", "\\X0\\", 2),
        ("\\X\\", "\\X\\", 2),
        ("a\\.ce\\b\\.sk3\\c\\.in+2\\d\\.ti-1\\e\\.fi\\f\\.nf\\", "a\nb   cdef", 0),
        ("a\\.sp+2\\b\\.sp 1\\", "a\n\nb\n", 0),
        ("\\.xx\\", "\\.xx\\", 2),
        ("\\.sp1x\\", "\\.sp1x\\", 2),
        ("\\C1234\\", "\\C1234\\", 2),
        ("\\Zlocal\\", "\\Zlocal\\", 2),
        ("\\P\\", "\\P\\", 2),
        ("\\", "\\", 1),
        ("\\\\", "\\\\", 2),
    ],
)
def test_unescape(text, expected, unknown):
    assert unescape(text, USUAL) == (expected, unknown)


def test_truncation_from_2_7():
    assert unescape("\\P\\", SEVEN) == ("#", 0)
    assert escape("#", SEVEN) == "\\P\\"


def test_hex_is_in_the_charset_of_the_message():
    assert unescape("\\XDC\\", USUAL, "iso8859-1") == ("Ü", 0)


def test_without_an_escape_character_nothing_is_a_sequence():
    assert unescape("C:\\T\\x", LOST) == ("C:\\T\\x", 0)
    assert escape("a|b^c\\d\r", LOST) == "a b c\\d "


any_text = (
    st.text()
    | st.text(alphabet='|^~\\&#$%@!*"\r\n\x0b\x1cFSTREPX0D.br')
    | st.lists(
        st.sampled_from(["\\", "\\C2842\\", "M2442", "\\M2442\\", "C2D42", "%", ".sk3", "X41", "!", "\x1b$B"])
    ).map("".join)
)


@given(any_text, st.sampled_from([USUAL, SEVEN, ODD]))
def test_what_is_escaped_reads_back(text, delimiters):
    written = escape(text, delimiters)
    assert unescape(written, delimiters) == (text, 0)
    assert unescape(written, delimiters, "ascii") == (text, 0)
    assert not set(written) & {"\r", "\n", "\x0b", "\x1c", delimiters.field, delimiters.component}


@given(any_text.filter(bool), st.sampled_from([USUAL, SEVEN, ODD]))
def test_what_is_encoded_is_parsed_back(text, delimiters):
    field = delimiters.field
    head = f"MSH{field}{delimiters.encoding.decode()}{field * 16}UNICODE UTF-8"
    part = delimiters.component.join(["a", escape(text, delimiters), "b"])
    raw = f"{head}\rPID{field}1{field}x{delimiters.repetition}{part}\r".encode()
    assert Document.parse(raw).value(Path.parse("PID-2[2].2")) == text


@given(any_text)
def test_unescape_never_fails_and_never_says_delete(text):
    found, unknown = unescape(text, USUAL)
    assert found is not DELETE
    assert unknown <= text.count("\\")
