"""How an identifier is kept: so that the process which seals it cannot open it again tomorrow.

A row is sealed with AES-256-GCM (NIST SP 800-38D) under a key made of two (RFC 5869, expand): a *seal key*,
random, of this process alone, and the *subject key* of the person whose number it is, which is destroyed when
the person is erased. The seal key is kept only wrapped to the re-identification public key (HPKE, RFC 9180,
X25519), and before it is used. What opens rows is `engine.privacy.unsealing`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from engine.errors import Misconfigured
from engine.keyed import keyed
from engine.privacy.book import Minted
from engine.tokens import NewToken, SealKey

__all__ = [
    "NONCE",
    "PUBLIC_TEXT",
    "SUITE",
    "Reader",
    "Sealer",
    "SubjectGone",
    "SubjectKeys",
    "bound",
    "row_key",
    "wrap_info",
]

NONCE: Final = 12
PUBLIC_TEXT: Final = 44
"""Characters of a public key in base64."""

SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
SEALS_PER_KEY: Final = 2**20
SECONDS_PER_KEY: Final = 86_400.0
_REMEMBERED: Final = 10_000
_ROW: Final = b"wardline/1/vault-row\x1f"


_Seal = Callable[[bytes, bytes, bytes], bytes]
"""Nonce, plain text and what it is bound to → ciphertext and tag."""


class SubjectGone(Exception):
    """A batch speaks of a person who was erased since it was mapped: map again, it is a newcomer."""


class SubjectKeys(Protocol):
    """The keys of persons (`engine.store.cabinet`): 32 bytes each, by the person's token."""

    def subject_keys(self, tokens: Sequence[str]) -> dict[str, bytes]:
        """Those there are."""
        ...

    def make_subject_keys(self, tokens: Sequence[str]) -> dict[str, bytes]:
        """Those there are, and new ones for the others, durable when this returns; of a person who was
        erased there is none. Raises `Unavailable`."""
        ...


class Reader:
    """Who alone can open what is sealed: the re-identification public key. `id` names it."""

    def __init__(self, public: bytes, id_: str = "") -> None:
        self.public, self.id = public, id_ or hashlib.sha256(public).hexdigest()[:16]
        self._key = X25519PublicKey.from_public_bytes(public)

    @classmethod
    def parse(cls, text: str, where: str) -> Reader:
        """Of base64 of 32 bytes. Raises `Misconfigured`."""
        try:
            return cls(base64.b64decode(text.strip(), validate=True))
        except (binascii.Error, ValueError):
            raise Misconfigured(
                "is not a re-identification public key", where=where, hint="wardline vault keygen prints one"
            ) from None

    @classmethod
    def of_ring(cls, key_id: str, private: bytes) -> Reader:
        """The pair that stands in where none was made: its private half is derived from a ring key (purpose
        `reidentify`), so whoever has the ring can open what is sealed."""
        key = X25519PrivateKey.from_private_bytes(private)
        return cls(key.public_key().public_bytes_raw(), f"ring:{key_id}")

    def wrap(self, key: bytes, key_id: str) -> bytes:
        """A seal key, for this reader only."""
        return SUITE.encrypt(key, self._key, wrap_info(key_id))


class Sealer:
    """Seals what a token book minted; belongs to one thread.

    `keep` stores a seal key durably (`VaultStore.keep_seal_key`); `subjects` is the cabinet, None where
    there is none: then rows are nobody's. `clock` gives seconds since the epoch."""

    def __init__(
        self,
        reader: Reader,
        keep: Callable[[SealKey], None],
        subjects: SubjectKeys | None,
        *,
        clock: Callable[[], float],
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._reader, self._keep, self._subjects = reader, keep, subjects
        self._clock, self._random = clock, random
        self._key, self._key_id, self._left, self._until = b"", "", 0, 0.0
        self._seals: dict[str, _Seal] = {}  # of persons who came lately; `""` for what is nobody's

    def forget(self) -> None:
        """The vault has turned: ask the cabinet again for every person's key, and take a new seal key."""
        self._left = 0

    def seal(self, minted: Sequence[Minted]) -> list[NewToken]:
        """The rows of a batch. Raises `SubjectGone` when it speaks of a person who was erased meanwhile, and
        what the cabinet and the store raise."""
        if not minted:
            return []
        self._take(len(minted))
        if self._subjects:
            self._meet(self._subjects, {one.subject for one in minted})
        seals, key_id, owned = self._seals, self._key_id, self._subjects is not None
        nonces, rows = self._random(NONCE * len(minted)), []
        for at, one in enumerate(minted):
            nonce = nonces[at * NONCE : at * NONCE + NONCE]
            token, identifier, vault = one.token, one.identifier, one.vault
            tenant, domain = vault.tenant, identifier[0]
            subject = one.subject if owned else ""
            place = bound(tenant, domain, token, key_id)
            sealed = nonce + seals[subject](nonce, identifier.encode(), place)
            found = vault.named(identifier, one.index)
            row = NewToken(
                token=token,
                domain=domain,
                lookups=found,
                key_id=key_id,
                sealed=sealed,
                subject=subject,
                tenant=tenant,
            )
            rows.append(row)
        return rows

    def _meet(self, cabinet: SubjectKeys, subjects: set[str]) -> None:
        """Have what seals for these persons."""
        if len(self._seals) > _REMEMBERED:
            self._seals = {"": self._seals[""]}
        if missing := sorted(subjects - self._seals.keys()):
            keys = cabinet.make_subject_keys(missing)
            if len(keys) < len(missing):
                raise SubjectGone
            self._seals |= self._seals_of(keys)

    def _seals_of(self, keys: Mapping[str, bytes]) -> dict[str, _Seal]:
        name = row_keys(self._key)
        return {subject: AESGCM(name(key)).encrypt for subject, key in keys.items()}

    def _take(self, count: int) -> None:
        """A seal key for so many more rows: a new one each day, and before it was used too often."""
        now = self._clock()
        if self._left < count or now >= self._until:
            key, key_id = self._random(32), self._random(8).hex()
            self._keep(SealKey(key_id, self._reader.id, self._reader.wrap(key, key_id), now))
            self._key, self._key_id = key, key_id
            self._seals = self._seals_of({"": b""})
            self._left, self._until = SEALS_PER_KEY, now + SECONDS_PER_KEY
        self._left -= count


def row_keys(seal_key: bytes) -> Callable[[bytes], bytes]:
    """`row_key` for many subject keys."""
    name = keyed(seal_key, 32, _ROW)
    return lambda subject_key: name(subject_key + b"\x01")


def row_key(seal_key: bytes, subject_key: bytes) -> bytes:
    """What a row is sealed with: HKDF-Expand of the seal key, one block, with the subject key in its info."""
    return row_keys(seal_key)(subject_key)


def bound(tenant: str, domain: str, token: str, key_id: str) -> bytes:
    """What ties a sealed identifier to its row: moved to another, it does not open."""
    return f"{tenant}\x1f{domain}\x1f{token}\x1f{key_id}".encode()


def wrap_info(key_id: str) -> bytes:
    """What ties a wrapped seal key to its name."""
    return b"wardline/1/seal-key\x1f" + key_id.encode()
