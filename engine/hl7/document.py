"""One HL7 v2 message, read on demand: decoded once, split into segments once, and below that only
where somebody looks (a few microseconds, where a full tree costs milliseconds).

Tolerated, each counted as a quirk: LF and CRLF as segment end, indented or lower-case segment ids,
lines that are no segment (wrapped text; they are passed over, never joined). ADD is folded into the
segment that it continues, except in a message that is itself a piece (`engine.hl7.continuation`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from engine.hl7.charset import decode
from engine.hl7.continuation import Pointers, fold, pointers
from engine.hl7.delimiters import Delimiters
from engine.hl7.header import BYTE_ORDER_MARK, Header, read_header
from engine.hl7.path import Path
from engine.hl7.reading import DELETE, HEADERS, Delete, Fields, Reading, Value, exceeded
from engine.hl7.versions import exchanged
from engine.hl7.writing import encode, to_bytes

__all__ = ["DELETE", "Delete", "Document", "Fields", "Value"]

MAX_LINES = 100_000  # blank and stray lines included
MAX_SEGMENTS = 10_000
MAX_FIELDS = 1_000

_NOWHERE: Sequence[int] = ()


class Document(Reading):
    """A message addressed by field paths. Never shows content in its `repr`.

    `quirks` counts what was odd but readable, by name; reading may add to it. `codec` is Python's
    name of the character set that it was read in.
    """

    __slots__ = ("_exchanged", "_index", "_lines", "_split", "header")

    def __init__(self, header: Header, lines: list[str], codec: str, quirks: dict[str, int]) -> None:
        self.header = header
        self.delimiters = header.delimiters
        self.codec = codec
        self.quirks = quirks
        self.warnings = []
        self._lines: list[str] = []
        self._index: dict[str, list[int]] = {}
        self._exchanged = exchanged(header)
        self._take(lines)
        self._split: list[Fields | None] = [None] * len(self._lines)

    @classmethod
    def parse(
        cls,
        raw: bytes,
        *,
        default_charset: str = "",
        strict_charset: bool = False,
        header: Header | None = None,
    ) -> Document:
        """The document in `raw`, one message. `default_charset` and `strict_charset` say what
        undeclared 8-bit text is (`engine.hl7.charset.decode`); `header` saves reading MSH again.

        Raises `Unacceptable`: `not-hl7` (100), `charset` (102, 103), `structure` (100) for a second
        MSH or more than 10,000 segments.
        """
        if header is None:
            header = read_header(raw, default_charset)
        decoded = decode(
            raw[header.start :] if header.start else raw,
            header.charsets,
            default=default_charset,
            strict=strict_charset,
            marked="byte_order_mark" in header.quirks,
        )
        text = decoded.text
        quirks = dict.fromkeys((*header.quirks, *decoded.quirks), 1)
        if "\n" in text:
            quirks["line_feeds"] = 1
            text = text.replace("\r\n", "\r").replace("\n", "\r")
        if header.delimiters.truncation and _is_truncated(text, header.delimiters):
            quirks["truncated"] = 1
        lines = text.split("\r", MAX_LINES)
        if len(lines) > MAX_LINES:
            raise exceeded("", "too many lines")
        return cls(header, lines, decoded.codec, quirks)

    @property
    def whole(self) -> Document:
        """The message itself."""
        return self

    def __repr__(self) -> str:
        return f"Document({len(self._lines)} segments)"

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def pointers(self) -> Pointers | None:
        """How this message hangs together with others, when it is only a piece of one."""
        if "DSC" not in self._index and not self.header.field(14):
            return None
        last = self._index.get("DSC")
        dsc = self._lines[last[-1]].split(self.delimiters.field, 3) if last else None
        return pointers(self.header, dsc, self.codec)

    @property
    def whereabouts(self) -> Mapping[str, Sequence[int]]:
        """Where the segments of each id stand, counted from 0 over all segments."""
        return self._index

    @property
    def shape(self) -> tuple[str, ...]:
        """The ids of its segments, in order."""
        return tuple([line[:3] for line in self._lines])

    def positions(self, segment: str) -> Sequence[int]:
        """Where segments of this id stand, counted from 0 over all segments."""
        return self._index.get(segment, _NOWHERE)

    def fields(self, position: int) -> Fields:
        """The segment at `position`, split into fields, as today's standard numbers them
        (`engine.hl7.versions`). Raises `Unacceptable` (`structure`) above 1,000 fields."""
        found = self._split[position]
        if found is None:
            found = self._as_sent(position)
            if self._exchanged and found[0] in self._exchanged:
                first, second = self._exchanged[found[0]]
                found += [""] * (second + 1 - len(found))
                found[first], found[second] = found[second], found[first]
            self._split[position] = found
        return found

    def first(self, segment: str) -> Fields | None:
        """The fields of the first segment of this id, or None."""
        found = self._index.get(segment)
        return self.fields(found[0]) if found else None

    def nth(self, segment: str, occurrence: int) -> Fields | None:
        """The fields of the `occurrence`-th (from 1) segment of this id, or None."""
        found = self.positions(segment)
        return self.fields(found[occurrence - 1]) if occurrence <= len(found) else None

    def all(self, segment: str) -> list[Fields]:
        """The fields of every segment of this id, in order."""
        return [self.fields(position) for position in self.positions(segment)]

    def segments(self) -> Iterator[Fields]:
        """Every segment in order, its fields numbered as they were sent."""
        return map(self._as_sent if self._exchanged else self.fields, range(len(self._lines)))

    def encode(self, segments: Iterable[Fields] | None = None) -> bytes:
        """The message as bytes in its own character set and delimiters, every segment ended by CR; what
        was tolerated in reading is written as it should have been, lines that are no segment are gone.

        With `segments`, those in place of its own: as `segments()` gives them, some changed
        (`engine.hl7.writing.changed`), left out or added. Raises `Unacceptable` (`charset`, 102) for a
        character that the character set lacks."""
        mark = BYTE_ORDER_MARK if "byte_order_mark" in self.header.quirks else b""
        if segments is None:
            return mark + to_bytes("\r".join([*self._lines, ""]), self.codec)
        return mark + encode(segments, self.delimiters.field, self.codec)

    def place(self, path: Path) -> str:
        """The path as an error names it."""
        return path.text

    def _as_sent(self, position: int) -> Fields:
        separator = self.delimiters.field
        found = self._lines[position].split(separator, MAX_FIELDS)
        if len(found) > MAX_FIELDS:
            raise exceeded(found[0], "too many fields")
        if found[0] in HEADERS:
            found.insert(1, separator)
        return found

    def _take(self, lines: list[str]) -> None:
        """Keeps the lines that are segments, in order, and where each segment id occurs."""
        separator, index, kept = self.delimiters.field, self._index, self._lines
        for line in lines:
            name = line[:3]
            found = index.get(name)
            if line[3:4] != separator or (found is None and not _is_id(name)):
                line = self._mended(line)
                if not line:
                    continue
                name = line[:3]
                found = index.get(name)
            if found is None:
                index[name] = [len(kept)]
            else:
                found.append(len(kept))
            kept.append(line)
        if "ADD" in index and self.pointers is None:
            self._lines, self._index = [], {}
            self._take(fold(kept))
            return
        if len(kept) > MAX_SEGMENTS:
            raise exceeded("", "too many segments")
        if len(index.get("MSH", ())) > 1:
            raise exceeded("MSH[2]", "a second message header in one message")

    def _mended(self, line: str) -> str:
        """The segment in an unusual line; empty for a blank line and for a line that is none."""
        bare = line.strip(" \t")
        if not bare:
            return ""
        name, rest = bare[:3].upper(), bare[3:]
        if not _is_id(name) or (rest and rest[0] != self.delimiters.field):
            self._note("stray_line")
            return ""
        if line[0] in " \t":
            self._note("indented_segment")
        if name != bare[:3]:
            self._note("lower_case_segment")
        return name + line.lstrip(" \t")[3:] if rest else name

    def _note(self, quirk: str) -> None:
        self.quirks[quirk] = self.quirks.get(quirk, 0) + 1


def _is_truncated(text: str, delimiters: Delimiters) -> bool:
    """Whether a value after the header ends in the truncation mark (section 2.5.5.2 of chapter 2)."""
    start, mark = text.find("\r"), delimiters.truncation
    ends = (delimiters.field, delimiters.component, delimiters.repetition, delimiters.subcomponent, "\r")
    return start >= 0 and any(text.find(mark + end, start) >= 0 for end in ends)


@lru_cache(maxsize=1024)
def _is_id(name: str) -> bool:
    return len(name) == 3 and name.isascii() and name.isalnum() and name.isupper() and name[0].isalpha()
