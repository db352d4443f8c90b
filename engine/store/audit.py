"""The audit: what is appended, read back, signed, and let go of after its time."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from engine.auditing import Act, AuditQuery, Checkpoint, Configuration, Entry, Recorded
from engine.errors import Misconfigured
from engine.store.audit_checks import KEY, AuditChecks, checkpoints_after
from engine.store.chain import START
from engine.store.database import Work
from engine.store.part import as_json, words_of
from engine.store.trail import TURN, append, end_of

__all__ = ["AuditTrail"]

_AT_ONCE: Final = 10_000
"""Entries that a purge removes in one transaction, about."""

_ENTRY: Final = "id, at, who, role, act, object, why, ticket, outcome, {detail}, {chain}"
_CHECKPOINT: Final = (
    "INSERT INTO audit_checkpoints"
    " (number, upto, at, chain, versions_upto, versions_chain, key_id, signature)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_VERSIONS: Final = "SELECT message_id, chain FROM versions ORDER BY message_id DESC LIMIT 1"
_PAST: Final = "SELECT number, upto FROM audit_checkpoints WHERE at < ? AND upto >= ? AND upto < ? "
_KEYS: Final = f"SELECT {_ENTRY} FROM audit WHERE object LIKE ? AND id <= ? ORDER BY id"
_ENDLESS: Final = 2**62
_CONFIGURED: Final = (
    "INSERT INTO configured (name, digest, places) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE"
    " SET digest = excluded.digest, places = excluded.places"
)


class AuditTrail(AuditChecks):
    """The verbs of the audit."""

    def record(self, entries: Sequence[Entry]) -> list[int]:
        """`AuditStore.record`."""
        with self._database.write(TURN) as work:
            return append(work, self._audit, entries)

    def entries(self, query: AuditQuery) -> list[Recorded]:
        """`AuditStore.entries`."""
        wanted = {"at >= ?": query.since, "at < ?": query.until, "who = ?": query.who, "act = ?": query.act,
                  "object = ?": query.object, "id < ?": query.before}  # fmt: skip
        given = {where: value for where, value in wanted.items() if value}
        where = " AND ".join(["id > ?", *given])
        columns, order = self._as_bytes(_ENTRY), "id DESC" if query.newest else "id"
        with self._database.read() as work:
            rows = work.rows(
                f"SELECT {columns} FROM audit WHERE {where} ORDER BY {order} LIMIT ?",
                (query.after, *given.values(), query.limit),
            )
        return [_recorded(row) for row in rows]

    def checkpoint(self, now: float) -> Checkpoint | None:
        """`AuditStore.checkpoint`."""
        with self._database.write(TURN) as work:
            last = next(iter(work.rows("SELECT number, upto, versions_upto, key_id FROM audit_checkpoints"
                                       " ORDER BY number DESC LIMIT 1")), (0, 0, 0, ""))  # fmt: skip
            end = end_of(work, self._audit)
            versions = next(iter(work.rows(_VERSIONS)), (0, START))
            if not end.wrong and (end.upto, versions[0]) == (last[1], last[2]):
                return None
            if end.wrong or last[3] != self._audit.key_id:  # an incident is recorded with it
                append(work, self._audit, [self._announced(now)])
                end = end_of(work, self._audit)
            plain = Checkpoint(
                number=last[0] + 1, upto=end.upto, at=now, chain=end.chain, versions_upto=versions[0],
                versions_chain=versions[1], key_id=self._audit.key_id,
            )  # fmt: skip
            signed = replace(plain, signature=self._audit.sign(plain.signed()))
            work.run(_CHECKPOINT, msgspec.structs.astuple(signed))
        return signed

    def checkpoints(self, after: int, limit: int = 1000) -> list[Checkpoint]:
        """`AuditStore.checkpoints`."""
        with self._database.read() as work:
            return checkpoints_after(work, after, limit)

    def has_past(self, before: float) -> bool:
        """`AuditStore.has_past`."""
        with self._database.read() as work:
            return self._past(work, before) is not None

    def may_purge_audit(self) -> bool:
        """`AuditStore.may_purge_audit`."""
        return all(self._database.may_delete(table) for table in ("audit", "audit_checkpoints"))

    def purge_audit(self, before: float, entry: Entry) -> int:
        """`AuditStore.purge_audit`: in parts, each whole in itself."""
        if not self.has_past(before):
            return 0
        if not self.may_purge_audit():
            raise Misconfigured(
                "entries are past their years, and the database's user may not remove them",
                hint="as the database's owner: wardline purge",
            )
        if self.verify_audit():
            raise Misconfigured(
                "the audit does not hold: nothing of it is removed", hint="see wardline audit verify"
            )
        total = 0
        while count := self._purge_some(before, entry):
            total += count
        return total

    def _purge_some(self, before: float, entry: Entry) -> int:
        with self._database.write(TURN) as work:
            past = self._past(work, before)
            if past is None:
                return 0
            number, oldest, upto = past
            gone = {"upto": str(upto), "entries": str(upto - oldest + 1)}
            told = replace(
                entry, act=Act.PURGE, object="audit", outcome="done", detail={**entry.detail, **gone}
            )
            keys = [_recorded(row).entry for row in work.rows(self._as_bytes(_KEYS), (f"{KEY}%", upto))]
            append(work, self._audit, [told, *keys])  # what keys signed outlives their place in the ring
            work.run("DELETE FROM audit WHERE id <= ?", (upto,))
            work.run("DELETE FROM audit_checkpoints WHERE number < ?", (number,))
        return upto - oldest + 1

    def _past(self, work: Work, before: float) -> tuple[int, int, int] | None:
        """The checkpoint up to which entries go next: its number, the oldest entry, its newest."""
        oldest = int(work.rows("SELECT coalesce(min(id), 0) FROM audit")[0][0])
        some = work.rows(_PAST + "ORDER BY number DESC LIMIT 1", (before, oldest, oldest + _AT_ONCE))
        found = some or work.rows(_PAST + "ORDER BY number LIMIT 1", (before, oldest, _ENDLESS))
        return (found[0][0], oldest, found[0][1]) if found else None

    def configured(self) -> dict[str, Configuration]:
        """`AuditStore.configured`."""
        with self._database.read() as work:
            rows = work.rows("SELECT name, digest, places FROM configured")
        return {name: Configuration(name, digest, words_of(places)) for name, digest, places in rows}

    def configure(self, loaded: Sequence[Configuration], entries: Sequence[Entry]) -> None:
        """`AuditStore.configure`."""
        with self._database.write(TURN) as work:
            for one in loaded:
                work.run(_CONFIGURED, (one.name, one.digest, as_json(one.places) or b"{}"))
            append(work, self._audit, entries)

    def _announced(self, now: float) -> Entry:
        """The key that signs from now on, told in the chain itself: it outlives its place in the ring."""
        public = base64.b64encode(self._audit.public()).decode()
        return Entry(
            at=now, who="wardline", role="engine", act=Act.CONFIGURE,
            object=f"{KEY}{self._audit.key_id}", detail={"public": public},
        )  # fmt: skip


def _recorded(row: tuple[Any, ...]) -> Recorded:
    """A row as an entry. One that somebody changed is shown as it stands."""
    number, at, *words, detail, chain = row
    who, role, act, object_, why, ticket, outcome = (_as_it_stands(word) for word in words)
    entry = Entry(
        at=at if isinstance(at, float) else 0.0, who=who, role=role, act=Act(act) if act in set(Act) else act,
        object=object_, why=why, ticket=ticket, outcome=outcome, detail=_detail(detail),
    )  # fmt: skip
    return Recorded(number, entry, chain if isinstance(chain, bytes) else b"")


def _as_it_stands(word: Any) -> Any:
    return word if isinstance(word, str) else str(word)


def _detail(column: Any) -> dict[str, str]:
    try:
        return words_of(column)
    except (msgspec.MsgspecError, TypeError):
        return {"damaged": "yes"}
