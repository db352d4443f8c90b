"""Waiting: it doubles, it is bounded, half of it is chance, and it ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.retry import RetryPolicy


def test_waits_double_up_to_the_longest() -> None:
    policy = RetryPolicy(first=1, longest=60)
    assert [policy.delay(attempt, lambda: 1.0) for attempt in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]


@given(attempts=st.integers(1, 10_000), dice=st.floats(0, 1))
def test_half_of_a_wait_is_chance(attempts: int, dice: float) -> None:
    policy = RetryPolicy()
    full = policy.delay(attempts, lambda: 1.0)
    assert full / 2 <= policy.delay(attempts, lambda: dice) <= full <= policy.longest


@pytest.mark.parametrize("give_up", [60.0, 3600.0, 7 * 86400.0])
def test_it_gives_up_when_the_waits_add_up(give_up: float) -> None:
    policy = RetryPolicy(give_up=give_up)
    attempts = next(number for number in range(1, 100_000) if policy.exhausted(number))
    waited = sum(policy.delay(number, lambda: 0.5) for number in range(1, attempts))
    assert give_up <= waited <= give_up + policy.longest


def test_the_first_attempt_is_never_the_last() -> None:
    assert not RetryPolicy().exhausted(1)
