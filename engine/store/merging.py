"""Numbers that are one: tokens pointed at their survivor, each at the last one directly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.model import TokenMerge
from engine.store.database import Work, rows_of
from engine.store.part import Part

__all__ = ["Merging", "merge_tokens"]

_MERGED: Final = "SELECT token, merged_into FROM tokens WHERE merged_into IS NOT NULL AND token IN ({})"


class Merging(Part):
    """The verbs about tokens that were merged away."""

    def survivors(self, tokens: Sequence[str]) -> dict[str, str]:
        """`MessageStore.survivors`."""
        with self._database.read() as work:
            return {token: survivor for token, survivor in rows_of(work, _MERGED, tokens)}


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
