"""What a sender must understand of an answer: which message it is for, and whether that was taken.

This is the one place where `mllp` looks into HL7 content, and it looks at no more than the first
line's MSH-10 and the answer's MSA-1 and MSA-2 (HL7 v2.9.1, 2.8.2 and 2.8.3). Delimiters come from
the MSH of the same message; nothing is decoded or unescaped.
"""

from __future__ import annotations

import re
from enum import Enum

__all__ = ["Verdict", "asks_for_answer", "control_id", "read_answer"]

_LINES = re.compile(rb"[\r\n]+")
_CODE = re.compile(rb"[AC][AER]\Z")


class Verdict(Enum):
    """How an attempt to send ended. Only `ACCEPTED` releases the sender."""

    ACCEPTED = "accepted"
    """AA or CA."""
    ERROR = "error"
    """AE or CE: the content was refused."""
    REJECTED = "rejected"
    """AR or CR: not taken, either never or not now."""
    UNMATCHED = "unmatched"
    """An answer came that is no acknowledgement of this message."""
    NONE = "none"
    """No answer: not connected, connection lost, or time over."""


VERDICTS = {"A": Verdict.ACCEPTED, "E": Verdict.ERROR, "R": Verdict.REJECTED}
"""By the second letter of MSA-1 (table 0008)."""


def control_id(message: bytes) -> bytes:
    """MSH-10 as it stands in a message, or empty."""
    head = _header(message)
    # The separator behind MSH is itself MSH-1, so MSH-10 is the tenth piece.
    fields = head.split(head[3:4]) if head else []
    return fields[9] if len(fields) > 9 else b""


def asks_for_answer(message: bytes) -> bool:
    """Whether any HL7 answer is to be expected: not when MSH-15 and MSH-16 are both NE."""
    head = _header(message)
    fields = head.split(head[3:4]) if head else []
    return [field.strip().upper() for field in fields[14:16]] != [b"NE", b"NE"]


def read_answer(answer: bytes) -> tuple[str, bytes]:
    """MSA-1 (`AA` … `CR`, else empty) and MSA-2 as they stand in an answer."""
    head = _header(answer)
    if not head:
        return "", b""
    start = b"MSA" + head[3:4]
    for line in _LINES.split(answer):
        if line.startswith(start):
            fields = [*line.split(head[3:4]), b"", b""]
            return (fields[1].decode("ascii") if _CODE.match(fields[1]) else "", fields[2])
    return "", b""


def _header(message: bytes) -> bytes:
    """The MSH line from `MSH` on, or empty."""
    line = _LINES.split(message.lstrip(b"\xef\xbb\xbf\r\n "), maxsplit=1)[0]
    return line if line.startswith(b"MSH") and len(line) > 3 else b""
