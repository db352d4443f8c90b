"""Numbers that are one: tokens pointed at their survivor, each at the last one directly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.model import TokenMerge
from engine.store.database import Work, rows_of
from engine.store.part import Part

__all__ = ["Merging", "group_of", "merge_tokens"]

_BELOW: Final = "SELECT token FROM tokens WHERE merged_into IS NOT NULL AND merged_into IN ({})"
_LOOKUPS: Final = "SELECT lookup, token FROM lookups WHERE token IN ({})"
_MERGED: Final = "SELECT token, merged_into FROM tokens WHERE merged_into IS NOT NULL AND token IN ({})"


class Merging(Part):
    """The verbs about tokens that were merged away."""

    def survivors(self, tokens: Sequence[str]) -> dict[str, str]:
        """`MessageStore.survivors`."""
        with self._database.read() as work:
            return {token: survivor for token, survivor in rows_of(work, _MERGED, tokens)}

    def kin(self, tokens: Sequence[str]) -> dict[bytes, str]:
        """`MessageStore.kin`."""
        with self._database.read() as work:
            return {bytes(lookup): token for lookup, token in rows_of(work, _LOOKUPS, group_of(work, tokens))}


def group_of(work: Work, tokens: Sequence[str]) -> list[str]:
    """All tokens that are one with these, themselves included."""
    merged = {token: survivor for token, survivor in rows_of(work, _MERGED, list(tokens))}
    heads = sorted({merged.get(token, token) for token in tokens})
    return sorted({*heads, *tokens, *(row[0] for row in rows_of(work, _BELOW, heads))})


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
