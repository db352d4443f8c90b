"""One course: its events in the order in which they happened, folded through its machine.

The order is by time of happening, then of sending (MSH-7), then by the rank of the event in the machine's
table, then by a digest of what it says in which all tokens are alike: never by arrival.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left
from collections.abc import Mapping
from typing import Final

import msgspec

from engine.courses.machine import Machine
from engine.courses.state import NOTHING, Standing, State
from engine.effects import Effect, Release, encode
from engine.model import CourseEvent

__all__ = ["ALREADY_KNOWN", "BEYOND_MEMORY", "MOST", "Course", "difference", "renamed", "tokens_in"]

MOST: Final = 500
"""Events that a course remembers one by one; when there are more, the oldest fifth become its base."""

ALREADY_KNOWN: Final = "already-known"
"""The step of a message that says what exactly was said before."""

BEYOND_MEMORY: Final = "beyond-memory"
"""The step of a message about a time whose events are not remembered one by one any more."""

TOKEN: Final = re.compile(rb"t1[a-z]_[0-9a-z]{28}")

Mark = tuple[int, int, int, str]
"""Where an event stands in its course."""


class _Body(msgspec.Struct):
    """A course as it is stored."""

    events: list[CourseEvent]
    now: State
    base: State = NOTHING
    horizon: Mark | None = None


_decoder = msgspec.json.Decoder(_Body)


class Course:
    """What is known of one visit or appointment. `standing` is what Odoo was told last."""

    def __init__(self, machine: Machine, body: bytes = b"") -> None:
        self._machine = machine
        self._body = _decoder.decode(body) if body else _Body([], NOTHING)

    @property
    def known(self) -> bool:
        """Whether anything was ever said about it."""
        return bool(self._body.events) or self._body.horizon is not None

    @property
    def standing(self) -> Standing:
        """What should stand in Odoo now."""
        return self._machine.standing(self._body.now)

    def encoded(self) -> bytes:
        """The course for the store."""
        return encode(self._body)

    def has(self, event: CourseEvent) -> bool:
        """Whether exactly this was said before."""
        place, events = self._place(event), self._body.events
        at = bisect_left(events, place, key=self._place)
        return at < len(events) and events[at] == event

    def has_like(self, event: CourseEvent) -> bool:
        """Whether something was said of this very moment and trigger, by one message alone."""
        return len(self._like(event)) == 1

    def take_back_like(self, event: CourseEvent) -> bool:
        """Forget what the message of this event said before, when it says another thing now: the one event of
        the same moment and trigger. Where there are several nobody can tell whose is whose, and all stay."""
        like = self._like(event)
        if len(like) != 1 or like[0] == event:
            return False
        self._body.events.remove(like[0])
        self._body.now = self._fold(len(self._body.events))
        return True

    def _like(self, event: CourseEvent) -> list[CourseEvent]:
        moment = (event.happened, event.sent, event.trigger)
        return [one for one in self._body.events if (one.happened, one.sent, one.trigger) == moment]

    def is_late(self, event: CourseEvent) -> bool:
        """Whether something newer was said already."""
        events = self._body.events
        return bool(events) and self._place(event) < self._place(events[-1])

    def add(self, event: CourseEvent) -> str:
        """Put an event in its place. The reason why it changed nothing by itself, else empty."""
        body = self._body
        place = self._place(event)
        if body.horizon is not None and place[0] <= body.horizon:
            return BEYOND_MEMORY
        at = bisect_left(body.events, place, key=self._place)
        if at < len(body.events) and body.events[at] == event:
            return ALREADY_KNOWN
        body.events.insert(at, event)
        stepped = self._machine.step(body.now if at == len(body.events) - 1 else self._fold(at), event)
        why = stepped.why
        body.now = stepped.state
        for later in body.events[at + 1 :]:
            body.now = self._machine.step(body.now, later).state
        self._compact()
        return why

    def join(self, other: Course) -> None:
        """Both are one: the events of both, in their order."""
        mine, theirs = self._body, other._body
        if theirs.horizon is not None and (mine.horizon is None or mine.horizon < theirs.horizon):
            mine.base, mine.horizon = theirs.base, theirs.horizon
        events: list[CourseEvent] = []
        for event in sorted((*mine.events, *theirs.events), key=self._place):
            beyond = mine.horizon is not None and self._place(event)[0] <= mine.horizon
            if not beyond and event not in events[-1:]:
                events.append(event)
        mine.events = events
        mine.now = self._fold(len(events))
        self._compact()

    def _fold(self, end: int) -> State:
        state = self._body.base
        for event in self._body.events[:end]:
            state = self._machine.step(state, event).state
        return state

    def _compact(self) -> None:
        body = self._body
        if len(body.events) > MOST:
            oldest = MOST // 5
            body.base = self._fold(oldest)
            body.horizon = self._place(body.events[oldest - 1])[0]
            del body.events[:oldest]

    def _place(self, event: CourseEvent) -> tuple[Mark, bytes]:
        said = repr(event).encode()  # JSON leaves a default out or not, as it happens to be the same object
        alike = TOKEN.sub(lambda token: token[0][:3], said)
        digest = hashlib.blake2b(alike, digest_size=8).hexdigest()
        return (event.happened, event.sent, self._machine.table.rank[event.trigger], digest), said


def difference(before: Standing, after: Standing) -> list[Effect]:
    """The effects that bring what stood before to what stands after."""
    effects: list[Effect] = []
    if after.encounter is not None and after.encounter != before.encounter:
        effects.append(after.encounter)
    for key, wanted in before.reserves.items():
        if key not in after.reserves:
            effects.append(Release(key=key, company=wanted.company, when_unknown="ignore"))
    effects += [wanted for key, wanted in after.reserves.items() if before.reserves.get(key) != wanted]
    return effects


def tokens_in(body: bytes) -> set[str]:
    """The tokens that a stored course holds."""
    return {token.decode() for token in TOKEN.findall(body)}


def renamed(body: bytes, survivors: Mapping[str, str]) -> bytes:
    """A stored course with merged tokens replaced by those that stand for them now."""
    if not survivors:
        return body
    return TOKEN.sub(lambda found: survivors.get(found[0].decode(), found[0].decode()).encode(), body)
