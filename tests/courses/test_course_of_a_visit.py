"""The course of a visit: every event in every state, and what survives disorder."""

from __future__ import annotations

import itertools
import random

import pytest
from courses.course_words import shown, told, visit
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.courses.course import Course
from engine.courses.encounter import TABLE
from engine.courses.machine import MACHINES
from engine.model import CourseEvent

A01, A03 = visit("A01", 10, "ICU", kit="BED"), visit("A03", 50, "ICU")
LEADS = {  # how a visit comes to each state
    "": [],
    "planned": [visit("A05", 1, "3A", kit="PLAN")],
    "open": [visit("A01", 1, "ICU", kit="BED")],
    "away": [visit("A01", 1, "ICU", kit="BED"), visit("A21", 2)],
    "closed": [visit("A01", 1, "ICU", kit="BED"), visit("A03", 2)],
    "cancelled": [visit("A01", 1, "ICU", kit="BED"), visit("A11", 2)],
}
SEEN = {"": "", "away": "open", "closed": "closed", "cancelled": "cancelled"}


@pytest.mark.parametrize("state", list(LEADS))
@pytest.mark.parametrize("trigger", sorted(TABLE.cells))
def test_every_event_in_every_state(trigger: str, state: str) -> None:
    """The encounter stands in the state that the table says, and only there are its kits reserved."""
    cell = TABLE.cells[trigger][state]
    course, said = told("encounter", *LEADS[state], visit(trigger, 9, "ED", kit="NEW"))
    after = state if cell.startswith(("=", "!")) else cell
    if trigger == "A11" and "planned" in state:
        after = "planned"
    assert said[-1] == (cell[1:] if cell.startswith("!") else "")
    encounter = course.standing.encounter
    assert (encounter.state if encounter else "") == SEEN.get(after, after)
    assert bool(course.standing.reserves) == (after in ("planned", "open"))


@pytest.mark.parametrize(
    ("case", "events", "stands"),
    [
        ("discharge before admission", [A03, A01], "closed ICU"),
        (
            "an update after the discharge opens nothing",
            [A01, A03, visit("A08", 60, "3A", kit="X")],
            "closed ICU",
        ),
        ("an update moves nothing", [A01, visit("A08", 20, "3A", kit="X")], "open ICU +BED"),
        ("an update before its admission", [visit("A08", 9, "3A"), A01], "open ICU +BED"),
        ("an update alone opens nothing", [visit("A08", 9, "3A")], ""),
        ("admission again is an update", [A01, visit("A01", 20, "ICU", kit="TWO")], "open ICU +TWO"),
        ("a transfer takes what is wanted along", [A01, visit("A02", 20, "3A", kit="3A")], "open 3A +3A"),
        ("a transfer to a ward without kits", [A01, visit("A02", 20, "3A")], "open 3A"),
        ("a transfer to nowhere known", [A01, visit("A02", 20, "")], "open ICU +BED"),
        ("a cancelled transfer says where", [A01, visit("A02", 20, "3A"), visit("A12", 30, "ED")], "open ED"),
        ("a cancelled transfer goes back", [A01, visit("A02", 20, "3A"), visit("A12", 30)], "open ICU +BED"),
        (
            "two transfers, one cancelled",
            [A01, visit("A02", 20, "3A", kit="3A"), visit("A02", 30, "ED"), visit("A12", 40)],
            "open 3A +3A",
        ),
        ("a cancelled discharge brings back what it let go", [A01, A03, visit("A13", 60)], "open ICU +BED"),
        ("a cancelled discharge elsewhere", [A01, A03, visit("A13", 60, "3A", kit="3A")], "open 3A +3A"),
        (
            "a transfer after the discharge counts once the discharge is cancelled",
            [A01, A03, visit("A02", 70, "3A"), visit("A13", 60)],
            "open 3A",
        ),
        ("a transfer of a discharged patient is not one", [A01, A03, visit("A02", 70, "3A")], "closed ICU"),
        ("a cancelled admission", [A01, visit("A11", 20)], "cancelled ICU"),
        (
            "a cancelled admission leaves the plan",
            [visit("A05", 5, "3A", kit="PLAN"), A01, visit("A11", 20)],
            "planned 3A +PLAN",
        ),
        ("a plan that was called off", [visit("A05", 5, "3A"), visit("A38", 6)], "cancelled 3A"),
        (
            "called off before it was planned",
            [visit("A38", 6), visit("A05", 5, "3A", kit="X")],
            "cancelled 3A",
        ),
        ("a leave holds what is wanted", [A01, visit("A21", 20)], "open ICU"),
        ("and the return resumes it", [A01, visit("A21", 20), visit("A22", 30)], "open ICU +BED"),
        ("a cancelled leave too", [A01, visit("A21", 20), visit("A52", 21)], "open ICU +BED"),
        (
            "a cancelled return holds it",
            [A01, visit("A21", 20), visit("A22", 30), visit("A53", 31)],
            "open ICU",
        ),
        ("admitted again after the discharge", [A01, A03, visit("A01", 90, "3A", kit="3A")], "open 3A +3A"),
        ("admitted again begins afresh", [A01, A03, visit("A01", 90, "")], "open"),
        ("a swap moves", [A01, visit("A17", 20, "3A", kit="3A")], "open 3A +3A"),
        ("an outpatient comes in", [visit("A04", 5, "ED"), visit("A06", 8, "3A", kit="3A")], "open 3A +3A"),
        ("a transfer is all that was ever heard", [visit("A02", 5, "3A")], "open 3A"),
        (
            "cancels before what they cancel",
            [visit("A13", 60, "3A"), visit("A12", 30, "ED"), A03, A01],
            "open 3A",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and value.islower() else "",
)  # fmt: skip
def test_disorder(case: str, events: list[CourseEvent], stands: str) -> None:
    assert shown("encounter", *events) == stands
    for order in itertools.permutations(events):
        assert shown("encounter", *order, *order[:1]) == stands


def test_a_storm_of_updates_changes_nothing_and_is_bounded() -> None:
    storm = [visit("A08", 20 + number, "3A") for number in range(2000)]
    random.Random(1).shuffle(storm)
    course, _ = told("encounter", A01, *storm[:1000])
    before = course.standing
    for event in storm[1000:]:
        course.add(event)
    assert course.standing == before
    assert len(course.encoded()) < 300_000


def test_older_than_what_is_remembered_is_refused_by_name() -> None:
    course, _ = told("encounter", A01, *[visit("A08", 20 + number) for number in range(501)])
    before = course.standing
    assert course.add(visit("A02", 15, "3A")) == "beyond-memory"
    assert course.standing == before
    assert course.add(visit("A02", 9999, "3A")) == ""


def test_a_repeat_is_known_whatever_object_a_default_is() -> None:
    """JSON leaves out a default that is the very object, and writes one that is only equal to it."""
    made = visit("A12", 10, kind="".join(["oth", "er"]))  # type: ignore[arg-type]
    course, _ = told("encounter", A01, made)
    again = Course(MACHINES["encounter"], course.encoded())
    assert again.add(visit("A12", 10, kind="other")) == "already-known"
    assert again.add(visit("A12", 10, kind="".join(["ot", "her"]))) == "already-known"  # type: ignore[arg-type]


def test_what_was_said_exactly_so_is_known() -> None:
    course, said = told("encounter", A01, A03, A01)
    assert said == ["", "", "already-known"]
    assert course.has(A03)
    assert not course.has(visit("A03", 51, "ICU"))


EVENTS = st.lists(
    st.builds(
        visit,
        st.sampled_from(sorted(TABLE.cells)),
        st.integers(0, 8),  # ties are common
        st.sampled_from(["", "ICU", "3A", "ED"]),
        kind=st.sampled_from(["inpatient", "outpatient", "other"]),
        kit=st.sampled_from(["", "A", "B"]),
    ),
    max_size=9,
)


@settings(max_examples=300, deadline=None)
@given(EVENTS, st.randoms(use_true_random=False))
def test_any_order_with_repeats_comes_to_the_same(events: list[CourseEvent], dice: random.Random) -> None:
    again = [*events, *dice.sample(events, dice.randint(0, len(events)))]
    dice.shuffle(again)
    assert told("encounter", *again)[0].standing == told("encounter", *events)[0].standing


@settings(max_examples=100, deadline=None)
@given(EVENTS, st.integers(0, 9))
def test_a_course_read_back_goes_on_as_it_was(events: list[CourseEvent], at: int) -> None:
    whole, _ = told("encounter", *events)
    first, _ = told("encounter", *events[:at])
    second = Course(MACHINES["encounter"], first.encoded())
    for event in events[at:]:
        second.add(event)
    assert second.encoded() == whole.encoded()
