"""Whether the audit is the one that was written: every row, every checkpoint, where it ends."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

from engine.auditing import Act, Checkpoint
from engine.store.audit_keys import verify
from engine.store.chain import START
from engine.store.database import Work, rows_of
from engine.store.part import Part, words_of
from engine.store.trail import chained, end_of

__all__ = ["KEY", "AuditChecks", "checkpoints_after"]

KEY: Final = "audit-key:"
"""The object of an entry that tells a key which signs checkpoints."""

_AT_ONCE: Final = 1000
_ROWS: Final = (
    "SELECT id, at, who, role, act, object, why, ticket, outcome, {detail}, {chain} FROM audit"
    " WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"
)
_PURGED: Final = (
    "SELECT {detail} FROM audit WHERE act = ? AND object = 'audit' AND outcome = 'done'"
    " ORDER BY id DESC LIMIT 1"
)
_CHECKPOINTS: Final = (
    "SELECT number, upto, at, chain, versions_upto, versions_chain, key_id, signature FROM audit_checkpoints"
    " WHERE number > ? ORDER BY number LIMIT ?"
)


class AuditChecks(Part):
    """The verbs of an auditor."""

    def verify_audit(self, witnessed: Sequence[Checkpoint] = ()) -> list[str]:
        """`AuditStore.verify_audit`. When a purge comes in between, all is looked at anew."""
        while True:
            purged = self._purged()
            found = self._verified(purged, witnessed)
            if self._purged() == purged:
                return found

    def _verified(self, purged: str, witnessed: Sequence[Checkpoint]) -> list[str]:
        checkpoints = self._all_checkpoints()
        with self._database.read() as work:
            end = end_of(work, self._audit)
        base = next((one for one in checkpoints if str(one.upto) == purged), None)
        walk = _Walk(base, {one.upto for one in (*checkpoints, *witnessed)})
        found = self._before(walk.upto) + list(self._followed(walk, end.upto))
        found += [f"the audit: {end.wrong}"] if end.wrong else []
        if not end.wrong and end.chain != walk.chain:
            found.append("the audit: it does not end as it was left")
        found += self._unsigned(walk, checkpoints, witnessed)
        found += _numbered(checkpoints, base)
        return found + list(self._contradicted(walk, checkpoints, witnessed))

    def _before(self, upto: int) -> list[str]:
        with self._database.read() as work:
            count = work.rows("SELECT count(*) FROM audit WHERE id <= ?", (upto,))[0][0]
        return [f"{count} entries stand before entry {upto + 1}, the first: they were added"] if count else []

    def _followed(self, walk: _Walk, newest: int) -> Iterator[str]:
        """Every row up to the newest of when this began: what is appended meanwhile is for the next time."""
        query, after = self._as_bytes(_ROWS), walk.upto
        while True:
            with self._database.read() as work:
                rows = work.rows(query, (after, newest, _AT_ONCE))
            if not rows:
                return
            for row in rows:
                yield from walk.follow(row)
            after = rows[-1][0]

    def _purged(self) -> str:
        """Up to where entries were let go of after their time, as an entry says; or empty."""
        with self._database.read() as work:
            rows = work.rows(self._as_bytes(_PURGED), (Act.PURGE.value,))
        return _detail(rows[0][0]).get("upto", "") if rows else ""

    def _all_checkpoints(self) -> list[Checkpoint]:
        found = list[Checkpoint]()
        after = -1
        while True:
            with self._database.read() as work:
                page = checkpoints_after(work, after, _AT_ONCE)
            if not page:
                return found
            found += page
            after = page[-1].number

    def _unsigned(self, walk: _Walk, *groups: Sequence[Checkpoint]) -> Iterator[str]:
        keys = {**walk.announced, **self._audit.publics()}
        for one in (one for group in groups for one in group):
            public = keys.get(one.key_id)
            if public is None:
                yield f"checkpoint {one.number}: the key that signed it is not known here"
            elif not _signed(public, one):
                yield f"checkpoint {one.number}: its signature does not hold"

    def _contradicted(
        self, walk: _Walk, ours: Sequence[Checkpoint], theirs: Sequence[Checkpoint]
    ) -> Iterator[str]:
        kept = {one.number: one for one in ours}
        for one in theirs:
            if ours and one.number >= ours[0].number and kept.get(one.number) != one:
                yield f"checkpoint {one.number}: it is not the one that was witnessed, or missing"
        for one in dict.fromkeys((*ours, *theirs)):
            yield from walk.contradictions(one)
        yield from self._versions_contradicted([*ours, *theirs])

    def _versions_contradicted(self, checkpoints: Iterable[Checkpoint]) -> Iterator[str]:
        said = {one.versions_upto: one for one in checkpoints if one.versions_upto}
        with self._database.read() as work:
            stand = dict(
                rows_of(work, "SELECT message_id, chain FROM versions WHERE message_id IN ({})", list(said))
            )
        for message_id, one in said.items():
            if stand.get(message_id) != one.versions_chain:
                yield f"checkpoint {one.number}: the versions of resources are not those of then"

    def _as_bytes(self, query: str) -> str:
        cast = self._database.as_bytes.format
        return query.format(detail=cast("detail"), chain=cast("chain"))


class _Walk:
    """Following the chain from its base. `chain` is its value at `upto`, the last row seen."""

    def __init__(self, base: Checkpoint | None, marked: set[int]) -> None:
        self.upto, self.chain = (base.upto, base.chain) if base else (0, START)
        self._from, self._marked = self.upto, marked
        self._values = {self.upto: self.chain}
        self.announced: dict[str, bytes] = {}

    def follow(self, row: tuple[Any, ...]) -> Iterator[str]:
        """What is wrong with the next row."""
        *said, chain = row
        number = row[0]
        if number == self.upto + 2:
            yield f"entry {number - 1}: it is missing"
        elif number > self.upto + 2:
            yield f"entries {self.upto + 1} to {number - 1}: they are missing"
        if chain != _value(self.chain, said) and number == self.upto + 1:
            yield f"entry {number}: it was changed, or the one before it"
        self.upto, self.chain = number, chain if isinstance(chain, bytes) else START
        if number in self._marked:
            self._values[number] = self.chain
        if (row[4], row[5]) == (Act.INCIDENT.value, "audit"):
            yield f"entry {number}: when it was written, {_detail(row[9]).get('found', 'it did not hold')}"
        if isinstance(row[5], str) and row[5].startswith(KEY):
            self._announce(row[5].removeprefix(KEY), _detail(row[9]).get("public", ""))

    def contradictions(self, one: Checkpoint) -> Iterator[str]:
        """What of a checkpoint does not fit the rows."""
        if one.upto > self.upto:
            yield f"checkpoint {one.number}: entries went up to {one.upto}, now they end with {self.upto}"
        elif one.upto >= self._from and self._values.get(one.upto) != one.chain:
            yield f"checkpoint {one.number}: the entries up to {one.upto} are not those of then"

    def _announce(self, key_id: str, public: str) -> None:
        try:
            self.announced[key_id] = base64.b64decode(public, validate=True)
        except ValueError:
            return


def checkpoints_after(work: Work, number: int, limit: int) -> list[Checkpoint]:
    """Checkpoints by number, greater than `number`."""
    names = Checkpoint.__struct_fields__
    return [
        Checkpoint(**dict(zip(names, row, strict=True))) for row in work.rows(_CHECKPOINTS, (number, limit))
    ]


def _numbered(checkpoints: Sequence[Checkpoint], base: Checkpoint | None) -> Iterator[str]:
    expected = base.number if base else 1
    for one in checkpoints:
        if one.number > expected:
            yield f"checkpoint {expected}: it is missing, or more than that"
        expected = max(expected, one.number + 1)


def _value(previous: bytes, said: Sequence[Any]) -> bytes | None:
    try:
        return chained(previous, said)
    except (TypeError, ValueError, OverflowError, msgspec.MsgspecError):
        return None  # a column holds what is no value of it


def _signed(public: bytes, one: Checkpoint) -> bool:
    try:
        return verify(public, one.signed(), one.signature)
    except (TypeError, AttributeError, ValueError, msgspec.MsgspecError):
        return False


def _detail(column: Any) -> dict[str, str]:
    try:
        return words_of(column)
    except (msgspec.MsgspecError, TypeError):
        return {}
