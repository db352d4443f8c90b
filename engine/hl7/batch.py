"""Batches: `[FHS] { [BHS] { MSH… } [BTS] } [FTS]` (HL7 v2.9.1 chapter 2, section 2.9.3; spec: ack, section
7.3), read from a stream with bounded memory, a file of any size or the bytes of one frame.

Headers and trailers are optional, a batch may be empty. What does not hold about an envelope (a count, the
order) becomes a finding and stops nothing: whoever reads decides what it means. The messages' bytes are as
they came, without framing characters and blank lines around them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Final, NamedTuple

from engine.model import Reason, ReasonCode

__all__ = ["BatchReader", "Kind", "Part", "count_of", "is_batch", "read_batch"]

_START: Final = re.compile(
    rb"[\r\n](?=[\x0b\xef\xbb\xbf \t]{0,8}(?:(?:MSH|FHS|BHS)[^A-Za-z0-9\s]|[BF]TS(?:[^A-Za-z0-9\s]|[\r\n])))"
)
_NAME: Final = re.compile(rb"[\x0b\xef\xbb\xbf\s]*(MSH|FHS|BHS|BTS|FTS)")
_BATCH: Final = re.compile(rb"[\xef\xbb\xbf\s]{0,64}[FB]HS[^A-Za-z0-9\s]")
_LATER: Final = re.compile(rb"[\r\n](?:MSH|BHS|BTS|FTS)[^A-Za-z0-9\s]")
_END: Final = re.compile(rb"[\x1c\r\n]*\Z")
_MARK: Final = b"\xef\xbb\xbf"
_TAIL: Final = 24  # bytes that a segment's beginning may need to be known as one
MOST_FINDINGS: Final = 100
_HEAD: Final = 8192  # bytes kept of a message that is too long


class Kind(StrEnum):
    """What a part of a batch is. Batches begin and end also where no header or trailer says so."""

    FILE = "FHS"
    BATCH = "BHS"
    MESSAGE = "MSH"
    TOO_LONG = "too long"
    BATCH_END = "BTS"
    FILE_END = "FTS"
    STRAY = "text"


class Part(NamedTuple):
    """One part in the order it came: the bytes of a message, the segment of an envelope (empty where
    it was left out), or text that belongs to neither. Of a message that is too long the head alone."""

    kind: Kind
    raw: bytes = b""

    def __repr__(self) -> str:
        return f"Part({self.kind.value!r}, {len(self.raw)} bytes)"


def is_batch(raw: bytes, *, headless: bool = False) -> bool:
    """Whether a frame holds a batch and not a message; `headless` ones count if they hold several."""
    return bool(_BATCH.match(raw)) or (headless and bool(_LATER.search(raw)))


def read_batch(raw: bytes, largest: int) -> tuple[list[Part], list[Reason]]:
    """The parts and the findings of the batch in one frame."""
    reader = BatchReader(largest)
    return [*reader.feed(raw), *reader.end()], reader.findings


def count_of(trailer: bytes) -> int | None:
    """BTS-1 or FTS-1; None when it is left out. Raises `ValueError` when it is no number."""
    text = trailer[4:].split(trailer[3:4], 1)[0].strip() if len(trailer) > 4 else b""
    if text in (b"", b'""'):
        return None
    if not text.isdigit() or len(text) > 15:
        raise ValueError
    return int(text)


class BatchReader:
    """Feed it bytes; it gives the parts as they become whole. Messages longer than `largest` bytes are
    `TOO_LONG`. `messages` and `batches` count, `findings` say what does not hold."""

    def __init__(self, largest: int) -> None:
        self.findings: list[Reason] = []
        self.messages = self.batches = 0
        self._units = _Units(largest)
        self._inside = 0  # messages of the batch that is open
        self._open = self._headed = self._ended = False
        self._files = 0
        self._trailers = 0

    def feed(self, data: bytes) -> Iterator[Part]:
        """The parts that are whole now."""
        for raw, whole in self._units.feed(data):
            yield from self._take(raw, whole=whole)

    def end(self) -> Iterator[Part]:
        """The last parts: there is nothing more."""
        for raw, whole in self._units.end():
            yield from self._take(raw, whole=whole)
        yield from self._close()

    def _take(self, raw: bytes, *, whole: bool) -> Iterator[Part]:
        found = _NAME.match(raw)
        if found is None:
            self._find("", "text that belongs to no message")
            yield Part(Kind.STRAY, raw)
            return
        name = found[1].decode()
        if self._ended:
            self._find("FTS-1", "the file goes on after its trailer")
            self._ended = False
        if name == Kind.MESSAGE:
            yield from self._message(raw, whole=whole)
            return
        line, *rest = re.split(rb"[\r\n]+", raw[found.start(1) :], maxsplit=1)
        segment = {"FHS": self._fhs, "BHS": self._bhs, "BTS": self._bts, "FTS": self._fts}[name]
        yield from segment(line.rstrip(b"\x1c"))
        if rest and rest[0].strip(b"\x1c\r\n \t"):
            self._find(f"{name}[1]", "text that belongs to no message")
            yield Part(Kind.STRAY, rest[0])

    def _message(self, raw: bytes, *, whole: bool) -> Iterator[Part]:
        if not self._open:
            yield from self._begin(b"")
        self._inside += 1
        self.messages += 1
        yield Part(Kind.MESSAGE if whole else Kind.TOO_LONG, _bare(raw))

    def _fhs(self, line: bytes) -> Iterator[Part]:
        self._files += 1
        if self._files > 1 or self._open or self.batches:
            self._find(f"FHS[{self._files}]", "a file header inside a file")
            yield from self._close()
        yield Part(Kind.FILE, line)

    def _bhs(self, line: bytes) -> Iterator[Part]:
        yield from self._close()
        yield from self._begin(line)

    def _bts(self, line: bytes) -> Iterator[Part]:
        self._trailers += 1
        if not self._open:
            self._find(f"BTS[{self._trailers}]", "a batch trailer without a batch")
            yield Part(Kind.STRAY, line)
            return
        self._compare(line, f"BTS[{self._trailers}]-1", self._inside, "messages")
        self._open = False
        yield Part(Kind.BATCH_END, line)

    def _fts(self, line: bytes) -> Iterator[Part]:
        yield from self._close()
        self._compare(line, "FTS-1", self.batches, "batches")
        self._ended = True
        yield Part(Kind.FILE_END, line)

    def _begin(self, line: bytes) -> Iterator[Part]:
        self.batches += 1
        self._open, self._inside = True, 0
        yield Part(Kind.BATCH, line)

    def _close(self) -> Iterator[Part]:
        """The batch ends without a trailer."""
        if self._open:
            self._open = False
            yield Part(Kind.BATCH_END)

    def _compare(self, line: bytes, place: str, found: int, what: str) -> None:
        try:
            said = count_of(line)
        except ValueError:
            self._find(place, f"not a number of {what}")
            return
        if said is not None and said != found:
            self._find(place, f"not the number of {what} that came")

    def _find(self, place: str, text: str) -> None:
        if len(self.findings) > MOST_FINDINGS:  # a frame of trailers alone has one for each
            return
        reason = Reason(ReasonCode.BATCH, text, place)
        if len(self.findings) == MOST_FINDINGS:
            reason = Reason(ReasonCode.BATCH, "more does not hold than is told")
        if reason not in self.findings:
            self.findings.append(reason)


class _Units:
    """Cuts a stream where a line begins with MSH, FHS, BHS, BTS or FTS."""

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._tail = b"\r"  # so that the first line begins like any other
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bool]]:
        window, start = self._tail + data, 0
        for found in _START.finditer(window):
            self._keep(window[start : found.end()])
            yield from self._unit()
            start = found.end()
        keep = max(start, len(window) - _TAIL)
        self._keep(window[start:keep])
        self._tail = window[keep:]

    def end(self) -> Iterator[tuple[bytes, bool]]:
        # A trailer may stand at the very end, without a delimiter and without a line end.
        yield from self.feed(b"\r")
        self._keep(self._tail[:-1])
        self._tail = b""
        yield from self._unit()

    def _keep(self, data: bytes) -> None:
        self._size += len(data)
        if self._size <= self._largest:
            self._parts.append(data)
        else:
            head = b"".join(self._parts)[:_HEAD]
            self._parts = [head + data[: _HEAD - len(head)]]

    def _unit(self) -> Iterator[tuple[bytes, bool]]:
        raw, whole = b"".join(self._parts), self._size <= self._largest
        self._parts, self._size = [], 0
        if raw.strip(b"\x0b\x1c\r\n \t" + _MARK):
            yield (raw, True) if whole else (raw[:_HEAD], False)


def _bare(raw: bytes) -> bytes:
    """A message without the framing and the blank lines around it; its own last line end stays."""
    start = raw.index(b"MSH")
    if raw[:start].endswith(_MARK):
        start -= len(_MARK)
    end = _END.search(raw)
    body, rest = (raw[start:], b"") if end is None else (raw[start : end.start()], end[0])
    return body + (rest[:2] if rest[:2] == b"\r\n" else rest[:1].strip(b"\x1c"))
