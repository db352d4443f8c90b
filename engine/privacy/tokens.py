"""Token text: what stands for an identifier everywhere outside the vault (spec: PHI, section 5.1).

`t1` + domain letter + `_` + 26 characters of Crockford's base32 (128 random bits) + 2 check
characters: 32 characters, safe in URLs, files and SQL, selected by a double click.
"""

from __future__ import annotations

import re
from collections.abc import Callable

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
_STARTS = {letter: _CRC[ord(letter) - 97] for letter in map(chr, range(97, 123))}


class Token(msgspec.Struct, frozen=True):
    """A token that passed its check."""

    domain: str  # one letter
    text: str


def mint(domain: str, random: Callable[[int], bytes]) -> str:
    """A new token of `domain` (a letter) from 16 random bytes."""
    bits = int.from_bytes(random(16), "big")
    crc = _STARTS[domain]
    body = ""
    for shift in range(120, -1, -10):
        ten = bits >> shift & 0x3FF
        crc = _CRC[crc ^ ten]
        body += _PAIRS[ten]
    return f"t1{domain}_{body}{_PAIRS[crc]}"


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
