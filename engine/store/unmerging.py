"""A merge taken back: the history without it, and the deliveries that move back what it moved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from engine.auditing import Entry
from engine.effects import Merge, Unmerge, decode, encode
from engine.errors import Unacceptable
from engine.model import DeliveryState, MessageState, ReasonCode
from engine.store.contracts.merging import Merged, Unmerged
from engine.store.database import Work, rows_of
from engine.store.merging import group_of
from engine.store.part import Part, checksum
from engine.store.tables import PER_MESSAGE
from engine.store.trail import TURN, append
from engine.store.uses import turn_vault

__all__ = ["Unmerging", "point_anew"]

_COLUMNS: Final = 'id, message_id, at, gone, "into", undone_at'
_OPEN: Final = (DeliveryState.DUE.value, DeliveryState.CLAIMED.value, DeliveryState.SCHEDULED.value)
_NEVER_STOOD: Final = (DeliveryState.DEAD.value, DeliveryState.SKIPPED.value)
"""Nobody may send these on their way again once the merge is taken back."""

_MADE: Final = (
    "SELECT id, channel, destination, lane, sequence_key, {effect}, state, progress FROM deliveries"
    " WHERE id BETWEEN ? AND ? AND state <> 'replaced' ORDER BY id"
)
_NEW: Final = (
    "INSERT INTO deliveries (id, message_id, channel, destination, lane, sequence_key, effect, checksum,"
    " state, attempts, due_at, progress) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'due', 0, ?, ?)"
)
_NEVER: Final = (
    "UPDATE deliveries SET state = 'delivered', note = 'taken back before it stood', reason = NULL,"
    " settled_at = ? WHERE id = ?"
)
_WAITS: Final = "UPDATE messages SET state = ?, effects = effects + 1 WHERE id = ?"


class _Made(NamedTuple):
    """A delivery of a merge."""

    id: int
    channel: str
    destination: str
    lane: int
    sequence_key: str
    effect: Merge
    state: str
    progress: bytes | None


class Unmerging(Part):
    """The verbs about the history of merges."""

    def merges(self, token: str = "") -> list[Merged]:
        """`MergeStore.merges`."""
        with self._database.read() as work:
            if not token:
                return _history(work.rows(f"SELECT {_COLUMNS} FROM merges ORDER BY id DESC LIMIT 1000"))
            return _about(work, group_of(work, [token]))

    def unmerge(self, gone: str, into: str, *, now: float, told: Entry | None = None) -> Unmerged:
        """`MergeStore.unmerge`."""
        with self._database.write("merge", TURN) as work:
            merge = _that_holds(work, gone, into)
            made = self._made(work, merge)
            if any(one.state in _OPEN for one in made):
                raise _refusal("the merge is still on its way; wait until it stands or is a dead letter")
            turn_vault(work)  # before tokens: routers hold it first
            group = group_of(work, [gone])
            work.run("UPDATE merges SET undone_at = ? WHERE id = ?", (now, merge.id))
            point_anew(work, group)
            ids = _take_back(work, merge, made, now)
            if told is not None:
                detail = {**told.detail, "message": str(merge.message_id), "deliveries": str(len(ids))}
                append(work, self._audit, [replace(told, detail=detail)])
        return Unmerged(merge.message_id, tuple(one.destination for one in made), tuple(ids))

    def _made(self, work: Work, merge: Merged) -> list[_Made]:
        """The deliveries that the merge became."""
        lock = self._database.for_update
        states = work.rows(f"SELECT state FROM messages WHERE id = ?{lock}", (merge.message_id,))
        if not states:
            return []
        if states[0][0] == MessageState.RECEIVED:
            raise _refusal("its message is to be routed again; wait until it is")
        query = _MADE.format(effect=self._database.as_bytes.format("effect"))
        found = []
        for number, channel, destination, lane, key, body, state, progress in work.rows(query, _span(merge)):
            effect = decode(body)
            if isinstance(effect, Merge) and effect.gone == merge.gone:
                found.append(_Made(number, channel, destination, lane, key, effect, state, progress))
        return found


def _span(merge: Merged) -> tuple[int, int]:
    """The ids of its message's deliveries, first and last."""
    first = merge.message_id * PER_MESSAGE
    return first, first + PER_MESSAGE - 1


def _that_holds(work: Work, gone: str, into: str) -> Merged:
    """The merge that made `gone` one with `into`. Raises `Unacceptable` (`conflict`) with what there is
    instead."""
    rows = work.rows(f"SELECT {_COLUMNS} FROM merges WHERE gone = ? AND undone_at = 0", (gone,))
    found = _history(rows)
    if not found:
        raise _refusal("it was merged into nothing, or that was undone already")
    if found[0].into != into:
        raise _refusal(f"it was merged into {found[0].into}, by message {found[0].message_id}")
    return found[0]


def _refusal(text: str) -> Unacceptable:
    return Unacceptable(ReasonCode.CONFLICT, "", text)


def _history(rows: Iterable[Sequence[Any]]) -> list[Merged]:
    return [Merged(*row) for row in rows]


def _about(work: Work, tokens: Sequence[str]) -> list[Merged]:
    """Every merge that ever concerned one of these, newest first."""
    query = f"SELECT {_COLUMNS} FROM merges WHERE {{}} IN ({{{{}}}})"
    rows = {row[0]: row for side in ("gone", '"into"') for row in rows_of(work, query.format(side), tokens)}
    return _history(rows[number] for number in sorted(rows, reverse=True))


def point_anew(work: Work, group: Sequence[str]) -> None:
    """Point each of these at the end of what still holds."""
    query = 'SELECT gone, "into" FROM merges WHERE undone_at = 0 AND gone IN ({})'
    holds: dict[str, str] = {gone: into for gone, into in rows_of(work, query, group)}
    rows = [(_end(holds, token), token) for token in group]
    work.run_many("UPDATE tokens SET merged_into = ? WHERE token = ?", rows)


def _end(holds: Mapping[str, str], token: str) -> str | None:
    """Where a chain ends; None for a token that stands for itself."""
    seen = {token}
    at = token
    while (after := holds.get(at)) is not None and after not in seen:
        seen.add(after)
        at = after
    return at if at != token else None


def _take_back(work: Work, merge: Merged, made: Sequence[_Made], now: float) -> list[int]:
    """New deliveries of the same message, each with what the merge's own wrote down about what it moved."""
    if not made:
        return []
    last = work.rows("SELECT max(id) FROM deliveries WHERE id BETWEEN ? AND ?", _span(merge))
    ids = list(range(int(last[0][0]) + 1, int(last[0][0]) + 1 + len(made)))
    effect = made[0].effect
    back = Unmerge(
        key=f"un{effect.key}/{merge.id}",
        company=effect.company,
        kind=effect.kind,
        gone=effect.gone,
        into=effect.into,
    )
    body = encode(back)
    rows = [
        (
            number, merge.message_id, one.channel, one.destination, one.lane, merge.gone, body,
            checksum(number, one.destination, merge.gone, body), now, one.progress,
        )
        for number, one in zip(ids, made, strict=True)
    ]  # fmt: skip
    work.run_many(_NEW, rows)
    work.run_many(_NEVER, [(now, one.id) for one in made if one.state in _NEVER_STOOD])
    work.run(_WAITS, (MessageState.WAITING.value, merge.message_id))
    return ids
