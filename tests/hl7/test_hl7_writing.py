"""engine.hl7.writing and `Document.encode`: what is written reads back as what was given."""

from __future__ import annotations

import os
import re
from itertools import pairwise
from pathlib import Path as File

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Misconfigured, Unacceptable
from engine.hl7.delimiters import USUAL, read_delimiters
from engine.hl7.document import DELETE, Document
from engine.hl7.path import Path
from engine.hl7.writing import changed, compose, field_text

CORPUS = File(os.environ.get("WARDLINE_CORPUS", File(__file__).parents[3] / "shared" / "corpus")) / "hl7v2"
SEVEN = read_delimiters(b"|", b"^~\\&#")
ODD = read_delimiters(b"$", b"%@!*")
SHORT = read_delimiters(b"|", b"^~")
HEAD = "MSH|^~\\&|EHR|HOSP|ENG|STORE|20261121120000||ADT^A01|C1|P|2.5"

any_text = st.text() | st.text(alphabet='|^~\\&#$%@!*"\r\n\x0b\x1cFSTREPX0D.br')


def read(raw: bytes, path: str):
    return Document.parse(raw).value(Path.parse(path))


def same(document: Document, again: Document) -> None:
    """Two documents say the same: delimiters, character set, every raw field of every segment."""
    assert again.delimiters == document.delimiters
    assert again.codec == document.codec
    assert list(again.segments()) == list(document.segments())


def header(charset: str = "UNICODE UTF-8") -> list:
    return ["MSH", None, None, "A", "B", "C", "D", "20261121", None, ("ADT", "A01"), "1", "P", "2.5",
            *[None] * 5, charset]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("", ""),
        (DELETE, '""'),
        ("a|b^c", "a\\F\\b\\S\\c"),
        ('""', '\\X22\\"'),
        (("a", None, ("x", "y&z"), None), "a^^x&y\\T\\z"),
        (("a", DELETE), 'a^""'),
        ([("1", "A"), None, "3", DELETE], '1^A~~3~""'),
        ((None, None), ""),
        (((None, "x"),), "&x"),
    ],
)
def test_a_value_becomes_a_field(value, text):
    assert field_text(value, USUAL) == text


def test_what_cannot_be_separated_is_refused():
    assert field_text(("a", "b"), SHORT) == "a^b"
    for write in (
        lambda: field_text((("a", "b"),), SHORT),
        lambda: field_text(("a", ("b", ("c",))), USUAL),  # type: ignore[arg-type]
        lambda: changed(["PID"], SHORT, "x", 3, subcomponent=2),
        lambda: changed(["PID"], USUAL, ["x"], 3, repetition=2),
        lambda: changed(["MSH", "|", "^~\\&"], USUAL, "x", 2),
    ):
        with pytest.raises(Misconfigured):
            write()
    assert changed(["PID", "a"], SHORT, "x", 1, subcomponent=1) == ["PID", "x"]


@pytest.mark.parametrize(
    ("value", "place", "expected"),
    [
        (None, {"field": 3}, "PID|1|||DOE^JANE&J"),
        ("T~1", {"field": 3}, "PID|1||T\\R\\1|DOE^JANE&J"),
        (["a", ("b", "c")], {"field": 3}, "PID|1||a~b^c|DOE^JANE&J"),
        ("T", {"field": 3, "repetition": 2}, "PID|1||77^^^H^MR~T|DOE^JANE&J"),
        ("T", {"field": 3, "component": 1}, "PID|1||T^^^H^MR~88|DOE^JANE&J"),
        ("T", {"field": 3, "component": 1, "repetition": 2}, "PID|1||77^^^H^MR~T|DOE^JANE&J"),
        ("T", {"field": 3, "component": 3, "repetition": 4}, "PID|1||77^^^H^MR~88~~^^T|DOE^JANE&J"),
        (None, {"field": 4, "component": 2, "subcomponent": 2}, "PID|1||77^^^H^MR~88|DOE^JANE&"),
        (DELETE, {"field": 4, "component": 2}, 'PID|1||77^^^H^MR~88|DOE^""'),
        (("x", "y"), {"field": 4, "component": 2}, "PID|1||77^^^H^MR~88|DOE^x&y"),
        ("x", {"field": 7, "subcomponent": 2}, "PID|1||77^^^H^MR~88|DOE^JANE&J|||&x"),
    ],
)
def test_one_place_is_changed_and_nothing_beside_it(value, place, expected):
    fields = ["PID", "1", "", "77^^^H^MR~88", "DOE^JANE&J"]
    before = list(fields)
    assert "|".join(changed(fields, USUAL, value, **place)) == expected
    assert fields == before


def test_a_document_is_written_as_it_should_have_been():
    raw = f"\r\n{HEAD}\r\n  pid|1||7\\T\\7|\nwrapped text\n\nPV1\n".encode()
    assert Document.parse(raw).encode() == f"{HEAD}\rPID|1||7\\T\\7|\rPV1\r".encode()


def test_a_changed_document_is_written_in_its_own_delimiters():
    document = Document.parse(b"MSH$%@!*$A%1$B$C$D$$$ADT%A01$C1$P$2.5\rPID$1$$7%%%H*x@8$!F!\rPV1$1$I\r")
    msh, pid, _ = document.segments()
    raw = document.encode([msh, changed(pid, document.delimiters, "a$b%", 3, component=1), ["ZZZ", "1"]])
    assert raw == b"MSH$%@!*$A%1$B$C$D$$$ADT%A01$C1$P$2.5\rPID$1$$a!F!b!S!%%%H*x@8$!F!\rZZZ$1\r"


def test_a_byte_order_mark_stays_where_it_says_what_the_text_is():
    raw = b"\xef\xbb\xbf" + f"{HEAD}||||||8859/1\rPID|1||||MÜLLER\r".encode()
    assert Document.parse(raw).encode() == raw


def test_a_character_that_the_charset_lacks_is_refused():
    document = Document.parse(f"{HEAD}||||||8859/1\rPID|1||||MÜLLER\r".encode("latin-1"))
    msh, pid = document.segments()
    for text in ("Łódź", "\ud800"):
        with pytest.raises(Unacceptable) as caught:
            document.encode([msh, changed(pid, document.delimiters, text, 5)])
        assert (caught.value.code, caught.value.place, caught.value.hl7) == ("charset", "MSH-18", 102)
        assert text not in str(caught.value)


def test_a_yen_sign_never_becomes_an_escape_character():
    with pytest.raises(Unacceptable):
        compose([header("ISO IR14"), ["NTE", "1", None, "¥F¥"]])


def test_a_new_message():
    raw = compose([header(""), ["PID", "1", None, [("77", None, None, "H", "MR")], None]])
    assert raw == b"MSH|^~\\&|A|B|C|D|20261121||ADT^A01|1|P|2.5\rPID|1||77^^^H^MR\r"
    raw = compose([header("8859/1"), ["PID", "1", None, None, None, ("MÜLLER", "JÖRG")]], ODD)
    assert raw.startswith(b"MSH$%@!*$A$B$C$D$20261121$$ADT%A01$1$P$2.5$")
    assert read(raw, "PID-5.2") == "JÖRG"
    with pytest.raises(Unacceptable):
        compose([header(""), ["PID", "1", None, None, None, "MÜLLER"]])


texts = any_text.map(lambda text: text or None)
repetitions = texts | st.tuples(texts, texts | st.tuples(texts, texts, texts))
values = repetitions | st.lists(repetitions, min_size=1, max_size=3)


@given(st.lists(values, min_size=1, max_size=5), st.sampled_from([USUAL, SEVEN, ODD]))
def test_what_is_composed_is_read_back(fields, delimiters):
    document = Document.parse(compose([header(), ["ZZZ", *fields]], delimiters))
    same(document, Document.parse(document.encode()))
    segment = document.first("ZZZ")
    assert segment is not None
    for number, value in enumerate(fields, 1):
        for repetition, one in enumerate(value if isinstance(value, list) else [value], 1):
            parts = one if isinstance(one, tuple) else (one,)
            for component, part in enumerate(parts, 1):
                leaves = part if isinstance(part, tuple) else (part,)
                for subcomponent, leaf in enumerate(leaves, 1):
                    found = document.leaf(segment, number, component, subcomponent, repetition)
                    assert found == leaf


places = st.fixed_dictionaries(
    {"field": st.integers(1, 6)},
    optional={name: st.integers(1, 4) for name in ("repetition", "component", "subcomponent")},
)


@given(
    st.lists(st.text(alphabet='ab~^&\\F"', max_size=12), max_size=5),
    any_text.filter(bool),
    places,
    st.sampled_from([USUAL, SEVEN]),
)
def test_what_is_put_at_a_place_is_read_there(fields, text, place, delimiters):
    document = Document.parse(compose([header()], delimiters))
    segment = changed(["ZZZ", *fields], delimiters, text, **place)
    again = Document.parse(document.encode([*document.segments(), segment]))
    found = again.first("ZZZ")
    assert found is not None
    assert again.leaf(found, **place) == text


lines = st.lists(
    st.text(alphabet='PIDZ1|^~\\&#"\x0büÃ¼€Ł. \t', max_size=30)
    | st.sampled_from(["PID|1", "pv1|x", " ZZ1|ü"])
)


@given(
    st.sampled_from(["", "8859/1", "UNICODE UTF-8", "UTF8", "GB 18030-2000", "8859/15"]),
    st.sampled_from(["|^~\\&", "|^~\\&#", "|^~&", "|^~\\\\&", "|^~", "$%@!*"]),
    lines,
    st.sampled_from(["\r", "\n", "\r\n"]),
    st.sampled_from(["utf-8", "cp1252", "gb18030"]),
)
def test_parse_encode_parse(charset, marks, segments, end, codec):
    """Whatever can be read reads the same when it is written and read again."""
    field = marks[0]
    head = f"MSH{marks}{field * 16}{charset}"
    raw = end.join([head, *segments]).encode(codec, "replace")
    try:
        document = Document.parse(raw)
    except Unacceptable:
        return
    # what was left out may have been all that told UTF-8 and cp1252 apart
    same(document, Document.parse(document.encode(), default_charset=document.codec))


def messages():
    for path in sorted(CORPUS.rglob("*")):
        if path.is_file():
            text = path.read_bytes()
            begins = re.finditer(rb"(?:^|[\r\n\x0b\xbf])[ \t]*(MSH[^A-Za-z0-9\s])", text)
            for start, end in pairwise([*[found.start(1) for found in begins], len(text)]):
                yield path.name, text[start:end].rstrip(b"\x0b\x1c\r\n")


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason="the sample corpus is not beside the checkout")
def test_every_message_of_the_corpus_reads_the_same_when_written():
    counted = 0
    for name, raw in messages():
        try:
            document = Document.parse(raw)
        except Unacceptable:
            continue
        counted += 1
        written = document.encode()
        again = Document.parse(written)
        assert list(again.segments()) == list(document.segments()), name
        assert again.encode() == written == document.encode(document.segments()), name
    assert counted > 500
