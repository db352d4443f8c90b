"""What is known of a visit or an appointment at one point of its course, and what of it stands in Odoo."""

from __future__ import annotations

import msgspec

from engine.effects import Encounter, Reserve

__all__ = ["NOTHING", "Place", "Standing", "State", "Stepped"]


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a visit is, and what it wants reserved there."""

    location: str = ""
    company: str = ""
    wants: tuple[Reserve, ...] = ()


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """`word` is the state (empty: never begun), `encounter` the visit's details without state and place.

    Of a visit, `left` are the places it was moved away from, for a cancelled transfer, and `plan` is what
    was planned before the admission. `starts` is an appointment's start (microseconds, 0: not known)."""

    word: str = ""
    encounter: Encounter | None = None
    place: Place = Place()
    left: tuple[Place, ...] = ()
    plan: Place | None = None
    starts: int = 0


NOTHING = State()


class Stepped(msgspec.Struct, frozen=True):
    """The state after an event; `why` names the reason when the event changed nothing by itself."""

    state: State
    why: str = ""


class Standing(msgspec.Struct, frozen=True):
    """What should stand in Odoo: the visit's contact, and reservations by key."""

    encounter: Encounter | None = None
    reserves: dict[str, Reserve] = {}
