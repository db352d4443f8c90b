"""What a message says about visits or appointments: the seam between the pipeline and the courses.

A rule's effect belongs to the course whose key its own scope gives: a message about two visits (ADT^A17) is
one event in each of two courses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from engine.courses.machine import MACHINES
from engine.courses.replay import CourseRule
from engine.effects import Effect
from engine.model import CourseEvent, Reason, ReasonCode, Said
from engine.transforms.happened import Happened
from engine.transforms.scope import Scope, Value

__all__ = ["CourseReader", "ahead_of"]

Made = tuple[Effect, Scope]

_SINGLE = frozenset("ADUX")
"""HL7 table 0206: the line is added, deleted, updated or unchanged; others stay as they are. `S` is a
snapshot."""


_DAY = 86_400
"""Seconds. Clocks and zones differ by less."""


def ahead_of(said: Sequence[Said], received_at: float) -> list[Reason]:
    """A warning when the sender's clock is more than a day ahead of `received_at` (seconds since the epoch,
    0 for none): what happens until then will look older than this."""
    if not said or not received_at or said[0].event.happened <= (received_at + _DAY) * 1_000_000:
        return []
    text = "it happens in the future: until then whatever is said will look older"
    return [Reason(ReasonCode.BAD_VALUE, text, "MSH-7", hl7=102)]


class CourseReader(msgspec.Struct, frozen=True):
    """A channel's `course:`, compiled. `line_action` and `starts` are of appointments."""

    rule: CourseRule
    key: Value
    trigger: Value
    counts_as: Value
    happened: Value
    line_action: Value
    starts: Value

    def read(
        self, message: Scope, made: Sequence[Made], place: Value, warnings: list[Reason]
    ) -> tuple[list[Made], tuple[Said, ...]]:
        """Of the effects that a message's rules made those that concern no course, and what the message
        says about courses; `place` is where the effect of a scope stands in the order. What is odd is
        added to `warnings`. Raises `Unacceptable` with its place."""
        machine = MACHINES[self.rule.of]
        trigger = self.counts_as(message) or self.trigger(message) or ""
        if not machine.knows(trigger):
            return list(made), ()
        others: list[Made] = []
        found: dict[str, tuple[Scope, list[Any]]] = {}
        if (key := self.key(message)) is not None:
            found[key] = message, []
        for effect, scope in made:
            key = self.key(scope) if isinstance(effect, machine.keeps) else None
            if key is None:
                others.append((effect, scope))
            else:
                found.setdefault(key, (scope, []))[1].append(effect)
        if not found:
            return others, ()
        when: Happened = self.happened(message)
        if when.ahead:
            text = "it is said to happen after the message was made, and counts as of then"
            warnings.append(Reason(ReasonCode.BAD_VALUE, text, when.ahead, hl7=102))
        lines: Literal["all", "some"] = "some" if self.line_action(message) in _SINGLE else "all"
        starts = self.starts(message)
        start = int(starts.timestamp()) * 1_000_000 if starts else 0
        return others, tuple(
            Said(key, CourseEvent(when.at, when.sent, trigger, tuple(effects), lines, start), place(scope))
            for key, (scope, effects) in found.items()
        )
