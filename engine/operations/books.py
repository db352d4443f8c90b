"""The books held against Odoo: checks, what they found, repairs put forward and approved.

Checks and repairs are made by the engine, which alone writes to Odoo: here they are asked for and decided. A
plan is worked out here, for who puts it forward sees the calls that Odoo would get.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec
from msgspec.structs import replace

from engine.accounts.words import Caller, Permission
from engine.auditing import Act
from engine.destinations.odoo import OdooConnection, from_environment
from engine.errors import Misconfigured, Unacceptable
from engine.operations.moments import moment
from engine.operations.operation import Desk, NotThere, Operation, entry
from engine.reconciling.mending import chosen, planned
from engine.reconciling.words import Check, CheckState, Gap, Remedy, Repair, Report, Scope, encode
from engine.reconciling.working import repair_of
from engine.store.contracts.checks import CheckRow, RepairRow

__all__ = [
    "APPROVE", "CHECK", "CHECKS", "OPERATIONS", "PLAN", "PROPOSE", "RECONCILE", "REPAIR", "REPAIRS",
    "WITHDRAW", "AskChecks", "AskDecision", "AskNumber", "AskPlan", "AskRepair", "AskRepairs", "AskRun",
    "Asked", "check_of",
]  # fmt: skip


class AskChecks(msgspec.Struct, frozen=True, kw_only=True):
    """How many of the newest."""

    limit: int = 30


class AskNumber(msgspec.Struct, frozen=True, kw_only=True):
    """Which one."""

    number: int


class AskRun(msgspec.Struct, frozen=True, kw_only=True):
    """What to check: messages received in the period (ages such as `7d`, or dates), of one channel or all, to
    one Odoo (`odoo:hospital`) or all."""

    since: str = "7d"
    until: str = ""
    channel: str = ""
    destination: str = ""


class Asked(msgspec.Struct, frozen=True):
    """The number of the check that the engine makes now."""

    number: int


class AskPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What would be done about gaps of a check: those named by their numbers, else all that undo nothing that
    a person did."""

    number: int
    gaps: tuple[int, ...] = ()


class AskRepair(msgspec.Struct, frozen=True, kw_only=True):
    """The same, put forward for another person to approve."""

    number: int
    gaps: tuple[int, ...] = ()
    why: str
    ticket: str = ""


class AskRepairs(msgspec.Struct, frozen=True, kw_only=True):
    """Repairs in a state (proposed, approved, working, sent, done, failed, withdrawn), or all."""

    state: str = ""
    limit: int = 30


class AskDecision(msgspec.Struct, frozen=True, kw_only=True):
    """What to decide about which repair."""

    number: int
    why: str
    ticket: str = ""
    decision: Literal["approved", "withdrawn"] = "approved"


_report = msgspec.json.Decoder(Report)
_scope = msgspec.json.Decoder(Scope)


def check_of(row: CheckRow) -> Check:
    """A check as it is kept."""
    state: CheckState = "asked" if row.state == "asked" else "done" if row.state == "done" else "failed"
    return Check(
        number=row.number, at=row.at, who=row.who, state=state, scope=_scope.decode(row.scope),
        gaps=row.gaps, report=_report.decode(row.report),
    )  # fmt: skip


def _checks(desk: Desk, _: Caller, asked: AskChecks) -> list[Check]:
    return [check_of(row) for row in desk.store.checks(asked.limit)]


def _check(desk: Desk, _: Caller, asked: AskNumber) -> Check:
    return _found(desk, asked.number)


def _run(desk: Desk, caller: Caller, asked: AskRun) -> Asked:
    now = desk.clock()
    since, until = moment(asked.since or "7d", now, "since"), moment(asked.until, now, "until")
    if until and until <= since:
        raise Misconfigured("ends before it begins", where="until")
    scope = Scope(since, until, asked.channel, asked.destination)
    told = entry(desk, caller, Act.RECONCILE, "books", outcome="asked", detail={"since": asked.since})
    return Asked(desk.store.ask_check(encode(scope), at=now, told=told))


def _plan(desk: Desk, _: Caller, asked: AskPlan) -> list[Remedy]:
    return _remedies(desk, asked.number, asked.gaps)


def _propose(desk: Desk, caller: Caller, asked: AskRepair) -> Repair:
    if desk.settings.mode == "production" and caller.via == "command":
        raise Misconfigured(
            "in production somebody who is known puts a repair forward", where="repair",
            hint="in the console, or with a token of its API",
        )  # fmt: skip
    remedies = [one for one in _remedies(desk, asked.number, asked.gaps) if not one.outcome]
    if not remedies:
        raise Misconfigured(
            "there is nothing that could be repaired from here", where=f"check {asked.number}"
        )
    detail = {"check": str(asked.number), "gaps": " ".join(str(one.number) for one in remedies)}
    told = entry(
        desk,
        caller,
        Act.RECONCILE,
        "books",
        why=asked.why,
        ticket=asked.ticket,
        outcome="asked",
        detail=detail,
    )
    plan = encode(remedies)
    row = desk.store.propose_repair(asked.number, plan, at=desk.clock(), why=asked.why, told=told)
    return repair_of(row)


def _repairs(desk: Desk, _: Caller, asked: AskRepairs) -> list[Repair]:
    return [repair_of(row) for row in desk.store.repairs(state=asked.state, limit=asked.limit)]


def _repair(desk: Desk, _: Caller, asked: AskNumber) -> Repair:
    return repair_of(_repair_row(desk, asked.number))


def _decide(desk: Desk, caller: Caller, asked: AskDecision) -> Repair:
    known = _repair_row(desk, asked.number)
    told = entry(
        desk, caller, Act.RECONCILE, "books", why=asked.why, ticket=asked.ticket, outcome="approved",
        detail={"decision": asked.decision},
    )  # fmt: skip
    if asked.decision == "approved" and (wrong := _one_alone(desk, known.who, caller.name)):
        detail = {**told.detail, "reason": wrong}
        desk.store.record([replace(told, object=f"repair:{asked.number}", outcome="refused", detail=detail)])
        raise Misconfigured(wrong, where=f"repair {asked.number}")
    told = told if asked.decision == "approved" else replace(told, outcome="refused")
    return repair_of(desk.store.decide_repair(asked.number, asked.decision, at=desk.clock(), told=told))


def _one_alone(desk: Desk, author: str, approver: str) -> str:
    """Why these may be one and the same person, empty for two. Who sits at a command line without a key may
    have any name (with an @, which no name of a person has): in production it does not count as one."""
    if author == approver:
        return "nobody approves what they put forward themselves"
    if desk.settings.mode == "production" and "@" in author:
        return "it was put forward without a key: put it forward in the console"
    return ""


def _withdraw(desk: Desk, caller: Caller, asked: AskDecision) -> Repair:
    """What somebody else put forward is turned down by an approver. At a command line nobody is known."""
    if caller.via != "command" and _repair_row(desk, asked.number).who != caller.name:
        raise Misconfigured(
            "somebody else put it forward", where=f"repair {asked.number}", hint="an approver turns it down"
        )
    return _decide(desk, caller, replace(asked, decision="withdrawn"))


def _found(desk: Desk, number: int) -> Check:
    row = desk.store.check_of(number)
    if row is None:
        raise NotThere(f"there is no check {number}")
    return check_of(row)


def _repair_row(desk: Desk, number: int) -> RepairRow:
    row = desk.store.repair_of(number)
    if row is None:
        raise NotThere(f"there is no repair {number}")
    return row


def _remedies(desk: Desk, number: int, numbers: tuple[int, ...]) -> list[Remedy]:
    """The plan for gaps of a check, of every Odoo that they are in. Raises `Unavailable` when one of them
    cannot be asked."""
    gaps = chosen(_found(desk, number).report.gaps, numbers)
    found: list[Remedy] = []
    for destination in sorted({gap.destination for _, gap in gaps}):
        mine = [one for one in gaps if one[1].destination == destination]
        found += _planned(desk, _connection(desk, destination), mine)
    return sorted(found, key=lambda one: one.number)


def _planned(desk: Desk, connection: OdooConnection, mine: list[tuple[int, Gap]]) -> tuple[Remedy, ...]:
    try:
        return planned(desk.store, connection, mine)
    except Unacceptable as refusal:
        raise Misconfigured(f"Odoo does not let the plan be made: {refusal}", where=connection.name) from None


def _connection(desk: Desk, destination: str) -> OdooConnection:
    return from_environment(destination.partition(":")[2], desk.environ)


CHECKS: Final[Operation[AskChecks, list[Check]]] = Operation(
    "books.checks", "GET", "/books",
    "The newest checks of the books against Odoo, without what they found.",
    Permission.SEE, AskChecks, list[Check], _checks,
)  # fmt: skip
CHECK: Final[Operation[AskNumber, Check]] = Operation(
    "books.check", "GET", "/books/checks/{number}", "One check: its gaps, control totals and counts.",
    Permission.SEE, AskNumber, Check, _check,
)  # fmt: skip
RECONCILE: Final[Operation[AskRun, Asked]] = Operation(
    "books.reconcile", "POST", "/books/checks", "Have the engine hold the books against Odoo.",
    Permission.RECONCILE, AskRun, Asked, _run,
)  # fmt: skip
PLAN: Final[Operation[AskPlan, list[Remedy]]] = Operation(
    "books.plan", "GET", "/books/checks/{number}/plan",
    "What would be done about gaps of a check, with the calls that Odoo would get; nothing is written.",
    Permission.RECONCILE, AskPlan, list[Remedy], _plan,
)  # fmt: skip
PROPOSE: Final[Operation[AskRepair, Repair]] = Operation(
    "books.propose", "POST", "/books/checks/{number}/repairs",
    "Put a repair forward, for another person to approve.",
    Permission.RECONCILE, AskRepair, Repair, _propose, reasoned=True,
)  # fmt: skip
REPAIRS: Final[Operation[AskRepairs, list[Repair]]] = Operation(
    "books.repairs", "GET", "/books/repairs", "Repairs that were put forward, newest first.",
    Permission.SEE, AskRepairs, list[Repair], _repairs,
)  # fmt: skip
REPAIR: Final[Operation[AskNumber, Repair]] = Operation(
    "books.repair", "GET", "/books/repairs/{number}", "One repair, step by step, and what came of it.",
    Permission.SEE, AskNumber, Repair, _repair,
)  # fmt: skip
APPROVE: Final[Operation[AskDecision, Repair]] = Operation(
    "books.decide", "POST", "/books/repairs/{number}/decision",
    "Approve a repair that somebody else put forward, and the engine carries it out; or turn it down.",
    Permission.APPROVE, AskDecision, Repair, _decide, reasoned=True,
)  # fmt: skip
WITHDRAW: Final[Operation[AskDecision, Repair]] = Operation(
    "books.withdraw", "POST", "/books/repairs/{number}/withdraw",
    "Take back a repair that waits for approval.",
    Permission.RECONCILE, AskDecision, Repair, _withdraw, reasoned=True,
)  # fmt: skip

OPERATIONS: Final[tuple[Operation[Any, Any], ...]] = (
    CHECKS, CHECK, RECONCILE, PLAN, PROPOSE, REPAIRS, REPAIR, APPROVE, WITHDRAW,
)  # fmt: skip
