"""The nouns of alerts: what is watched, what was found, what was raised about it, and what is sent.

A *cause* is what an alert is about: its kind and its subject, `silent channel:charges`. Whatever happens, one
alert is open about a cause at a time. Nothing here holds a value of a message: names, counts, times.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal

import msgspec

from engine.model import Owner

__all__ = [
    "CRITICAL", "Alert", "AlertQuery", "Found", "Kind", "Notice", "NoticeEvent", "NoticeState", "Opening",
    "SentNotice", "cause_of",
]  # fmt: skip


class Kind(StrEnum):
    """What can be wrong: a closed list."""

    SILENT = "silent"  # nothing was heard of a channel for longer than it says
    QUEUE_AGE = "queue-age"  # the oldest message that waits is too old
    QUEUE_LENGTH = "queue-length"  # too many wait
    ERROR_RATE = "error-rate"  # too many of the last messages failed
    DEAD_LETTERS = "dead-letters"  # somebody has to look at messages
    SERVICE_LEVEL = "service-level"  # too few were carried out as soon as was promised
    ACKNOWLEDGEMENT = "acknowledgement"  # senders wait too long for their answer
    DOOR = "door"  # a channel does not listen
    DESTINATION = "destination"  # takes nothing
    GAPS = "gaps"  # the books and Odoo differ
    DISK = "disk"  # nearly full
    BACKUP = "backup"  # too old
    CERTIFICATE = "certificate"  # ends soon
    ODOO_KEY = "odoo-key"  # ends soon
    AUDIT = "audit"  # stays past its years, or cannot be signed
    STORE = "store"  # does not take commits
    DAMAGED = "damaged"  # what is stored does not hold
    PROCESS = "process"  # of the engine is missing
    EDITION = "edition"  # the active one is not run
    CLOCK = "clock"  # is wrong


CRITICAL: Final = frozenset(
    {
        Kind.SILENT, Kind.DOOR, Kind.DESTINATION, Kind.DISK, Kind.STORE, Kind.DAMAGED, Kind.PROCESS,
    }
)  # fmt: skip
"""Kinds in which something stands still, or soon will; of the others somebody should know."""

NoticeEvent = Literal["opened", "still", "closed"]
NoticeState = Literal["due", "sent", "dead"]


def cause_of(kind: Kind, subject: str) -> str:
    """What an alert is about, in a text."""
    return f"{kind} {subject}"


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Something is not as it should be: `value` is beyond `limit`, both in the unit of the kind (seconds,
    messages, a share from 0 to 1, days). `said` are further words of ours."""

    kind: Kind
    subject: str
    value: float
    limit: float
    channel: str = ""
    owner: Owner = Owner.TECHNICAL
    to: tuple[str, ...] = ()
    said: dict[str, str] = {}

    @property
    def cause(self) -> str:
        """What it is about."""
        return cause_of(self.kind, self.subject)


class Opening(msgspec.Struct, frozen=True):
    """An alert to be raised: what was found, which time it is of late."""

    found: Found
    times: int = 1


class Alert(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One alert, open while `closed_at` is 0. Times in seconds since the epoch. `worst` is the value farthest
    beyond the limit so far; `taken_by` who looks after it; nothing is sent before `quiet_until`, and `why`
    says why."""

    id: int
    cause: str
    kind: Kind
    subject: str
    channel: str
    owner: Owner
    opened_at: float
    seen_at: float
    value: float
    worst: float
    limit: float
    closed_at: float = 0.0
    times: int = 1
    said: dict[str, str] = {}
    taken_by: str = ""
    taken_at: float = 0.0
    quiet_until: float = 0.0
    why: str = ""

    @property
    def critical(self) -> bool:
        """Whether something stands still."""
        return self.kind in CRITICAL


class AlertQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which alerts: everything given must hold; newest first. `before` is an id, for paging."""

    open: bool | None = None
    channel: str = ""
    kind: str = ""
    since: float = 0.0  # opened, or still open, at or after
    before: int = 0
    limit: int = 100


class Notice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is to be told of an alert by a route, and how that stands; `said` is why the last attempt failed,
    in fixed words."""

    id: int
    alert_id: int
    event: NoticeEvent
    route: str
    state: NoticeState
    due_at: float
    attempts: int = 0
    said: str = ""


class SentNotice(msgspec.Struct, frozen=True):
    """How an attempt ended: `sent`, `due` again at `due_at`, or `dead`."""

    id: int
    state: NoticeState
    due_at: float = 0.0
    said: str = ""
