"""Counting within the last hour."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.reidentify.limits import HOUR, Window

GAPS = st.lists(st.floats(0, 900), min_size=1, max_size=60)


@given(GAPS)
def test_a_window_counts_what_lies_within_the_last_hour_and_no_more(gaps: list[float]) -> None:
    window, times, now = Window(HOUR), list[float](), 0.0
    for gap in gaps:
        now += gap
        window.add("maria", now)
        times.append(now)
        assert window.count("maria", now) == sum(time > now - HOUR for time in times)


@given(GAPS, st.integers(1, 20))
def test_after_the_wait_there_is_room_and_just_before_there_was_none(gaps: list[float], most: int) -> None:
    window, now = Window(HOUR), 0.0
    for gap in gaps:
        now += gap
        if window.wait("maria", most, now) == 0:
            window.add("maria", now)
    wait = window.wait("maria", most, now)
    assert window.count("maria", now) <= most
    assert (wait > 0) == (window.count("maria", now) == most)
    if wait > 1:
        assert window.wait("maria", most, now + wait - 1) > 0
    assert window.wait("maria", most, now + wait + 0.001) == 0


def test_names_are_counted_apart_and_the_number_of_names_is_bounded() -> None:
    window = Window(HOUR)
    window.add("maria", 0)
    assert window.count("jon", 0) == 0
    for number in range(10_000):
        window.add(f"stranger-{number}", 1)
    assert window.count("maria", 1) == 0  # forgotten: the one used longest ago
    assert window.count("stranger-9999", 1) == 1
