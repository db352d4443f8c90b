r"""Text that switches between character sets (ISO 2022; HL7 v2.9.1 chapter 2, sections 2.6.3 and 2.14.9.18
to .20): MSH-18 with several repetitions, and the Japanese sets on their own.

The first set is the message's; an escape sequence switches to another until the next one, or until the
segment ends. HL7 writes the same switches also in its own escapes, `\C2D42\` for `ESC - B`: `switched`.

Importing this module teaches Python the codec `hl7_iso2022_BASE`, where BASE is the codec of the first set:
so a message's character set stays one name, whatever it is.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = ["ESCAPE", "NAME", "codec_over", "switched"]

ESCAPE = b"\x1b"
NAME = "hl7_iso2022_"
DOUBLE = "iso2022_jp_2"  # knows every 94x94 set below

SINGLE = {b"(B": "", b"(J": "", b"(I": "katakana"}
"""Of one byte, in the lower half: ASCII, JIS X 0201 Roman (read as ASCII) and katakana."""

DOUBLES = frozenset({b"$@", b"$B", b"$(D", b"$A", b"$(C"})
"""Of two bytes, in the lower half: JIS C 6226, JIS X 0208, JIS X 0212, GB 2312, KS X 1001."""

UPPER = {
    b"-A": "iso8859-1", b"-B": "iso8859-2", b"-C": "iso8859-3", b"-D": "iso8859-4", b"-L": "iso8859-5",
    b"-G": "iso8859-6", b"-F": "iso8859-7", b"-H": "iso8859-8", b"-M": "iso8859-9", b"-b": "iso8859-15",
    b")I": "cp932", b"$)C": "euc_kr", b"$)A": "gb2312",
}  # fmt: skip
"""What the upper half is: the ISO 8859 parts, JIS X 0201 katakana, KS X 1001, GB 2312."""

_SWITCH = re.compile(rb"\x1b([ -/]+[0-~]|\$[@AB])|([\r\n])")
_BYTES = re.compile(rb"[\x80-\xff]+|[\x00-\x20]+|[!-\x7f]+")
_PIECES = re.compile(r"[\x00-\x7f]+|[^\x00-\x7f]+", re.DOTALL)
_CODED = re.compile(r"[CM]((?:[0-9A-F]{2}){2,3})", re.ASCII)


def codec_over(base: str) -> str:
    """The name of Python's codec for text whose first set is read with the codec `base`."""
    return base if base.startswith(NAME) else NAME + re.sub(r"[^a-z0-9]", "_", base)


def switched(body: str) -> str | None:
    r"""The escape sequence that HL7's `\Cxxyy\` or `\Mxxyyzz\` stands for (`body` without the marks);
    None when it is no switch that is known."""
    found = _CODED.fullmatch(body)
    if found is None:
        return None
    designation = bytes.fromhex(found[1])
    known = designation in SINGLE or designation in DOUBLES or designation in UPPER
    return (ESCAPE + designation).decode() if known else None


def _decode(raw: bytes, base: str) -> str:
    lower, upper = b"", base
    out: list[str] = []
    at = 0
    for found in _SWITCH.finditer(raw):
        out += (_run(raw[at : found.start()], lower, upper), found[2].decode() if found[2] else "")
        at = found.end()
        designation = found[1]
        if designation is None:  # a segment ends, and with it every switch
            lower, upper = b"", base
        elif designation in UPPER:
            upper = UPPER[designation]
        elif designation in SINGLE or designation in DOUBLES:
            lower = designation
        else:
            raise UnicodeDecodeError(NAME, raw, found.start(), found.end(), "an unknown set")
    return "".join([*out, _run(raw[at:], lower, upper)])


def _run(raw: bytes, lower: bytes, upper: str) -> str:
    """Bytes between two switches. Any other escape sequence is not known, so what follows it is not."""
    if ESCAPE in raw:
        raise UnicodeDecodeError(NAME, raw, raw.index(ESCAPE), len(raw), "an unknown set")
    if not SINGLE.get(lower, lower):
        return raw.decode(upper)
    return "".join([_read(piece, lower, upper) for piece in _BYTES.findall(raw)])


def _read(raw: bytes, lower: bytes, upper: str) -> str:
    """Bytes of the upper half, of the lower, or blanks and control characters, which are in every set."""
    if raw[0] <= 0x20:
        return raw.decode("ascii")
    if raw[0] >= 0x80:
        return raw.decode(upper)
    if lower == b"(I":
        return bytes([byte | 0x80 for byte in raw]).decode("cp932")
    return (ESCAPE + lower + raw + b"\x1b(B").decode(DOUBLE)


def _encode(text: str, base: str) -> bytes:
    try:
        return text.encode(base)
    except UnicodeEncodeError:
        return b"".join([_written(piece, base) for piece in _PIECES.findall(text)])


def _written(text: str, base: str) -> bytes:
    """A run of ASCII or of anything else in the first set that has all of it; else each character by
    itself."""
    for write in _EUROPE if base.startswith("iso8859") else _JAPAN:
        with suppress(UnicodeEncodeError):
            return write(text, base)
    if len(text) == 1:
        raise UnicodeEncodeError(NAME, text, 0, 1, "in no set")
    return b"".join([_written(one, base) for one in text])


def _own(text: str, base: str) -> bytes:
    return text.encode(base)


def _japanese(text: str, _base: str) -> bytes:
    raw = text.encode("iso2022_jp_ext")
    if b"(J" in raw:  # the yen sign in place of the backslash
        raise UnicodeEncodeError(NAME, text, 0, len(text), "read back as another")
    return raw


def _upper(text: str, base: str) -> bytes:
    home = next((ESCAPE + mark for mark, codec in UPPER.items() if codec == base), b"")
    for designation, codec in UPPER.items():
        if codec.startswith("iso8859"):
            with suppress(UnicodeEncodeError):
                return ESCAPE + designation + text.encode(codec) + home
    raise UnicodeEncodeError(NAME, text, 0, len(text), "in no part of ISO 8859")


def _double(text: str, _base: str) -> bytes:
    return text.encode(DOUBLE)


_JAPAN: tuple[Callable[[str, str], bytes], ...] = (_own, _japanese, _upper, _double)
_EUROPE: tuple[Callable[[str, str], bytes], ...] = (_own, _upper, _japanese, _double)


def _search(name: str) -> codecs.CodecInfo | None:
    if not name.startswith(NAME):
        return None
    base = codecs.lookup(name.removeprefix(NAME)).name

    def encode(text: str, errors: str = "strict") -> tuple[bytes, int]:
        try:
            return _encode(text, base), len(text)
        except UnicodeEncodeError:
            if errors == "strict":
                raise
            return text.encode("ascii", errors), len(text)

    def decode(raw: ReadableBuffer, _errors: str = "strict") -> tuple[str, int]:
        text = bytes(raw)
        return _decode(text, base), len(text)

    return codecs.CodecInfo(encode, decode, name=name)


codecs.register(_search)
