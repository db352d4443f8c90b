"""The course of an appointment: every event in every state, lines, times, and what survives disorder."""

from __future__ import annotations

import itertools
import random

import pytest
from courses.course_words import shown, slot, told
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.courses.appointment import TABLE
from engine.model import CourseEvent

S12 = slot("S12", 10, "1", "2")
LEADS = {
    "": [],
    "booked": [S12],
    "cancelled": [S12, slot("S15", 11)],
    "discontinued": [S12, slot("S16", 11)],
    "deleted": [S12, slot("S17", 11)],
    "no-show": [S12, slot("S26", 11)],
}


@pytest.mark.parametrize("state", list(LEADS))
@pytest.mark.parametrize("trigger", sorted(TABLE.cells))
def test_every_event_in_every_state(trigger: str, state: str) -> None:
    cell = TABLE.cells[trigger][state]
    course, said = told("appointment", *LEADS[state], slot(trigger, 20, "1"))
    after = state if cell.startswith(("=", "!")) else cell
    assert said[-1] == (cell[1:] if cell.startswith("!") else "")
    assert bool(course.standing.reserves) == (after == "booked")


@pytest.mark.parametrize(
    ("case", "events", "stands"),
    [
        ("cancelled before it was booked", [slot("S15", 20), S12], ""),
        (
            "moved twice, out of order",
            [S12, slot("S13", 30, "1", hour=3), slot("S13", 20, "1", hour=1)],
            "12:00 1",
        ),
        ("moved without its lines", [S12, slot("S13", 20, hour=2)], "11:00 1 2"),
        ("moved without lines and without a time", [S12, slot("S13", 20, timed=False)], "09:00 1 2"),
        ("booked again is a change", [S12, slot("S12", 20, "1")], "09:00 1"),
        ("lines left out of a snapshot are given back", [S12, slot("S14", 20, "2", "3")], "09:00 2 3"),
        ("single lines change, others stay", [S12, slot("S14", 20, "3", some=True)], "09:00 1 2 3"),
        ("a single line is taken out", [S12, slot("S14", 20, some=True, gone=("1",))], "09:00 2"),
        ("a resource is added", [S12, slot("S18", 20, "9", some=True)], "09:00 1 2 9"),
        (
            "and cancelled again, first heard of",
            [slot("S20", 30, some=True, gone=("9",)), slot("S18", 20, "9", some=True), S12],
            "09:00 1 2",
        ),
        ("a change of what was never booked books it", [slot("S14", 20, "1")], "09:00 1"),
        ("a change after the end changes nothing", [S12, slot("S15", 20), slot("S14", 30, "1")], ""),
        (
            "moved after it was cancelled: it takes place",
            [S12, slot("S15", 20), slot("S13", 30, hour=1)],
            "10:00 1 2",
        ),
        ("moved after a no-show", [S12, slot("S26", 20), slot("S13", 30, "1", hour=1)], "10:00 1"),
        ("booked anew after it was cancelled", [S12, slot("S15", 20), slot("S12", 30, "7")], "09:00 7"),
        ("announced after it was cancelled", [S12, slot("S15", 20), slot("S27", 30, "1")], ""),
        ("announced is booked", [slot("S27", 30, "1")], "09:00 1"),
        ("deleted", [S12, slot("S17", 20)], ""),
    ],
    ids=lambda value: value if isinstance(value, str) and value.islower() else "",
)  # fmt: skip
def test_disorder(case: str, events: list[CourseEvent], stands: str) -> None:
    assert shown("appointment", *events) == stands
    for order in itertools.permutations(events):
        assert shown("appointment", *order, *order[:1]) == stands


EVENTS = st.lists(
    st.builds(
        lambda trigger, at, lines, hour, some, gone, timed: slot(
            trigger, at, *sorted(lines - gone), hour=hour, some=some, gone=tuple(sorted(gone)), timed=timed
        ),
        st.sampled_from(sorted(TABLE.cells)),
        st.integers(0, 8),
        st.sets(st.sampled_from("123")),
        st.integers(0, 3),
        st.booleans(),
        st.sets(st.sampled_from("12"), max_size=1),
        st.booleans(),
    ),
    max_size=9,
)


@settings(max_examples=300, deadline=None)
@given(EVENTS, st.randoms(use_true_random=False))
def test_any_order_with_repeats_comes_to_the_same(events: list[CourseEvent], dice: random.Random) -> None:
    again = [*events, *dice.sample(events, dice.randint(0, len(events)))]
    dice.shuffle(again)
    assert told("appointment", *again)[0].standing == told("appointment", *events)[0].standing
