"""engine.hl7.batch: envelopes in any shape, cut anywhere (spec: ack, section 7.3)."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.hl7.batch import BatchReader, Kind, Part, count_of, is_batch, read_batch

LIMIT = 1_000_000
FHS, BHS = b"FHS|^~\\&|A|B|C|D|2026|||||F1", b"BHS|^~\\&|A|B|C|D|2026|||||B1"


def msh(number: int, end: bytes = b"\r") -> bytes:
    return end.join([b"MSH|^~\\&|A|B|C|D|2026||DFT^P03|M%d|P|2.5" % number, b"PID|1||%d" % number, b""])


def shape(*lines: bytes, end: bytes = b"\r") -> tuple[list[str], list[tuple[str, str]]]:
    parts, findings = read_batch(end.join([*lines, b""]), LIMIT)
    shown = [f"{part.kind.value}{'' if part.raw else '-'}" for part in parts]
    return shown, [(one.place, one.text) for one in findings]


ONE, TWO = msh(1)[:-1], msh(2)[:-1]
STRAY = "text that belongs to no message"
MISCOUNTED = "not the number of messages that came"


@pytest.mark.parametrize(
    ("lines", "parts", "findings"),
    [
        ([], [], []),
        ([BHS, b"BTS|0"], ["BHS", "BTS"], []),
        ([BHS], ["BHS", "BTS-"], []),
        ([BHS, ONE, TWO, b"BTS|2"], ["BHS", "MSH", "MSH", "BTS"], []),
        ([ONE, TWO], ["BHS-", "MSH", "MSH", "BTS-"], []),
        ([ONE, b"BTS|1"], ["BHS-", "MSH", "BTS"], []),
        ([BHS, ONE, b"BTS"], ["BHS", "MSH", "BTS"], []),
        ([BHS, ONE, b'BTS|""'], ["BHS", "MSH", "BTS"], []),
        (
            [FHS, BHS, ONE, b"BTS|1", BHS, TWO, b"BTS|1", b"FTS|2"],
            ["FHS", "BHS", "MSH", "BTS", "BHS", "MSH", "BTS", "FTS"],
            [],
        ),
        ([FHS, ONE, b"FTS|1"], ["FHS", "BHS-", "MSH", "BTS-", "FTS"], []),
        ([BHS, ONE, BHS, TWO], ["BHS", "MSH", "BTS-", "BHS", "MSH", "BTS-"], []),  # in the middle
        ([BHS, BHS, ONE], ["BHS", "BTS-", "BHS", "MSH", "BTS-"], []),  # an empty one before
        ([BHS, ONE, b"BTS|5"], ["BHS", "MSH", "BTS"], [("BTS[1]-1", MISCOUNTED)]),
        ([BHS, ONE, b"BTS|x"], ["BHS", "MSH", "BTS"], [("BTS[1]-1", "not a number of messages")]),
        (
            [FHS, BHS, ONE, b"BTS|1", b"FTS|2"],
            ["FHS", "BHS", "MSH", "BTS", "FTS"],
            [("FTS-1", "not the number of batches that came")],
        ),
        (
            [FHS, BHS, FHS, ONE],
            ["FHS", "BHS", "BTS-", "FHS", "BHS-", "MSH", "BTS-"],
            [("FHS[2]", "a file header inside a file")],
        ),
        ([b"BTS|0"], ["text"], [("BTS[1]", "a batch trailer without a batch")]),
        (
            [FHS, ONE, b"FTS|1", TWO],
            ["FHS", "BHS-", "MSH", "BTS-", "FTS", "BHS-", "MSH", "BTS-"],
            [("FTS-1", "the file goes on after its trailer")],
        ),
        ([b"hello", ONE], ["text", "BHS-", "MSH", "BTS-"], [("", STRAY)]),
        ([BHS, b"a comment", ONE], ["BHS", "text", "MSH", "BTS-"], [("BHS[1]", STRAY)]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\r\r\n"])
def test_shapes(lines: list[bytes], parts: list[str], findings: list[tuple[str, str]], end: bytes) -> None:
    lines = [line.replace(b"\r", end) for line in lines]
    assert shape(*lines, end=end) == (parts, findings)


def test_messages_are_the_bytes_that_came() -> None:
    odd = b"MSH$%~\\&$A$B\nPID$1\n"
    framed = b"\x0b" + msh(1) + b"\x1c\r\x0b" + odd + b"\x1c\r\xef\xbb\xbf" + msh(3, b"\r\n") + b"\r\n\r\n"
    parts, findings = read_batch(framed, LIMIT)
    assert [part.raw for part in parts if part.kind == Kind.MESSAGE] == [
        msh(1), odd, b"\xef\xbb\xbf" + msh(3, b"\r\n"),
    ]  # fmt: skip
    assert findings == []


def test_a_message_without_a_last_line_end_stays_without() -> None:
    assert read_batch(BHS + b"\r" + ONE, LIMIT)[0][1].raw == ONE


def test_words_that_only_look_like_headers_are_content() -> None:
    text = b"MSH|^~\\&|A\rNTE|1||see\rBTSX|5\rMSHA|1\rBHS\r"
    parts, findings = read_batch(text, LIMIT)
    assert [part.raw for part in parts if part.kind == Kind.MESSAGE] == [text]
    assert findings == []


@pytest.mark.parametrize("step", [777, 9_999, 100_000])
def test_a_message_that_is_too_long_costs_its_head_and_stops_nothing(step: int) -> None:
    reader = BatchReader(10_000)
    long = b"MSH|^~\\&|A|B\rNTE|" + b"x" * 50_000 + b"\r"
    parts: list[Part] = []
    for start in range(0, len(data := BHS + b"\r" + long + msh(2)), step):
        parts += reader.feed(data[start : start + step])
        assert sum(map(len, reader._units._parts)) <= 10_000
    parts += reader.end()
    assert [part.kind for part in parts] == [Kind.BATCH, Kind.TOO_LONG, Kind.MESSAGE, Kind.BATCH_END]
    assert parts[1].raw == long[:8192]
    assert parts[2].raw == msh(2)
    assert reader.messages == 2


def test_a_message_that_is_too_long_is_told_too_when_it_comes_at_once() -> None:
    long = b"MSH|^~\\&|A|B\rNTE|" + b"x" * 50_000 + b"\r"
    parts, _ = read_batch(long + msh(2), 10_000)
    assert [part.kind for part in parts] == [Kind.BATCH, Kind.TOO_LONG, Kind.MESSAGE, Kind.BATCH_END]
    assert parts[1].raw == long[:8192]


@pytest.mark.parametrize(
    ("raw", "batch", "headless"),
    [
        (BHS, True, True),
        (FHS + b"\r" + BHS, True, True),
        (b"\xef\xbb\xbf\r\n" + BHS, True, True),
        (msh(1), False, False),
        (msh(1) + msh(2), False, True),
        (msh(1, b"\n") + msh(2, b"\n"), False, True),
        (b"BHSX|", False, False),
        (b"BHS", False, False),
        (b"", False, False),
    ],
)
def test_is_batch(raw: bytes, batch: bool, headless: bool) -> None:
    assert is_batch(raw) is batch
    assert is_batch(raw, headless=True) is headless


@pytest.mark.parametrize(
    ("trailer", "count"),
    [(b"BTS|3", 3), (b"BTS| 3 |x", 3), (b"BTS", None), (b"BTS|", None), (b"BTS$7$", 7), (b"FTS|007", 7)],
)
def test_count_of(trailer: bytes, count: int | None) -> None:
    assert count_of(trailer) == count


LINES = st.sampled_from([
    FHS, BHS, ONE, TWO, b"BTS|1", b"BTS|2", b"BTS", b"FTS|1", b"FTS", b"text", b"", b"\x0b", b"\x1c", b"MSH",
    b"MSH$^~\\&", b" MSH|^~\\&|x", b"\xef\xbb\xbfMSH|^", b"FHS$x", b"BHS|", b"ADD|x", b"\x0bBHS|^~\\&",
])  # fmt: skip


@given(st.lists(LINES, max_size=12), st.sampled_from([b"\r", b"\n", b"\r\n"]), st.data())
def test_cut_anywhere_it_is_the_same_and_nothing_gets_lost(
    lines: list[bytes], end: bytes, data: st.DataObject
) -> None:
    raw = end.join([*lines, b""])
    expected = read_batch(raw, LIMIT)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(raw)), max_size=8)))
    reader = BatchReader(LIMIT)
    parts: list[Part] = []
    for start, stop in zip([0, *cuts], [*cuts, len(raw)], strict=True):
        parts += reader.feed(raw[start:stop])
    parts += reader.end()
    assert (parts, reader.findings) == expected
    depth = 0
    for part in parts:  # every batch begins once and ends once, and no message is outside
        depth += {Kind.BATCH: 1, Kind.BATCH_END: -1}.get(part.kind, 0)
        assert (
            depth == 1 if part.kind in (Kind.MESSAGE, Kind.BATCH) else depth == 0 or part.kind == Kind.STRAY
        )
    assert sum(part.kind == Kind.MESSAGE for part in parts) == reader.messages
    held = b"".join(part.raw for part in parts)
    assert held.count(b"PID|1") == raw.count(b"PID|1")


@given(st.binary(max_size=300), st.integers(1, 50))
def test_any_bytes_in_any_steps_give_parts_and_no_error(raw: bytes, step: int) -> None:
    reader = BatchReader(100)
    parts = [part for at in range(0, len(raw), step) for part in reader.feed(raw[at : at + step])]
    parts += reader.end()
    assert parts == read_batch(raw, 100)[0]


def test_a_frame_of_trailers_alone_costs_no_more_than_its_bytes() -> None:
    """Each of them is wrong and kept; a hundred are told, and whoever reads on stops where it has enough."""
    reader = BatchReader(1 << 24)
    parts = list(islice(reader.feed(b"FHS|^~\\&|A\r" + b"BTS|9\r" * 200_000), 500))
    assert [part.kind for part in parts] == [Kind.FILE, *[Kind.STRAY] * 499]
    assert len(reader.findings) == 101
    assert reader.findings[-1].text == "more does not hold than is told"
