"""Cutting a header at its delimiters where a character may be several bytes.

Delimiters are characters (HL7 v2.9.1 chapter 2, section 2.4.4), but MSH is read before it is known what the
bytes mean: MSH-18 is behind the names in MSH-3 to MSH-6. In Shift JIS, GB 18030, Big5 and between the escape
sequences of ISO 2022 the second byte of a character may be that of `|`, `^`, `~` or a backslash.
"""

from __future__ import annotations

import re
from typing import Final

from engine.hl7.charset import codec_of

__all__ = ["cut", "is_plain"]

CHARSET = 17  # where MSH-18 is among the parts of a header, which lack MSH-1

_CHARACTERS: Final = {
    "cp932": re.compile(rb"[\x81-\x9f\xe0-\xfc][\x40-\xfc]"),
    "gb18030": re.compile(rb"[\x81-\xfe](?:[\x30-\x39][\x81-\xfe][\x30-\x39]|[\x40-\xfe])"),
    "big5": re.compile(rb"[\x81-\xfe][\x40-\xfe]"),
}
"""What is one character of several bytes, by Python's codec."""

_SWITCHED: Final = re.compile(rb"(?<=\x1b\$[@AB])[^\x1b]+|(?<=\x1b\$\([ACD])[^\x1b]+")


def is_plain(line: bytes) -> bool:
    """Whether every byte of a header is a character of its own, as nearly always."""
    return (
        line.isascii() and 0x1B not in line
    )  # a number: a byte string is searched for at six times the cost


def cut(line: bytes, separator: bytes, most: int, default: str = "") -> list[bytes]:
    """`line`, a message's header, at its field separator, `most` times at most.

    MSH-18 decides: the way of cutting after which it names the set that was cut by. Where none does, the
    charset name `default` does; else every byte is a character."""
    switched = _covered(_SWITCHED, line)
    plain = switched.split(separator, most)
    named = _named(plain)
    if named and named.isdisjoint(_CHARACTERS):
        return _as_came(line, plain)
    for codec, characters in _CHARACTERS.items():
        parts = _covered(characters, switched).split(separator, most)
        if codec in _named(parts):
            return _as_came(line, parts)
    characters_of = _CHARACTERS.get(codec_of(default) or default)
    if characters_of:
        plain = _covered(characters_of, switched).split(separator, most)
    return _as_came(line, plain)


def _covered(characters: re.Pattern[bytes], line: bytes) -> bytes:
    """`line` with bytes that are part of a longer character out of sight."""
    return characters.sub(lambda found: b"_" * len(found[0]), line)


def _named(parts: list[bytes]) -> set[str]:
    """The codecs that MSH-18 names."""
    if len(parts) <= CHARSET or len(parts[1]) < 2:
        return set()
    names = parts[CHARSET].split(parts[1][1:2])
    return {codec for name in names if (codec := codec_of(name.decode("latin-1")[:40]))}


def _as_came(line: bytes, parts: list[bytes]) -> list[bytes]:
    """The same parts of the line itself."""
    found, at = [], 0
    for part in parts:
        found.append(line[at : at + len(part)])
        at += len(part) + 1
    return found
