"""Acknowledgements: MSH, MSA, ERR as bytes, ready to be framed (HL7 v2.9.1 chapter 2, sections 2.8.2,
2.9.1 and 2.14; per version as spec: ack, sections 4 and 5).

Pure: the clock and the control id are arguments. Fields copied from the message are copied as the
bytes they came as; everything else is fixed phrases and places, **never a field value**.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import NamedTuple

from engine.hl7.charset import codec_of
from engine.hl7.delimiters import USUAL, Delimiters
from engine.hl7.error_segments import ErrorItem, error_segments
from engine.hl7.escape import escape
from engine.hl7.header import Header
from engine.hl7.modes import Code
from engine.hl7.tables import DEFAULT_VERSION, ERROR_CODES, read_version

__all__ = ["ControlIds", "ErrorItem", "Response", "build"]

CACHEABLE = 1024  # bytes of MSH: a longer header is not worth remembering
_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


class ControlIds:
    """Message control ids (MSH-10) for what we send: unique, 20 characters at most, no timestamp.

    50 random bits name this run of this process, so that ids stay unique over restarts and
    processes; a counter does the rest (ten hex digits last seven years at 5,000 a second).
    `random_bits` is `secrets.randbits` or a test's own. Safe to call from several threads.
    """

    def __init__(self, random_bits: Callable[[int], int]) -> None:
        bits = random_bits(50)
        self._run = "".join(_BASE32[bits >> shift & 31] for shift in range(0, 50, 5))
        self._count = itertools.count(1)

    def __call__(self) -> str:
        return f"{self._run}{next(self._count):X}"


class Response(NamedTuple):
    """What makes an answer more than a general acknowledgement: its MSH-9, in the message's delimiters, and
    the segments after MSA and ERR, each ended by CR."""

    type: bytes
    segments: bytes


class _Frame(NamedTuple):
    """The parts of an answer that depend on the message's header alone, around the ones that change."""

    before_time: bytes
    before_id: bytes
    before_code: bytes
    separator: bytes
    delimiters: Delimiters
    version: tuple[int, ...]
    codec: str


def build(
    header: Header | None,
    code: Code,
    *,
    control_id: str,
    now: datetime,
    own_application: str,
    own_facility: str,
    errors: Sequence[ErrorItem] = (),
    expected_sequence: int | None = None,
    apart: bool = False,
    response: Response | None = None,
) -> bytes:
    """The answer `code` to the message of `header`, or to bytes that had none (MSA-2 is then empty).

    `control_id` is new and at most 20 characters (`ControlIds`); `now` is aware; the own names (HD, with its
    delimiters as `^`) stand in where MSH-5 or MSH-6 is empty; `errors` become ERR segments in the
    shape of the message's version; `expected_sequence` goes into MSA-4; `apart` is for an
    application answer that begins an exchange of its own (section 2.8.3.2): MSH-15 AL, MSH-16 NE;
    `response` is for the application answer that a kind of message has of its own.
    """
    if header is None:
        frame = _unheard(own_application, own_facility)
        answered = b""
    else:
        frame = _frame_of(header, own_application, own_facility, apart)
        answered = header.control_id
    if response is not None:
        frame = frame._replace(before_id=frame.separator.join([b"", b"", response.type, b""]))
    head = (
        b"%b%b%b%b%b%b%b%b"
        % (
            frame.before_time,
            _stamp(now.replace(microsecond=0, tzinfo=None), now.utcoffset()),
            frame.before_id,
            control_id.encode("ascii"),
            frame.before_code,
            code.encode("ascii"),
            frame.separator,
            answered,
        )
    )  # fmt: skip
    rest = _rest(frame, errors, expected_sequence) if errors or expected_sequence is not None else b"\r"
    return head + rest if response is None else head + rest + response.segments


def _rest(frame: _Frame, errors: Sequence[ErrorItem], expected_sequence: int | None) -> bytes:
    """MSA-3, MSA-4 and the ERR segments. MSA-3 says in words what ERR-1 of 2.1 to 2.3.1 cannot; later
    versions withdraw it."""
    field = frame.delimiters.field
    text = ""
    if errors and frame.version <= (2, 3, 1):
        text = escape(ERROR_CODES.get(errors[0].hl7, ERROR_CODES[207]), frame.delimiters)
    sequence = "" if expected_sequence is None else str(expected_sequence)
    fields = [text, sequence] if sequence else [text] if text else []
    words = "".join(field + part for part in fields) + "\r"
    words += "".join(segment + "\r" for segment in error_segments(errors, frame.delimiters, frame.version))
    return words.encode(frame.codec, "replace")


def _frame_of(header: Header, own_application: str, own_facility: str, apart: bool) -> _Frame:
    field = header.field
    make = _remembered if header.size <= CACHEABLE else _frame
    return make(
        header.delimiters, field(3), field(4), field(5), field(6), field(9), field(11), field(12), field(18),
        own_application, own_facility, apart,
    )  # fmt: skip


def _frame(
    delimiters: Delimiters,
    sending_application: bytes,
    sending_facility: bytes,
    receiving_application: bytes,
    receiving_facility: bytes,
    message_type: bytes,
    processing_id: bytes,
    version_field: bytes,
    charset: bytes,
    own_application: str,
    own_facility: str,
    apart: bool,
) -> _Frame:
    codec = _answer_codec(charset, delimiters)
    declared = charset.decode("latin-1").split(delimiters.repetition)
    if not all(codec_of(name) for name in declared if name):
        charset = b""  # no set that the answer could be in: whatever stands there is not repeated
    version = _first(version_field, delimiters.component)
    known = read_version(version) if version.strip() else None
    separator = delimiters.separator
    before_time = separator.join(
        [
            b"MSH",
            delimiters.encoding,
            receiving_application or _own(own_application, delimiters, codec),
            receiving_facility or _own(own_facility, delimiters, codec),
            sending_application,
            sending_facility,
            b"",
        ]
    )
    shape = known or read_version(DEFAULT_VERSION) or ()
    message_type = _message_type(message_type, delimiters, shape)
    before_id = separator.join([b"", b"", message_type, b""])
    is_version = known is not None and version.strip()[:1].isdigit()
    after = [
        b"",
        _processing(processing_id, delimiters),
        version_field if is_version else DEFAULT_VERSION.encode("ascii"),
    ]
    if charset or apart:
        after += [b"", b"", *((b"AL", b"NE") if apart else (b"", b""))]
    if charset:
        after += [b"", charset]
    before_code = separator.join(after) + b"\rMSA" + separator
    return _Frame(before_time, before_id, before_code, separator, delimiters, shape, codec)


_remembered = lru_cache(maxsize=512)(_frame)


@lru_cache(maxsize=16)
def _unheard(own_application: str, own_facility: str) -> _Frame:
    """The answer to what has no readable header: the usual delimiters, our names, 2.5.1."""
    return _frame(
        USUAL, b"", b"", b"", b"", b"", b"P", DEFAULT_VERSION.encode("ascii"), b"",
        own_application, own_facility, False,
    )  # fmt: skip


def _message_type(field: bytes, delimiters: Delimiters, version: tuple[int, ...]) -> bytes:
    """MSH-9 of the answer: `ACK` in 2.1 and 2.2, `ACK^A01` in 2.3, `ACK^A01^ACK` from 2.3.1."""
    mark = delimiters.component.encode("ascii")
    parts = field.split(mark, 2)
    event = parts[1].strip() if len(parts) > 1 else b""
    if not event or version < (2, 3):
        return b"ACK"
    return b"ACK" + mark + event + (mark + b"ACK" if version >= (2, 3, 1) else b"")


def _processing(field: bytes, delimiters: Delimiters) -> bytes:
    """MSH-11 of the answer: the message's when it has the form of tables 0103 and 0207, a letter each;
    whatever else stands there is not repeated."""
    parts = field.split(delimiters.component.encode("ascii"))
    known = len(parts) <= 2 and all(len(part) <= 1 and (not part or part.isalpha()) for part in parts)
    return field if known else b"P"


def _own(name: str, delimiters: Delimiters, codec: str) -> bytes:
    """Our configured HD, written with `^`, in the message's delimiters."""
    return delimiters.component.join(escape(part, delimiters) for part in name.split("^")).encode(
        codec, "replace"
    )


def _answer_codec(charset: bytes, delimiters: Delimiters) -> str:
    name = charset.decode("latin-1").split(delimiters.repetition, 1)[0]
    return (codec_of(name) if len(name) <= 40 else None) or "ascii"


def _first(field: bytes, mark: str) -> str:
    return field.decode("latin-1").split(mark, 1)[0]


@lru_cache(maxsize=8)
def _stamp(local: datetime, offset: timedelta | None) -> bytes:
    """MSH-7, `YYYYMMDDHHMMSS±ZZZZ`: formatted once a second. Local time and offset apart, because
    equal moments of different zones are one key."""
    zone = timezone(offset) if offset is not None else None
    return local.replace(tzinfo=zone).strftime("%Y%m%d%H%M%S%z").encode("ascii")
