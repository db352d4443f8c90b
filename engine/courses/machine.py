"""The two machines by name: what a channel's `course: {of: …}` chooses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from engine.courses import appointment, encounter
from engine.courses.state import Standing, State, Stepped
from engine.courses.table import Table
from engine.effects import Encounter, Release, Reserve
from engine.model import CourseEvent

__all__ = ["MACHINES", "Machine", "Of"]

Of = Literal["encounter", "appointment"]


class Machine(msgspec.Struct, frozen=True):
    """A table of states and events, what an event does, and what stands in a state. `keeps` are the
    kinds of effect that stand while the course says so; all others happen once."""

    table: Table
    without_effect: Mapping[str, str]
    step: Callable[[State, CourseEvent], Stepped]
    standing: Callable[[State], Standing]
    keeps: tuple[type, ...]

    def knows(self, trigger: str) -> bool:
        """Whether the event says anything about a course, be it that nothing changes."""
        return trigger in self.table.cells or trigger in self.without_effect


MACHINES: dict[Of, Machine] = {
    "encounter": Machine(
        encounter.TABLE,
        encounter.WITHOUT_EFFECT,
        encounter.step,
        encounter.standing,
        (Encounter, Reserve, Release),
    ),
    "appointment": Machine(
        appointment.TABLE,
        appointment.WITHOUT_EFFECT,
        appointment.step,
        appointment.standing,
        (Reserve, Release),
    ),
}
