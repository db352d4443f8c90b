"""A desk with a vault in memory, an audit that can fail, and a clock that a test moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from engine.errors import Unacceptable, Unavailable
from engine.people.words import Limits, Person, Role
from engine.privacy.tokens import mint
from engine.reidentify.desk import Desk
from engine.reidentify.requests import Request, Row, Shown
from engine.reidentify.words import Denied, Moment, Purpose, Step

BOTH = frozenset(Role)
USUAL = Limits()


@dataclass(frozen=True)
class KitRow:
    """A row whose seal is no seal."""

    sealed: bytes | None
    merged_into: str | None = None


def person(name: str, *roles: Role) -> Person:
    return Person(name, f"{name} of the privacy office", frozenset(roles) or BOTH, "")


def token(number: int) -> str:
    """A valid token, the same for the same number."""
    return mint("p", bytes(23) + bytes(number >> shift & 31 for shift in (10, 5, 0)))[0]


class Kit:
    """The desk and all around it."""

    def __init__(self, limits: Limits = USUAL, known: int = 100) -> None:
        self.rows: dict[str, KitRow] = {
            token(number): KitRow(f"p\x1fhospital\x1fMR\x1f{number:07}".encode()) for number in range(known)
        }
        self.steps: list[Step] = []
        self.alarms: list[tuple[str, str]] = []
        self.opened: list[int] = []
        """How many steps were written down when a seal was opened."""
        self.looked = 0
        self.away = False
        self.now = Moment(1_790_000_000.0, 1000.0)
        self._ids = count()
        self.desk = self.anew(limits)

    def anew(self, limits: Limits = USUAL) -> Desk:
        """Another process on the same audit."""
        self.desk = Desk(limits, self, self.record, self.alarm, lambda: f"r{next(self._ids)}")
        return self.desk

    def record(self, steps: Sequence[Step]) -> None:
        if self.away:
            raise Unavailable("the audit takes nothing")
        self.steps += steps

    def alarm(self, who: str, why: str) -> None:
        self.alarms.append((who, why))

    def row(self, token: str) -> Row | None:
        self.looked += 1
        return self.rows.get(token)

    def open(self, row: Row) -> str:
        self.opened.append(len(self.steps))
        if not row.sealed:
            raise Unacceptable("internal", "", "a sealed identifier does not open here")
        return row.sealed.decode()

    def later(self, seconds: float, wall: float | None = None) -> None:
        """Time goes on; the clock on the wall may be set meanwhile."""
        self.now = Moment(self.now.wall + (seconds if wall is None else wall), self.now.steady + seconds)

    def ask(self, who: Person, number: int = 0, purpose: Purpose = Purpose.LEGAL) -> Shown | Request:
        return self.desk.ask(who, token(number), purpose, "INC-1", self.now)

    def waiting(self, who: Person, number: int = 0) -> Request:
        """A request that waits: the hour's look-ups are used up first."""
        while isinstance(found := self.ask(who, number), Shown):
            pass
        return found

    def why(self, *of: str) -> list[str]:
        """The steps written down, as words."""
        return [":".join(filter(None, (step.step.value, step.why))) for step in self.steps]


def denied(error: Denied) -> str:
    return error.why
