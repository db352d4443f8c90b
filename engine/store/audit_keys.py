"""What holds the audit fast against those who can write to the database: a key over where it ends, a
signature over its checkpoints.

Both come from the ring. Whoever holds the ring can forge both; that is why checkpoints are also kept where
the ring's holders cannot write (`docs/manual/audit.md`).
"""

from __future__ import annotations

import hmac
from functools import cached_property, lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from engine.store.keys import KeyRing

__all__ = ["AuditKeys", "verify"]

_MAC: Final = "audit"
_SIGN: Final = "audit-sign"


class AuditKeys:
    """The keys of the audit, derived from the ring when they are first asked for."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring
        self.key_id = ring.current

    def mac(self, data: bytes, key_id: str = "") -> bytes | None:
        """HMAC-SHA-256 (RFC 2104) under the key named, default the current one; None when
        the ring lacks it."""
        key_id = key_id or self.key_id
        if key_id not in self._ring.ids:
            return None
        return hmac.digest(self._ring.derive(_MAC, key_id), data, "sha256")

    def sign(self, data: bytes) -> bytes:
        """An Ed25519 signature (RFC 8032) with the current key: 64 bytes."""
        return self._signing.sign(data)

    def public(self, key_id: str = "") -> bytes:
        """The public half, 32 bytes, of the key named, default the current one. Raises `KeyError`."""
        return _public(self._private(key_id or self.key_id))

    def publics(self) -> dict[str, bytes]:
        """The public halves of all keys of the ring, by id."""
        return {key_id: self.public(key_id) for key_id in self._ring.ids}

    @cached_property
    def _signing(self) -> Ed25519PrivateKey:
        return self._private(self.key_id)

    def _private(self, key_id: str) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self._ring.derive(_SIGN, key_id))


def verify(public: bytes, data: bytes, signature: bytes) -> bool:
    """Whether the holder of this public key signed this."""
    try:
        _loaded(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


@lru_cache(maxsize=64)
def _loaded(public: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(public)


def _public(private: Ed25519PrivateKey) -> bytes:
    return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
