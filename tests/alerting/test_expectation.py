"""When the next message is overdue: windows, days without, clocks put back and forward, times away."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.alerting.expectation import GRACE, parse_day, parse_expectation, parse_span
from engine.errors import Misconfigured

BERLIN = "Europe/Berlin"


def at(text: str, zone: str = BERLIN, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


def local(seconds: float | None, zone: str = BERLIN) -> str:
    assert seconds is not None
    return datetime.fromtimestamp(seconds, ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")


# 2026-11-20 is a Friday.
@pytest.mark.parametrize(
    ("expected", "heard", "due"),
    [
        ("every 15m", "2026-11-20 10:00", "2026-11-20 10:15"),
        ("every 15m, mon-fri 07-19", "2026-11-20 10:00", "2026-11-20 10:15"),
        ("every 15m, mon-fri 07-19", "2026-11-20 18:50", "2026-11-23 07:15"),  # Monday begins anew
        ("every 15m, mon-fri 07-19", "2026-11-20 18:45", "2026-11-20 19:00"),
        ("every 15m, mon-fri 07-19", "2026-11-21 12:00", "2026-11-23 07:15"),  # heard out of hours
        ("every 15m, mon-fri 07-19", "2026-11-23 07:05", "2026-11-23 07:20"),
        ("every 15m, mon-fri 07-19, sat 08-12", "2026-11-20 18:50", "2026-11-21 08:15"),
        ("every 1h, fri 22-06", "2026-11-20 23:30", "2026-11-21 00:30"),  # over midnight
        ("every 1h, fri 22-06", "2026-11-21 05:30", "2026-11-27 23:00"),
        ("every 1d, mon-fri", "2026-11-18 10:00", "2026-11-19 10:00"),
        ("every 1d, mon-fri", "2026-11-20 10:00", "2026-11-24 00:00"),
        (
            "every 1d, mon-fri 07-19",
            "2026-11-18 07:00",
            "2026-11-19 19:00",
        ),  # longer than its windows: adds up
        ("every 30m, fri-mon", "2026-11-20 10:00", "2026-11-20 10:30"),
        ("every 90s, 12:30-13", "2026-11-20 12:59", "2026-11-21 12:31"),
        ("every 2h, sat 20-24, sun 00-04", "2026-11-21 23:00", "2026-11-22 01:00"),  # windows that touch
    ],
)
def test_the_next_is_due(expected: str, heard: str, due: str) -> None:
    assert local(parse_expectation(expected, BERLIN).due(at(heard))) == due


@pytest.mark.parametrize(
    ("off", "due"),
    [
        ([], "2026-12-24 10:15"),
        (["12-24"], "2026-12-25 07:15"),
        (["2026-12-24", "12-25"], "2026-12-28 07:15"),
    ],
)
def test_nothing_is_expected_on_days_off(off: list[str], due: str) -> None:
    expected = parse_expectation("every 15m, mon-fri 07-19", BERLIN, off)
    heard = at("2026-12-24 10:00")
    assert local(expected.due(heard)) == due


def test_clocks_put_forward_leave_out_an_hour() -> None:
    """On 2026-03-29 in Berlin 02:00 is 03:00."""
    expected = parse_expectation("every 1h, sun 00-06", BERLIN)
    assert local(expected.due(at("2026-03-29 01:30"))) == "2026-03-29 03:30"
    assert local(parse_expectation("every 30m, sun 02-03", BERLIN).due(at("2026-03-28 12:00"))).startswith(
        "2026-04-05"
    )


def test_clocks_put_back_give_an_hour_twice() -> None:
    """On 2026-10-25 in Berlin 03:00 is 02:00."""
    expected = parse_expectation("every 1h, sun 00-06", BERLIN)
    heard = at("2026-10-25 01:30")
    due = expected.due(heard)
    assert due == heard + 3600
    assert expected.due(at("2026-10-25 02:30")) == at("2026-10-25 02:30", fold=1)
    night = parse_expectation("every 2h, sun 02-03", BERLIN)
    assert night.due(at("2026-10-24 12:00")) == at("2026-10-25 03:00")


def test_the_clock_stands_while_nobody_listened() -> None:
    expected = parse_expectation("every 15m", BERLIN)
    heard = at("2026-11-20 10:00")
    away = [(heard + 300, heard + 36000)]
    assert expected.due(heard, away) == heard + 36000 + 600
    late = [(heard + 890, heard + 36000)]
    assert expected.due(heard, late) == heard + 36000 + GRACE
    assert expected.due(heard, [(heard - 500, heard - 100)]) == heard + 900


def test_a_window_that_began_while_nobody_listened_begins_when_somebody_does() -> None:
    expected = parse_expectation("every 15m, mon-fri 07-19", BERLIN)
    assert local(
        expected.due(at("2026-11-20 18:50"), [(at("2026-11-22 00:00"), at("2026-11-23 09:00"))])
    ) == ("2026-11-23 09:15")


def test_nothing_is_due_where_no_day_is_left() -> None:
    off = [f"{month:02}-{day:02}" for month in range(1, 13) for day in range(1, 32) if valid(month, day)]
    assert parse_expectation("every 1h", BERLIN, off).due(at("2026-11-20 10:00")) is None


def valid(month: int, day: int) -> bool:
    try:
        return bool(parse_day(f"{month:02}-{day:02}"))
    except Misconfigured:
        return False


@pytest.mark.parametrize(
    "text",
    ["", "15m", "every", "every 0m", "every 15", "every 15m,", "every 15m, someday", "every 15m, mon-fri 07",
     "every 15m, 25-26", "every 15m, 07-07", "every 15m, 24-06", "every 15m, mon 07-24:30",
     "every 15m, 7:60-9", "every 15m, mon tue", "hourly", "every -5m", "every 15m; mon-fri"],
)  # fmt: skip
def test_what_cannot_be_understood_is_said(text: str) -> None:
    with pytest.raises(Misconfigured):
        parse_expectation(text, BERLIN)


@pytest.mark.parametrize("text", ["25-12", "2026-02-30", "2026-2-3", "12-32", "", "tomorrow"])
def test_what_is_no_day_is_said(text: str) -> None:
    with pytest.raises(Misconfigured):
        parse_day(text)


def test_a_leap_day_may_be_off_every_year() -> None:
    assert parse_day("02-29") == "02-29"


def test_spans() -> None:
    assert [parse_span(text) for text in ("90s", "15m", "4h", "1d")] == [90, 900, 14400, 86400]


WEEK = at("2026-10-19 00:00")
TIMES = st.floats(WEEK, WEEK + 21 * 86400)
LINES = st.sampled_from(
    ["every 15m", "every 15m, mon-fri 07-19", "every 1d, mon-fri 07-19", "every 3h, sat 22-04, wed 02-03",
     "every 2h, sun 01-04"]
)  # fmt: skip


@given(LINES, TIMES, TIMES)
def test_what_is_heard_later_is_due_no_sooner(line: str, one: float, other: float) -> None:
    expected = parse_expectation(line, BERLIN)
    first, second = (expected.due(moment) for moment in sorted((one, other)))
    assert first is not None
    assert second is not None
    assert first <= second + 1e-3


@given(LINES, TIMES, st.lists(st.floats(0, 6 * 86400), max_size=6))
def test_due_is_later_than_heard_and_no_sooner_for_times_away(
    line: str, heard: float, moments: list[float]
) -> None:
    expected = parse_expectation(line, BERLIN)
    cuts = [heard + moment for moment in sorted(moments)]
    away = [pair for pair in list(pairwise(cuts))[::2] if pair[0] < pair[1]]
    plain, held = expected.due(heard), expected.due(heard, away)
    assert plain is not None
    assert held is not None
    assert plain >= heard + expected.every - 1e-3
    assert held >= plain - 1e-3
    assert not any(low < held - 1e-3 < high - 2e-3 for low, high in away)
