"""`wardline vault rotate`: every row of the vault goes over to new keys, while messages flow.

Each row is opened, found under the new index key besides, and sealed anew. Tokens do not change, so Odoo is
not touched. What is interrupted is run again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC
from typing import Final, cast

import msgspec

from engine.fhir import json_text
from engine.fhir.indexing import index
from engine.fhir.releases import Release
from engine.keyed import keyed
from engine.privacy.book import SELVES, Minted
from engine.privacy.mentions import SEARCHED, term
from engine.privacy.sealing import Sealer, SubjectGone
from engine.privacy.unsealing import Unsealer
from engine.privacy.vault import Keys, Vault
from engine.store.contracts.vault import VaultStore
from engine.tokens import Lookup, TokenRow, TurnedRow

__all__ = ["Rotated", "rotate", "rotate_terms"]

PAGE: Final = 500
_TERMS: Final = 500_000
"""Old terms held in memory before mentions are gone through."""

_LETTERS: Final = frozenset(SEARCHED.values())


class Rotated(msgspec.Struct):
    """What a rotation came to: rows gone through, sealed anew, and those that do not open."""

    rows: int = 0
    sealed: int = 0
    closed: list[str] = msgspec.field(default_factory=list)


def rotate(
    store: VaultStore,
    ring: Keys,
    index_key: str,
    unsealer: Unsealer,
    sealer: Sealer,
    *,
    now: float,
    told: Callable[[int], None],
    lose: bool = False,
) -> Rotated:
    """Go over to seal keys of `sealer` and to the ring key `index_key` for the index; `told` how many more
    rows are done. Rows that do not open keep their keys, and the rotation is not ended, unless they are to be
    lost (`lose`): their numbers will be newcomers."""
    since = store.begin_rotation(index_key, now)
    older = tuple(key for key in store.uses()["vault-index"].keys if key != index_key)
    turning = _Turning(ring, index_key, older, unsealer, sealer)
    done, after = Rotated(), ""
    while page := store.rotation_page(after, PAGE):
        after = page[-1].token
        turned = turning.turned(page, store.seal_keys_since(since))
        store.turn_rows(turned)
        if len(turning.terms) > _TERMS:
            store.reterm(turning.taken_terms())
        done.rows += len(page)
        done.sealed += sum(bool(one.sealed) for one in turned)
        told(len(page))
    done.closed = turning.closed
    if turning.terms:
        store.reterm(turning.taken_terms())
    if lose or not done.closed:
        store.end_rotation(index_key)
    return done


def rotate_terms(store: VaultStore, ring: Keys, key_id: str) -> int:
    """Let resources be found by the ring key `key_id` only; how many there are. What a door that runs writes
    meanwhile is found by both, until it is started again."""
    name, after, count = keyed(ring.derive("term", key_id), 16), 0, 0

    def key(value: bytes) -> tuple[bytes, ...]:
        return (name(value),)

    while page := store.foundable(after, PAGE):
        after = page[-1].created
        turned = []
        for version in page:
            if version.body is not None:
                release = cast(Release, version.key.release)
                terms, _ = index(json_text.load(version.body), release, UTC, key)
                turned.append((version, terms))
        store.turn_terms(turned)
        count += len(turned)
    store.end_terms(key_id)
    return count


class _Turning:
    """Rows on their way from old keys to new ones."""

    def __init__(
        self, ring: Keys, index_key: str, older: tuple[str, ...], unsealer: Unsealer, sealer: Sealer
    ) -> None:
        key_ids = (index_key, *older)
        self._keys = {key_id: ring.derive("vault-index", key_id) for key_id in key_ids}
        self._unsealer, self._sealer = unsealer, sealer
        self._vaults: dict[str, Vault] = {}
        self.terms: dict[int, int] = {}
        self.closed: list[str] = []

    def turned(self, page: Sequence[TokenRow], fresh: set[str]) -> list[TurnedRow]:
        """What becomes of rows; those under a `fresh` seal key stay sealed as they are."""
        turned: list[TurnedRow] = []
        again: list[tuple[TokenRow, Minted]] = []
        for row, identifier in zip(page, self._unsealer.try_identifiers(page), strict=True):
            if identifier is None:
                self.closed.append(row.token)
                continue
            lookups = self._lookups(row, identifier)
            if row.key_id in fresh:
                turned.append(TurnedRow(before=row, lookups=lookups[:1]))
            else:
                again.append((row, self._minted(row, identifier, lookups[0].lookup)))
        return turned + self._sealed(again)

    def taken_terms(self) -> dict[int, int]:
        """Under what mentions are found, old → new; forgotten here."""
        taken, self.terms = self.terms, {}
        return taken

    def _lookups(self, row: TokenRow, identifier: str) -> tuple[Lookup, ...]:
        """Newest first; old terms are noted."""
        vault = self._vault(row.tenant)
        newest, *older = found = vault.named(identifier, vault.index(identifier))
        if row.domain in _LETTERS:
            for old in older:
                self.terms[term(old.lookup)] = term(newest.lookup)
        return found

    def _minted(self, row: TokenRow, identifier: str, index: bytes) -> Minted:
        minted = Minted(row.token, identifier, index, self._vault(row.tenant))
        minted.subject = row.moved_to or row.subject or (row.token if row.domain in SELVES else "")
        return minted

    def _sealed(self, again: Sequence[tuple[TokenRow, Minted]]) -> list[TurnedRow]:
        try:
            sealed = self._sealer.seal([minted for _, minted in again])
        except SubjectGone:
            if len(again) > 1:
                return [turned for one in again for turned in self._sealed([one])]
            self.closed += [row.token for row, _ in again]
            return []
        return [
            TurnedRow(
                before=row, lookups=new.lookups[:1], key_id=new.key_id, sealed=new.sealed, subject=new.subject
            )
            for (row, _), new in zip(again, sealed, strict=True)
        ]

    def _vault(self, tenant: str) -> Vault:
        vault = self._vaults.get(tenant)
        if vault is None:
            vault = self._vaults[tenant] = Vault(tenant=tenant, index_keys=self._keys)
        return vault
