"""The vault's rows: tokens found by keyed look-ups, minted once; the keys they are sealed with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Final

from engine.store.base import TokensTaken
from engine.store.database import ROWS_PER_STATEMENT, Work, insert, rows_of, values
from engine.store.part import Part
from engine.store.uses import read_uses
from engine.tokens import NewToken, SealKey, TokenRow, Use

__all__ = ["ROWS", "Tokens", "mint", "token_row"]

_LOOKUP: Final = "INSERT INTO lookups (lookup, token, key_id) VALUES "
_NEW: Final = "INSERT INTO tokens (token, domain, tenant, key_id, sealed, subject, created_at) VALUES "
_UNLESS_THERE: Final = " ON CONFLICT DO NOTHING"
_KNOWN: Final = (
    "SELECT l.lookup, coalesce(t.merged_into, t.token) FROM (VALUES {}) AS k CROSS JOIN lookups l"
    " CROSS JOIN tokens t WHERE l.lookup = k.column1 AND t.token = l.token"
)
"""Looked up one by one: SQLite would first sort an IN list into a table of its own."""

ROWS: Final = (
    "SELECT token, domain, tenant, key_id, sealed, subject, created_at, coalesce(merged_into, ''),"
    " coalesce(moved_to, ''), coalesce(erased_at, 0) FROM tokens"
)


class Tokens(Part):
    """The verbs of the vault."""

    def tokens(self, indexes: Sequence[bytes]) -> dict[bytes, str]:
        """`MessageStore.tokens`."""
        with self._database.read() as work:
            return _known(work, indexes)

    def token_rows(self, tokens: Sequence[str]) -> dict[str, TokenRow]:
        """`VaultStore.token_rows`."""
        with self._database.read() as work:
            return {row[0]: token_row(row) for row in rows_of(work, f"{ROWS} WHERE token IN ({{}})", tokens)}

    def seal_keys(self, ids: Sequence[str]) -> dict[str, SealKey]:
        """`VaultStore.seal_keys`."""
        query = "SELECT id, reader, wrapped, made_at FROM seal_keys WHERE id IN ({})"
        with self._database.read() as work:
            return {row[0]: SealKey(*row) for row in rows_of(work, query, ids)}

    def keep_seal_key(self, key: SealKey) -> None:
        """`VaultStore.keep_seal_key`."""
        statement = "INSERT INTO seal_keys (id, reader, wrapped, made_at) VALUES (?, ?, ?, ?)"
        with self._database.write() as work:
            begun = read_uses(work).get("vault-seal")  # this clock may be behind the rotation's
            made_at = max(key.made_at, float(begun.keys[0])) if begun else key.made_at
            work.run(statement, (key.id, key.reader, key.wrapped, made_at))

    def uses(self) -> Mapping[str, Use]:
        """`VaultStore.uses`."""
        with self._database.read() as work:
            return read_uses(work)


def mint(work: Work, minted: Sequence[NewToken], now: float) -> None:
    """Store new tokens, all or none. Raises `TokensTaken` when a look-up leads to another token already."""
    found = sorted([(one.lookup, new.token, one.key_id) for new in minted for one in new.lookups])
    flat = list(chain.from_iterable(found))  # sorted: two routers wait in one order only
    if insert(work, _LOOKUP, 3, flat, _UNLESS_THERE) < len(found):
        mine = {lookup: token for lookup, token, _ in found}
        taken = {lookup: token for lookup, token in _known(work, list(mine)).items() if mine[lookup] != token}
        if taken:
            raise TokensTaken(taken)
    rows: list[Any] = []
    for new in minted:
        rows += (new.token, new.domain, new.tenant, new.key_id, new.sealed, new.subject, now)
    insert(work, _NEW, 7, rows, _UNLESS_THERE)


def token_row(row: Sequence[Any]) -> TokenRow:
    """A row of the vault as it is read here."""
    names = ("token", "domain", "tenant", "key_id", "sealed", "subject", "created_at", "merged_into")
    return TokenRow(**dict(zip((*names, "moved_to", "erased_at"), row, strict=True)))


def _known(work: Work, lookups: Sequence[bytes]) -> dict[bytes, str]:
    known: dict[bytes, str] = {}
    for start in range(0, len(lookups), ROWS_PER_STATEMENT):
        some = lookups[start : start + ROWS_PER_STATEMENT]
        known |= dict(work.rows(_KNOWN.format(values(1, len(some))), some))
    return known
