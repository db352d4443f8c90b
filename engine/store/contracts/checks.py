"""What is kept of the books being held against Odoo: checks, and the repairs that were put forward."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from engine.auditing import Entry
from engine.effects import Effect

__all__ = ["CheckRow", "CheckStore", "Decision", "RepairRow"]

Decision = Literal["approved", "withdrawn"]


class CheckRow(NamedTuple):
    """A check: `state` is asked, done or failed; `scope` and `report` are JSON
    (`engine.reconciling.words`)."""

    number: int
    at: float
    who: str
    state: str
    scope: bytes
    gaps: int
    report: bytes


class RepairRow(NamedTuple):
    """A repair of what a check found: `plan` is JSON, `decided_by` who approved or withdrew it."""

    number: int
    check: int
    state: str
    at: float
    who: str
    why: str
    ticket: str
    plan: bytes
    decided_by: str = ""
    decided_at: float = 0.0


class CheckStore(Protocol):
    """Each verb that takes `told` records it in the same commit, its object being what it is about."""

    def ask_check(self, scope: bytes, *, at: float, told: Entry | None = None) -> int:
        """Have the engine make a check; its number. `told.who` (without one: the schedule) asked for it."""
        ...

    def keep_check(self, scope: bytes, *, at: float, gaps: int, report: bytes, told: Entry) -> int:
        """Keep a check that was made; its number."""
        ...

    def end_check(self, number: int, state: str, *, gaps: int, report: bytes, told: Entry) -> None:
        """Keep what an asked check found, or that it failed."""
        ...

    def checks(self, limit: int = 100, *, state: str = "") -> list[CheckRow]:
        """The newest checks first, without their reports."""
        ...

    def check_of(self, number: int) -> CheckRow | None:
        """One check, with its report."""
        ...

    def drop_checks(self, before: float) -> int:
        """Forget checks made before this moment, with their repairs, but for repairs that are not over; how
        many."""
        ...

    def propose_repair(self, check: int, plan: bytes, *, at: float, why: str, told: Entry) -> RepairRow:
        """Put a repair forward. Raises `Misconfigured` for a check that is not there."""
        ...

    def decide_repair(self, number: int, decision: Decision, *, at: float, told: Entry) -> RepairRow:
        """Approve or withdraw one that is proposed. Raises `Misconfigured` when there is none, when it is
        decided, and when `told.who` approves what they put forward themselves."""
        ...

    def carry_repair(self, number: int, state: str, plan: bytes, *, told: Entry | None = None) -> None:
        """Write how far a repair has come."""
        ...

    def repairs(self, *, state: str = "", limit: int = 100) -> list[RepairRow]:
        """The newest repairs first."""
        ...

    def repair_of(self, number: int) -> RepairRow | None:
        """One repair."""
        ...

    def redo(
        self, numbers: Sequence[int], progress: Mapping[str, str], *, now: float, told: Entry
    ) -> list[int]:
        """Have deliveries (by id) that were carried out carried out again, under the same keys and in their
        place in the order, with this progress in place of what they wrote down; those that are on their way
        now. One in another state is left alone."""
        ...

    def effects_settled(self, since: float, before: float) -> Iterator[Effect]:
        """The effects settled at or after `since` of messages that were received before `before`."""
        ...
