r"""Escape sequences (HL7 v2.9.1 chapter 2, section 2.6): split first, unescape after, once, per leaf.

`\F\ \S\ \T\ \R\ \E\ \P\` are the delimiters, `\Xhh..\` bytes in the message's character set,
`\C..\` and `\M..\` switch character sets, `\.br\`, `\.sp n\` and `\.ce\` are line breaks, `\.sk n\` blanks,
`\H\`, `\N\` (highlighting) and `\.fi\ \.nf\ \.in n\ \.ti n\` (filling, indents) nothing. Any other sequence,
and an escape character that starts none, stays as text: `C:\TEMP` in a real feed must survive.
"""

from __future__ import annotations

import re
from functools import lru_cache

from engine.hl7.delimiters import Delimiters
from engine.hl7.iso2022 import codec_over, switched

__all__ = ["escape", "unescape"]

HEX_LONGEST = 4096
_GIVEN = {"sp": "\n", "sk": " ", "in": "", "ti": ""}
_COMMAND = re.compile(r"\.(sp|sk|in|ti) ?[+-]?([0-9]{1,2})?", re.ASCII)


def unescape(text: str, delimiters: Delimiters, codec: str = "utf-8") -> tuple[str, int]:
    """`text` with its sequences replaced, and how many escape characters were left as text."""
    mark = delimiters.escape
    if not mark or mark not in text:
        return text, 0
    if mark + "M" in text or mark + "C" in text:
        text = _switched(text, mark, codec)
    known = _meanings(delimiters)
    pieces = text.split(mark)
    out = [pieces[0]]
    unknown, at, last = 0, 1, len(pieces) - 1
    while at <= last:
        meaning = _meaning(pieces[at], known, codec) if at < last else None
        if meaning is None:  # not a sequence: the mark is text, and the next mark may start one
            unknown += 1
            out += (mark, pieces[at])
            at += 1
        else:
            out += (meaning, pieces[at + 1])
            at += 2
    return "".join(out), unknown


def escape(text: str, delimiters: Delimiters) -> str:
    r"""`text` so that a receiver reads it back as it is: delimiters as sequences, control characters
    as `\Xhh\`. A message without an escape character gets blanks in their place."""
    if text == '""' and delimiters.escape:  # else it would say "delete"
        return text.replace('"', f"{delimiters.escape}X22{delimiters.escape}", 1)
    return text.translate(_sequences(delimiters))


def _switched(text: str, mark: str, codec: str) -> str:
    r"""`text` with what stands between `\C..\` and `\M..\` read in the sets that they switch to; as it is
    when that cannot be read, and in UTF-8, which needs no other set beside it."""
    parts = _switches(mark).split(text)
    escapes = [switched(body) for body in parts[1::2]]
    if codec == "utf-8" or not any(escapes):
        return text
    try:
        raw = [part.encode(codec) for part in parts]
        raw[1::2] = [
            escape or f"{mark}{body}{mark}".encode(codec)
            for escape, body in zip(escapes, parts[1::2], strict=True)
        ]
        return b"".join(raw).decode(codec_over(codec))
    except UnicodeError:
        return text


@lru_cache(maxsize=64)
def _switches(mark: str) -> re.Pattern[str]:
    return re.compile(rf"{re.escape(mark)}([CM][0-9A-F]{{4}}(?:[0-9A-F]{{2}})?){re.escape(mark)}")


def _meaning(body: str, known: dict[str, str], codec: str) -> str | None:
    found = known.get(body)
    if found is not None:
        return found
    if body.startswith("X"):
        return _bytes(body[1:], codec)
    command = _COMMAND.fullmatch(body) if body.startswith(".") else None
    return _GIVEN[command[1]] * int(command[2] or 1) if command else None


def _bytes(digits: str, codec: str) -> str | None:
    if not digits or len(digits) > HEX_LONGEST or not digits.isalnum():
        return None
    try:
        return bytes.fromhex(digits).decode(codec)
    except ValueError:
        return None


@lru_cache(maxsize=64)
def _meanings(delimiters: Delimiters) -> dict[str, str]:
    letters = {
        "F": delimiters.field,
        "S": delimiters.component,
        "T": delimiters.subcomponent,
        "R": delimiters.repetition,
        "E": delimiters.escape,
        "P": delimiters.truncation,
    }
    meanings = {letter: mark for letter, mark in letters.items() if mark}
    return {**meanings, ".br": "\n", ".ce": "\n", ".fi": "", ".nf": "", "H": "", "N": ""}


@lru_cache(maxsize=64)
def _sequences(delimiters: Delimiters) -> dict[int, str]:
    mark = delimiters.escape
    letters = {letter: char for letter, char in _meanings(delimiters).items() if letter in set("FSTREP")}
    sequences = {ord(char): f"{mark}{letter}{mark}" if mark else " " for letter, char in letters.items()}
    controls = {code: f"{mark}X{code:02X}{mark}" if mark else " " for code in range(0x20)}
    return {**controls, **sequences}
