"""One text for a message and all that comes of it: in logs, traces and answers, and to be searched for.

It is the message's id with the millisecond of its arrival, so it needs no room in the store, stays the same
for ever, and says whether it is this store's. It says nothing of anybody.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final

__all__ = ["correlation", "message_of", "trace_of"]

_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_WRITTEN: Final = re.compile(r"w([1-9][0-9]{0,17})-([0-9a-z]{1,12})")


def correlation(message_id: int, received_at: float) -> str:
    """Of the message with this id that arrived then (seconds since the epoch): `w1234-mi9v2k7c`."""
    left, text = max(int(received_at * 1000), 0), ""
    while True:
        left, digit = divmod(left, 36)
        text = _DIGITS[digit] + text
        if not left:
            return f"w{message_id}-{text}"


def message_of(text: str) -> int:
    """The id of the message that this may be the correlation of, 0 for what is none. Whether it is this
    store's is seen when the message has the same."""
    found = _WRITTEN.fullmatch(text.strip().lower())
    return int(found[1]) if found else 0


def trace_of(text: str) -> int:
    """The trace of a correlation (128 bits): every process finds the same
    (https://www.w3.org/TR/trace-context/, 3.2.2.3)."""
    return int.from_bytes(sha256(text.encode()).digest()[:16], "big")
