"""MLLP blocks: bytes to messages and back.

A block is `0B data 1C 0D` (HL7 MLLP Release 2, 2006, "block format"). `Decoder` is the byte state
machine of the field's practice: noise between blocks is skipped, a missing or wrong last byte is
forgiven, a sender that starts over is noticed, and memory stays bounded. The message comes out as
the very bytes that came in: nothing here trims, decodes or repairs them.

Searching is done by `bytes.find`, never byte by byte, and nothing is searched twice: a peer that
trickles single bytes costs O(n).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from io import BytesIO
from typing import Literal

__all__ = [
    "COMMITTED", "MAX_FRAME", "MAX_HEAD", "MAX_NOISE", "NOT_COMMITTED", "Decoder", "Fault", "Partial",
    "Piece", "Release", "TooLong", "encode",
]  # fmt: skip

MAX_FRAME = 16 * 1024 * 1024
"""Default limit of a message in bytes: embedded documents pass, memory stays small."""
MAX_NOISE = 64 * 1024
"""Default number of bytes without a start byte after which the peer is not speaking MLLP."""
MAX_HEAD = 8 * 1024
"""An oversize message keeps its first segment if it ends within so many bytes."""

Release = Literal["1", "2"]
"""Of MLLP: blocks alone, or blocks and commit acknowledgements."""

COMMITTED, NOT_COMMITTED = b"\x06", b"\x15"
"""What a commit acknowledgement block holds (MLLP Release 2)."""

_START = b"\x0b"
_END = b"\x1c"
_RESTART = b"\x0bMSH"
_CR, _LF, _VT = 0x0D, 0x0A, 0x0B
_AFTER_END = (_CR, _LF, _VT)
_LEADING = b"\xef\xbb\xbf\r\n "


class Fault(Enum):
    """What ends the stream's usefulness: after it the decoder ignores everything."""

    NOISE = auto()
    """More noise than allowed, no start byte."""
    SKIPPED = auto()
    """The end of a message reported as `TooLong` was reached."""


@dataclass(frozen=True, slots=True)
class Partial:
    """A message whose sender began again before its end: never answered, worth keeping aside."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class TooLong:
    """A message over the limit. `head` is its first segment without the line end, or empty when
    that segment does not end within `MAX_HEAD` bytes. The rest is skipped, not stored."""

    head: bytes = field(repr=False)


Piece = bytes | Partial | TooLong | Fault
"""One result of decoding; plain bytes are a complete message."""


def encode(message: bytes) -> bytes:
    """One block around `message`."""
    return b"".join((_START, message, b"\x1c\r"))


class Decoder:
    """The receiving state machine of one byte stream.

    `counts` collects what was tolerated since the caller last cleared it: `noise_bytes`,
    `fs_in_data`, `vt_in_data`, `cr_missing`, `lf_instead_of_cr`, `restarted_frames`,
    `oversize_frames`. `begun` grows by one with every start byte, so that a caller can keep a clock
    per message.
    """

    def __init__(self, max_frame: int = MAX_FRAME, max_noise: int = MAX_NOISE) -> None:
        self.counts: dict[str, int] = {}
        self.begun = 0
        self.inside = False
        """Between a start byte and the end of its block."""
        self._max_frame = max_frame
        self._max_noise = max_noise
        self._noise = 0
        self._held = b""  # a tail whose meaning the next byte decides: FS, or VT and a part of MSH
        self._frame = BytesIO()
        self._size = 0
        self._skipping = False
        self._dead = False

    @property
    def awaiting_cr(self) -> bool:
        """The end byte came, the CR behind it did not (yet)."""
        return self._held == _END

    def receive(self, data: bytes) -> list[Piece]:
        """Take the next bytes of the stream, in whatever portions; give what they complete."""
        if self._held:
            data, self._held = self._held + data, b""
        pieces: list[Piece] = []
        at, end = 0, len(data)
        while at < end and not self._dead:
            at = self._read_inside(data, at, pieces) if self.inside else self._read_outside(data, at, pieces)
        return pieces

    def finish(self) -> list[Piece]:
        """No CR will follow the end byte: complete the message without it. Only when `awaiting_cr`."""
        self._held = b""
        self._count("cr_missing")
        pieces: list[Piece] = []
        self._complete(b"", 0, 0, pieces)
        return pieces

    def _read_outside(self, data: bytes, at: int, pieces: list[Piece]) -> int:
        start = data.find(_START, at)
        noise = (start if start >= 0 else len(data)) - at
        if noise:
            noise = min(noise, self._max_noise + 1 - self._noise)
            self._noise += noise
            self._count("noise_bytes", noise)
            if self._noise > self._max_noise:
                self._dead = True
                pieces.append(Fault.NOISE)
                return len(data)
        if start < 0:
            return len(data)
        self._begin()
        return start + 1

    def _read_inside(self, data: bytes, start: int, pieces: list[Piece]) -> int:
        at = start
        while True:
            end = data.find(_END, at)
            stop = end if end >= 0 else len(data)
            restart = data.find(_RESTART, at, stop)
            if restart >= 0:
                self._count("vt_in_data", data.count(_START, at, restart))
                return self._start_over(data, start, restart, pieces)
            held = _undecided(data, at) if end < 0 else 0
            self._count("vt_in_data", data.count(_START, at, stop - held))
            if end < 0 or end + 1 == len(data):
                held = held or len(data) - stop
                self._held = data[len(data) - held :] if held else b""
                self._keep(data, start, len(data) - held, pieces)
                return len(data)
            after = data[end + 1]
            if after in _AFTER_END:
                self._complete(data, start, end, pieces)
                return end + self._last_byte(after)
            self._count("fs_in_data")
            at = end + 1

    def _last_byte(self, after: int) -> int:
        """How many bytes the end of a block took, by the byte behind its end byte."""
        if after == _CR:
            return 2
        if after == _LF:
            self._count("lf_instead_of_cr")
            return 2
        self._count("cr_missing")
        return 1

    def _begin(self) -> None:
        self.inside = True
        self.begun += 1
        self._noise = 0

    def _start_over(self, data: bytes, start: int, restart: int, pieces: list[Piece]) -> int:
        self._count("restarted_frames")
        self._keep(data, start, restart, pieces)
        if self._skipping:
            self._end_skipping(pieces)
            return len(data)
        if self._size:
            pieces.append(Partial(self._take()))
        self._begin()
        return restart + 1

    def _complete(self, data: bytes, start: int, end: int, pieces: list[Piece]) -> None:
        if not self._size and end - start <= self._max_frame and not self._skipping:
            pieces.append(data[start:end])
        else:
            self._keep(data, start, end, pieces)
            if self._skipping:
                self._end_skipping(pieces)
                return
            pieces.append(self._take())
        self.inside = False

    def _keep(self, data: bytes, start: int, end: int, pieces: list[Piece]) -> None:
        """Store a stretch of the message, or give the message up when it grows over the limit."""
        if self._skipping or end <= start:
            return
        if self._size + end - start <= self._max_frame:
            self._frame.write(memoryview(data)[start:end])
            self._size += end - start
            return
        self._skipping = True
        self._count("oversize_frames")
        kept = bytes(self._frame.getbuffer()[:MAX_HEAD]) + data[start : min(end, start + MAX_HEAD)]
        self._take()
        pieces.append(TooLong(_first_line(kept[:MAX_HEAD])))

    def _take(self) -> bytes:
        # BytesIO gives its buffer away without a copy: memory stays at one message, not two.
        whole = self._frame.getvalue()
        self._frame, self._size = BytesIO(), 0
        return whole

    def _end_skipping(self, pieces: list[Piece]) -> None:
        self.inside = False
        self._dead = True
        pieces.append(Fault.SKIPPED)

    def _count(self, name: str, n: int = 1) -> None:
        if n:
            self.counts[name] = self.counts.get(name, 0) + n


def _undecided(data: bytes, at: int) -> int:
    """Length of a tail of `data` that may yet become a start byte followed by MSH."""
    for length in range(1, 4):
        if len(data) - at >= length and data.endswith(_RESTART[:length]):
            return length
    return 0


def _first_line(data: bytes) -> bytes:
    data = data.lstrip(_LEADING)
    ends = [at for at in (data.find(b"\r"), data.find(b"\n")) if at >= 0]
    return data[: min(ends)] if ends else b""
