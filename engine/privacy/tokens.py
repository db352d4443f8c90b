"""Token text: what stands for an identifier everywhere outside the vault (spec: PHI, section 5.1).

`t1` + domain letter + `_` + 26 characters of Crockford's base32 (128 random bits) + 2 check
characters: 32 characters, safe in URLs, files and SQL, selected by a double click.
"""

from __future__ import annotations

import re

import msgspec

__all__ = ["ALPHABET", "DOMAINS", "LENGTH", "PATTERN", "PERSON", "Token", "mint", "parse"]

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
    "resource": "r",
}
"""The policy's word for a token domain → its letter. No token is ever valid in another domain."""

PERSON = DOMAINS["person"]

LENGTH = 32
"""Characters of a token."""

PATTERN = r"t1[a-z]_[0-7][0-9abcdefghjkmnpqrstvwxyz]{27}"
"""What is a token but for its check."""

_TEXT = re.compile(r"t1([a-z])_([0-7][0-9abcdefghjkmnpqrstvwxyz]{25})([0-9abcdefghjkmnpqrstvwxyz]{2})")
_SYMBOLS = bytes(ord(ALPHABET[byte & 31]) for byte in range(256))  # for `bytes.translate`, as all of these
_FIVE_BITS = bytes(byte & 31 for byte in range(256))
_THREE_BITS = bytes(byte & 7 for byte in range(256))


def _divide(value: int) -> int:
    """The remainder of ten bits, shifted up by ten, by x^10+x^9+x^5+x^4+x+1 (CRC-10)."""
    for _ in range(10):
        value = value << 1 ^ (0x633 if value & 0x200 else 0)
    return value


def _moved(value: int, times: int) -> int:
    for _ in range(times):
        value = _divide(value)
    return value


def _share(place: int) -> tuple[bytes, bytes]:
    """By five bits: what they add to each of the two check characters when they stand at `place`. A CRC is
    linear: it is the sum (exclusive or) of what each of 26 characters, two to a step, would have alone."""
    shares = [_moved(five if place % 2 else five << 5, 13 - place // 2) for five in range(32)]
    return bytes(share >> 5 for share in shares).ljust(256), bytes(share & 31 for share in shares).ljust(256)


_SHARES = [_share(place) for place in range(26)]
_STARTS = {letter: divmod(_moved(ord(letter) - 97, 14), 32) for letter in map(chr, range(97, 123))}
_VALUES = {letter: five for five, letter in enumerate(ALPHABET)}


class Token(msgspec.Struct, frozen=True):
    """A token that passed its check."""

    domain: str  # one letter
    text: str


def mint(domain: str, random: bytes) -> list[str]:
    """New tokens of `domain` (a letter), one for 26 random bytes: five bits of each count, of the first
    three, which makes 128. Many at once cost hardly more than one."""
    bodies = bytearray(random.translate(_FIVE_BITS))
    bodies[::26] = bodies[::26].translate(_THREE_BITS)
    sheet = bytearray(f"t1{domain}_".encode().ljust(LENGTH) * (len(bodies) // 26))
    symbols = bodies.translate(_SYMBOLS)
    for place in range(26):
        sheet[4 + place :: LENGTH] = symbols[place::26]
    sheet[30::LENGTH], sheet[31::LENGTH] = _checks(domain, bodies)
    text = sheet.decode()
    return [text[at : at + LENGTH] for at in range(0, len(text), LENGTH)]


def parse(text: str) -> Token | None:
    """The token that `text` is, or None. Catches every single wrong character and every swap of
    neighbours, because a 10-bit CRC sees every error that spans ten bits or fewer."""
    match = _TEXT.fullmatch(text)
    if match is None:
        return None
    domain, body, check = match.groups()
    high, low = _checks(domain, bytes(map(_VALUES.__getitem__, body)))
    return Token(domain, text) if high + low == check.encode() else None


def _checks(domain: str, bodies: bytes | bytearray) -> tuple[bytes, bytes]:
    """The first and the second check character of all bodies, which stand one behind the other: worked out
    place by place for all at once."""
    amount = len(bodies) // 26
    sums = [int.from_bytes(bytes([start]) * amount) for start in _STARTS[domain]]
    for place, shares in enumerate(_SHARES):
        column = bodies[place::26]
        sums = [
            sum_ ^ int.from_bytes(column.translate(share)) for sum_, share in zip(sums, shares, strict=True)
        ]
    high, low = (sum_.to_bytes(amount).translate(_SYMBOLS) for sum_ in sums)
    return high, low
