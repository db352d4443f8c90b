"""The pace of work in the background: what takes long becomes less, and rests follow."""

from __future__ import annotations

import pytest

from engine.store.pacing import LARGEST, LEAST, LONGEST_REST, RESTS, Pace


class Clock:
    """Each row of a piece takes so many seconds."""

    def __init__(self) -> None:
        self.now, self.a_row, self.rests = 0.0, 0.001, list[float]()

    def __call__(self) -> float:
        return self.now

    def rest(self, seconds: float) -> None:
        self.rests.append(seconds)


def walk(pace: Pace, clock: Clock, rows: int) -> list[int]:
    sizes = []
    for some in pace.pieces(range(rows)):
        sizes.append(len(some))
        clock.now += len(some) * clock.a_row
    return sizes


def test_pieces_grow_to_the_goal_and_shrink_when_they_take_longer() -> None:
    clock = Clock()
    pace = Pace(0.1, clock.rest, clock)
    sizes = walk(pace, clock, 3000)
    assert sum(sizes) == 3000
    assert sizes[0] == LEAST
    assert 90 <= sizes[-2] <= 110
    clock.a_row = 0.002
    assert walk(pace, clock, 3000)[-2] < 60


def test_a_rest_is_longer_than_the_piece_and_has_its_end() -> None:
    clock = Clock()
    pace = Pace(0.1, clock.rest, clock)
    with pace.piece():
        clock.now += 0.05
    with pace.piece():
        clock.now += 60
    with pace.look():
        clock.now += 0.01
    assert clock.rests == pytest.approx([RESTS * 0.05, LONGEST_REST, RESTS * 0.01])


def test_a_piece_is_never_empty_nor_without_bound() -> None:
    clock = Clock()
    clock.a_row = 100.0
    slow, quick = Pace(0.1, clock.rest, clock), Pace(0.1, clock.rest, clock)
    assert set(walk(slow, clock, LEAST * 5)) == {LEAST}
    clock.a_row = 0.0
    assert walk(quick, clock, 5000)[-2] == LARGEST


def test_a_rest_that_raises_ends_the_work() -> None:
    clock = Clock()

    def ended(_: float) -> None:
        raise InterruptedError

    done = []
    with pytest.raises(InterruptedError):
        for some in Pace(0.1, ended, clock).pieces(range(1000)):
            done += some
    assert done == list(range(LEAST))
