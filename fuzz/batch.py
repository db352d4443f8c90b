"""Target: a file or frame of batches, in arbitrary portions, through `engine.hl7.batch`, and what its parts
are made into.

The last four bytes choose the largest message and the lengths of the portions, in turn.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

from engine.errors import Unacceptable
from engine.hl7.batch import BatchReader, Kind, Part, count_of, is_batch, read_batch
from engine.hl7.batch_answer import closing, envelope_header, opening
from engine.hl7.continuation import join, pointers_of
from engine.hl7.header import read_header
from fuzz.framing import portions

__all__ = ["check"]

LARGEST = (4096, 60, 16, 200)
MOST_FINDINGS = 200
ORPHAN = "a batch trailer without a batch"  # said, and left out
HEAD = 8192
BETWEEN = b"\x0b\x0c\x1c\r\n \t\xef\xbb\xbf"  # framing, line ends, blanks and the bytes of the mark
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def check(data: bytes) -> None:
    """However it is split: the same parts and findings; nothing is lost or made up; every part of an
    envelope can be answered, and messages be joined or refused."""
    raw, options = data[:-4], data[-4:].rjust(4, b"\0")
    largest = LARGEST[options[0] % len(LARGEST)]
    parts, findings = read_batch(raw, largest)
    reader = BatchReader(largest)
    split = [part for portion in portions(raw, options[1:]) for part in reader.feed(portion)]
    split += reader.end()
    assert split == parts, "the parts depend on the portions"
    assert reader.findings == findings
    assert len(findings) <= MOST_FINDINGS
    is_batch(raw)
    is_batch(raw, headless=True)
    check_order(parts)
    left_out = any(ORPHAN in reason.text for reason in findings)
    if not left_out and not any(part.kind is Kind.TOO_LONG for part in parts):
        assert told(b"".join(part.raw for part in parts)) == told(raw), "something is lost or made up"
    for part in parts:
        check_part(part, largest)
    check_pieces([part.raw for part in parts if part.kind is Kind.MESSAGE][:4])


def told(raw: bytes) -> bytes:
    """What is said, without what stands between."""
    return raw.translate(None, BETWEEN)


def check_order(parts: list[Part]) -> None:
    """Messages stand in batches, and what begins ends."""
    opened = 0
    for part in parts:
        opened += {Kind.BATCH: 1, Kind.BATCH_END: -1}.get(part.kind, 0)
        assert opened in (0, 1)
        assert opened or part.kind not in (Kind.MESSAGE, Kind.TOO_LONG)
    assert not opened


def check_part(part: Part, largest: int) -> None:
    """A part is within its limit, and an envelope is answered in its delimiters."""
    if part.kind in (Kind.TOO_LONG, Kind.STRAY):
        assert len(part.raw) <= HEAD
    elif part.kind in (Kind.FILE, Kind.BATCH):
        header = envelope_header(part.raw)
        answer = opening(
            "BHS", header, control_id="ID1", now=NOON, own_application="W^1^ISO", own_facility=""
        )
        assert answer.startswith(b"BHS" + header.delimiters.separator)
        assert answer.count(b"\r") == 1
        assert count_of(closing("BTS", header, 7).rstrip(b"\r")) == 7
    elif part.kind in (Kind.BATCH_END, Kind.FILE_END):
        with suppress(ValueError):
            count_of(part.raw)
    else:
        assert len(part.raw) <= largest


def check_pieces(messages: list[bytes]) -> None:
    """Messages as the fragments of one."""
    with suppress(Unacceptable):
        for raw in messages:
            pointers_of(raw, read_header(raw))
        if messages:
            whole = join(messages)
            assert read_header(whole).control_id == read_header(messages[0]).control_id
