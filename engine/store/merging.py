"""Numbers that are one: their history, and tokens pointed at their survivor, each at the last one directly,
so that no reader ever follows a chain (spec: PHI, section 6).

`merges` is the history: what was merged into what, by which message, and whether that was undone. At any time
a token is the gone one of one merge at most that holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.effects import Encounter
from engine.errors import Unacceptable
from engine.model import Dead, ReasonCode, Routed, Routing
from engine.store.base import VaultTurned
from engine.store.database import Work, rows_of
from engine.store.part import Part
from engine.tokens import TokenMerge

__all__ = ["LONGEST_CHAIN", "Merging", "end_of", "group_of", "merge_tokens", "move_owners"]

LONGEST_CHAIN: Final = 32
"""Merges one behind the other: more is no history of numbers but a mistake."""

_BELOW: Final = "SELECT token FROM tokens WHERE merged_into IS NOT NULL AND merged_into IN ({})"
_LOOKUPS: Final = "SELECT lookup, token FROM lookups WHERE token IN ({})"
_MERGED: Final = "SELECT token, merged_into FROM tokens WHERE merged_into IS NOT NULL AND token IN ({})"
_OWN: Final = (
    "SELECT l.lookup, t.token, coalesce(t.merged_into, t.token) FROM lookups l"
    " JOIN tokens t ON t.token = l.token WHERE l.lookup IN ({})"
)
_REPOINT: Final = "UPDATE tokens SET merged_into = ? WHERE merged_into = ? OR token = ?"
_HISTORY: Final = 'INSERT INTO merges (message_id, at, gone, "into") VALUES (?, ?, ?, ?)'
_INTO: Final = 'SELECT gone FROM merges WHERE undone_at = 0 AND "into" IN ({})'
_MOVED: Final = (
    "UPDATE tokens SET moved_to = CASE WHEN subject = ? THEN NULL ELSE ? END"
    " WHERE token = ? AND coalesce(moved_to, subject) <> ?"
    " AND NOT EXISTS (SELECT 1 FROM tokens o WHERE o.token = coalesce(tokens.moved_to, tokens.subject)"
    " AND o.merged_into = ?)"
)


class Merging(Part):
    """The verbs about tokens that were merged away."""

    def survivors(self, tokens: Sequence[str]) -> dict[str, str]:
        """`MessageStore.survivors`."""
        with self._database.read() as work:
            return {token: survivor for token, survivor in rows_of(work, _MERGED, tokens)}

    def kin(self, tokens: Sequence[str]) -> dict[bytes, str]:
        """`MergeStore.kin`."""
        with self._database.read() as work:
            return {bytes(lookup): token for lookup, token in rows_of(work, _LOOKUPS, group_of(work, tokens))}


def group_of(work: Work, tokens: Sequence[str]) -> list[str]:
    """All tokens that are one with these, themselves included."""
    merged = {token: survivor for token, survivor in rows_of(work, _MERGED, list(tokens))}
    heads = sorted({merged.get(token, token) for token in tokens})
    return sorted({*heads, *tokens, *(row[0] for row in rows_of(work, _BELOW, heads))})


def end_of(work: Work, token: str) -> str:
    """The token that stands for this one."""
    rows = work.rows("SELECT coalesce(merged_into, token) FROM tokens WHERE token = ?", (token,))
    return str(rows[0][0]) if rows else token


def merge_tokens(work: Work, routings: Sequence[Routing], now: float) -> None:
    """Carry out what messages say of numbers that are one, and keep it as history.

    Raises `Unacceptable` (`conflict`) for a merge that would close a circle (what is to stay was merged into
    what is to go) and for a chain longer than `LONGEST_CHAIN`; `VaultTurned` when a message was mapped with a
    number that is another one by now."""
    for routing in routings:
        merges = routing.result.merges if isinstance(routing.result, Routed) else ()
        for merge in merges:
            _merge(work, merge, routing.message_id, now)
        if routing.same and not isinstance(routing.result, Dead):
            _check_same(work, routing.same)


def _merge(work: Work, merge: TokenMerge, message_id: int, now: float) -> None:
    gone, into = end_of(work, merge.gone), end_of(work, merge.into)
    if gone == into:
        return
    if gone != merge.gone:  # another router merged it away meanwhile: the message means its survivor
        raise VaultTurned
    if _length(work, gone) >= LONGEST_CHAIN:
        raise Unacceptable(ReasonCode.CONFLICT, "", f"a chain of more than {LONGEST_CHAIN} merges")
    work.run(_REPOINT, (into, gone, gone))
    work.run(_HISTORY, (message_id, now, gone, into))


def _length(work: Work, token: str) -> int:
    """Merges one behind the other that end here."""
    steps, found = 0, [token]
    while found and steps <= LONGEST_CHAIN:
        found = [row[0] for row in rows_of(work, _INTO, found)]
        steps += bool(found)
    return steps


def _check_same(work: Work, pairs: Sequence[tuple[bytes, bytes]]) -> None:
    """Numbers that are one already may be merged again as they were, not the other way round."""
    own = {bytes(lookup): (token, end) for lookup, token, end in rows_of(work, _OWN, _flat(pairs))}
    for gone, into in pairs:
        if gone in own and into in own and own[gone][0] == own[gone][1] and own[into][0] != own[into][1]:
            text = "a circle: the number that is to stay was merged into the one that is to go"
            raise Unacceptable(ReasonCode.CONFLICT, "", text)


def _flat(pairs: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
    return [lookup for pair in pairs for lookup in pair]


def move_owners(work: Work, routings: Sequence[Routing]) -> None:
    """Visits and accounts that are said to be another person's now (A43 to A45) change their owner; their
    tokens stay."""
    rows = [
        (one.subject, one.subject, one.key, one.subject, one.subject)
        for routing in routings
        if isinstance(routing.result, Routed)
        for one in routing.result.effects
        if isinstance(one, Encounter) and one.subject
    ]
    if rows:
        work.run_many(_MOVED, rows)
