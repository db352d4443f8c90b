"""Keyed names: HMAC-SHA-256 (RFC 2104), cut. Without the key nobody can try identifiers or contents."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

__all__ = ["keyed"]

_BLOCK = 64  # bytes, of SHA-256
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


def keyed(key: bytes, size: int, before: bytes = b"") -> Callable[[bytes], bytes]:
    """What names data by the first `size` bytes of the HMAC of `before` and the data. `key` is at most 64
    bytes long.

    The state under the key is copied, not set up again for every name, and both hashes are taken as they
    are: `hmac` does the same at twice the price."""
    if len(key) > _BLOCK:
        raise ValueError("a key longer than a block would have to be hashed first")
    padded = key.ljust(_BLOCK, b"\0")
    inner, outer = sha256(padded.translate(_INNER) + before), sha256(padded.translate(_OUTER))

    def name(data: bytes) -> bytes:
        within, around = inner.copy(), outer.copy()
        within.update(data)
        around.update(within.digest())
        return around.digest()[:size]

    return name
