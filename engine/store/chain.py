"""The chain over versions: each holds a hash of itself and of all that was written before it.

The hash is SHA-256 (FIPS 180-4) without a key, so that whoever has the rows can follow it. What it cannot
tell alone is that all rows after some version were cut off, or all of them written anew: for that, its
newest value is kept elsewhere.
"""

from __future__ import annotations

import hashlib
from typing import Final, NamedTuple

import msgspec

__all__ = ["START", "Link", "chained"]

START: Final = bytes(32)
"""What the first version goes on from."""

_encode = msgspec.msgpack.Encoder().encode


class Link(NamedTuple):
    """What of a version is chained, in this order; `at` in seconds since the epoch, `deleted` 0 or 1,
    `digest` is its message's."""

    message_id: int
    created: int
    release: str
    type: str
    id: str
    version: int
    at: float
    deleted: int
    unit: str
    client: str
    request_id: str
    body_hash: bytes
    digest: bytes


def chained(previous: bytes, link: Link) -> bytes:
    """The value of a version that follows the one whose value is `previous`: 32 bytes."""
    return hashlib.sha256(previous + _encode(link)).digest()
