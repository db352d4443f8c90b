"""The course of an appointment: HL7 v2.9.1 chapter 10, section 10.4, as a table.

Its reservations stand while it is booked. A message lists all of the appointment's lines, and those that
it leaves out are given back; with action codes (HL7 table 0206) it speaks of single lines. One
without any line says nothing about them: they move with the appointment.
"""

from __future__ import annotations

from datetime import timedelta

import msgspec

from engine.courses.state import Place, Standing, State, Stepped
from engine.courses.table import STAYS, Table, read
from engine.effects import Release, Reserve, covers
from engine.model import CourseEvent

__all__ = ["TABLE", "WITHOUT_EFFECT", "standing", "step"]

TABLE: Table = read(
    """
                 -               booked          cancelled       discontinued    deleted         no-show
    S12          booked          =               booked          booked          booked          booked
    S27          booked          =               !not-booked     !not-booked     !not-booked     !not-booked
    S13          booked          =               booked          !not-booked     !not-booked     booked
    S14,S18,S19  booked          =               !not-booked     !not-booked     !not-booked     !not-booked
    S20,S21,S22  booked          =               !not-booked     !not-booked     !not-booked     !not-booked
    S26          no-show         no-show         !not-booked     !not-booked     !not-booked     !not-booked
    S15          cancelled       cancelled       !not-booked     !not-booked     !not-booked     !not-booked
    S16          discontinued    discontinued    !not-booked     !not-booked     !not-booked     !not-booked
    S17          deleted         deleted         deleted         deleted         !already-deleted  deleted
    """,
    begins="S12 S27",
)

WITHOUT_EFFECT = dict.fromkeys(("S23", "S24"), "blocked-time")
"""Events that concern no stock, and the step that names them."""


def step(state: State, event: CourseEvent) -> Stepped:
    """The appointment after the event."""
    cell = TABLE.cells[event.trigger][state.word]
    if cell.startswith("!"):
        return Stepped(state, cell[1:])
    word = state.word if cell == STAYS else cell
    if word == "booked":
        again = event.trigger == "S12" and state.word != "booked"
        wants = _wanted(State() if again else state, event)
        state = msgspec.structs.replace(state, place=Place(wants=wants), starts=event.starts or state.starts)
    return Stepped(msgspec.structs.replace(state, word=word))


def standing(state: State) -> Standing:
    """What should stand of the appointment."""
    wants = state.place.wants if state.word == "booked" else ()
    return Standing(None, {wanted.key: wanted for wanted in wants})


def _wanted(state: State, event: CourseEvent) -> tuple[Reserve, ...]:
    """The lines after the event."""
    stated = {effect.key: effect for effect in event.effects if isinstance(effect, Reserve)}
    gone = [effect.key for effect in event.effects if isinstance(effect, Release)]
    before = {wanted.key: wanted for wanted in state.place.wants}
    if not stated and not gone:
        return tuple(_moved(wanted, state, event) for wanted in state.place.wants)
    lines = {**before, **stated} if event.lines == "some" else stated
    return tuple(lines[key] for key in sorted(lines) if not any(covers(one, key) for one in gone))


def _moved(wanted: Reserve, state: State, event: CourseEvent) -> Reserve:
    """A line that is wanted as much later, or earlier, as the appointment starts."""
    if not (wanted.needed_at and state.starts and event.starts):
        return wanted
    later = timedelta(microseconds=event.starts - state.starts)
    return msgspec.structs.replace(wanted, needed_at=wanted.needed_at + later)
