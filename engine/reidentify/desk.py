"""The desk: what becomes of a request to re-identify. A state machine without a clock, a door or a database.

    ask ──┬─ within the limits ──────────────► shown (in the same step)
          └─ above them ──► waiting ─┬ approve ──► approved ── collect ──► shown
                                     ├ decline ──► declined
                                     └ in time nobody ──► lapsed

Whatever is about to happen is written into the audit first: when that fails, it does not happen. An
identifier is opened at the moment it is shown and kept nowhere: a request that waits holds a token only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from engine.errors import Unacceptable
from engine.people.words import Limits, Person, Role
from engine.privacy.tokens import parse
from engine.reidentify.limits import EVERYBODY, HOUR, Window
from engine.reidentify.requests import (
    APPROVE_WITHIN,
    COLLECT_WITHIN,
    ENDED,
    MISSES,
    REMEMBERED,
    Alarm,
    Request,
    Row,
    Shown,
    State,
    Vault,
)
from engine.reidentify.words import Denied, Moment, Purpose, Step, Steps, Why

__all__ = ["Desk"]


class Desk:
    """Belongs to one thread. `record` writes steps into the audit, durably, or raises; `new_id` makes ids
    that nobody guesses."""

    def __init__(
        self,
        limits: Limits,
        vault: Vault,
        record: Callable[[Sequence[Step]], None],
        alarm: Alarm,
        new_id: Callable[[], str],
    ) -> None:
        self.limits = limits
        self._vault, self._record, self._alarm, self._new_id = vault, record, alarm, new_id
        self._asked, self._missed, self._limited = Window(HOUR), Window(HOUR), Window(HOUR)
        self._requests: dict[str, Request] = {}

    def ask(self, person: Person, token: str, purpose: Purpose, ticket: str, now: Moment) -> Shown | Request:
        """The answer, or the request that waits for an approval. Raises `Denied`."""
        self.tidy(now)
        step = Step(now.wall, Steps.ASKED, person.name, Role.ASKER, purpose=purpose, ticket=ticket)
        if Role.ASKER not in person.roles:
            raise self._refused(step, "role")
        self._within_limits(step, now)
        if parse(token) is None:  # before the database (P09); what was typed is not written down
            raise self._missing(step, "malformed", now)
        step = msgspec.structs.replace(step, token=token, request=self._new_id())
        row = self._vault.row(token)
        if row is None:
            raise self._missing(step, "unknown", now)
        if row.sealed is None:
            raise self._refused(step, "erased", now)
        if self._needs_approval(person.name, now.steady):
            return self._wait(step, purpose, now)
        self._record([step, msgspec.structs.replace(step, step=Steps.SHOWN)])
        self._count(step.who, now)
        return self._open(step, row)

    def collect(self, person: Person, id_: str, now: Moment) -> Shown:
        """The answer to a request that was approved: once. Raises `Denied`."""
        self.tidy(now)
        request = self._own(person, id_)
        step = _about(request, now, Steps.SHOWN, person.name, Role.ASKER, other=request.approver)
        if Role.ASKER not in person.roles:
            raise self._refused(step, "role")
        if request.state is not State.APPROVED:
            raise Denied(ENDED[request.state])
        row = self._vault.row(request.token)
        if row is None or row.sealed is None:
            self._end(request, State.LAPSED, now)
            raise self._refused(step, "erased")
        self._record([step])
        self._end(request, State.SHOWN, now)
        return self._open(step, row)

    def approve(self, person: Person, id_: str, now: Moment) -> Request:
        """Another person says yes. Raises `Denied`."""
        request = self._decidable(person, id_, now)
        self._record([_about(request, now, Steps.APPROVED, person.name, Role.APPROVER, other=request.asker)])
        approved = msgspec.structs.replace(
            request, state=State.APPROVED, approver=person.name, until=now.steady + COLLECT_WITHIN
        )
        self._requests[id_] = approved
        return approved

    def decline(self, person: Person, id_: str, now: Moment) -> Request:
        """Another person says no. Raises `Denied`."""
        request = self._decidable(person, id_, now)
        self._record([_about(request, now, Steps.DECLINED, person.name, Role.APPROVER, other=request.asker)])
        return self._end(msgspec.structs.replace(request, approver=person.name), State.DECLINED, now)

    def seen_by(self, person: Person, now: Moment) -> list[Request]:
        """The person's own requests, and for an approver those of others that wait, oldest first."""
        self.tidy(now)
        may = Role.APPROVER in person.roles
        return [
            request
            for request in self._requests.values()
            if request.asker == person.name or (may and request.state is State.WAITING)
        ]

    def tidy(self, now: Moment) -> None:
        """End what nobody approved or came for in time, and forget what ended long ago."""
        over = [request for request in self._requests.values() if request.until <= now.steady]
        lapsed = [request for request in over if request.state in (State.WAITING, State.APPROVED)]
        if lapsed:
            self._record(
                [_about(request, now, Steps.LAPSED, request.asker, Role.ASKER) for request in lapsed]
            )
        for request in over:
            if request in lapsed:
                self._end(request, State.LAPSED, now)
            else:
                del self._requests[request.id]

    def restore(self, steps: Iterable[Step], now: Moment) -> None:
        """Count what was done before a restart (`steps` of the last hours, oldest first): a restart forgives
        nothing. Requests that waited are lost with the process; that is written down."""
        open_: dict[str, Step] = {}
        for step in steps:
            at = now.steady - max(0.0, now.wall - step.at)
            if step.step in (Steps.ASKED, Steps.WAITING) or step.why in ("malformed", "unknown", "erased"):
                self._add(self._asked, step.who, at)
            if step.why in ("malformed", "unknown"):
                self._add(self._missed, step.who, at)
            if step.step is Steps.WAITING:
                open_[step.request] = step
            elif step.step in (Steps.SHOWN, Steps.DECLINED, Steps.LAPSED):
                open_.pop(step.request, None)
        if open_:
            self._record(
                [
                    msgspec.structs.replace(step, at=now.wall, step=Steps.LAPSED, why="restart")
                    for step in open_.values()
                ]
            )

    def close(self, now: Moment) -> None:
        """What waits is lost with the process: write it down."""
        open_ = [one for one in self._requests.values() if one.state in (State.WAITING, State.APPROVED)]
        if open_:
            self._record([_about(one, now, Steps.LAPSED, one.asker, Role.ASKER, why="stop") for one in open_])
        self._requests.clear()

    # Limits

    def _within_limits(self, step: Step, now: Moment) -> None:
        """Raises `Denied` above the hour's most; what is denied so does not count itself."""
        limits = self.limits
        wait = max(
            self._asked.wait(step.who, limits.person, now.steady),
            self._asked.wait(EVERYBODY, limits.everybody, now.steady),
        )
        if wait:
            if not self._limited.count(step.who, now.steady):  # once an hour: who is stopped may go on asking
                self._limited.add(step.who, now.steady)
                self._alarm(step.who, "limit")
            raise self._refused(step, "limit", wait=wait)

    def _needs_approval(self, who: str, now: float) -> bool:
        return self._asked.count(who, now) >= self.limits.alone or self._missed.count(who, now) >= MISSES

    def _count(self, who: str, now: Moment) -> None:
        self._add(self._asked, who, now.steady)

    @staticmethod
    def _add(window: Window, who: str, at: float) -> None:
        window.add(who, at)
        window.add(EVERYBODY, at)

    # Requests

    def _wait(self, step: Step, purpose: Purpose, now: Moment) -> Request:
        self._record([msgspec.structs.replace(step, step=Steps.WAITING)])
        self._count(step.who, now)
        request = Request(
            step.request, step.who, step.token, purpose, step.ticket, now.wall, State.WAITING,
            now.steady + APPROVE_WITHIN,
        )  # fmt: skip
        self._requests[request.id] = request
        return request

    def _own(self, person: Person, id_: str) -> Request:
        """A request of this person. That there is one of somebody else's is not told."""
        request = self._requests.get(id_)
        if request is None or request.asker != person.name:
            raise Denied("no-request")
        return request

    def _decidable(self, person: Person, id_: str, now: Moment) -> Request:
        """A request of another person that waits."""
        self.tidy(now)
        request = self._requests.get(id_)
        if request is None:
            raise Denied("no-request")
        step = _about(request, now, Steps.REFUSED, person.name, Role.APPROVER, other=request.asker)
        if Role.APPROVER not in person.roles:
            raise self._refused(step, "role")
        if request.asker == person.name:
            self._alarm(person.name, "own")
            raise self._refused(step, "own")
        if request.state is not State.WAITING:
            raise Denied("lapsed" if request.state is State.LAPSED else "decided")
        return request

    def _end(self, request: Request, state: State, now: Moment) -> Request:
        ended = msgspec.structs.replace(request, state=state, until=now.steady + REMEMBERED)
        self._requests[request.id] = ended
        return ended

    def _open(self, step: Step, row: Row) -> Shown:
        try:
            identifier = self._vault.open(row)
        except Unacceptable:
            raise self._refused(step, "unreadable") from None
        return Shown(step.request, step.token, identifier, row.merged_into or "")

    # What is refused

    def _missing(self, step: Step, why: Why, now: Moment) -> Denied:
        """Not a token of ours: counted, and an alarm when it happens again and again."""
        denied = self._refused(step, why, now)
        self._add(self._missed, step.who, now.steady)
        guesses, all_ = (self._missed.count(who, now.steady) for who in (step.who, EVERYBODY))
        if guesses % MISSES == 0 or all_ % (2 * MISSES) == 0:
            self._alarm(step.who, "enumeration")
            self._record([Step(now.wall, Steps.ALARM, step.who, step.role, why="enumeration")])
        return denied

    def _refused(self, step: Step, why: Why, counted: Moment | None = None, *, wait: float = 0.0) -> Denied:
        """Written down, then said."""
        self._record([msgspec.structs.replace(step, step=Steps.REFUSED, why=why)])
        if counted is not None:
            self._count(step.who, counted)
        return Denied(why, wait=wait)


def _about(
    request: Request, now: Moment, step: Steps, who: str, role: Role, *, other: str = "", why: str = ""
) -> Step:
    return Step(
        now.wall, step, who, role, request.token, request.purpose, request.ticket, request.id, why, other
    )
