"""Sealing what is at rest, and the keyed names by which a message is known again.

Content is sealed with AES-256-GCM (NIST SP 800-38D): nonce of 96 random bits, then ciphertext and
tag. Random nonces allow 2^32 messages under one key; the store counts them from the
message ids when it opens and asks for a rotation before that (`engine.store.seals`).
"""

from __future__ import annotations

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from engine.keyed import keyed
from engine.store.keys import KeyRing

__all__ = ["NONCE", "TAG", "Cipher", "Damaged", "Fingerprints"]

NONCE: Final = 12
TAG: Final = 16
NAME: Final = 16
"""Bytes of a fingerprint or digest: 128 bits of an HMAC-SHA-256."""


class Damaged(Exception):
    """Sealed bytes do not open: changed since they were written, or moved to another row."""


class Cipher:
    """Seals with the ring's current key, opens with any of its keys. `bound` is authenticated but not
    stored with the sealed bytes: it ties them to their row."""

    def __init__(self, ring: KeyRing, purpose: str = "content") -> None:
        self.key_id = ring.current
        self._boxes = {key_id: AESGCM(ring.derive(purpose, key_id)) for key_id in ring.ids}
        self._prefixes = {key_id: f"wardline/1/{purpose}/{key_id}\x1f".encode() for key_id in ring.ids}
        self._encrypt = self._boxes[self.key_id].encrypt
        self._prefix = self._prefixes[self.key_id]

    def seal(self, plain: bytes, bound: bytes) -> bytes:
        """Nonce, ciphertext, tag: 28 bytes longer than `plain`."""
        nonce = os.urandom(NONCE)
        return nonce + self._encrypt(nonce, plain, self._prefix + bound)

    def open(self, key_id: str, sealed: bytes, bound: bytes) -> bytes:
        """The plain bytes. Raises `Damaged` when anything about them changed."""
        box = self._boxes.get(key_id)
        if box is None or len(sealed) < NONCE + TAG:
            raise Damaged
        try:
            return box.decrypt(sealed[:NONCE], sealed[NONCE:], self._prefixes[key_id] + bound)
        except InvalidTag:
            raise Damaged from None


class Fingerprints:
    """Keyed 16-byte names (HMAC-SHA-256, cut): without the key nobody can try control ids or contents."""

    def __init__(self, ring: KeyRing) -> None:
        self._of = keyed(ring.derive("fingerprint"), NAME)
        self._digest = keyed(ring.derive("digest"), NAME)
        self._terms = [keyed(ring.derive("term", key_id), NAME) for key_id in ring.using("term").keys]

    def of(self, channel: str, msh3: bytes, msh4: bytes, msh10: bytes) -> bytes:
        """What makes a resend the same message (spec: acknowledgement, section 6)."""
        lengths = b"%d,%d,%d;" % (len(channel), len(msh3), len(msh4))
        return self._of(b"".join((lengths, channel.encode(), msh3, msh4, msh10)))

    def digest(self, raw: bytes) -> bytes:
        """Of the bytes as transmitted."""
        return self._digest(raw)

    def term(self, value: bytes) -> tuple[bytes, ...]:
        """Of a value that a resource is found by (`engine.fhir.indexing`): under each key, while they
        change."""
        return tuple(name(value) for name in self._terms)
