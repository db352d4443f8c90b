r"""Escape sequences (HL7 v2.9.1 chapter 2, section 2.6): split first, unescape after, once, per leaf.

`\F\ \S\ \T\ \R\ \E\ \P\` are the delimiters, `\Xhh..\` bytes in the message's character set,
`\C..\` and `\M..\` switch character sets, `\.br\`, `\.sp n\` and `\.ce\` are line breaks, `\.sk n\` blanks,
`\H\`, `\N\` (highlighting) and `\.fi\ \.nf\ \.in n\ \.ti n\` (filling, indents) nothing. Any other sequence,
and an escape character that starts none, stays as text: `C:\TEMP` in a real feed must survive.
"""

from __future__ import annotations

import re
from contextlib import suppress
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
    pieces, known = text.split(mark), _meanings(delimiters)
    if codec != "utf-8" and (mark + "M" in text or mark + "C" in text):  # UTF-8 needs no set beside it
        found, unknown, switches = _replaced(pieces, mark, known, codec, switching=True)
        if switches:
            with suppress(UnicodeError):  # what cannot be read in the other set stays as it is
                return found.encode(codec).decode(codec_over(codec)), unknown
    found, unknown, _ = _replaced(pieces, mark, known, codec)
    return found, unknown


def escape(text: str, delimiters: Delimiters) -> str:
    r"""`text` so that a receiver reads it back as it is: delimiters as sequences, control characters
    as `\Xhh\`. A message without an escape character gets blanks in their place."""
    if text == '""' and delimiters.escape:  # else it would say "delete"
        return text.replace('"', f"{delimiters.escape}X22{delimiters.escape}", 1)
    return text.translate(_sequences(delimiters))


def _replaced(
    pieces: list[str], mark: str, known: dict[str, str], codec: str, *, switching: bool = False
) -> tuple[str, int, int]:
    """What `unescape` gives, and how many switches to other sets are in it, as escape sequences of
    ISO 2022: with `switching`, else they are unknown."""
    out = [pieces[0]]
    unknown, switches, at, last = 0, 0, 1, len(pieces) - 1
    while at <= last:
        meaning = _meaning(pieces[at], known, codec) if at < last else None
        if meaning is None and switching and at < last:
            meaning = switched(pieces[at])
            switches += meaning is not None
        if meaning is None:  # not a sequence: the mark is text, and the next mark may start one
            unknown += 1
            out += (mark, pieces[at])
            at += 1
        else:
            out += (meaning, pieces[at + 1])
            at += 2
    return "".join(out), unknown, switches


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
