"""When what waits for a schedule is carried out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Misconfigured
from engine.scheduling import AT_ONCE, Schedule, ScheduleLoop

BERLIN = ZoneInfo("Europe/Berlin")
NIGHTLY = Schedule("0 22 * * *", "Europe/Berlin")
CLOSED = Schedule("0 22 * * *", "Europe/Berlin", "20:00")
SINCE = datetime(2026, 1, 1, tzinfo=BERLIN)


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()


def run_of(schedule: Schedule, received: str, now: str = "") -> str:
    run = schedule.run_for(at(received), at(now or received))
    return datetime.fromtimestamp(run, BERLIN).isoformat(" ", "minutes")


@pytest.mark.parametrize(
    ("received", "run"),
    [
        ("2026-11-22 08:00", "2026-11-22 22:00+01:00"),
        ("2026-11-22 21:59", "2026-11-22 22:00+01:00"),
        ("2026-11-22 22:00", "2026-11-23 22:00+01:00"),
        ("2026-11-22 23:30", "2026-11-23 22:00+01:00"),
    ],
)
def test_a_message_goes_with_the_next_run(received: str, run: str) -> None:
    assert run_of(NIGHTLY, received) == run


@pytest.mark.parametrize(
    ("received", "run"),
    [
        ("2026-11-22 19:59", "2026-11-22 22:00+01:00"),
        ("2026-11-22 20:00", "2026-11-23 22:00+01:00"),
        ("2026-11-22 21:59", "2026-11-23 22:00+01:00"),
        ("2026-11-22 23:00", "2026-11-23 22:00+01:00"),
    ],
)
def test_what_comes_after_the_cut_off_is_left_to_the_run_after(received: str, run: str) -> None:
    assert run_of(CLOSED, received) == run


def test_a_cut_off_later_than_the_run_is_that_of_the_day_before() -> None:
    early = Schedule("0 2 * * *", "Europe/Berlin", "23:00")
    assert run_of(early, "2026-11-21 22:59") == "2026-11-22 02:00+01:00"
    assert run_of(early, "2026-11-21 23:00") == "2026-11-23 02:00+01:00"


def test_what_is_routed_after_its_run_goes_with_the_next_one_though_it_came_in_time() -> None:
    assert run_of(CLOSED, "2026-11-20 10:00", "2026-11-22 23:00") == "2026-11-23 22:00+01:00"


def test_runs_follow_the_clocks_of_the_zone_over_summer_time() -> None:
    assert run_of(NIGHTLY, "2026-03-28 23:00") == "2026-03-29 22:00+02:00"
    skipped = Schedule("30 2 * * *", "Europe/Berlin")  # an hour that is not there on that day
    assert run_of(skipped, "2026-03-28 12:00") == "2026-03-29 03:00+02:00"
    twice = run_of(skipped, "2026-10-25 03:30")  # and one that is there twice
    assert twice == "2026-10-26 02:30+01:00"


@given(
    st.integers(0, 400 * 24 * 60),
    st.integers(0, 3 * 24 * 60),
    st.sampled_from(["", "00:00", "20:00", "23:59"]),
)
def test_a_run_is_never_over_and_earlier_messages_never_go_later(
    minute: int, later: int, cut_off: str
) -> None:
    schedule = Schedule("0 22 * * *", "Europe/Berlin", cut_off)
    first = SINCE.astimezone(UTC) + timedelta(minutes=minute)
    second = first + timedelta(minutes=later)
    runs = [schedule.run_for(one.timestamp(), one.timestamp()) for one in (first, second)]
    assert first.timestamp() < runs[0] <= runs[1]
    assert runs[0] - first.timestamp() <= 49 * 3600


@pytest.mark.parametrize(
    ("schedule", "where"),
    [
        (Schedule("every night", "Europe/Berlin"), "cron"),
        (Schedule("0 22 * *", "Europe/Berlin"), "cron"),
        (Schedule("0 22 30 2 *", "Europe/Berlin"), "cron"),
        (Schedule("*/15 * * * *", "Europe/Berlin", "20:00"), "cut_off"),
    ],
)
def test_what_is_no_schedule_is_refused_with_a_way_out(schedule: Schedule, where: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        schedule.check(SINCE)
    assert refused.value.where == where
    assert refused.value.hint


@pytest.mark.parametrize("cron", ["0 22 * * *", "0 6 * * 1-5", "0 0 1 * *"])
def test_a_cut_off_goes_with_runs_that_are_a_day_or_more_apart(cron: str) -> None:
    Schedule(cron, "Europe/Berlin", "20:00").check(SINCE)


def test_the_loop_goes_on_until_nothing_more_is_due_and_tells_of_what_went() -> None:
    left, sent = [AT_ONCE, 3, 0], []
    loop = ScheduleLoop(lambda now, *, limit: left.pop(0), lambda: 50.0, lambda: sent.append(1))
    assert [loop.turn() > 0 for _ in range(3)] == [False, True, True]
    assert len(sent) == 2
