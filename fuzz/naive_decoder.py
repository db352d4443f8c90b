"""MLLP blocks read a byte at a time, as spec: ack, section 1.2 writes the machine down: slow, and the
judge of `mllp.framing.Decoder`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mllp.framing import Fault, Partial, TooLong

__all__ = ["NaiveDecoder", "plain"]


@dataclass
class NaiveDecoder:
    """`read` a whole stream, then look at `out`: messages, `Partial`s, `Fault`s, and the class `TooLong`
    for each message over the limit. The three bytes behind a start byte at the stream's end must be
    there for it to be decided what it is."""

    max_frame: int
    max_noise: int
    out: list[Any] = field(default_factory=list)
    state: str = "OUT"
    frame: bytes = b""
    noise: int = 0
    skipping: bool = False
    ended: bool = False

    def read(self, stream: bytes) -> NaiveDecoder:
        """Take the stream."""
        for at in range(len(stream)):
            if self.ended:
                break
            byte = stream[at : at + 1]
            getattr(self, self.state)(byte, byte == b"\x0b" and stream[at + 1 : at + 4] == b"MSH")
        return self

    def OUT(self, byte: bytes, msh: bool) -> None:
        """Between blocks."""
        if byte == b"\x0b":
            self.state, self.noise = "IN", 0
            return
        self.noise += 1
        if self.noise > self.max_noise:
            self.out.append(Fault.NOISE)
            self.ended = True

    def IN(self, byte: bytes, msh: bool) -> None:
        """Inside a block."""
        if byte == b"\x1c":
            self.state = "FS"
        elif byte == b"\x0b" and msh:
            if self.skipping:
                self._end()
            else:
                self.out += [Partial(self.frame)] if self.frame else []
                self.frame = b""
        else:
            self._append(byte)

    def FS(self, byte: bytes, msh: bool) -> None:
        """Behind an end byte."""
        if byte in (b"\r", b"\n", b"\x0b"):
            self._end()
            if byte == b"\x0b" and not self.ended:
                self.OUT(byte, msh)
        else:
            self._append(b"\x1c")
            self.state = "IN"
            self.IN(byte, msh)

    def _end(self) -> None:
        self.out.append(Fault.SKIPPED if self.skipping else self.frame)
        self.state, self.frame, self.ended = "OUT", b"", self.skipping

    def _append(self, byte: bytes) -> None:
        self.frame += byte
        if len(self.frame) > self.max_frame and not self.skipping:
            self.skipping = True
            self.out.append(TooLong)


def plain(pieces: list[Any]) -> list[Any]:
    """A decoder's pieces with oversize ones as the class (the head depends on where the limit fell)."""
    return [TooLong if isinstance(piece, TooLong) else piece for piece in pieces]
