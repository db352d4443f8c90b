"""What a worker says, and what the first process makes of it."""

from __future__ import annotations

from engine.measuring.growth import Counts, Growth
from engine.measuring.standing import Standing
from engine.measuring.telling import EVERY, PATIENCE, Hearing, Teller


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def teller(name: str, counted: Counts, hearing: Hearing, parts: dict[str, Standing]) -> Teller:
    return Teller(name, 50.0, Growth(lambda: dict(counted)), lambda: parts, hearing.heard)


def test_what_a_worker_counted_stays_counted_when_it_has_ended_and_another_takes_its_place() -> None:
    hearing, counted = Hearing(Clock()), {"done": 2.0}
    first = teller("north/1", counted, hearing, {"routing": "ready"})
    assert first.turn() == EVERY
    counted["done"] = 5.0
    first.turn()
    again = teller(
        "north/1", {"done": 1.0}, hearing, {"routing": "ready"}
    )  # a new process counts from nought
    again.turn()
    teller("north/2", {"done": 10.0, "other": 1.0}, hearing, {}).turn()
    assert hearing.totals() == {"done": 16.0, "other": 1.0}
    assert [one.name for one in hearing.present()] == ["north/1", "north/2"]


def test_a_worker_that_falls_silent_does_not_stand() -> None:
    clock = Clock()
    hearing = Hearing(clock)
    teller("north/1", {}, hearing, {"routing": "degraded"}).turn()
    assert hearing.parts() == {"routing of north/1": "degraded"}
    clock.now += PATIENCE
    assert hearing.parts() == {"process north/1": "unready"}
    assert hearing.present() == []


def test_a_line_that_was_cut_off_says_nothing() -> None:
    hearing = Hearing(Clock())
    for line in (b"", b'{"name": "north/1", "si', b"\xff", b"[]", b'{"name": 3, "since": 0}'):
        hearing.heard(line)
    assert (hearing.totals(), hearing.present(), hearing.parts()) == ({}, [], {})
