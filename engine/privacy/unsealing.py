"""Opening what the vault sealed: for re-identification, rotation and erasure, and for nobody else.

No module of the engine's processing may import this one (import-linter, `pyproject.toml`).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from engine.errors import Misconfigured, Unacceptable
from engine.privacy.sealing import NONCE, SUITE, Reader, SubjectKeys, bound, row_key, wrap_info
from engine.secret_files import read_secret
from engine.tokens import SealKey, TokenRow

__all__ = ["PrivateKey", "RingKeys", "Unsealer", "keys_of_ring", "make_pair", "parse_private", "private_keys"]


class RingKeys(Protocol):
    """A key ring (`engine.store.keys.KeyRing`)."""

    @property
    def ids(self) -> tuple[str, ...]: ...
    def derive(self, purpose: str, key_id: str = "") -> bytes: ...


class PrivateKey:
    """The private half of a re-identification pair."""

    def __init__(self, private: bytes, id_: str = "") -> None:
        self._key = X25519PrivateKey.from_private_bytes(private)
        self.reader = Reader(self._key.public_key().public_bytes_raw(), id_)

    def unwrap(self, key: SealKey) -> bytes:
        """The seal key. Raises `InvalidTag` when it was wrapped for another reader, or altered."""
        return SUITE.decrypt(key.wrapped, self._key, wrap_info(key.id))


def parse_private(text: str, where: str) -> list[PrivateKey]:
    """Private keys in base64, apart by white space, the current one first. Raises `Misconfigured`, which
    shows nothing of them."""
    try:
        keys = [PrivateKey(base64.b64decode(entry, validate=True)) for entry in text.split()]
    except (binascii.Error, ValueError):
        keys = []
    if not keys:
        raise Misconfigured(
            "holds no re-identification private key", where=where, hint="wardline vault keygen makes one"
        )
    return keys


def make_pair() -> tuple[str, str]:
    """A new re-identification pair in base64: private, public."""
    key = X25519PrivateKey.generate()
    halves = key.private_bytes_raw(), key.public_key().public_bytes_raw()
    return base64.b64encode(halves[0]).decode(), base64.b64encode(halves[1]).decode()


def private_keys(file: Path | None, ring: RingKeys) -> list[PrivateKey]:
    """All that may open what is sealed here: those of the file, if there is one, and those that stood in for
    it before it was made. Raises `Misconfigured`."""
    made = parse_private(read_secret(file, "re-identification key"), str(file)) if file else []
    return [*made, *keys_of_ring(ring)]


def keys_of_ring(ring: RingKeys) -> list[PrivateKey]:
    """The pairs that stand in where none was made: one for each key of the ring."""
    return [PrivateKey(ring.derive("reidentify", key_id), f"ring:{key_id}") for key_id in ring.ids]


class Unsealer:
    """Opens rows of the vault with `private` keys and the persons' own.

    `seal_keys` gives wrapped seal keys by id (`VaultStore.seal_keys`); `ring` opens what was sealed before
    there were seal keys (None: such rows do not open). What was opened is kept for the next row."""

    def __init__(
        self,
        private: Sequence[PrivateKey],
        seal_keys: Callable[[Sequence[str]], Mapping[str, SealKey]],
        subjects: SubjectKeys | None,
        ring: RingKeys | None = None,
    ) -> None:
        self._private = {key.reader.id: key for key in private}
        self._wrapped, self._subjects, self._ring = seal_keys, subjects, ring
        self._keys: dict[str, bytes] = {}

    def identifier(self, row: TokenRow) -> str:
        """The canonical identifier behind a row (`engine.privacy.vault.read_identifier` takes it apart).

        Raises `Unacceptable`: the row was erased, altered, moved to another token, domain or tenant, or
        sealed for another reader."""
        return self.identifiers([row])[0]

    def identifiers(self, rows: Sequence[TokenRow]) -> list[str]:
        """Of many rows at once, in their order."""
        found = self.try_identifiers(rows)
        opened = [text for text in found if text is not None]
        if len(opened) < len(rows):
            raise Unacceptable("internal", "", "a sealed identifier does not open here")
        return opened

    def try_identifiers(self, rows: Sequence[TokenRow]) -> list[str | None]:
        """Of many rows at once, in their order; None for one that does not open."""
        self._learn({row.key_id for row in rows} - self._keys.keys())
        subjects = sorted({row.subject for row in rows if row.subject})
        keys = self._subjects.subject_keys(subjects) if self._subjects and subjects else {}
        return [self._open(row, keys) for row in rows]

    def _learn(self, ids: set[str]) -> None:
        for key in self._wrapped(sorted(ids)).values() if ids else ():
            private = self._private.get(key.reader)
            if private is not None:
                try:
                    self._keys[key.id] = private.unwrap(key)
                except InvalidTag:
                    continue

    def _open(self, row: TokenRow, subjects: Mapping[str, bytes]) -> str | None:
        key = self._key(row, subjects)
        if key is None or row.sealed is None:
            return None
        nonce, sealed = row.sealed[:NONCE], row.sealed[NONCE:]
        place = bound(row.tenant, row.domain, row.token, row.key_id)
        try:
            return AESGCM(key).decrypt(nonce, sealed, place).decode()
        except (InvalidTag, ValueError):
            return None

    def _key(self, row: TokenRow, subjects: Mapping[str, bytes]) -> bytes | None:
        seal_key = self._keys.get(row.key_id)
        if seal_key is not None:
            subject = subjects.get(row.subject) if row.subject else b""
            return None if subject is None else row_key(seal_key, subject)
        if self._ring is not None and row.key_id in self._ring.ids:  # sealed before there were seal keys
            return self._ring.derive("vault-seal", row.key_id)
        return None
