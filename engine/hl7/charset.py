"""From bytes to text by MSH-18 (table 0211; HL7 v2.9.1 chapter 2, section 2.14.9.18).

The first repetition of MSH-18 is the message's character set. A declared one is believed, and
refused when the bytes do not fit it. When none is declared the standard means ASCII; 8-bit bytes are
then read as the channel says, by default as UTF-8 if they are valid UTF-8 and else as cp1252: text
in another 8-bit code is practically never valid UTF-8 by chance.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from engine.errors import Unacceptable
from engine.hl7.tables import ALIASES, CHARSETS

__all__ = ["Decoded", "codec_of", "decode"]

FALLBACK = "cp1252"
LONGEST_NAME = 40
EIGHT_BIT = ("iso8859", "cp125")  # codecs that decode nearly any byte, so that a wrong one goes unseen


class Decoded(msgspec.Struct, frozen=True):
    """A message's text, the Python codec it was read with, and what was odd."""

    text: str
    codec: str
    quirks: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Decoded({self.codec!r}, {len(self.text)} characters)"


@lru_cache(maxsize=64)
def codec_of(name: str) -> str | None:
    """Python's codec for a code of table 0211 or a spelling seen instead; None when there is none."""
    spelled = name.strip().upper()
    return CHARSETS.get(spelled) or ALIASES.get(spelled)


def decode(
    raw: bytes, declared: list[str], *, default: str = "", strict: bool = False, marked: bool = False
) -> Decoded:
    """The text of `raw` by the repetitions of MSH-18 in `declared`.

    `default` is a charset name for undeclared 8-bit bytes, empty for UTF-8 or else cp1252; `strict`
    refuses them; `marked` says that a UTF-8 byte order mark stood before `raw`, which settles it.
    Raises `Unacceptable` (`charset`, at MSH-18: HL7 102 when the bytes do not fit, 103 when the
    declared name is not known and matters).
    """
    name = declared[0] if declared else ""
    if marked:
        return Decoded(_strictly(raw, "utf-8"), "utf-8")
    codec = codec_of(name) if name and len(name) <= LONGEST_NAME else None
    if raw.isascii() and not (codec or "").startswith("iso2022"):
        return _ascii(raw, name, codec, default)
    if not name:
        return _undeclared(raw, default, strict=strict)
    if codec is None:
        raise Unacceptable("charset", "MSH-18", "the declared character set is not known", hl7=103)
    return Decoded(_strictly(raw, codec), codec, _doubts(raw, name, codec))


def _ascii(raw: bytes, name: str, codec: str | None, default: str) -> Decoded:
    quirks: tuple[str, ...] = ()
    if default and not name:
        codec = codec_of(default) or default  # which says what hexadecimal escapes mean
    if name and codec is None:
        quirks = ("unknown_charset",)
    elif name and name not in CHARSETS:
        quirks = ("charset_alias",)
    return Decoded(raw.decode("ascii"), codec or "ascii", quirks)


def _undeclared(raw: bytes, default: str, *, strict: bool) -> Decoded:
    if strict:
        raise Unacceptable("charset", "MSH-18", "8-bit text without a declared character set", hl7=102)
    if default:
        codec = codec_of(default) or default
        return Decoded(_strictly(raw, codec), codec, ("undeclared_8bit",))
    try:
        return Decoded(raw.decode("utf-8"), "utf-8", ("undeclared_8bit",))
    except UnicodeDecodeError:
        return Decoded(_strictly(raw, FALLBACK), FALLBACK, ("undeclared_8bit",))


def _doubts(raw: bytes, name: str, codec: str) -> tuple[str, ...]:
    quirks: tuple[str, ...] = () if name in CHARSETS else ("charset_alias",)
    if codec.startswith(EIGHT_BIT) and _is_utf8(raw):
        quirks = (*quirks, "doubtful_charset")
    return quirks


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _strictly(raw: bytes, codec: str) -> str:
    try:
        return raw.decode(codec)
    except UnicodeDecodeError:
        # `from None`: the error holds the bytes
        raise Unacceptable("charset", "MSH-18", "the bytes do not fit the character set", hl7=102) from None
