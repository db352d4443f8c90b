"""What every store promises about who did what, when and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.auditing import AuditQuery, Checkpoint, Configuration, Entry, Recorded

__all__ = ["AuditStore"]


class AuditStore(Protocol):
    """Safe storage for who did what, when and why. Nothing is changed or taken away but by `purge_audit`, and
    what is done past these verbs is found by `verify_audit`."""

    def record(self, entries: Sequence[Entry]) -> list[int]:
        """Append entries in one commit; their numbers. Who cannot record an act does not do it. When the
        audit does not end where it was left, an incident is appended before them.

        Raises `Misconfigured` for an entry that may not be written (`engine.auditing.checked`)."""
        ...

    def entries(self, query: AuditQuery) -> list[Recorded]:
        """Entries that match, oldest first or newest first."""
        ...

    def checkpoint(self, now: float) -> Checkpoint | None:
        """Sign where the audit and the versions of resources stand; None when they stand where the last
        checkpoint found them."""
        ...

    def checkpoints(self, after: int, limit: int = 1000) -> list[Checkpoint]:
        """Checkpoints with a number greater than `after`, oldest first."""
        ...

    def verify_audit(self, witnessed: Sequence[Checkpoint] = ()) -> list[str]:
        """Plain words for every entry that was changed, is missing, was added or put elsewhere, for every
        checkpoint that does not hold, and for what contradicts the checkpoints `witnessed` elsewhere; empty
        when the audit is the one that was written."""
        ...

    def has_past(self, before: float) -> bool:
        """Whether `purge_audit` would find entries to remove."""
        ...

    def may_purge_audit(self) -> bool:
        """Whether the database lets its user take entries away: on PostgreSQL its owner alone
        (`deploy/postgres-roles.sql`)."""
        ...

    def purge_audit(self, before: float, entry: Entry) -> int:
        """Remove the entries up to the newest checkpoint made before then; how many. `entry`, to
        which what was removed is added, is recorded first; the checkpoint stays and is what the chain goes on
        from. Raises `Misconfigured`, and removes nothing, when the audit does not hold."""
        ...

    def configured(self) -> dict[str, Configuration]:
        """What was loaded last, by name."""
        ...

    def configure(self, loaded: Sequence[Configuration], entries: Sequence[Entry]) -> None:
        """Remember what is loaded now, and record the entries, in one commit."""
        ...
