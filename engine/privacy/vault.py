"""The vault's cryptography: how an identifier is found again, and how it is kept (spec: PHI, 5.1).

An identifier is written as one canonical text, found through a keyed hash of it, and kept only
sealed. Where the rows lie is the store's business.
"""

from __future__ import annotations

from typing import Protocol, Self
from unicodedata import normalize

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from engine.errors import Unacceptable
from engine.keyed import keyed
from engine.model import NewToken
from engine.privacy.tokens import PERSON

__all__ = ["Keys", "Vault", "canonical"]

_SEPARATOR = "\x1f"
_NONCE = 12
_INDEX = 16


class Keys(Protocol):
    """The installation's key ring, as far as the vault needs it (`engine.store.keys.KeyRing`)."""

    @property
    def current(self) -> str: ...
    def derive(self, purpose: str) -> bytes: ...


def canonical(domain: str, authority: str, id_type: str, value: str) -> str:
    """`domain ␟ authority ␟ type ␟ id`: two identifiers are the same when this text is.

    Trimmed outside, NFC; case and leading zeros stay. The type counts for persons only: a
    person's MR and PI of one authority are two numbers, while a visit or account number is the
    same whether or not the sender cared to type it. Raises `Unacceptable` for an identifier
    with the separator inside, which could pass for another one.
    """
    kind = id_type.strip() if domain == PERSON else ""
    text = f"{domain}\x1f{authority.strip()}\x1f{kind}\x1f{value.strip()}"
    if text.count(_SEPARATOR) != 3:
        raise Unacceptable("bad-value", "", "an identifier holds a control character")
    return text if text.isascii() else normalize("NFC", text)


class Vault:
    """Indexes and seals the identifiers of one tenant.

    `index_key` and `seal_key` are 32 bytes each, derived for the purposes `vault-index` and
    `vault-seal`; `key_id` names the seal key's version. Safe to share between threads.
    """

    def __init__(self, *, tenant: str, index_key: bytes, seal_key: bytes, key_id: str) -> None:
        self.tenant, self.key_id = tenant, key_id
        self._name = keyed(index_key, _INDEX, f"{tenant}{_SEPARATOR}".encode())
        self._seal = AESGCM(seal_key)

    @classmethod
    def of(cls, keys: Keys, tenant: str = "") -> Self:
        """The vault of a key ring: `vault-index` never changes with it, `vault-seal` is the current."""
        index_key, seal_key = keys.derive("vault-index"), keys.derive("vault-seal")
        return cls(tenant=tenant, index_key=index_key, seal_key=seal_key, key_id=keys.current)

    def index(self, identifier: str) -> bytes:
        """The 16 bytes under which this canonical identifier is found."""
        return self._name(identifier.encode())

    def seal(self, identifier: str, *, token: str, index: bytes, nonce: bytes) -> NewToken:
        """The row that stands for this identifier; `nonce` is 12 random bytes, never used twice."""
        domain = identifier[0]
        sealed = nonce + self._seal.encrypt(nonce, identifier.encode(), self._place(domain, token))
        return NewToken(index=index, token=token, domain=domain, key_id=self.key_id, sealed=sealed)

    def unseal(self, row: NewToken) -> str:
        """The canonical identifier behind a row, for re-identification only.

        Raises `Unacceptable` when the row was altered, moved to another token, domain or tenant,
        or sealed with another key."""
        nonce, sealed = row.sealed[:_NONCE], row.sealed[_NONCE:]
        try:
            if row.key_id != self.key_id:
                raise InvalidTag
            return self._seal.decrypt(nonce, sealed, self._place(row.domain, row.token)).decode()
        except (InvalidTag, ValueError):
            raise Unacceptable("internal", "", "a sealed identifier does not open here") from None

    def _place(self, domain: str, token: str) -> bytes:
        return f"{self.tenant}\x1f{domain}\x1f{token}\x1f{self.key_id}".encode()
