"""The door to threads: loops turn, rest, wake, fail and end when asked."""

from __future__ import annotations

import threading

from engine.threads import Loop


def test_a_loop_turns_until_it_is_stopped_and_finishes_its_turn() -> None:
    turns, began, finish = [], threading.Event(), threading.Event()

    def turn() -> float:
        turns.append(1)
        began.set()
        assert finish.wait(30)
        return 0.0

    loop = Loop("turns", turn, lambda _: 0.0)
    loop.start()
    assert began.wait(30)
    assert not loop.stop(timeout=0.01), "a turn under way is not cut off"
    finish.set()
    assert loop.stop(30)
    assert len(turns) == 1


def test_a_wake_up_ends_a_rest() -> None:
    turned = threading.Semaphore(0)

    def turn() -> float:
        turned.release()
        return 3600.0

    loop = Loop("rests", turn, lambda _: 0.0)
    loop.start()
    assert turned.acquire(timeout=30)
    loop.wake()
    assert turned.acquire(timeout=30), "it would have rested for an hour"
    assert loop.stop(30)


def test_a_turn_that_fails_is_told_and_the_loop_goes_on() -> None:
    failed, again = [], threading.Event()

    def turn() -> float:
        if not failed:
            raise RuntimeError("once")
        again.set()
        return 3600.0

    def told(error: BaseException) -> float:
        failed.append(type(error).__name__)
        return 0.0

    loop = Loop("fails", turn, told)
    loop.start()
    assert again.wait(30)
    assert failed == ["RuntimeError"]
    assert loop.stop(30)
