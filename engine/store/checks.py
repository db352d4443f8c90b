"""Checks of the books against Odoo, repairs of what they found, and carrying out once more what is
gone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec.structs import replace

from engine.auditing import Entry
from engine.effects import Effect, decode
from engine.errors import Misconfigured
from engine.store.contracts.checks import CheckRow, Decision, RepairRow
from engine.store.database import Work, rows_of
from engine.store.part import Part, as_json
from engine.store.tables import PER_MESSAGE
from engine.store.trail import TURN, append

__all__ = ["Checks"]

_TAKES_TURNS: Final = "checks"
_CHECK: Final = "number, at, who, state, {scope}, gaps"
_REPAIR: Final = "number, check_number, state, at, who, why, ticket, {plan}, decided_by, decided_at"
_NEW_CHECK: Final = (
    "INSERT INTO checks (number, at, who, state, scope, gaps, report) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_NEW_REPAIR: Final = (
    "INSERT INTO repairs (number, check_number, state, at, who, why, ticket, plan)"
    " VALUES (?, ?, 'proposed', ?, ?, ?, ?, ?)"
)
_REDO: Final = (
    "UPDATE deliveries SET state = 'due', attempts = 0, due_at = ?, progress = ?, reason = NULL,"
    " settled_at = 0 WHERE id = ? AND state = 'delivered'"
    # Not of a message that is about to be routed anew, or that could not be: what is open decides its state.
    " AND EXISTS (SELECT 1 FROM messages m WHERE m.id = deliveries.message_id AND m.state <> 'received'"
    " AND m.reason IS NULL)"
)
_SETTLED: Final = (
    "SELECT d.id, {effect} FROM deliveries d JOIN messages m ON m.id = d.message_id"
    " WHERE d.id > ? AND d.settled_at >= ? AND m.received_at < ? ORDER BY d.id LIMIT 2000"
)
_OVER: Final = "('done', 'failed', 'withdrawn')"
_SCHEDULE: Final = "schedule"


class Checks(Part):
    """The verbs of reconciliation."""

    def ask_check(self, scope: bytes, *, at: float, told: Entry | None = None) -> int:
        """`CheckStore.ask_check`."""
        with self._database.write(TURN, _TAKES_TURNS) as work:
            number = _next(work, "checks")
            who = told.who if told else _SCHEDULE
            work.run(_NEW_CHECK, (number, at, who, "asked", scope, 0, b"{}"))
            if told is not None:
                append(work, self._audit, [_about("check", number, told)])
            return number

    def keep_check(self, scope: bytes, *, at: float, gaps: int, report: bytes, told: Entry) -> int:
        """`CheckStore.keep_check`."""
        with self._database.write(TURN, _TAKES_TURNS) as work:
            number = _next(work, "checks")
            work.run(_NEW_CHECK, (number, at, told.who, "done", scope, gaps, report))
            append(work, self._audit, [_about("check", number, told)])
            return number

    def end_check(self, number: int, state: str, *, gaps: int, report: bytes, told: Entry) -> None:
        """`CheckStore.end_check`."""
        with self._database.write(TURN) as work:
            work.run(
                "UPDATE checks SET state = ?, gaps = ?, report = ? WHERE number = ? AND state = 'asked'",
                (state, gaps, report, number),
            )
            append(work, self._audit, [_about("check", number, told)])

    def checks(self, limit: int = 100, *, state: str = "") -> list[CheckRow]:
        """`CheckStore.checks`."""
        which, given = ("WHERE state = ?", (state,)) if state else ("", ())
        columns = self._columns(_CHECK, "scope")
        with self._database.read() as work:
            rows = work.rows(
                f"SELECT {columns} FROM checks {which} ORDER BY number DESC LIMIT ?", (*given, limit)
            )
        return [_check(row, b"{}") for row in rows]

    def check_of(self, number: int) -> CheckRow | None:
        """`CheckStore.check_of`."""
        columns = self._columns(_CHECK + ", {report}", "scope", "report")
        with self._database.read() as work:
            rows = work.rows(f"SELECT {columns} FROM checks WHERE number = ?", (number,))
        return _check(rows[0], bytes(rows[0][-1])) if rows else None

    def drop_checks(self, before: float) -> int:
        """`CheckStore.drop_checks`."""
        with self._database.write(_TAKES_TURNS) as work:
            open_checks = f"SELECT check_number FROM repairs WHERE state NOT IN {_OVER}"
            old = f"SELECT number FROM checks WHERE at < ? AND number NOT IN ({open_checks})"
            work.run(f"DELETE FROM repairs WHERE check_number IN ({old})", (before,))
            return work.run(f"DELETE FROM checks WHERE number IN ({old})", (before,))

    def propose_repair(self, check: int, plan: bytes, *, at: float, why: str, told: Entry) -> RepairRow:
        """`CheckStore.propose_repair`."""
        with self._database.write(TURN, _TAKES_TURNS) as work:
            if not work.rows("SELECT 1 FROM checks WHERE number = ?", (check,)):
                raise Misconfigured("there is no such check", where=f"check {check}")
            number = _next(work, "repairs")
            work.run(_NEW_REPAIR, (number, check, at, told.who, why, told.ticket, plan))
            append(work, self._audit, [_about("repair", number, told)])
            return self._found(work, number)

    def decide_repair(self, number: int, decision: Decision, *, at: float, told: Entry) -> RepairRow:
        """`CheckStore.decide_repair`."""
        with self._database.write(TURN, _TAKES_TURNS) as work:
            known = self._found(work, number)
            where = f"repair {number}"
            if known.state != "proposed":
                raise Misconfigured("it is not proposed any more", where=where)
            if decision == "approved" and known.who == told.who:
                raise Misconfigured("nobody approves what they put forward themselves", where=where)
            work.run(
                "UPDATE repairs SET state = ?, decided_by = ?, decided_at = ? WHERE number = ?",
                (decision, told.who, at, number),
            )
            append(work, self._audit, [_about("repair", number, told)])
            return self._found(work, number)

    def carry_repair(self, number: int, state: str, plan: bytes, *, told: Entry | None = None) -> None:
        """`CheckStore.carry_repair`."""
        with self._database.write(*((TURN,) if told else ())) as work:
            work.run("UPDATE repairs SET state = ?, plan = ? WHERE number = ?", (state, plan, number))
            if told is not None:
                append(work, self._audit, [_about("repair", number, told)])

    def repairs(self, *, state: str = "", limit: int = 100) -> list[RepairRow]:
        """`CheckStore.repairs`."""
        which, given = ("WHERE state = ?", (state,)) if state else ("", ())
        columns = self._columns(_REPAIR, "plan")
        with self._database.read() as work:
            rows = work.rows(
                f"SELECT {columns} FROM repairs {which} ORDER BY number DESC LIMIT ?", (*given, limit)
            )
        return [_repair(row) for row in rows]

    def repair_of(self, number: int) -> RepairRow | None:
        """`CheckStore.repair_of`."""
        columns = self._columns(_REPAIR, "plan")
        with self._database.read() as work:
            rows = work.rows(f"SELECT {columns} FROM repairs WHERE number = ?", (number,))
        return _repair(rows[0]) if rows else None

    def redo(
        self, numbers: Sequence[int], progress: Mapping[str, str], *, now: float, told: Entry
    ) -> list[int]:
        """`CheckStore.redo`."""
        with self._database.write(TURN) as work:
            ids = sorted({number // PER_MESSAGE for number in numbers})
            if self._database.for_update:
                rows_of(
                    work,
                    f"SELECT id FROM messages WHERE id IN ({{}}) ORDER BY id{self._database.for_update}",
                    ids,
                )
            words = as_json(dict(progress))
            moved = [number for number in sorted(numbers) if work.run(_REDO, (now, words, number))]
            waiting = sorted({number // PER_MESSAGE for number in moved})
            work.run_many("UPDATE messages SET state = 'waiting' WHERE id = ?", [(one,) for one in waiting])
            append(work, self._audit, [told])
        return moved

    def effects_settled(self, since: float, before: float) -> Iterator[Effect]:
        """`CheckStore.effects_settled`."""
        statement = _SETTLED.format(effect=self._database.as_bytes.format("effect"))
        after = 0
        while True:
            with self._database.read() as work:
                rows = work.rows(statement, (after, since, before))
            if not rows:
                return
            yield from (decode(bytes(effect)) for _, effect in rows)
            after = rows[-1][0]

    def _found(self, work: Work, number: int) -> RepairRow:
        rows = work.rows(f"SELECT {self._columns(_REPAIR, 'plan')} FROM repairs WHERE number = ?", (number,))
        if not rows:
            raise Misconfigured("there is no such repair", where=f"repair {number}")
        return _repair(rows[0])

    def _columns(self, text: str, *of_bytes: str) -> str:
        return text.format(**{name: self._database.as_bytes.format(name) for name in of_bytes})


def _next(work: Work, table: str) -> int:
    return 1 + int(work.rows(f"SELECT coalesce(max(number), 0) FROM {table}")[0][0])


def _about(what: str, number: int, told: Entry) -> Entry:
    return replace(told, object=f"{what}:{number}")


def _check(row: tuple[Any, ...], report: bytes) -> CheckRow:
    number, at, who, state, scope, gaps = row[:6]
    return CheckRow(number, at, who, state, bytes(scope), gaps, report)


def _repair(row: tuple[Any, ...]) -> RepairRow:
    number, check, state, at, who, why, ticket, plan, decided_by, decided_at = row
    return RepairRow(number, check, state, at, who, why, ticket, bytes(plan), decided_by, decided_at)
