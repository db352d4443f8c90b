"""The parts of re-identification put together over a store: gate, desk, people, trail. One thread's
business."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol, cast

from engine.auditing import Act
from engine.errors import Misconfigured, Unavailable
from engine.people.file import People, read_people
from engine.people.words import Person
from engine.privacy.unsealing import Unsealer
from engine.reidentify.desk import Desk
from engine.reidentify.gate import Gate
from engine.reidentify.requests import APPROVE_WITHIN, COLLECT_WITHIN, Row
from engine.reidentify.service import Answer, Call, Service
from engine.reidentify.trail import SERVICE, Trail
from engine.reidentify.words import Moment, Step, Steps
from engine.store.contracts.audit import AuditStore
from engine.telemetry import ReidentificationAlarm, ReidentificationStep, signal
from engine.tokens import TokenRow

__all__ = ["Office", "Store", "clock"]

_LOOK_BACK: Final = APPROVE_WITHIN + COLLECT_WITHIN + 3600.0


class Store(AuditStore, Protocol):
    """What is used of a store: the vault's rows are read, the audit is appended."""

    def token_rows(self, tokens: Sequence[str]) -> Mapping[str, TokenRow]: ...


def clock() -> Moment:
    """This moment."""
    return Moment(time.time(), time.monotonic())


class Office:
    """Belongs to one thread. `asks` says that connections are asked for certificates. Raises `Misconfigured`
    without people, `Unavailable` without its audit."""

    def __init__(self, store: Store, unsealer: Unsealer, people: Path, *, asks: bool) -> None:
        self._trail = Trail(store)
        self._file = _PeopleFile(people, self._record, asks=asks)
        self._desk = Desk(
            self._file.current().limits,
            _StoredVault(store, unsealer),
            self._record,
            _alarm,
            lambda: secrets.token_urlsafe(16),
        )
        self._gate = Gate(self._people, self._record, _alarm)
        self._service = Service(self._gate, self._desk, clock, self._trail.stay_alone)
        now = clock()
        before = self._trail.lately(now, _LOOK_BACK)
        self._desk.restore(before, now)
        self._gate.restore(before, now)

    @property
    def replaced(self) -> bool:
        """Whether another service has begun on the store: then this one has to end."""
        return self._trail.replaced

    def begin(self, **detail: str) -> None:
        """Write down that the service begins. Raises `Unavailable`."""
        self._trail.tell(Act.START, time.time(), **detail)

    def answer(self, call: Call) -> Answer:
        """What a request comes to."""
        return self._service.answer(call)

    def tidy(self) -> None:
        """End what is over, also when nobody comes. Raises `Unavailable`."""
        self._service.tidy()

    def close(self) -> None:
        """Write down that what waits is lost, and that the service ends. Raises `Unavailable`."""
        self._desk.close(clock())
        self._trail.tell(Act.STOP, time.time())

    def _people(self) -> Mapping[str, Person]:
        """Who may come now: the file is read again when it has changed."""
        now = self._file.current()
        self._desk.limits = now.limits
        return now.people

    def _record(self, steps: Sequence[Step]) -> None:
        self._trail.record(steps)
        for step in steps:
            signal(ReidentificationStep(step.step.value, step.why))


class _PeopleFile:
    """The people as the file says. One that cannot be used lets nobody in."""

    def __init__(self, path: Path, record: _Record, *, asks: bool) -> None:
        self._path, self._record, self._asks = path, record, asks
        self._stamp = self._stamped()
        self._people = read_people(self._path, asks=self._asks)
        self._told = True
        self._tell()

    def current(self) -> People:
        """Raises `Unavailable` while the file cannot be used, or its change not be written down."""
        try:
            stamp = self._stamped()
            if stamp != self._stamp:
                self._people = read_people(self._path, asks=self._asks)
                self._tell()
                self._stamp, self._told = stamp, True
        except Misconfigured:
            if self._told:
                signal(ReidentificationAlarm("", "people"))
            self._told = False
            raise Unavailable("the people file cannot be used") from None
        return self._people

    def _stamped(self) -> tuple[int, int, int]:
        try:
            stat = self._path.stat()
        except OSError as error:
            said = f"the people file cannot be read: {error.strerror}"
            raise Misconfigured(said, where=str(self._path)) from None
        return stat.st_mtime_ns, stat.st_ino, stat.st_size

    def _tell(self) -> None:
        """Who may what from now on is a change of configuration."""
        people = self._people.people.values()
        names = " ".join(sorted(f"{person.name}:{'+'.join(sorted(person.roles))}" for person in people))
        self._record(
            [Step(time.time(), Steps.PEOPLE, SERVICE, "engine", why=self._people.digest, other=names[:8000])]
        )


class _Record(Protocol):
    def __call__(self, steps: Sequence[Step]) -> None: ...


class _StoredVault:
    """The vault's rows of a store."""

    def __init__(self, store: Store, unsealer: Unsealer) -> None:
        self._store, self._unsealer = store, unsealer

    def row(self, token: str) -> Row | None:
        return self._store.token_rows([token]).get(token)

    def open(self, row: Row) -> str:
        return self._unsealer.identifier(cast(TokenRow, row))


def _alarm(who: str, why: str) -> None:
    signal(ReidentificationAlarm(who, why))
