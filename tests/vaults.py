"""A vault for tests: its keys, who seals for it, and who may open what was sealed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.privacy.book import Minted
from engine.privacy.sealing import Sealer, SubjectKeys
from engine.privacy.unsealing import PrivateKey, Unsealer
from engine.privacy.vault import Vault
from engine.tokens import Lookup, NewToken, SealKey, TokenRow

__all__ = ["PRIVATE", "Cabinet", "SealKeys", "minted", "row_of", "sealer", "unsealer", "vault"]

PRIVATE = PrivateKey(bytes(range(7, 39)))


def vault(tenant: str = "north") -> Vault:
    return Vault(tenant=tenant, index_keys={"k1": bytes(range(32))})


class SealKeys:
    """Seal keys as a store keeps them."""

    def __init__(self) -> None:
        self.kept: dict[str, SealKey] = {}

    def keep(self, key: SealKey) -> None:
        self.kept[key.id] = key

    def get(self, ids: Sequence[str]) -> dict[str, SealKey]:
        return {id_: self.kept[id_] for id_ in ids if id_ in self.kept}


class Cabinet:
    """Keys of persons, in memory."""

    def __init__(self) -> None:
        self.keys: dict[str, bytes] = {}
        self.destroyed: set[str] = set()

    def subject_keys(self, tokens: Sequence[str]) -> dict[str, bytes]:
        return {token: self.keys[token] for token in tokens if token in self.keys}

    def make_subject_keys(self, tokens: Sequence[str]) -> dict[str, bytes]:
        for token in set(tokens) - self.destroyed:
            self.keys.setdefault(token, token.encode().ljust(32)[:32])
        return self.subject_keys(tokens)

    def destroy(self, token: str) -> None:
        self.keys.pop(token, None)
        self.destroyed.add(token)


def sealer(keep: Callable[[SealKey], None], subjects: SubjectKeys | None = None) -> Sealer:
    return Sealer(PRIVATE.reader, keep, subjects, clock=lambda: 100.0)


def unsealer(keys: SealKeys, subjects: SubjectKeys | None = None) -> Unsealer:
    return Unsealer([PRIVATE], keys.get, subjects)


def minted(identifier: str, token: str, subject: str = "", of: Vault | None = None) -> Minted:
    """A token as a book mints it, used by message 1."""
    home = of or vault()
    one = Minted(token, identifier, home.index(identifier), home)
    one.users[1] = None
    one.subject = subject
    return one


def row_of(new: NewToken) -> TokenRow:
    """What the store keeps of it."""
    return TokenRow(
        token=new.token,
        domain=new.domain,
        tenant=new.tenant,
        key_id=new.key_id,
        sealed=new.sealed,
        subject=new.subject,
        created_at=0.0,
    )


def lookups(*found: bytes) -> tuple[Lookup, ...]:
    return tuple(Lookup(one, "k1") for one in found)
