"""Target: the bytes of one message or file through everything of `engine.hl7` that reads them.

The last byte chooses how undeclared 8-bit text is read; the rest is the message.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from engine.errors import Misconfigured, Unacceptable
from engine.hl7 import accept
from engine.hl7.acknowledgement import ErrorItem, build
from engine.hl7.document import DELETE, Document
from engine.hl7.escape import escape, unescape
from engine.hl7.files import split_messages
from engine.hl7.groups import groups
from engine.hl7.header import Header, read_header
from engine.hl7.modes import Code
from engine.hl7.numbers import money, number
from engine.hl7.path import Path
from engine.hl7.quirks import odd
from engine.hl7.reading import Reading
from engine.hl7.times import moment, zone_of
from engine.hl7.tree import leaves
from engine.hl7.writing import changed
from mllp.answers import control_id, read_answer

__all__ = ["check"]

CHARSETS: tuple[tuple[str, bool], ...] = (
    ("", False),
    ("", True),
    ("8859/1", False),
    ("UNICODE UTF-8", False),
)
PATHS = [Path.parse(text) for text in ("MSH-9.1", "PID-3", "PID-3[2].4.2", "FT1[2]-7.1", "ZZZ-1", "OBX-5")]
ANCHORS = ("FT1", "AIS", "AIG", "PID", "OBX")
ANYTHING = accept.AcceptRules(processing_ids=frozenset({"P", "D", "T"}))
SOMETHING = accept.AcceptRules(message_types=frozenset({"ADT^A01", "DFT"}), versions=frozenset({"2.5"}))
ZONE = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def check(data: bytes) -> None:
    """Any bytes are read or refused with `Unacceptable`; what was read is answered, and reads the same
    again when it is written."""
    raw, (default, strict) = data[:-1], CHARSETS[(data[-1] if data else 0) % len(CHARSETS)]
    check_file(raw)
    try:
        header = read_header(raw, default)
    except Unacceptable as refusal:
        check_answer(None, raw, refusal)
        return
    check_header(header)
    check_answer(header, raw, None)
    try:
        document = Document.parse(raw, default_charset=default, strict_charset=strict)
    except Unacceptable as refusal:
        check_answer(header, raw, refusal)
        return
    check_reads(document)
    check_writing(document)
    assert all(reason.text for reason in odd(document))
    with suppress(Unacceptable):
        assert all(leaf.path for leaf in leaves(document))
    for anchor in ANCHORS:
        with suppress(Unacceptable):
            for group in groups(document, anchor):
                read_paths(group)


def check_file(raw: bytes) -> None:
    """What a file is split into is split into itself."""
    for message in split_messages(raw):
        assert message.startswith(b"MSH")
        assert split_messages(message) == [message]


def check_header(header: Header) -> None:
    """Every question that intake asks of a header."""
    for rules in (ANYTHING, SOMETHING):
        ruling = accept.check(header, rules)
        assert ruling is None or bool(ruling.answered) != header.is_answer
    for name in ("type", "event", "structure", "version", "processing_id", "processing_mode", "continuation",
                 "accept_acknowledgement", "application_acknowledgement", "charsets", "sent_at"):  # fmt: skip
        getattr(header, name)
    with suppress(Unacceptable):
        _ = header.sequence_number
    with suppress(Unacceptable):
        zone_of(header.sent_at, ZONE)


def check_answer(header: Header | None, raw: bytes, refusal: Unacceptable | None) -> None:
    """The answer can be read, by us and by a sender, and is about this message."""
    errors = [ErrorItem.of(refusal)] if refusal else []
    code: Code = "AE" if refusal else "AA"
    answer = build(
        header, code, control_id="ID1", now=NOON, own_application="W^1.2^ISO", own_facility="", errors=errors
    )
    sent = header.control_id if header else b""
    # the byte of a delimiter may be half a character, which is cut by who knows the character set
    halved = header and any(header.delimiters.separator in header.field(number) for number in range(3, 11))
    assert halved or read_answer(answer) == (code, sent), "a sender does not find its own control id"
    assert read_header(answer).is_answer
    assert answer.endswith(b"\r")
    assert answer.count(b"\r") == 2 + len(errors)
    if header and raw.startswith(b"MSH") and not halved:
        assert control_id(raw) == sent


def check_reads(document: Document) -> None:
    """Every leaf is text, nothing or DELETE; paths and leaves agree; values survive being escaped."""
    read_paths(document)
    values: dict[str, None] = {}  # in order, each once
    for fields in document.segments():
        for field in range(3 if fields[0] in ("MSH", "FHS", "BHS") else 1, len(fields)):
            with suppress(Unacceptable):
                check_field(document, fields, field, values)
    for value in values:
        check_value(document, value)


def check_field(document: Document, fields: list[str], field: int, values: dict[str, None]) -> None:
    """One field's leaves; their text joins `values`."""
    for nth, text in enumerate(document.repetitions(fields, field), 1):
        for component, part in enumerate(document.components(text), 1):
            for sub, raw in enumerate(document.subcomponents(part), 1):
                value = document.leaf(fields, field, component, sub, nth)
                assert value is None or value is DELETE or value, "an empty leaf is None"
                assert raw or value in (None, DELETE), "a value from nothing"
                if isinstance(value, str):
                    values[value] = None


def check_value(document: Document, value: str) -> None:
    """A value is written and read back, and read as every type of scalar."""
    marks = document.delimiters
    if marks.escape:
        assert unescape(escape(value, marks), marks, document.codec) == (value, 0)
    for read in (number, lambda text: moment(text, ZONE).end, lambda text: money(text, "")):
        with suppress(Unacceptable):
            read(value)


def check_writing(document: Document) -> None:
    """What is written reads the same, where undeclared 8-bit text is read as it was (the guess may be
    another one when stray lines are gone); a value put at one place is read there and nowhere else."""
    default = document.codec if "undeclared_8bit" in document.quirks else ""
    with suppress(Unacceptable):  # a character that came by an escape, or that its set writes as another
        raw = document.encode()
        again = Document.parse(raw, default_charset=default)
        assert list(again.segments()) == list(document.segments()), "not what was written"
        assert again.encode() == raw
    with suppress(Unacceptable, Misconfigured):  # too many parts, or none that can be told apart
        check_change(document)


def check_change(document: Document) -> None:
    """Sub-component 2 of PID-3[2].4 (or of what stands there in the last segment) becomes text that must
    be escaped."""
    last, marks = list(document.segments())[-1], document.delimiters
    put = f"a{marks.field}{marks.escape}{marks.component}"
    new = changed(last, marks, put, 3, repetition=2, component=4, subcomponent=2)
    if marks.escape:
        assert document.leaf(new, 3, 4, 2, 2) == put
    assert document.leaf(new, 3) == document.leaf(last, 3), "the first repetition is as it was"
    assert new[4:] == last[4:]


def read_paths(reading: Reading) -> None:
    """Paths as a channel reads them."""
    for path in PATHS:
        with suppress(Unacceptable):
            value = reading.value(path)
            assert value is None or value is DELETE or value
    read: Iterable[Path] = PATHS
    assert all(reading.place(path) for path in read)
