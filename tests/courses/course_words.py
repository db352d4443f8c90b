"""Events of courses in few words, for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

from engine.courses.course import Course
from engine.courses.machine import MACHINES, Of
from engine.effects import Encounter, EncounterKind, Item, Release, Reserve
from engine.model import CourseEvent

VISIT = "t1v_" + "0" * 28
OTHER = "t1v_" + "1" * 28
PERSON = "t1p_" + "0" * 28
START = datetime(2026, 11, 24, 9, tzinfo=UTC)


def visit(
    trigger: str,
    at: int,
    place: str = "",
    *,
    kind: EncounterKind = "inpatient",
    kit: str = "",
    key: str = VISIT,
    person: str = PERSON,
) -> CourseEvent:
    """What an ADT message at `at` (seconds) says; with `kit` it wants so many gloves at its place."""
    effects: list[Encounter | Reserve | Release] = [
        Encounter(key=key, subject=person, kind=kind, location=place)
    ]
    if kit:
        item = Item(kit, Decimal(1))
        effects.append(Reserve(key=f"adt/{key}/kit", items=(item,), destination=place, subject=person))
    return CourseEvent(at * 1_000_000, at * 1_000_000, trigger, tuple(effects))


def slot(
    trigger: str,
    at: int,
    *lines: str,
    hour: int = 0,
    some: bool = False,
    gone: tuple[str, ...] = (),
    timed: bool = True,
) -> CourseEvent:
    """What a SIU message at `at` says: `lines` wanted at `hour` after START, `gone` given back."""
    when = START + timedelta(hours=hour)
    effects: list[Encounter | Reserve | Release] = [
        Reserve(
            key=f"siu/{VISIT}/{line}", items=(Item("GLV-M", Decimal(1)),), destination="OR1", needed_at=when
        )
        for line in lines
    ]
    effects += [Release(key=f"siu/{VISIT}/{line}", when_unknown="ignore") for line in gone]
    mode: Literal["all", "some"] = "some" if some else "all"
    starts = int(when.timestamp()) * 1_000_000 if timed else 0
    return CourseEvent(at * 1_000_000, at * 1_000_000, trigger, tuple(effects), mode, starts)


def told(of: Of, *events: CourseEvent) -> tuple[Course, list[str]]:
    """The course after the events in this order of arrival, and what each was answered."""
    course = Course(MACHINES[of])
    return course, [course.add(event) for event in events]


def shown(of: Of, *events: CourseEvent) -> str:
    """What stands: `open 3A +GLV-M`, `09:00 1 2`."""
    standing = told(of, *events)[0].standing
    words = []
    if standing.encounter is not None:
        words = [standing.encounter.state, standing.encounter.location]
        words += [f"+{one.items[0].code}" for one in standing.reserves.values()]
    else:
        times = {f"{one.needed_at:%H:%M}" for one in standing.reserves.values()}
        words = [*sorted(times), *(key.rpartition("/")[2] for key in standing.reserves)]
    return " ".join(filter(None, words))
