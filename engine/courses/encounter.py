"""The course of a visit: HL7 v2.9.1 chapter 3, sections 3.3.1 to 3.3.53, as a table.

What a visit wants (bed-side kits by ward, say) stands while it is planned or open. A discharge and a
leave of absence let go of it and a cancelled one brings it back; an update never opens, closes or moves.
"""

from __future__ import annotations

import msgspec

from engine.courses.state import Place, Standing, State, Stepped
from engine.courses.table import STAYS, Table, read
from engine.effects import Encounter, EncounterState, Reserve
from engine.model import CourseEvent

__all__ = ["TABLE", "WITHOUT_EFFECT", "standing", "step"]

TABLE: Table = read(
    """
                -           planned      open          away          closed           cancelled
    A05,A14     planned     planned      !already-open !already-open !already-closed  planned
    A01,A04     open        open         =             =             open             open
    A06,A07     open        open         =             =             !not-open        !not-open
    A02,A17     open        open         =             =             !not-open        !not-open
    A12         !not-known  !not-open    =             =             !not-open        !not-open
    A21         away        !not-open    away          !already-away !not-open        !not-open
    A52         !not-known  !not-open    !not-away     open          !not-open        !not-open
    A22         open        !not-open    !not-away     open          !not-open        !not-open
    A53         !not-known  !not-open    away          !already-away !not-open        !not-open
    A44,A45     !not-known  =            =             =             =                =
    A08         !not-known  =            =             =             =                =
    A03         closed      closed       closed        closed        !already-closed  !not-open
    A13         open        !not-closed  !already-open !already-open open             !not-closed
    A27,A38     !not-known  cancelled    !already-open !already-open !already-closed  !already-cancelled
    A11         !not-known  !not-open    cancelled     cancelled     !already-closed  !already-cancelled
    """,
    begins="A01 A04 A05 A14",
)

WITHOUT_EFFECT = {
    **dict.fromkeys(("A09", "A10", "A32", "A33"), "whereabouts-only"),
    **dict.fromkeys(("A15", "A16", "A25", "A26"), "plan-only"),
    "A23": "record-deletion",
}
"""Events about a visit that change nothing in stock or charges, and the step that names them."""

_ADMITS = frozenset({"A01", "A04"})
_PLANS = frozenset({"A05", "A14"})
_MOVES = frozenset({"A02", "A17"})
_PLACES = _ADMITS | _PLANS | _MOVES | {"A06", "A07", "A12", "A13"}
"""Events that say where the patient is (or will be)."""

_STANDS = frozenset({"planned", "open"})
_WORDS: dict[str, EncounterState] = {
    "planned": "planned", "open": "open", "away": "open", "closed": "closed", "cancelled": "cancelled"
}  # fmt: skip


def step(state: State, event: CourseEvent) -> Stepped:
    """The visit after the event."""
    cell = TABLE.cells[event.trigger][state.word]
    if cell.startswith("!"):
        noted = state if state.word else _detailed(state, event)
        return Stepped(noted if event.trigger == "A08" else state, cell[1:])
    word = state.word if cell == STAYS else cell
    state = _detailed(state, event)
    if event.trigger == "A11":
        return Stepped(_not_admitted(state))
    if event.trigger in _PLACES:
        state = _placed(
            state, event, fresh=event.trigger in _ADMITS and state.word in ("closed", "cancelled")
        )
    elif state.place == Place():  # never heard where it is
        state = msgspec.structs.replace(state, place=_stated(event))
    if word == "planned":
        state = msgspec.structs.replace(state, plan=state.place)
    elif word == "cancelled":
        state = msgspec.structs.replace(state, plan=None)
    return Stepped(msgspec.structs.replace(state, word=word))


def standing(state: State) -> Standing:
    """What should stand of the visit."""
    told, place = state.encounter, state.place
    if not state.word:
        return Standing()
    encounter = told and msgspec.structs.replace(
        told, state=_WORDS[state.word], location=place.location, company=place.company, whole=True
    )
    wants = place.wants if state.word in _STANDS else ()
    return Standing(encounter, {wanted.key: wanted for wanted in wants})


def _detailed(state: State, event: CourseEvent) -> State:
    """Whose visit it is and of which kind, as far as the event says."""
    for effect in event.effects:
        if isinstance(effect, Encounter):
            before = state.encounter
            kind = before.kind if before and effect.kind == "other" else effect.kind
            told = msgspec.structs.replace(effect, kind=kind, state="", location="", company="")
            return msgspec.structs.replace(state, encounter=told)
    return state


def _stated(event: CourseEvent) -> Place:
    """Where the event says that the visit is, and what it wants there."""
    wants = tuple(effect for effect in event.effects if isinstance(effect, Reserve))
    for effect in event.effects:
        if isinstance(effect, Encounter):
            return Place(effect.location, effect.company, wants)
    return Place(wants=wants)


def _placed(state: State, event: CourseEvent, *, fresh: bool) -> State:
    """The visit where the event puts it; one that names no place the tables know leaves it there,
    with what it wants, unless it begins afresh."""
    stated, place, left = _stated(event), state.place, state.left
    if event.trigger == "A12" and left:
        place, left = left[-1], left[:-1]
    elif event.trigger in _MOVES:
        left = (*left, place)
    if fresh or stated.location or stated.wants:
        place = stated
    return msgspec.structs.replace(state, place=place, left=() if event.trigger in _ADMITS else left)


def _not_admitted(state: State) -> State:
    """The admission was a mistake: the plan stands again, if there was one."""
    if state.plan is None:
        return msgspec.structs.replace(state, word="cancelled", left=())
    return msgspec.structs.replace(state, word="planned", place=state.plan, left=())
