"""What a hostile or broken sender can send: bounded work, and nothing but `Unacceptable`."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.errors import Unacceptable
from engine.hl7.document import Document
from engine.hl7.groups import groups
from engine.hl7.header import read_header
from engine.hl7.path import Path
from engine.hl7.quirks import odd

HEAD = b"MSH|^~\\&|A|B|C|D|||ADT^A01|C1|P|2.5\r"
PATHS = [
    Path.parse(text) for text in ("PID-3", "PID-3[2].4.1", "PID-3[900]", "PID-3.7", "PID-3.4.90", "PID-900")
]


def cpu(work) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def read_all(raw: bytes) -> None:
    document = Document.parse(raw)
    for path in PATHS:
        with suppress(Unacceptable):
            document.value(path)
    for fields in document.segments():
        for number in range(len(fields)):
            with suppress(Unacceptable):
                for text in document.repetitions(fields, number):
                    for part in document.components(text):
                        document.subcomponents(part)


def segment(fill: bytes, size: int) -> bytes:
    return HEAD + b"PID|1||" + fill * (size // len(fill)) + b"\r"


FILLS = [
    b"1~",
    b"~",
    b"^",
    b"&",
    b"\\",
    b"\\T\\",
    b"\\X41\\",
    b"|",
    b"x\r",
    b"PV1|1\r",
    b"\n\n",
    b"\xc3\xbc",
    b"1234567890~",
]


@pytest.mark.parametrize("fill", FILLS, ids=[repr(fill) for fill in FILLS])
def test_work_grows_with_size_and_no_faster(fill):
    """250 KB of anything costs at most a few times ten times 25 KB, and well under a third of a second."""

    def work(size: int) -> None:
        with suppress(Unacceptable):
            read_all(segment(fill, size))

    work(25_000)
    small = min(cpu(lambda: work(25_000)) for _ in range(3))
    large = min(cpu(lambda: work(250_000)) for _ in range(3))
    assert large < max(small, 0.0005) * 60
    assert large < 0.3 * 5  # five times slack for a busy machine


def test_20_000_repetitions_are_read_or_refused():
    raw = HEAD + b"PID|1||" + b"123456^^^H~" * 20_000 + b"\r"
    document = Document.parse(raw)
    assert document.value(Path.parse("PID-3")) == "123456"
    pid = document.first("PID")
    assert pid is not None
    with pytest.raises(Unacceptable) as caught:
        document.repetitions(pid, 3)
    assert (caught.value.code, caught.value.place) == ("structure", "PID-3")
    with pytest.raises(Unacceptable):
        document.value(Path.parse("PID-3[2]"))


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"PID|" + b"|" * 1000, "PID-3"),
        (b"PID|1||a" + b"^" * 100, "PID-3.2"),
        (b"PID|1||a" + b"&" * 100, "PID-3.1.2"),
        (b"PID|1||a" + b"~" * 1000, "PID-3[2]"),
        (b"NTE|1\r" * 10_000, "PID-3"),
        (b"\r" * 100_001, "PID-3"),
    ],
)
def test_every_limit_is_structure(body, path):
    with pytest.raises(Unacceptable) as caught:
        Document.parse(HEAD + body).value(Path.parse(path))
    assert (caught.value.code, caught.value.hl7) == ("structure", 100)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"PID|" + b"|" * 998, "PID-3"),
        (b"PID|1||a" + b"^" * 99, "PID-3.2"),
        (b"PID|1||a" + b"&" * 99, "PID-3.1.2"),
        (b"PID|1||a" + b"~" * 999, "PID-3[2]"),
        (b"NTE|1\r" * 9_999, "PID-3"),
        (b"\r" * 99_000, "PID-3"),
    ],
)
def test_what_is_within_every_limit_is_read(body, path):
    assert Document.parse(HEAD + body).value(Path.parse(path)) is None


def test_many_groups_are_quick():
    raw = HEAD.replace(b"ADT^A01", b"DFT^P03") + b"FT1|1\rPR1|1\r" * 4_000
    document = Document.parse(raw)
    path = Path.parse("PR1-1")
    assert cpu(lambda: [group.value(path) for group in groups(document, "FT1")]) < 1.0


def test_nuls_in_text_are_text():
    document = Document.parse(HEAD + b"PID|1||a\x00b\r")
    assert document.value(Path.parse("PID-3")) == "a\x00b"


@pytest.mark.parametrize("raw", [b"", b"\x0b", b"\x00" * 1000, b"\x1c\r", b"\xff\xfe" * 100, b" " * 100_000])
def test_what_is_nothing_is_refused(raw):
    with pytest.raises(Unacceptable):
        Document.parse(raw)


pieces = st.lists(
    st.sampled_from(
        [b"MSH", b"|", b"^~\\&", b"^~&", b"\r", b"\n", b"PID", b"FT1", b"AIS", b"~", b"^", b"&", b"\\", b'""']
    )
    | st.binary(max_size=6),
    max_size=60,
).map(b"".join)


@given(
    st.sampled_from(
        [b"", HEAD, b"MSH|^~&|", b"MSH$@%!*$", b"\xef\xbb\xbfMSH|^~\\&|||||||||||||||||8859/1\r"]
    ),
    pieces,
)
@example(b"", b"")
def test_any_bytes_are_read_or_refused(head, rest):
    raw = head + rest
    try:
        header = read_header(raw)
        document = Document.parse(raw)
    except Unacceptable:
        return
    assert header.field(10) in raw
    with suppress(Unacceptable):
        read_all(raw)
    for reason in odd(document):  # every quirk has words
        assert reason.text
    assert document.value(Path.parse("MSH-1")) == header.delimiters.field
    for anchor in ("FT1", "AIS", "PID"):
        for group in groups(document, anchor):
            with suppress(Unacceptable):
                group.value(Path.parse("PID-3[2].2.2"))
