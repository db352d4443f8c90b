"""The characters that separate a message's parts: MSH-1 and MSH-2 (HL7 v2.9.1 chapter 2, section 2.4.4).

They are read from each message, never assumed. Two damaged forms of MSH-2 are common enough in real
feeds to be read rather than refused, each with a quirk that says so:

- `^~&` (the backslash was lost on the way): component, repetition, sub-component, and **no** escape
  character, so that no text of the message is taken for an escape sequence (`lost_escape`);
- `^~\\\\&` (the backslash was doubled by a programming language): the same as the usual four
  (`doubled_escape`);

and two characters, `^~`, are component and repetition with nothing below (`short_encoding`).
An answer repeats MSH-2 as it came, whatever its form.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from engine.errors import Unacceptable

__all__ = ["USUAL", "Delimiters", "read_delimiters"]

LONGEST = 5
SHORTEST = 2
BACKSLASH = "\\"


class Delimiters(msgspec.Struct, frozen=True):
    """One character each; empty where the message defines none. `encoding` is MSH-2 as it came."""

    field: str
    component: str
    repetition: str
    escape: str = ""
    subcomponent: str = ""
    truncation: str = ""
    encoding: bytes = b""
    quirks: tuple[str, ...] = ()

    @property
    def separator(self) -> bytes:
        """The field separator, MSH-1, as a byte."""
        return self.field.encode("ascii")


def read_delimiters(separator: bytes, encoding: bytes) -> Delimiters:
    """The delimiters that MSH-1 and MSH-2 define.

    Raises `Unacceptable` (HL7 100) when they are missing, too many, letters, digits or blanks, or not
    distinct.
    """
    if not SHORTEST <= len(encoding) <= LONGEST:
        raise _unusable("MSH-2 does not hold the delimiters")
    return _read(separator, encoding)


@lru_cache(maxsize=64)
def _read(separator: bytes, encoding: bytes) -> Delimiters:
    marks = encoding.decode("latin-1")
    if not all(_can_delimit(mark) for mark in separator.decode("latin-1") + marks):
        raise _unusable("a delimiter is a letter, a digit or a blank")
    marks, quirks = _mended(marks)
    if len(set(marks.replace(" ", "")) | {separator.decode("latin-1")}) != len(marks.replace(" ", "")) + 1:
        raise _unusable("the delimiters are not distinct")
    component, repetition, escape, subcomponent, truncation = (
        "" if mark == " " else mark for mark in marks.ljust(LONGEST)
    )
    return Delimiters(
        field=separator.decode("ascii"),
        component=component,
        repetition=repetition,
        escape=escape,
        subcomponent=subcomponent,
        truncation=truncation,
        encoding=encoding,
        quirks=quirks,
    )


def _mended(marks: str) -> tuple[str, tuple[str, ...]]:
    """MSH-2 by position, a blank where it defines nothing, and what was odd about it."""
    if len(marks) == LONGEST and marks[2] == marks[3] == BACKSLASH:
        return marks[:3] + marks[4:], ("doubled_escape",)
    if len(marks) == 3 and marks[2] != BACKSLASH:
        return marks[:2] + " " + marks[2], ("lost_escape",)
    if len(marks) <= 3:
        return marks, ("short_encoding",)
    return marks, ()


def _can_delimit(mark: str) -> bool:
    return "!" <= mark <= "~" and not mark.isalnum()


def _unusable(text: str) -> Unacceptable:
    return Unacceptable("not-hl7", "MSH-2", text, hl7=100)


USUAL = read_delimiters(b"|", b"^~\\&")
"""What nearly every message uses: `|^~\\&`."""
