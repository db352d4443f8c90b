"""What happens here, as entries of the audit; and read back, so that a restart forgives nothing."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from typing import Final, cast

import msgspec

from engine.auditing import Act, AuditQuery, Entry, Recorded, Result, Role
from engine.errors import Unavailable
from engine.reidentify.words import Moment, Step, Steps
from engine.store.contracts.audit import AuditStore

__all__ = ["SERVICE", "Trail", "entry_of", "step_of", "steps_between"]

SERVICE: Final = "service:reidentify"
"""The object of entries that are about no token."""

_PAGE: Final = 1000

_OUTCOMES: Final[dict[Steps, Result]] = {
    Steps.ASKED: "asked", Steps.WAITING: "asked", Steps.APPROVED: "approved", Steps.SHOWN: "shown",
    Steps.LAPSED: "failed", Steps.PEOPLE: "done",
}  # fmt: skip
"""The others were refused."""


class Trail:
    """Writes steps into the audit of a store."""

    def __init__(self, store: AuditStore) -> None:
        self._store = store
        self._newest = self._seen = 0  # entries of ours; up to where no other service has begun
        self.replaced = False

    def record(self, steps: Sequence[Step]) -> None:
        """Append them in one commit. Raises `Unavailable`: then what they tell of must not happen."""
        self._newest = self._store.record([entry_of(step) for step in steps])[-1]

    def tell(self, act: Act, at: float, **detail: str) -> None:
        """Append that the service began or ended. Raises `Unavailable`."""
        who = f"{SERVICE}@{socket.gethostname()}"
        detail["pid"] = str(os.getpid())
        entry = Entry(at=at, who=who, role="engine", act=act, object=SERVICE, detail=detail)
        self._newest = self._store.record([entry])[-1]
        if act is Act.START:
            self._seen = self._newest

    def stay_alone(self) -> None:
        """Raise `Unavailable` when another service began on this store since this one did: the lock that
        keeps it out goes with a lost connection, and two would each count for themselves."""
        newest = self._newest
        began = AuditQuery(act=Act.START.value, object=SERVICE, after=self._seen, limit=1)
        self.replaced = self.replaced or bool(self._store.entries(began))
        if self.replaced:
            raise Unavailable("another service of re-identification has begun on this store")
        self._seen = newest

    def lately(self, now: Moment, seconds: float) -> list[Step]:
        """The steps of the last `seconds`, oldest first."""
        return list(steps_between(self._store, now.wall - seconds, 0.0))


def steps_between(store: AuditStore, since: float, until: float) -> Iterator[Step]:
    """The steps of a time (seconds since the epoch; 0 for no end), oldest first."""
    query = AuditQuery(since=since, until=until, act=Act.REIDENTIFY.value, limit=_PAGE)
    while page := store.entries(query):
        yield from (step for one in page if (step := step_of(one)) is not None)
        query = msgspec.structs.replace(query, after=page[-1].id)


def entry_of(step: Step) -> Entry:
    """A step as the audit keeps it. What has no place of its own there goes into the details."""
    detail = {"step": step.step.value, "request": step.request, "why": step.why, "other": step.other}
    return Entry(
        at=step.at,
        who=step.who,
        role=cast(Role, step.role or "asker"),
        act=Act.CONFIGURE if step.step is Steps.PEOPLE else Act.REIDENTIFY,
        object=step.token or SERVICE,
        why=step.purpose,
        ticket=step.ticket,
        outcome=_OUTCOMES.get(step.step, "refused"),
        detail={name: text for name, text in detail.items() if text},
    )


def step_of(recorded: Recorded) -> Step | None:
    """An entry as the step that it was; None for one that somebody else wrote, or that was damaged."""
    entry = recorded.entry
    word = entry.detail.get("step", "")
    if word not in list(Steps):
        return None
    return Step(
        at=entry.at,
        step=Steps(word),
        who=entry.who,
        role=entry.role,
        token="" if entry.object == SERVICE else entry.object,
        purpose=entry.why,
        ticket=entry.ticket,
        request=entry.detail.get("request", ""),
        why=entry.detail.get("why", ""),
        other=entry.detail.get("other", ""),
    )
