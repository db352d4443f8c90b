"""How long wrong passwords keep waiting: as a model."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.accounts.lockout import FIRST, FORGOTTEN, FREE, LONGEST, Attempts, Standing, failed


def test_a_few_cost_nothing_then_each_doubles_to_a_quarter_of_an_hour() -> None:
    standing, waits = Standing(), []
    for _ in range(FREE + 9):
        standing = failed(standing, standing.until)
        waits.append(standing.until)
    spans = [later - sooner for sooner, later in zip([0.0, *waits], waits, strict=False)]
    assert spans[: FREE - 1] == [0.0] * (FREE - 1)
    assert spans[FREE - 1 :] == [min(LONGEST, FIRST * 2**n) for n in range(10)]


@given(st.lists(st.floats(0, 3 * FORGOTTEN), max_size=60))
def test_however_somebody_tries_a_day_has_few_guesses_and_nobody_is_out_for_good(gaps: list[float]) -> None:
    standing, now, guesses = Standing(), 1.0e9, [0.0] * 0
    for gap in gaps:
        now += gap
        assert standing.wait(now) <= LONGEST  # never for good
        if not standing.wait(now):
            standing = failed(standing, now)
            guesses.append(now)
    for at in guesses:
        within = [other for other in guesses if at <= other < at + FORGOTTEN]
        assert len(within) <= 2 * FREE + FORGOTTEN / LONGEST + 8


def test_after_a_day_of_rest_all_is_forgotten() -> None:
    standing = Standing(40, 100.0)
    assert failed(standing, 100.0 + FORGOTTEN).failures == 41
    assert failed(standing, 101.0 + FORGOTTEN) == Standing(1, 101.0 + FORGOTTEN)


def test_what_was_right_after_all_is_taken_back() -> None:
    attempts = Attempts(free=3)
    for _ in range(2):
        attempts.fail("10.0.0.1", 5.0)
    attempts.fail("10.0.0.1", 6.0)
    assert attempts.standing("10.0.0.1").wait(6.0) > 0
    attempts.take_back("10.0.0.1")
    assert attempts.standing("10.0.0.1") == Standing(2, 0.0)
    for _ in range(2):
        attempts.take_back("10.0.0.1")
    assert attempts.standing("10.0.0.1") == Standing()


def test_memory_is_bounded() -> None:
    attempts = Attempts()
    for number in range(10_001):
        attempts.fail(str(number), 1.0)
    assert attempts.standing("0") == Standing()
    assert attempts.standing("10000").failures == 1
