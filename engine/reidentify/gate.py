"""Who comes: a person's key, and the certificate of the connection where the people file asks for one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from engine.access import Certificate, Rates
from engine.people.keys import Key, make_key, read_key
from engine.people.words import Person
from engine.reidentify.limits import Window
from engine.reidentify.words import Denied, Moment, Step, Steps
from engine.slow_hashes import hash_of, holds

__all__ = ["FAILURES", "LOCKED_FOR", "STRANGERS", "Gate"]

FAILURES: Final = 5
"""Wrong keys for one name within the time that it is then locked for."""

LOCKED_FOR: Final = 900.0
"""Seconds."""

STRANGERS: Final = 50
"""Wrong keys for names that nobody has, within the same time: from here on such names are not compared with
anything, so that whoever sends many keeps nobody else waiting."""

_PER_SECOND: Final = 5.0
_NOBODY: Final = ""
_SCHEME: Final = "Bearer "


class Gate:
    """Belongs to one thread: keys are compared one after the other, so that nobody gets more guesses by
    sending them at once. `people` are those who may come, by name, as of now; `record` writes steps into the
    audit; `alarm` is told of locks."""

    def __init__(
        self,
        people: Callable[[], Mapping[str, Person]],
        record: Callable[[Sequence[Step]], None],
        alarm: Callable[[str, str], None],
    ) -> None:
        self._people, self._record, self._alarm = people, record, alarm
        self._failed = Window(LOCKED_FOR)
        self._rates = Rates(_PER_SECOND)
        self._nobody = hash_of(make_key("nobody"))

    def admit(self, authorization: str, peer: Certificate | None, now: Moment) -> Person:
        """Who sends this. Takes as long for a name that nobody has, up to `STRANGERS`. Raises `Denied`."""
        key = read_key(authorization.removeprefix(_SCHEME)) if authorization.startswith(_SCHEME) else None
        if key is None:
            raise Denied("nobody")
        person = self._people().get(key.name)
        if person is not None and not _shows(person, peer):
            raise Denied("nobody")  # whoever has not got the certificate cannot lock its owner out
        wait = self._failed.wait(key.name, FAILURES, now.steady)
        if wait:
            raise Denied("locked", wait=wait)
        if not self._is(person, key, now) or person is None:
            self._failure(key.name, person, now)
            raise Denied("nobody")
        self._failed.forget(person.name)
        if wait := self._rates.allow(person.name, now.steady):
            raise Denied("limit", wait=wait)
        return person

    def restore(self, steps: Sequence[Step], now: Moment) -> None:
        """Count the failures before a restart, which opens no lock."""
        for step in steps:
            if step.step is Steps.KEY_FAILED:
                self._failed.add(step.who, now.steady - max(0.0, now.wall - step.at))
            elif step.step is not Steps.LOCKED:
                self._failed.forget(step.who)  # who did anything had the right key

    def _is(self, person: Person | None, key: Key, now: Moment) -> bool:
        if person is None and self._failed.count(_NOBODY, now.steady) >= STRANGERS:
            return False
        return holds(key.text, person.key if person else self._nobody)

    def _failure(self, name: str, person: Person | None, now: Moment) -> None:
        """What was typed as a name is written down only if it is one of ours."""
        self._failed.add(name, now.steady)
        if person is None:
            self._failed.add(_NOBODY, now.steady)
            return
        steps = [Step(now.wall, Steps.KEY_FAILED, name)]
        if self._failed.count(name, now.steady) >= FAILURES:
            self._alarm(name, "locked")
            steps.append(Step(now.wall, Steps.LOCKED, name))
        self._record(steps)


def _shows(person: Person, peer: Certificate | None) -> bool:
    return not person.certificates or (peer is not None and bool(person.certificates & peer.words))
