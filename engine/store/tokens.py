"""The vault's rows: tokens found by a keyed index, minted once, merged without chains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from engine.model import NewToken, TokenMerge
from engine.store.base import TokensTaken
from engine.store.database import ROWS_PER_STATEMENT, Work, rows_of, values
from engine.store.part import Part

__all__ = ["Tokens", "merge_tokens", "mint"]

_NEW: Final = "INSERT INTO tokens (lookup, token, domain, key_id, sealed, created_at) VALUES "
_KNOWN: Final = "SELECT lookup, coalesce(merged_into, token) FROM tokens WHERE lookup IN ({})"
_MERGED: Final = "SELECT token, merged_into FROM tokens WHERE merged_into IS NOT NULL AND token IN ({})"


class Tokens(Part):
    """The verbs that read the vault."""

    def tokens(self, indexes: Sequence[bytes]) -> dict[bytes, str]:
        """`MessageStore.tokens`."""
        with self._database.read() as work:
            return _known(work, indexes)

    def survivors(self, tokens: Sequence[str]) -> dict[str, str]:
        """`MessageStore.survivors`."""
        with self._database.read() as work:
            return {token: survivor for token, survivor in rows_of(work, _MERGED, tokens)}


def mint(work: Work, minted: Sequence[NewToken], now: float) -> None:
    """Store new tokens, all or none. Raises `TokensTaken` when an index has another token already."""
    minted = sorted(minted, key=lambda new: new.index)  # two routers wait for each other in one order only
    for start in range(0, len(minted), ROWS_PER_STATEMENT):
        part = minted[start : start + ROWS_PER_STATEMENT]
        flat: list[Any] = []
        for new in part:
            flat += (new.index, new.token, new.domain, new.key_id, new.sealed, now)
        statement = f"{_NEW}{values(6, len(part))} ON CONFLICT (lookup) DO NOTHING"
        if work.run(statement, flat) < len(part):
            mine = {new.index: new.token for new in minted}
            taken = {
                index: token for index, token in _known(work, list(mine)).items() if mine[index] != token
            }
            if taken:
                raise TokensTaken(taken)


def merge_tokens(work: Work, merges: Sequence[TokenMerge]) -> None:
    """Point tokens at their survivor, each at the last one directly: no reader ever follows a chain."""
    for merge in merges:
        query = "SELECT coalesce(merged_into, token) FROM tokens WHERE token = ?"
        rows = work.rows(query, (merge.into,))
        into = rows[0][0] if rows else merge.into
        if into != merge.gone:  # merged the other way round before: they are one already
            work.run(
                "UPDATE tokens SET merged_into = ? WHERE merged_into = ? OR token = ?",
                (into, merge.gone, merge.gone),
            )


def _known(work: Work, indexes: Sequence[bytes]) -> dict[bytes, str]:
    return {index: token for index, token in rows_of(work, _KNOWN, indexes)}
