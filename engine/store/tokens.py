"""The vault's rows: tokens found by a keyed index, minted once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from engine.model import NewToken
from engine.store.base import TokensTaken
from engine.store.database import ROWS_PER_STATEMENT, Work, rows_of, values
from engine.store.part import Part

__all__ = ["Tokens", "mint"]

_NEW: Final = "INSERT INTO tokens (lookup, token, domain, key_id, sealed, created_at) VALUES "
_KNOWN: Final = "SELECT lookup, coalesce(merged_into, token) FROM tokens WHERE lookup IN ({})"


class Tokens(Part):
    """The verbs that read the vault."""

    def tokens(self, indexes: Sequence[bytes]) -> dict[bytes, str]:
        """`MessageStore.tokens`."""
        with self._database.read() as work:
            return _known(work, indexes)


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


def _known(work: Work, indexes: Sequence[bytes]) -> dict[bytes, str]:
    return {index: token for index, token in rows_of(work, _KNOWN, indexes)}
