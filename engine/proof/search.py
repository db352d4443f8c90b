"""The search for canaries in any bytes, in whatever spelling they got out: in either case, backwards, in
UTF-16 or UTF-32, escaped for JSON, HTML, Python or a URL, in hexadecimal, in base64, in gzip.

Bytes are looked through in one pass for what a canary begins with in each spelling; only pieces that have it
are read closely.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from typing import Final
from urllib.parse import unquote_to_bytes

from engine.proof.canaries import CORES, FRAMES, Canaries

__all__ = ["Search", "leaks"]

_CANARY: Final = re.compile(
    "|".join(rf"{one.head}\d{{8}}{one.tail}" for one in FRAMES).encode(), re.IGNORECASE
)
_DAY: Final = re.compile(  # a day, or the beginning of a time, but not that of a UUID
    rb"(?<![0-9A-Za-z.])(1[678](?!00)[0-9]{2})([-/.]?)(0[1-9]|1[0-2])\2(0[1-9]|[12][0-9]|3[01])"
    rb"(?:(?![0-9A-Za-z-])|(?=T[0-9]{2}|[0-9]{4,6}(?![0-9A-Za-z])))"
)
_ESCAPED: Final = re.compile(rb"\\+(?:u00|x)([0-9a-fA-F]{2})|&#x([0-9a-fA-F]{2});")
_DECIMAL: Final = re.compile(rb"&#(\d{2});")
_HEX: Final = re.compile(rb"(?:[0-9a-fA-F]{2}[ :]?){16,}")
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/_-]{20,}")
_GZIP: Final = b"\x1f\x8b\x08"

_PIECE: Final = 1 << 16
_OVERLAP: Final = 1 << 10
_TIME: Final = 7
"""Bytes behind a day that tell whether it is one."""

_UNPACKED: Final = 1 << 27
"""Bytes that one packed stream is unpacked to at most."""


class Search:
    """Looks through many places; bytes that come again (a database after each kill) are read once."""

    def __init__(self, canaries: Canaries) -> None:
        self._canaries = canaries
        self._read: dict[bytes, tuple[set[str], set[str]]] = {}

    def places_in(self, blob: bytes, *, passing: bool = True) -> set[str]:
        """The places whose canaries stand in these bytes; without `passing` only those that identify."""
        texts, days = _zipped(blob), set[str]()
        for start in range(0, len(blob), _PIECE) or (0,):
            piece = blob[start : start + _PIECE + _OVERLAP]
            found = self._piece(piece, bool(start), start + len(piece) < len(blob))
            texts |= found[0]
            days |= found[1]
        kept = (text for text in texts if passing or not text.startswith(_PASSING))
        return days | set(map(self._canaries.place_of, kept))

    def _piece(self, piece: bytes, after: bool, before: bool) -> tuple[set[str], set[str]]:
        """The canaries in a piece that stands `after` others and `before` others, and the places of its
        days."""
        key = hashlib.blake2b(piece, digest_size=16).digest() + bytes([after, before])
        if key not in self._read:
            days = map(self._canaries.day_of, _days(piece, after, before))
            self._read[key] = leaks(piece), {place for place in days if place}
        return self._read[key]


def leaks(blob: bytes) -> set[str]:
    """The canaries in these bytes, in capitals."""
    if not _suspect(blob):
        return set()
    return {match[0].decode().upper() for read in _readings(blob) for match in _CANARY.finditer(read)}


def _zipped(blob: bytes) -> set[str]:
    """The canaries in packed streams."""
    found: set[str] = set()
    at = blob.find(_GZIP)
    while at >= 0:
        found |= leaks(_unzipped(blob[at:]))
        at = blob.find(_GZIP, at + 1)
    return found


def _days(piece: bytes, after: bool, before: bool) -> Iterator[date]:
    """Days; what stands at the very edge to another piece is read in that one."""
    for read in (piece, piece.replace(b"\0", b"")) if b"\0" in piece else (piece,):
        for match in _DAY.finditer(read):
            if (after and match.start() == 0) or (before and match.end() + _TIME > len(read)):
                continue
            with suppress(ValueError):
                yield date(int(match[1]), int(match[3]), int(match[4]))


def _suspect(piece: bytes) -> bool:
    """Whether something of a canary might stand here."""
    small = piece.lower()
    if any(core in small for core in _SMALL) or any(core in piece for core in _EXACT):
        return True
    bare = small.replace(b"\0", b"")
    return len(bare) < len(small) and any(core in bare for core in _PLAIN)


def _readings(blob: bytes) -> Iterator[bytes]:
    yield blob
    yield blob.replace(b"\0", b"")
    if b"%" in blob:
        yield unquote_to_bytes(blob)
    yield _ESCAPED.sub(lambda match: bytes.fromhex((match[1] or match[2]).decode()), blob)
    yield _DECIMAL.sub(lambda match: bytes([int(match[1])]), blob)
    yield b"\n".join(_unhexed(match[0]) for match in _HEX.finditer(blob))
    yield b"\n".join(part for match in _BASE64.finditer(blob) for part in _unbased(match[0]))


def _unhexed(run: bytes) -> bytes:
    digits = re.sub(rb"[ :]", b"", run)
    even, odd = digits[: len(digits) // 2 * 2], digits[1:][: (len(digits) - 1) // 2 * 2]
    return binascii.unhexlify(even) + b"\n" + binascii.unhexlify(odd)


def _unbased(run: bytes) -> Iterator[bytes]:
    """It may begin anywhere in a longer run."""
    run = run.replace(b"-", b"+").replace(b"_", b"/")
    for start in range(4):
        part = run[start:]
        part = part[:-1] if len(part) % 4 == 1 else part
        yield base64.b64decode(part + b"=" * (-len(part) % 4))


def _unzipped(stream: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(stream, _UNPACKED)
    except zlib.error:
        return b""


def _spelled(core: str) -> Iterator[bytes]:
    """What a canary begins with in every spelling that does not depend on where it stands; small letters."""
    for text in {core, core.lower(), core.capitalize()}:
        numbers = [ord(letter) for letter in text]
        yield "".join(f"{number:02x}" for number in numbers).encode()
        yield " ".join(f"{number:02x}" for number in numbers).encode()
        yield ":".join(f"{number:02x}" for number in numbers).encode()
        yield "".join(f"%{number:02x}" for number in numbers).encode()
        yield "".join(f"\\u00{number:02x}" for number in numbers).encode()
        yield "".join(f"\\x{number:02x}" for number in numbers).encode()
        yield "".join(f"&#x{number:02x};" for number in numbers).encode()
        yield "".join(f"&#{number};" for number in numbers).encode()


def _based(core: str) -> Iterator[bytes]:
    """The letters of base64 that do not depend on what stands around it, for each of three alignments."""
    for text in {core, core.lower(), core.capitalize()}:
        for shift in range(3):
            whole = base64.b64encode(b"^" * shift + text.encode() + b"^" * 3)
            first, last = -(-8 * shift // 6), 8 * (shift + len(text)) // 6
            yield whole[first:last]
            yield base64.urlsafe_b64encode(base64.b64decode(whole))[first:last]


_PASSING: Final = tuple(frame.head for frame in FRAMES if frame.passes)
_PLAIN: Final = tuple(core.lower().encode() for core in CORES)
_SMALL: Final = _PLAIN + tuple(sorted({spelled for core in CORES for spelled in _spelled(core)}))
_EXACT: Final = tuple(sorted({based for core in CORES for based in _based(core)}))
