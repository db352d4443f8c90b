"""Canaries: values that occur nowhere else, each of them for one place of one message, and the search for
them in whatever spelling they got out.

A word is `ZQX` + 8 digits + `QZX`; where only digits would be believed, `8461793` + 8 digits + `53`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

__all__ = ["Canaries", "leaks"]

_CANARY = re.compile(
    rb"ZQX\d{8}QZX|XZQ\d{8}XQZ|8461793\d{8}53|35\d{8}3971648",  # forwards and backwards
    re.IGNORECASE,
)
_ESCAPED = re.compile(rb"\\+(?:u00|x)([0-9a-fA-F]{2})|&#x([0-9a-fA-F]{2});")
_HEX = re.compile(rb"(?:[0-9a-fA-F]{2}[ :]?){14,}")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{18,}")


class Canaries:
    """Makes them, and knows which place each stands in."""

    def __init__(self) -> None:
        self.places: dict[str, str] = {}

    def word(self, place: str) -> str:
        """A new one for this place."""
        return self._keep(f"ZQX{len(self.places) + 1:08d}QZX", place)

    def digits(self, place: str) -> str:
        """A new one of digits alone."""
        return self._keep(f"8461793{len(self.places) + 1:08d}53", place)

    def found(self, blob: bytes) -> set[str]:
        """The places whose canaries stand in these bytes, in any spelling."""
        return {self.places.get(text, text) for text in leaks(blob)}

    def digests(self) -> set[bytes]:
        """What unkeyed hashes make of them, whole and cut to 16 bytes (spec: PHI, P12)."""
        return {
            digest
            for text in self.places
            for name in ("md5", "sha1", "sha256", "blake2b")
            for whole in [hashlib.new(name, text.encode()).digest()]
            for digest in (whole, whole[:16], whole.hex().encode())
        }

    def _keep(self, text: str, place: str) -> str:
        self.places[text] = place
        return text


def leaks(blob: bytes) -> set[str]:
    """The canaries in these bytes: as they are, in either case, backwards, in UTF-16 or UTF-32, escaped
    for JSON, HTML, Python or a URL, in hexadecimal or in base64."""
    found = {match[0] for spelled in _readings(blob) for match in _CANARY.finditer(spelled)}
    return {_forwards(text.upper().decode()) for text in found}


def _readings(blob: bytes) -> Iterator[bytes]:
    yield blob
    yield blob.replace(b"\0", b"")
    if b"%" in blob:
        yield unquote_to_bytes(blob)
    yield _ESCAPED.sub(lambda match: bytes.fromhex((match[1] or match[2]).decode()), blob)
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


def _forwards(text: str) -> str:
    return text[::-1] if text.startswith(("XZQ", "35")) else text
