r"""Escape sequences (HL7 v2.9.1 chapter 2, section 2.6): split first, unescape after, once, per leaf.

`\F\ \S\ \T\ \R\ \E\ \P\` are the delimiters, `\Xhh..\` bytes in the message's character set,
`\.br\` and `\.sp n\` line breaks, `\H\` and `\N\` (highlighting) nothing. Any other sequence, and an
escape character that starts none, stays as text: `C:\TEMP` in a real feed must survive.
"""

from __future__ import annotations

import re
from functools import lru_cache

from engine.hl7.delimiters import Delimiters

__all__ = ["escape", "unescape"]

HEX_LONGEST = 4096
_SPACES = re.compile(r"\.sp ?\+?([0-9]{1,2})?", re.ASCII)


def unescape(text: str, delimiters: Delimiters, codec: str = "utf-8") -> tuple[str, int]:
    """`text` with its sequences replaced, and how many escape characters were left as text."""
    mark = delimiters.escape
    if not mark or mark not in text:
        return text, 0
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


def _meaning(body: str, known: dict[str, str], codec: str) -> str | None:
    found = known.get(body)
    if found is not None:
        return found
    if body.startswith("X"):
        return _bytes(body[1:], codec)
    if body.startswith(".sp"):
        spaces = _SPACES.fullmatch(body)
        return "\n" * int(spaces[1] or 1) if spaces else None
    return None


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
    return {**meanings, ".br": "\n", "H": "", "N": ""}


@lru_cache(maxsize=64)
def _sequences(delimiters: Delimiters) -> dict[int, str]:
    mark = delimiters.escape
    letters = {letter: char for letter, char in _meanings(delimiters).items() if letter in set("FSTREP")}
    sequences = {ord(char): f"{mark}{letter}{mark}" if mark else " " for letter, char in letters.items()}
    controls = {code: f"{mark}X{code:02X}{mark}" if mark else " " for code in range(0x20)}
    return {**controls, **sequences}
