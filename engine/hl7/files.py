"""Messages out of a file as people keep them: one or many, any line ends, framed or in a batch."""

from __future__ import annotations

import re

__all__ = ["split_messages"]

_BOM = b"\xef\xbb\xbf"
_FRAME = re.compile(rb"\x1c+(?=[\r\n\x0b]|\Z)|\x0b(?=\s*(?:\xef\xbb\xbf)?(?:MSH|FHS|BHS))")
_LINE_END = re.compile(rb"[\r\n]+")
_HEADER = re.compile(rb"MSH[^A-Za-z0-9\s]")
_BATCH = re.compile(rb"(?:FHS|BHS|BTS|FTS)(?:[^A-Za-z0-9\s]|\Z)")


def split_messages(data: bytes) -> list[bytes]:
    """The messages of a file in order, every segment ended by CR (HL7 v2.9.1, section 2.5.2).

    CR, LF and CRLF all count as segment ends; a line that begins with `MSH` and a delimiter begins a
    message. MLLP framing bytes, byte order marks, blank lines, batch headers and trailers (FHS, BHS,
    BTS, FTS) and whatever stands outside a message are left out. Empty when there is no MSH.
    """
    messages: list[list[bytes]] = []
    inside = False
    for raw in _LINE_END.split(_FRAME.sub(b"\r", data)):
        line = raw.removeprefix(_BOM)
        if _HEADER.match(line):
            messages.append([line])
            inside = True
        elif _BATCH.match(line):
            inside = False
        elif line and inside:
            messages[-1].append(line)
    return [b"\r".join(lines) + b"\r" for lines in messages]
