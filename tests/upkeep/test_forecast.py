"""How long a disk lasts."""

from __future__ import annotations

import pytest

from engine.upkeep.forecast import DAY, NEVER, days_left

HOUR = 3600.0


def hours(count: int, by: float, start: float = 0.0) -> list[tuple[float, float]]:
    return [(start + number * HOUR, by) for number in range(count)]


def test_it_lasts_as_long_as_it_grew_lately() -> None:
    assert days_left(240e9, hours(48, 1e9), 2 * DAY) == pytest.approx(10)


def test_hours_that_are_missing_stood_still() -> None:
    assert days_left(240e9, hours(24, 1e9), 2 * DAY) == pytest.approx(20)


@pytest.mark.parametrize("grown", [[], hours(5, 1e9)])
def test_too_little_is_known(grown: list[tuple[float, float]]) -> None:
    assert days_left(1e9, grown, 5 * HOUR) is None


@pytest.mark.parametrize("by", [0.0, -1e6, 1.0])
def test_what_does_not_grow_never_fills_it(by: float) -> None:
    assert days_left(1e9, hours(48, by), 2 * DAY) == NEVER


def test_a_purge_at_night_is_taken_off() -> None:
    grown = [*hours(23, 1e9), (23 * HOUR, -22e9)]
    assert days_left(10e9, grown, DAY) == pytest.approx(10)
