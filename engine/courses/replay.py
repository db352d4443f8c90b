"""A routed batch applied to its courses: what each message comes to, and the courses to store with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, Protocol

import msgspec

from engine.courses.course import ALREADY_KNOWN, BEYOND_MEMORY, Course, difference, renamed, tokens_in
from engine.courses.machine import MACHINES, Of
from engine.courses.state import Standing
from engine.effects import Effect, Merge, Release, encode
from engine.model import (
    CourseEvent,
    CourseRow,
    Dead,
    Filtered,
    Owner,
    Reason,
    ReasonCode,
    Routed,
    Routing,
    Said,
)

__all__ = ["CourseKeeper", "CourseRule", "Replay"]

NOTHING_NEW = "nothing-new"
"""The step of a message that says what is known already."""

OLDER = "older-than-what-stands"
"""The step of a message whose say has been overtaken by a newer one."""

_UNKNOWN = Reason(
    ReasonCode.UNKNOWN_REFERENCE, "nothing was said before about what this changes", owner=Owner.BUSINESS
)
_LATE = Reason(ReasonCode.CONFLICT, "something newer was said already", owner=Owner.BUSINESS)
_DAMAGED = Reason(ReasonCode.INTERNAL, "what is stored about the course is damaged")


_said = msgspec.json.Decoder(Said)


class CourseRule(msgspec.Struct, frozen=True):
    """What a channel declares about its courses: which machine, the space of its keys, what becomes of
    a message about one never heard of, and of one that is older than what stands."""

    of: Of
    space: str
    unknown: Literal["apply", "dead"] = "apply"
    late: Literal["apply", "dead"] = "apply"


class CourseKeeper(Protocol):
    """Where courses are kept: the part of `MessageStore` that a replay needs."""

    def courses(self, space: str, keys: Sequence[str]) -> list[CourseRow]: ...
    def survivors(self, tokens: Sequence[str]) -> dict[str, str]: ...


class _Kept:
    """A course while a batch is applied to it: what Odoo was told of it, the version of its row."""

    def __init__(self, course: Course, told: Standing, version: int, damaged: bool) -> None:
        self.course, self.told, self.version, self.damaged = course, told, version, damaged
        self.changed = False

    @property
    def exists(self) -> bool:
        """Whether there is anything of it."""
        return self.version > 0 or self.course.known


class Replay:
    """One space of courses while the routings of a batch are applied to it, in the order of arrival.

    Raises what the keeper raises when it is made, with the `routings` of the batch."""

    def __init__(self, space: str, of: Of, keeper: CourseKeeper, routings: Iterable[Routing]) -> None:
        self._space, self._machine, self._keeper = space, MACHINES[of], keeper
        self._kept: dict[str, _Kept] = {}
        self._forgotten: dict[str, int] = {}  # rows that were joined to another: key → version
        self._alive: dict[str, str] = {}  # tokens that were merged away, and what stands for them now
        self._load(sorted({key for routing in routings for key in _keys(routing)}))

    def apply(self, routing: Routing, rule: CourseRule) -> Routing:
        """What the message comes to."""
        result = routing.result
        if not isinstance(result, Routed):
            return routing
        every = [self._now(said) for said in result.said]
        refusal = next(filter(None, (self._refusal(said, rule, routing.said) for said in every)), None)
        if refusal is not None:
            return msgspec.structs.replace(routing, result=Dead(refusal))
        places = dict.fromkeys(filter(None, map(self._joined, result.effects)), result.sequence_key)
        if places:
            every = [self._now(said) for said in every]
        effects = dict(zip(result.effects, _sequence_keys(result), strict=True))
        more: dict[Effect, str] = {}
        whys: list[str] = []
        for said in every:
            if not self._kept[said.key].course.known:  # Odoo may know more of it than we do
                released = [effect for effect in said.event.effects if isinstance(effect, Release)]
                more |= dict.fromkeys(released, said.sequence_key)
            whys.append(self._add(said.key, said.event, again=routing.said))
            places[said.key] = said.sequence_key
        for key, place in places.items():
            effects |= dict.fromkeys(self._told(key), place)
        effects |= more
        if not effects and whys:
            return msgspec.structs.replace(routing, result=Filtered(whys[0]))
        return msgspec.structs.replace(routing, result=_routed(effects, result))

    def rows(self) -> list[CourseRow]:
        """The courses to store, and those to forget."""
        changed = [
            CourseRow(self._space, key, kept.version, kept.course.encoded(), _stands(kept.told))
            for key, kept in self._kept.items()
            if kept.changed
        ]
        gone = [CourseRow(self._space, key, version, b"") for key, version in self._forgotten.items()]
        return changed + gone

    def _load(self, keys: Sequence[str]) -> None:
        """What is kept under the keys and under numbers that were merged into them, tokens brought to
        those that stand for them now."""
        rows = {row.key: row for row in self._keeper.courses(self._space, keys)} if keys else {}
        tokens = {token for row in rows.values() for token in (row.key, *tokens_in(row.body))} | {*keys}
        alive = self._alive = self._keeper.survivors(sorted(tokens)) if tokens else {}
        into = {alive[key] for key in keys if key in alive}
        if not into <= {*keys}:  # mapped by a router that had not heard of a merge yet
            self._load(sorted({*keys, *into}))
            return
        for key in sorted({*keys, *rows}):
            row = rows.get(key, CourseRow(self._space, key, 0, b""))
            self._kept[key] = self._opened(row, alive)
        for key in sorted(rows.keys() & alive.keys()):
            self._join(key, alive[key])

    def _opened(self, row: CourseRow, alive: dict[str, str]) -> _Kept:
        try:
            course = Course(self._machine, row.body)
            told = course.standing
            if (body := renamed(row.body, alive)) != row.body:
                course = Course(self._machine, body)
        except msgspec.DecodeError:
            return _Kept(Course(self._machine), Standing(), row.version, True)
        return _Kept(course, told, row.version, bool(row.version and not row.body))

    def _now(self, said: Said) -> Said:
        """The same with the numbers that stand by now: it may have been mapped before a merge was known,
        in another channel of this batch or by another router."""
        if not self._alive:
            return said
        body = encode(said)
        after = renamed(body, self._alive)
        return said if after == body else _said.decode(after)

    def _refusal(self, said: Said, rule: CourseRule, again: bool) -> Reason | None:
        """Why a person must look at the message first, if so."""
        kept, table, event = self._kept[said.key], self._machine.table, said.event
        if event.trigger not in table.cells:
            return None
        if kept.damaged:
            return _DAMAGED
        if kept.course.has(event) or (again and kept.course.has_like(event)):
            return None
        if rule.unknown == "dead" and not kept.course.known and event.trigger not in table.begins:
            return _UNKNOWN
        return _LATE if rule.late == "dead" and kept.course.is_late(event) else None

    def _add(self, key: str, event: CourseEvent, *, again: bool) -> str:
        """Put the event in its place; the step that names why it changes nothing, if nothing changes."""
        kept = self._kept[key]
        if event.trigger in self._machine.without_effect:
            return self._machine.without_effect[event.trigger]
        late = kept.course.is_late(event)
        if again and kept.course.take_back_like(event):
            kept.changed = True
        why = kept.course.add(event)
        kept.changed = kept.changed or why not in (ALREADY_KNOWN, BEYOND_MEMORY)
        return why or (OLDER if late else NOTHING_NEW)

    def _told(self, key: str) -> list[Effect]:
        """The effects that bring Odoo from what it was told to what stands."""
        kept = self._kept[key]
        before, kept.told = kept.told, kept.course.standing
        kept.changed = kept.changed or before != kept.told
        return difference(before, kept.told)

    def _joined(self, merge: Effect) -> str:
        """The course that goes on where the effect merges two numbers that courses are kept under. What
        was said with the number that is gone, in this batch too, was said with the other."""
        if not isinstance(merge, Merge):
            return ""
        gone, into = (self._alive.get(token, token) for token in (merge.gone, merge.into))
        if gone == into:
            return ""
        moved = {token: into for token, now in self._alive.items() if now == gone}
        self._alive = {**self._alive, **moved, gone: into}
        joined = self._join(gone, into)
        for kept in self._kept.values():
            body = kept.course.encoded()
            if gone in tokens_in(body):
                kept.course = Course(self._machine, renamed(body, {gone: into}))
        return into if joined else ""

    def _join(self, gone: str, into: str) -> bool:
        """The course of a number that is gone goes on under the one that stands for it."""
        old, kept = self._kept.get(gone), self._kept.get(into)
        if old is None or kept is None or not old.exists:
            return False
        del self._kept[gone]
        if old.version:
            self._forgotten[gone] = old.version
        kept.course.join(Course(self._machine, renamed(old.course.encoded(), {gone: into})))
        kept.told = Standing(kept.told.encounter, {**old.told.reserves, **kept.told.reserves})
        kept.damaged, kept.changed = kept.damaged or old.damaged, True
        return True


def _keys(routing: Routing) -> Iterable[str]:
    """The courses that a message may concern."""
    result = routing.result
    if isinstance(result, Routed):
        yield from (said.key for said in result.said)
        for merge in result.effects:
            if isinstance(merge, Merge) and merge.kind != "person":
                yield from (merge.gone, merge.into)


def _sequence_keys(routed: Routed) -> tuple[str, ...]:
    """Where each effect stands in the order."""
    return routed.sequence_keys or (routed.sequence_key,) * len(routed.effects)


def _routed(effects: dict[Effect, str], before: Routed) -> Routed:
    """The effects, each with its place in the order."""
    keys = tuple(effects.values())
    first = keys[0] if keys else before.sequence_key
    return Routed(tuple(effects), first, before.merges, keys if len(set(keys)) > 1 else ())


def _stands(told: Standing) -> bool:
    return bool(told.reserves) or (told.encounter is not None and told.encounter.state in ("planned", "open"))
