"""How an identifier is found again in the vault (spec: PHI, 5.1).

An identifier is written as one canonical text and found through a keyed hash of it. How it is kept is
`engine.privacy.sealing`; where the rows lie is the store's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol, Self
from unicodedata import normalize

from engine.errors import Misconfigured, Unacceptable
from engine.keyed import keyed
from engine.privacy.tokens import PERSON
from engine.tokens import Lookup, Use

__all__ = ["Identifier", "Keys", "Vault", "canonical", "read_identifier"]

_SEPARATOR = "\x1f"
_INDEX = 16
_SHIFT = 9  # bytes: of the days, and of the direction


class Keys(Protocol):
    """The installation's key ring, as far as the vault needs it (`engine.store.keys.KeyRing`)."""

    def using(self, purpose: str) -> Use: ...
    def derive(self, purpose: str, key_id: str = "") -> bytes: ...


class Identifier(NamedTuple):
    """The parts of a canonical text; `domain` is a letter."""

    domain: str
    authority: str
    type: str
    value: str


def canonical(domain: str, authority: str, id_type: str, value: str) -> str:
    """`domain ␟ authority ␟ type ␟ id`: two identifiers are the same when this text is.

    Trimmed outside, NFC; case and leading zeros stay. The type counts for persons only: a
    person's MR and PI of one authority are two numbers, while a visit or account number is the
    same whether or not the sender cared to type it. Raises `Unacceptable` for an identifier
    with the separator inside, which could pass for another one.
    """
    authority, value = authority.strip(), value.strip()
    kind = id_type.strip() if domain == PERSON else ""
    if _SEPARATOR in value or _SEPARATOR in authority or _SEPARATOR in kind or _SEPARATOR in domain:
        raise Unacceptable("bad-value", "", "an identifier holds a control character")
    text = f"{domain}\x1f{authority}\x1f{kind}\x1f{value}"
    return text if text.isascii() else normalize("NFC", text)


def read_identifier(text: str) -> Identifier:
    """The parts of a canonical text."""
    return Identifier(*text.split(_SEPARATOR))


class Vault:
    """Finds the identifiers of one tenant.

    `index_keys` are 32 bytes each by the id of their ring key, derived for the purpose `vault-index`; the
    first is the one that is asked first. `shift_key` is that of the purpose `shift`. `turn` is that of the
    record they were read from, -1 when from none. Safe to share between threads.
    """

    def __init__(
        self, *, tenant: str, index_keys: Mapping[str, bytes], turn: int = -1, shift_key: bytes = b""
    ) -> None:
        if _SEPARATOR in tenant:
            raise Misconfigured("a tenant's name holds a control character", where="WARDLINE_TENANT")
        self.tenant, self.turn = tenant, turn
        self._keys, self._shift_key = dict(index_keys), shift_key
        prefix = f"{tenant}{_SEPARATOR}".encode()
        names = {key_id: keyed(key, _INDEX, prefix) for key_id, key in index_keys.items()}
        (self._newest, self._name), *self._older = names.items()

    @classmethod
    def of(cls, keys: Keys, tenant: str = "") -> Self:
        """The vault of a key ring."""
        use = keys.using("vault-index")
        index_keys = {key_id: keys.derive("vault-index", key_id) for key_id in use.keys}
        shift_key = keys.derive("shift")
        return cls(tenant=tenant, index_keys=index_keys, turn=use.turn, shift_key=shift_key)

    def of_tenant(self, tenant: str) -> Self:
        """The vault of another tenant under the same keys: no number of one is found in the other."""
        return type(self)(tenant=tenant, index_keys=self._keys, turn=self.turn, shift_key=self._shift_key)

    def index(self, identifier: str) -> bytes:
        """The 16 bytes under which this canonical identifier is looked for first."""
        return self._name(identifier.encode())

    def shift(self, person: str) -> int:
        """The days by which all dates of a person (a token) are shifted: 1 to 364, back or forth, the same
        for the same person of the same tenant (spec: PHI, section 3)."""
        if not self._shift_key:
            raise ValueError("a vault without a key shifts nothing")
        digest = keyed(self._shift_key, _SHIFT)(f"{self.tenant}{_SEPARATOR}{person}".encode())
        days = 1 + int.from_bytes(digest[:8]) % 364
        return -days if digest[8] & 1 else days

    def lookups(self, identifier: str) -> list[bytes]:
        """All that this canonical identifier is found under, newest key first: more than one while the
        index changes its key."""
        data = identifier.encode()
        return [self._name(data), *(name(data) for _, name in self._older)]

    def named(self, identifier: str, index: bytes) -> tuple[Lookup, ...]:
        """The same with the keys' ids, for a row; `index` is known already."""
        newest = Lookup(index, self._newest)
        if not self._older:
            return (newest,)
        data = identifier.encode()
        return (newest, *(Lookup(name(data), key_id) for key_id, name in self._older))

    @property
    def changing(self) -> bool:
        """Whether the index changes its key: what is found may lie under either."""
        return bool(self._older)
