"""The audit, and re-identification, which is watched like it."""

from __future__ import annotations

from typing import ClassVar

from engine.telemetry.registry import counter, faults
from engine.telemetry.signals import Signal

__all__ = [
    "AuditContradicted", "AuditFailed", "AuditOverdue", "AuditSigned", "AuditUnwitnessed",
    "ReidentificationAlarm", "ReidentificationStep", "ReidentifyOpened",
]  # fmt: skip

_reidentification = counter(
    "wardline_reidentification_steps", "What happened in re-identification.", "step", "why"
)
_alarms = counter("wardline_reidentification_alarms", "What looks wrong in re-identification.", "why")


class AuditOverdue(Signal, frozen=True):
    """Entries of the audit are past their years and cannot be removed by the engine: why, which is a fixed
    phrase. Told once a day; a person has to act."""

    why: str
    level: ClassVar[str] = "error"
    text: ClassVar[str] = "audit not purged: entries stay past their years"

    def count(self) -> None:
        faults("audit-purge").inc()


class AuditFailed(Signal, frozen=True):
    """What clients were to be shown could not be recorded: it was not shown."""

    answers: int
    error: str
    level: ClassVar[str] = "error"
    text: ClassVar[str] = "audit not written: clients were shown nothing"

    def count(self) -> None:
        faults("audit").inc()


class AuditSigned(Signal, frozen=True):
    """A checkpoint of the audit was signed (`engine.auditing.Checkpoint`, bytes in base64): kept with the
    logs, it is evidence outside the store."""

    number: int
    upto: int
    at: float
    chain: str
    versions_upto: int
    versions_chain: str
    key_id: str
    signature: str
    text: ClassVar[str] = "audit signed"


class AuditUnwitnessed(Signal, frozen=True):
    """A checkpoint of the audit could not be made or not be written to its file; tried again."""

    error: str
    level: ClassVar[str] = "error"
    text: ClassVar[str] = "audit not signed: the store or the file of checkpoints cannot be written"

    def count(self) -> None:
        faults("audit").inc()


class AuditContradicted(Signal, frozen=True):
    """The file of checkpoints knows of entries that the store does not have: it was rolled back to an older
    copy, or somebody removed them."""

    number: int
    upto: int
    level: ClassVar[str] = "error"
    text: ClassVar[str] = "audit contradicted: the file of checkpoints knows of more than the store holds"

    def count(self) -> None:
        faults("audit").inc()


class ReidentifyOpened(Signal, frozen=True):
    """The service of re-identification listens; `asks` is whether it asks for certificates."""

    address: str
    tls: bool
    asks: bool
    text: ClassVar[str] = "re-identification listening"


class ReidentificationStep(Signal, frozen=True):
    """A step that stands in the audit (`engine.reidentify.words.Steps`). Only counted: the audit tells
    more."""

    step: str
    why: str

    def count(self) -> None:
        _reidentification(self.step, self.why if len(self.why) < 20 else "").inc()


class ReidentificationAlarm(Signal, frozen=True):
    """Somebody has to look: `enumeration` (tokens are guessed), `limit` (the hour's most is used up), `own`
    (an approval of one's own), `locked` (wrong keys), `people` (the people file cannot be used: nobody comes
    in), `replaced` (another service began on the store: this one ends)."""

    who: str
    why: str
    level: ClassVar[str] = "error"
    text: ClassVar[str] = "re-identification: somebody has to look at this"

    def count(self) -> None:
        _alarms(self.why).inc()
