"""From bytes to text by MSH-18 (table 0211; HL7 v2.9.1 chapter 2, section 2.14.9.18).

The first repetition of MSH-18 is the message's character set. A declared one is believed, and
refused when the bytes do not fit it. When none is declared the standard means ASCII; 8-bit bytes are
then read as the channel says, by default as UTF-8 if they are valid UTF-8 and else as cp1252: text
in another 8-bit code is practically never valid UTF-8 by chance.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from engine.errors import Unacceptable
from engine.hl7.iso2022 import ESCAPE, NAME, codec_over
from engine.hl7.tables import ALIASES, CHARSETS

__all__ = ["Decoded", "carries_hl7", "codec_of", "decode"]

FALLBACK = "cp1252"
LONGEST_NAME = 40
_SEPARATORS = re.compile(r"[ _/-]")
# Ã or Â and one more of the upper half, â and the next of a typographic mark: Latin-1 or cp1252, in UTF-8
_TWICE = re.compile(
    rb"\xc3\x83(?:\xc2[\x80-\xbf]|\xc5.|\xc6\x92|\xcb.|\xe2[\x80-\x84].)|\xc3\x82\xc2[\xa0-\xbf]"
    rb"|\xc3\xa2(?:\xe2\x82\xac|\xe2\x80\x9a|\xc2[\x80\x82])"
)
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
    return CHARSETS.get(spelled) or ALIASES.get(_SEPARATORS.sub("", spelled))


def carries_hl7(name: str) -> bool:
    """Whether text in the set of this name (table 0211's, a sender's spelling or Python's own) can be a
    message: it must be known, and have the delimiters where ASCII has them."""
    sample = "MSH|^~\\&#\r"
    try:
        return sample.encode(codec_of(name) or name) == sample.encode("ascii")
    except (LookupError, UnicodeError):
        return False


def decode(
    raw: bytes, declared: list[str], *, default: str = "", strict: bool = False, marked: bool = False
) -> Decoded:
    """The text of `raw` by the repetitions of MSH-18 in `declared`.

    `default` is a charset name for undeclared text, empty for UTF-8 or else cp1252; `strict` refuses
    undeclared 8-bit bytes; `marked` says that a UTF-8 byte order mark stood before `raw`, which settles it.
    Raises `Unacceptable` (`charset`, at MSH-18: HL7 102 when the bytes do not fit, 103 when the
    declared name is not known and matters).
    """
    name = declared[0] if declared else ""
    if marked:
        return Decoded(_strictly(raw, "utf-8"), "utf-8", _twice(raw))
    codec = _known(name)
    if len(declared) > 1:
        return _several(raw, declared, codec, default, strict=strict)
    if not name and default:
        codec = codec_of(default) or default
    if raw.isascii() and (codec is None or not codec.startswith(NAME)):
        return _ascii(raw, name, codec)
    if not name:
        return _undeclared(raw, codec, strict=strict)
    if codec is None:
        raise Unacceptable("charset", "MSH-18", "the declared character set is not known", hl7=103)
    text = _strictly(raw, codec)
    return Decoded(text, codec, _doubts(raw, name, codec))


def _known(name: str) -> str | None:
    return codec_of(name) if name and len(name) <= LONGEST_NAME else None


def _ascii(raw: bytes, name: str, codec: str | None) -> Decoded:
    return Decoded(raw.decode("ascii"), codec or "ascii", _spelling(name) if name else ())


def _spelling(name: str) -> tuple[str, ...]:
    if name in CHARSETS:
        return ()
    return ("charset_alias",) if _known(name) else ("unknown_charset",)


def _undeclared(raw: bytes, codec: str | None, *, strict: bool) -> Decoded:
    """`codec` is the channel's default, None when it has none."""
    if codec and raw.isascii():  # ISO 2022
        return Decoded(_strictly(raw, codec), codec)
    if strict:
        raise Unacceptable("charset", "MSH-18", "8-bit text without a declared character set", hl7=102)
    if codec is None:
        codec = "utf-8" if _is_utf8(raw) else FALLBACK
    quirks = ("undeclared_8bit", *_twice(raw)) if codec == "utf-8" else ("undeclared_8bit",)
    return Decoded(_strictly(raw, codec), codec, quirks)


def _several(raw: bytes, declared: list[str], first: str | None, default: str, *, strict: bool) -> Decoded:
    """MSH-18 repeats: the first set is the message's, the others come by escape sequences. Where the first
    is empty or ASCII, 8-bit bytes before any switch are of the first 8-bit set that is named after it."""
    others = [_known(name) for name in declared[1:]]
    quirks = tuple(dict.fromkeys(quirk for name in declared if name for quirk in _spelling(name)))
    plain = raw.isascii() and ESCAPE not in raw
    if first is None and declared[0] and not plain:
        raise Unacceptable("charset", "MSH-18", "the declared character set is not known", hl7=103)
    if first == "ascii" or (first is None and not declared[0]):
        eight_bit = (one for one in others if one and one != "ascii" and not one.startswith(NAME))
        first = next(eight_bit, first)
    if first is None:
        found = decode(raw.replace(ESCAPE, b""), [], default=default, strict=strict)
        first, quirks = found.codec, (*quirks, *found.quirks)
    codec = codec_over(first) if ESCAPE in raw else first
    return Decoded(_strictly(raw, codec), codec, quirks)


def _doubts(raw: bytes, name: str, codec: str) -> tuple[str, ...]:
    quirks: tuple[str, ...] = () if name in CHARSETS else ("charset_alias",)
    if codec.startswith(EIGHT_BIT) and _is_utf8(raw):
        quirks = (*quirks, "doubtful_charset")
    return (*quirks, *_twice(raw)) if codec == "utf-8" else quirks


def _twice(raw: bytes) -> tuple[str, ...]:
    """Whether UTF-8 was taken for an 8-bit code on the way and encoded once more: `Ã¼` for `ü`, which
    nobody writes on purpose."""
    return ("double_encoded",) if _TWICE.search(raw) else ()


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
