"""Whether a few short texts can hold anything that identifies in a message, told without reading it in full.

Where codes pass as they are sent there is something to compare in every message, and taking it apart for that
would cost more than mapping it. So the fields that identify are put together raw, and each short text is
looked for in them piece by piece: where none of its pieces stands there, no value does. Where there is any
doubt (another character set, escapes, days, long texts) the message is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import pairwise

from engine.privacy.outgoing import Open
from engine.privacy.spelling import dates_of, plain, words_of

__all__ = ["Sieve"]

_LONGEST = 23  # characters of a text that is sifted: longer ones may be sentences
_LETTERS = re.compile(r"[a-z]{3,}")
_DIGRAPHS = re.compile(rb"(?<=[aou])e+")
_LOWER = bytes(range(256)).lower()
_MARKS = bytes(byte for byte in range(256) if not chr(byte).isalnum() and byte != ord("|"))


class Sieve:
    """Knows the fields that identify, by segment. Safe to share between threads."""

    def __init__(self, fields: Mapping[str, Iterable[int]]) -> None:
        self._fields = {name.encode(): tuple(sorted(numbers)) for name, numbers in fields.items()}

    def clear(self, raw: bytes, left: Iterable[Open]) -> bool:
        """Whether none of these texts can hold a value that identifies in the message; False: it may."""
        if raw[:4] != b"MSH|" or not raw.isascii() or raw.count(b"\\") > 1 or b"ADD|" in raw or b"\n" in raw:
            return False
        fields: bytes | None = None
        for text in left:
            pieces = _pieces(text) if isinstance(text, str) else None
            if pieces is None:
                return False
            if fields is None:
                fields = self._fields_of(raw)
                held = fields.translate(_LOWER, _MARKS)
                held = _DIGRAPHS.sub(b"", held)
            for piece in pieces:
                if piece in held and not (piece.isdigit() and len(piece) < 6 and _is_part(piece, fields)):
                    return False
        return True

    def _fields_of(self, raw: bytes) -> bytes:
        """The fields that identify, as they stand."""
        found: list[bytes] = []
        for line in raw.split(b"\r"):
            numbers = self._fields.get(line[:3])
            if numbers is None:
                if not line[:1].isupper():  # a segment id that is indented or in lower case, or none at all
                    found.append(line)
                continue
            fields = line.split(b"|", numbers[-1] + 1)
            last = len(fields)
            for number in numbers:
                if number >= last:
                    break
                found.append(fields[number])
        return b"|".join(found)


def _is_part(digits: bytes, fields: bytes) -> bool:
    """Whether a short number stands only within longer runs of digits: as a number it counts whole."""
    return re.search(rb"(?<!\d)0*" + digits + rb"(?!\d)", fields.translate(None, b" -.()")) is None


@lru_cache(maxsize=4096)
def _pieces(text: str) -> tuple[bytes, ...] | None:
    """Of whatever value stands in the text, one of these stands in the message: six characters of a long
    one, all of a short one, three letters of a name whose parts were exchanged. None: it is not to be told
    without reading the message."""
    if len(text) > _LONGEST or not text.isascii() or any(mark in text for mark in "%&\\"):
        return None
    folded, words = plain(text), words_of(text)
    digits = sum(letter.isdecimal() for letter in folded)
    if digits >= 8 and ("19" in folded or "20" in folded):  # a day may be hidden in it, in any order
        return None
    if digits >= 3 and not text.isalnum() and dates_of(text):
        return None
    pieces = [folded[at : at + 6] for at in range(len(folded) - 5)]
    near = (folded, *words, *(plain(one + other) for one, other in pairwise(words)))
    pieces += (word for one in near if 3 <= len(word := one.lstrip("0")) <= 5)
    pieces += (run[at : at + 3] for run in _LETTERS.findall(folded) for at in range(len(run) - 2))
    return tuple(piece.encode() for piece in dict.fromkeys(pieces))
