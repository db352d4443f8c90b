"""Token text: what stands for an identifier everywhere outside the vault (spec: PHI, section 5.1).

`t1` + domain letter + `_` + 26 characters of Crockford's base32 (128 random bits) + 2 check
characters: 32 characters, safe in URLs, files and SQL, selected by a double click.
"""

from __future__ import annotations

import re
import struct

import msgspec

__all__ = ["ALPHABET", "DOMAINS", "PERSON", "Token", "mint", "parse"]

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"

DOMAINS = {
    "person": "p",
    "account": "a",
    "visit": "v",
    "order": "o",
    "staff": "s",
    "device": "d",
    "txn": "x",
    "msg": "m",
    "appt": "b",  # booking: `a` is taken
}
"""The policy's word for a token domain → its letter. No token is ever valid in another domain."""

PERSON = DOMAINS["person"]

_TEXT = re.compile(r"t1([a-z])_([0-7][0-9abcdefghjkmnpqrstvwxyz]{25})([0-9abcdefghjkmnpqrstvwxyz]{2})")
_PAIRS = [high + low for high in ALPHABET for low in ALPHABET]  # ten bits as two characters
_VALUES = {pair: value for value, pair in enumerate(_PAIRS)}


def _divide(value: int) -> int:
    """The remainder of ten bits, shifted up by ten, by x^10+x^9+x^5+x^4+x+1 (CRC-10)."""
    for _ in range(10):
        value = value << 1 ^ (0x633 if value & 0x200 else 0)
    return value


_CRC = [_divide(value) for value in range(1024)]
_HALVES = struct.Struct(">QQ").unpack
_STARTS = {letter: _CRC[ord(letter) - 97] for letter in map(chr, range(97, 123))}


class Token(msgspec.Struct, frozen=True):
    """A token that passed its check."""

    domain: str  # one letter
    text: str


def mint(domain: str, random: bytes) -> str:
    """A new token of `domain` (a letter) from 16 random bytes."""
    high, low = _HALVES(random)  # small numbers are shifted faster than one of 128 bits
    tens = (
        high >> 56, high >> 46 & 1023, high >> 36 & 1023, high >> 26 & 1023, high >> 16 & 1023,
        high >> 6 & 1023, (high & 63) << 4 | low >> 60, low >> 50 & 1023, low >> 40 & 1023,
        low >> 30 & 1023, low >> 20 & 1023, low >> 10 & 1023, low & 1023,
    )  # fmt: skip
    crc = _STARTS[domain]
    for ten in tens:
        crc = _CRC[crc ^ ten]
    return f"t1{domain}_{''.join([_PAIRS[ten] for ten in tens])}{_PAIRS[crc]}"


def parse(text: str) -> Token | None:
    """The token that `text` is, or None. Catches every single wrong character and every swap of
    neighbours, because a 10-bit CRC sees every error that spans ten bits or fewer."""
    match = _TEXT.fullmatch(text)
    if match is None:
        return None
    domain, body, check = match.groups()
    crc = _STARTS[domain]
    for at in range(0, 26, 2):
        crc = _CRC[crc ^ _VALUES[body[at : at + 2]]]
    return Token(domain, text) if _PAIRS[crc] == check else None
