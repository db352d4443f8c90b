"""engine.hl7.times."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Unacceptable
from engine.hl7.times import moment, zone_of

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "start", "precision"),
    [
        ("2026", "2026-01-01T00:00:00+01:00", "year"),
        ("202611", "2026-11-01T00:00:00+01:00", "month"),
        ("20261121", "2026-11-21T00:00:00+01:00", "day"),
        (" 20261121 ", "2026-11-21T00:00:00+01:00", "day"),
        ("2026112112", "2026-11-21T12:00:00+01:00", "hour"),
        ("202611211200", "2026-11-21T12:00:00+01:00", "minute"),
        ("20260621120030", "2026-06-21T12:00:30+02:00", "second"),
        ("20261121120030.5", "2026-11-21T12:00:30.500000+01:00", "fraction"),
        ("20261121120030.0125", "2026-11-21T12:00:30.012500+01:00", "fraction"),
        ("20261121120030123", "2026-11-21T12:00:30.123000+01:00", "fraction"),
        ("20261121120030123-0500", "2026-11-21T12:00:30.123000-05:00", "fraction"),
        ("20261121120030-0500", "2026-11-21T12:00:30-05:00", "second"),
        ("202611211200+0530", "2026-11-21T12:00:00+05:30", "minute"),
        ("20261121+0000", "2026-11-21T00:00:00+00:00", "day"),
        ("2026-11-21", "2026-11-21T00:00:00+01:00", "day"),
        ("2026-11-21T12:00", "2026-11-21T12:00:00+01:00", "minute"),
        ("2026-11-21 12:00:30", "2026-11-21T12:00:30+01:00", "second"),
        ("2026-11-21T12:00:30.25Z", "2026-11-21T12:00:30.250000+00:00", "fraction"),
        ("2026-11-21T12:00:30-05:00", "2026-11-21T12:00:30-05:00", "second"),
        ("20261121T120030Z", "2026-11-21T12:00:30+00:00", "second"),
    ],
)
def test_what_is_read(text, start, precision):
    found = moment(text, BERLIN)
    assert (found.start.isoformat(), found.precision, found.warnings) == (start, precision, ())
    assert found.date == date.fromisoformat(start[:10])
    assert "2026" not in repr(found)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", '""', "0", "00000000", "20261121240000", "20261131", "20261301", "20261121126000",
        "20261121 1200", "2026112112003", "202611211200301", "2026112112003012", "11/21/2026",
        "11/21/2026 12:00:00", "21.11.2026", "2026-11", "2026-1-1", "2026-11-21T24:00",
        "20261121120000+2400", "20261121120000+0175", "20261121120000+05", "2026112١", "now",
        "20261121^20261122", "20261121120000.", "20261121120000.1234567", "x" * 10_000,
    ],
)  # fmt: skip
def test_what_is_refused(text):
    with pytest.raises(Unacceptable) as caught:
        moment(text, BERLIN, "FT1[2]-4")
    assert (caught.value.code, caught.value.place, caught.value.hl7) == ("bad-value", "FT1[2]-4", 102)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("2026", "2027-01-01T00:00:00+00:00"),
        ("202611", "2026-12-01T00:00:00+00:00"),
        ("202612", "2027-01-01T00:00:00+00:00"),
        ("20261231", "2027-01-01T00:00:00+00:00"),
        ("2026112112", "2026-11-21T13:00:00+00:00"),
        ("202611211259", "2026-11-21T13:00:00+00:00"),
        ("20261121120030", "2026-11-21T12:00:31+00:00"),
        ("20261121120030.5", "2026-11-21T12:00:30.500000+00:00"),
        ("9999", "9999-12-31T23:59:59.999999+00:00"),
        ("999912", "9999-12-31T23:59:59.999999+00:00"),
        ("99991231", "9999-12-31T23:59:59.999999+00:00"),
    ],
)
def test_precision_is_a_span(text, end):
    assert moment(text, UTC).end.isoformat() == end


def test_placeholders_and_daylight_saving_are_warned_about():
    assert moment("19000101", UTC).warnings == ("placeholder",)
    assert moment("99991231", UTC).warnings == ("placeholder",)
    assert moment("202603290230", BERLIN).warnings == ("dst_gap",)
    assert moment("202610250230", BERLIN).warnings == ("dst_overlap",)
    assert moment("202610250230", BERLIN).start.utcoffset() == timedelta(hours=2)
    assert moment("202610250230+0100", BERLIN).warnings == ()
    assert moment("20261025", BERLIN).warnings == ()


@pytest.mark.parametrize(
    ("sent_at", "offset"),
    [
        ("20261121120000-0500", timezone(-timedelta(hours=5))),
        ("20261121120000.123+0530", timezone(timedelta(hours=5, minutes=30))),
        ("202611211200+0000", UTC),
        ("20261121120000Z", UTC),
        ("2026-11-21T12:00:00-05:00", timezone(-timedelta(hours=5))),
        ("2026-11-21T12:00:00.123+0530", timezone(timedelta(hours=5, minutes=30))),
        ("2026-11-21 12:00Z", UTC),
        ("20261121120000", BERLIN),
        ("2026-11-21", BERLIN),
        ("", BERLIN),
        ("2026-11-21T12:00:00", BERLIN),
        ("nonsense-0500", BERLIN),
    ],
)
def test_zone_of_a_message(sent_at, offset):
    assert zone_of(sent_at, BERLIN) == offset


@given(st.datetimes(min_value=datetime(1000, 1, 1)), st.integers(-14 * 60, 14 * 60))  # noqa: DTZ001
def test_what_is_written_reads_back(local, minutes):
    start = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    hl7 = start.strftime("%Y%m%d%H%M%S.%f%z")
    assert moment(hl7, UTC).start == start
    assert moment(start.isoformat(), UTC).start == start
    assert moment(hl7[:14], start.tzinfo).start == start.replace(microsecond=0)


@given(st.text(alphabet="0123456789-+:.TZ ", max_size=30))
def test_nothing_but_unacceptable_is_raised(text):
    for read in (lambda: moment(text, BERLIN).end, lambda: zone_of(text, BERLIN)):
        with suppress(Unacceptable):
            read()
