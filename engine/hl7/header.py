"""The message header, MSH, read from the bytes as they came: all that intake parses.

Nothing is decoded or unescaped here: an answer repeats most of these fields byte for byte
(HL7 v2.9.1 chapter 2, sections 2.8.2 and 2.14.9). Content never shows in a `repr`.
"""

from __future__ import annotations

from functools import lru_cache

from engine.errors import Unacceptable
from engine.hl7.delimiters import Delimiters, read_delimiters
from engine.hl7.multibyte import cut, is_plain

__all__ = ["ANSWERS", "BYTE_ORDER_MARK", "REPEATING", "Header", "read_header", "split"]

SHORTEST = len(b"MSH|^~\\&|")
LAST_FIELD = 25  # MSH-25 is the last field of 2.9.1; what follows stays in one piece
ANSWER_WITHIN = 4096  # an answer's MSA follows MSH, SFT and UAC: near the top, or it is not one
ANSWERS = frozenset({"ACK", "MCF"})  # MSH-9.1 of what is an acknowledgement itself
REPEATING = 48  # bytes: a longer field is no code that comes again
LEADING = b"\xef\xbb\xbf\r\n \t"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
EMPTY = (b"", b'""')
_NOTHING = [b""] * LAST_FIELD


class Header:
    """One message's MSH. `field(n)` is MSH-n as bytes, all components, still escaped.

    `start` is where `MSH` begins in the raw bytes; `quirks` name what was odd but readable.
    """

    __slots__ = ("_fields", "delimiters", "has_msa", "quirks", "size", "start")

    def __init__(
        self,
        fields: list[bytes],
        delimiters: Delimiters,
        *,
        start: int,
        size: int,
        quirks: tuple[str, ...],
        has_msa: bool,
    ) -> None:
        self._fields = fields + _NOTHING[len(fields) :]  # asked for two dozen times a message
        self.delimiters = delimiters
        self.start = start
        self.size = size
        self.quirks = quirks
        self.has_msa = has_msa

    def __repr__(self) -> str:
        return f"Header({self.size} bytes)"

    def field(self, number: int) -> bytes:
        """MSH-`number` (3 to 25) as it came; empty when the message has none."""
        return self._fields[number - 1]

    def component(self, number: int, component: int) -> str:
        """One component of MSH-`number`'s first repetition, blanks around it taken off."""
        parts = split(self.field(number), self.delimiters.repetition, self.delimiters.component)
        return parts[component - 1] if component <= len(parts) else ""

    @property
    def sending_application(self) -> bytes:
        """MSH-3, all components."""
        return self.field(3)

    @property
    def sending_facility(self) -> bytes:
        """MSH-4, all components."""
        return self.field(4)

    @property
    def receiving_application(self) -> bytes:
        """MSH-5, all components."""
        return self.field(5)

    @property
    def receiving_facility(self) -> bytes:
        """MSH-6, all components."""
        return self.field(6)

    @property
    def sent_at(self) -> str:
        """MSH-7.1, the sender's time; its offset applies to the whole message."""
        return self.component(7, 1)

    @property
    def type(self) -> str:
        """MSH-9.1, `ADT`."""
        return self.component(9, 1)

    @property
    def event(self) -> str:
        """MSH-9.2, `A01`."""
        return self.component(9, 2)

    @property
    def structure(self) -> str:
        """MSH-9.3, `ADT_A01`; often absent, at times wrong."""
        return self.component(9, 3)

    @property
    def control_id(self) -> bytes:
        """MSH-10 exactly as it came: no blank taken off, nothing unescaped."""
        return self.field(10)

    @property
    def has_control_id(self) -> bool:
        """Whether MSH-10 holds more than blanks or `""`."""
        return self.control_id.strip() not in EMPTY

    @property
    def processing_id(self) -> str:
        """MSH-11.1: `P`, `D`, `T` (table 0103)."""
        return self.component(11, 1)

    @property
    def processing_mode(self) -> str:
        """MSH-11.2 (table 0207)."""
        return self.component(11, 2)

    @property
    def version(self) -> str:
        """MSH-12.1 as it came, `2.5.1`; `engine.hl7.tables.read_version` reads it."""
        return self.component(12, 1)

    @property
    def sequence_number(self) -> int | None:
        """MSH-13; None when not in use. Raises `Unacceptable` (102) when it is no whole number."""
        value = self.field(13).strip()
        if value in EMPTY:
            return None
        digits = value.removeprefix(b"-")
        if not digits.isdigit() or len(digits) > 15:
            raise Unacceptable("bad-value", "MSH-13", "the sequence number is not a whole number", hl7=102)
        return int(value)

    @property
    def continuation(self) -> bytes:
        """MSH-14, the continuation pointer."""
        return self.field(14)

    @property
    def accept_acknowledgement(self) -> str:
        """MSH-15 in upper case (table 0155); empty also for `""`."""
        return _condition(self.field(15))

    @property
    def application_acknowledgement(self) -> str:
        """MSH-16 in upper case (table 0155); empty also for `""`."""
        return _condition(self.field(16))

    @property
    def charsets(self) -> list[str]:
        """The repetitions of MSH-18, outer blanks taken off; empty when nothing is declared."""
        value = self.field(18)
        if value in EMPTY:
            return []
        return [part.strip() for part in value.decode("latin-1").split(self.delimiters.repetition)]

    @property
    def is_answer(self) -> bool:
        """Is this an acknowledgement itself? Then nothing may ever acknowledge it (spec: ack, row 20)."""
        return self.has_msa or self.type in ANSWERS


def split(field: bytes, repetition: str, component: str) -> tuple[str, ...]:
    """The components of a field's first repetition, blanks around each taken off."""
    return (_split_again if len(field) <= REPEATING else _split)(field, repetition, component)


def _split(field: bytes, repetition: str, component: str) -> tuple[str, ...]:
    first = field.decode("latin-1").split(repetition, 1)[0]
    return tuple(part.strip() for part in first.split(component))


_split_again = lru_cache(maxsize=2048)(_split)
"""A sender's types, versions and processing ids are the same in message after message."""


def read_header(raw: bytes, default_charset: str = "") -> Header:
    """The header of the message in `raw`: the bytes of one frame or one message of a file.

    `default_charset` is what text is in when MSH-18 is empty. A byte order mark, line ends and blanks
    before `MSH` are passed over. Raises `Unacceptable` (`not-hl7`, HL7 100) when there is no MSH, it is
    shorter than `MSH|^~\\&|`, or its delimiters cannot be used.
    """
    start, quirks = (0, ()) if raw.startswith(b"MSH") else _find_start(raw)
    end = raw.find(b"\r", start)
    if end < 0:
        end = len(raw)
    feed = raw.find(b"\n", start, end)
    if feed >= 0:
        end = feed
    line = raw[start:end]
    if len(line) < SHORTEST:
        raise Unacceptable("not-hl7", "MSH", "the header is cut short", hl7=100)
    separator = line[3:4]
    if is_plain(line):
        fields = line.split(separator, LAST_FIELD)
    else:
        fields = cut(line, separator, LAST_FIELD, default_charset)
    delimiters = read_delimiters(separator, fields[1])
    if delimiters.quirks:
        quirks = (*quirks, *delimiters.quirks)
    at = raw.find(b"MSA" + separator, end, end + ANSWER_WITHIN)
    return Header(
        fields,
        delimiters,
        start=start,
        size=len(line),
        quirks=quirks,
        has_msa=at >= 0 and raw[at - 1] in b"\r\n",
    )


def _find_start(raw: bytes) -> tuple[int, tuple[str, ...]]:
    start, last = 0, min(len(raw), 1024)
    while start < last and raw[start] in LEADING:
        start += 1
    name = raw[start : start + 3]
    if name.upper() != b"MSH":
        raise Unacceptable("not-hl7", "MSH", "there is no message header", hl7=100)
    quirks: tuple[str, ...] = ()
    if start:
        quirks = ("byte_order_mark" if BYTE_ORDER_MARK in raw[:start] else "leading_blanks",)
    return start, quirks if name == b"MSH" else (*quirks, "lower_case_segment")


def _condition(value: bytes) -> str:
    text = value.strip().upper()
    return "" if text in EMPTY else text.decode("latin-1")
