"""Rates: never more than allowed, and no less."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.access import Rates


def test_as_many_at_once_as_a_second_allows_then_one_for_each_that_comes_back() -> None:
    rates = Rates(5)
    assert [rates.allow("a", 100.0) for _ in range(5)] == [0.0] * 5
    assert rates.allow("a", 100.0) == pytest.approx(0.2)
    assert rates.allow("a", 100.1) == pytest.approx(0.1)
    assert rates.allow("a", 100.2) == 0.0
    assert rates.allow("a", 100.2) > 0
    assert [rates.allow("a", 200.0) for _ in range(6)][-2:] == [0.0, pytest.approx(0.2)]


def test_each_has_a_bucket_and_may_have_a_rate_of_its_own() -> None:
    rates = Rates(1)
    assert rates.allow("a", 0.0) == 0.0
    assert rates.allow("b", 0.0) == 0.0
    assert rates.allow("a", 0.0) == pytest.approx(1.0)
    assert [rates.allow("c", 0.0, 3.0) for _ in range(3)] == [0.0] * 3


def test_less_than_one_a_second() -> None:
    rates = Rates(0.5)
    assert rates.allow("a", 0.0) == 0.0
    assert rates.allow("a", 0.0) == pytest.approx(2.0)
    assert rates.allow("a", 2.0) == 0.0


def test_a_clock_that_is_set_back_gives_nothing() -> None:
    rates = Rates(1)
    assert rates.allow("a", 100.0) == 0.0
    assert rates.allow("a", 50.0) > 0


def test_buckets_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.access.rates.MOST", 2)
    rates = Rates(1)
    for who in ("a", "b", "a", "c"):  # b was used longest ago
        rates.allow(who, 0.0)
    assert rates.allow("a", 0.0) > 0
    assert rates.allow("b", 0.0) == 0.0


@given(st.floats(0.5, 50), st.lists(st.floats(0, 0.5), max_size=60))
def test_in_any_stretch_of_time_no_more_than_the_rate_and_one_second_s_worth(
    rate: float, gaps: list[float]
) -> None:
    rates, now, allowed = Rates(rate), 0.0, 0
    for gap in gaps:
        now += gap
        wait = rates.allow("a", now)
        allowed += wait == 0.0
        assert 0.0 <= wait <= 1 / rate + 1e-6
    assert allowed <= now * rate + max(rate, 1.0) + 1e-6
