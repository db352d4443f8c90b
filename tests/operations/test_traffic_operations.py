"""Traffic: how each channel stands, worst first, and what each number is made of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from editions.edition_kit import charge
from operations.duty_desk import NOW, Duty, caller, duties

from engine.accounts.words import Role
from engine.auditing import Act
from engine.model import Arrival
from engine.operations.channels import SHOW as CHANNEL_SHOWN
from engine.operations.flows import Flow
from engine.operations.moments import age, moment
from engine.operations.operation import NotThere, entry, perform
from engine.operations.traffic import CHANNEL, SHOW, Asked, Named, Traffic
from engine.store.contracts.holding import Hold, HoldKind
from engine.telemetry import series

VIEWER = caller(Role.VIEWER)
CHARGES = "dft-charges"  # promises 15 minutes


@pytest.fixture
def duty(tmp_path: Path) -> Iterator[Duty]:
    for made in duties(tmp_path, "adt-encounters", CHARGES):
        made.deploy()
        yield made


def running(duty: Duty, **parts: float) -> None:
    """An engine that was heard of now, with how its parts stand."""
    latest = {series("wardline_process", process="n/0", version="1"): NOW - 500}
    for part, stands in {
        "store": 2.0,
        **{name.replace("_", " ", 1): one for name, one in parts.items()},
    }.items():
        latest[series("wardline_part", process="n/0", part=part)] = stands
    duty.store.measure({}, latest, at=NOW)


def counted(duty: Duty, name: str, value: float, ago: float = 90.0, **labels: str) -> None:
    duty.store.measure({series(name, **labels): value}, {}, at=NOW - ago)


def show(duty: Duty, **asked: str) -> Traffic:
    return perform(duty.desk, VIEWER, SHOW, Asked(**asked))


def flow(duty: Duty, name: str = CHARGES) -> Flow:
    return perform(duty.desk, VIEWER, CHANNEL, Named(name))


def hold(duty: Duty, kind: HoldKind, name: str) -> None:
    told = entry(duty.desk, VIEWER, Act.HOLD, f"channel:{name}", why="a reason")
    duty.store.hold(Hold(kind, name, NOW, "dora", "a reason"), told=told)


def test_every_channel_of_the_edition_is_there_and_quiet(duty: Duty) -> None:
    running(duty)
    found = show(duty)
    assert len(found.flows) == 10
    assert {one.how for one in found.flows} == {"quiet"}
    assert [one.name for one in found.processes] == ["n/0"]
    assert (found.edition, found.wrong) == (1, "")
    assert all(one.runs and not one.says for one in found.flows)
    with pytest.raises(NotThere):
        flow(duty, "nothing")


def test_what_waits_too_long_is_first_and_says_so(duty: Duty) -> None:
    running(duty)
    duty.admit()
    first = show(duty).flows[0]
    assert (first.channel, first.how) == ("adt-encounters", "bad")
    assert first.says == ("its oldest waits longer than promised",)
    assert (first.waits.due, first.waits.now, first.waits.oldest > 40_000) == (1, 1, True)
    hold(duty, HoldKind.DELIVERY, "adt-encounters")
    held = flow(duty, "adt-encounters")
    assert (held.how, held.says) == ("warn", ("its effects are held by dora: a reason",))


def test_without_an_engine_what_waits_is_bad(duty: Duty) -> None:
    raw = charge(1)
    duty.store.accept([Arrival(CHARGES, raw, b"n" * 16, b"d" * 16, NOW - 5)])
    assert show(duty).processes == ()
    assert flow(duty).says == ("it waits for an engine that is not running",)
    running(duty)
    assert (flow(duty).how, flow(duty).says, flow(duty).waits.unrouted) == ("good", (), 1)
    duty.hospital.route()


def test_rates_are_of_whole_minutes_and_the_hour_is_shown(duty: Duty) -> None:
    running(duty)
    for ago, count in ((90, 5), (150, 10), (3000, 7), (4000, 100)):
        counted(duty, "wardline_messages_accepted", count, ago, channel=CHARGES, kind="new")
    counted(duty, "wardline_messages_refused", 3, channel=CHARGES, reason="missing-field")
    counted(duty, "wardline_messages_routed", 2, channel=CHARGES, result="filtered")
    duty.store.measure({}, {series("wardline_last_seen", channel=CHARGES): NOW - 90}, at=NOW)
    found = flow(duty)
    assert (found.taken, found.rate, found.refused, found.filtered) == (22, 3.0, 3, 2)
    assert (sum(found.minutes), max(found.minutes), found.seen_at) == (22, 10, NOW - 90)
    assert found.how == "good"


def test_a_promise_is_kept_or_not_by_the_effects_of_a_day(duty: Duty) -> None:
    running(duty)
    for bound, count in (("60", 8), ("900", 0), ("3600", 2)):
        counted(duty, "wardline_end_to_end_seconds_bucket", count, channel=CHARGES, le=bound)
    found = flow(duty)
    assert (found.within, found.met, found.missed) == (900.0, 8, 2)
    assert found.effective is not None
    assert found.effective > 900
    counted(duty, "wardline_settled", 9, channel=CHARGES, outcome="refused", reason="conflict")
    found = flow(duty)
    assert (found.met, found.missed, found.how) == (8, 11, "bad")
    assert found.says == ("most of the last day's effects came later than promised",)


def test_a_door_that_is_shut_is_bad(duty: Duty) -> None:
    running(duty, **{f"listener_{CHARGES}": 0.0})
    assert flow(duty).says == ("its door takes no messages: see the engine's log",)
    assert show(duty).flows[0].channel == CHARGES


def test_dead_letters_want_a_look_and_the_critical_ones_come_first(duty: Duty) -> None:
    running(duty)
    duty.broken()
    found = show(duty)
    assert (found.flows[0].channel, found.flows[0].how) == ("adt-encounters", "warn")
    assert found.flows[0].says == ("1 dead letter to settle",)
    assert [one.channel for one in show(duty, criticality="high").flows] == [
        one.channel for one in found.flows if one.criticality == "high"
    ]


def test_destinations_say_how_their_attempts_ended_and_who_holds_them(duty: Duty) -> None:
    name = "odoo:hospital-odoo"
    for outcome, count in (("delivered", 4), ("refused", 2), ("tryagain", 3)):
        counted(duty, "wardline_deliveries", count, destination=name, outcome=outcome, reason="")
    hold(duty, HoldKind.DESTINATION, name)
    (one,) = show(duty).destinations
    assert (one.destination, one.delivered, one.refused, one.again) == (name, 4, 2, 3)
    assert one.hold is not None
    assert one.hold.why == "a reason"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0.0),
        ("90s", 910.0),
        ("15m", 100.0),
        ("2d", 0.0),
        ("1970-01-01T00:10Z", 600.0),
        ("1970-01-01", 0.0),
    ],
)
def test_moments_are_ages_or_dates(text: str, expected: float) -> None:
    assert moment(text, 1000.0) == expected


@pytest.mark.parametrize(
    ("span", "seconds"), [("30s", 30), ("5m", 300), ("4h", 14400), ("1d", 86400), ("", 0)]
)
def test_spans_of_channels_are_seconds(span: str, seconds: float) -> None:
    assert age(span) == seconds


def test_a_channel_shows_what_came_by_the_hour_and_by_the_day(duty: Duty) -> None:
    for ago, count in ((90, 5), (7200, 3)):
        counted(duty, "wardline_messages_accepted", count, ago, channel=CHARGES, kind="new")
        counted(duty, "wardline_messages_accepted", 50, ago, channel="adt-encounters", kind="new")
    counted(duty, "wardline_messages_refused", 2, channel=CHARGES, reason="version")
    counted(duty, "wardline_messages_routed", 1, channel=CHARGES, result="dead")
    duty.take(CHARGES, charge(9, "999009"))
    found = perform(duty.desk, VIEWER, CHANNEL_SHOWN, Named(CHARGES))
    assert (len(found.hours), len(found.days)) == (48, 60)
    assert [(one.taken, one.refused, one.dead) for one in found.hours[-3:]] == [
        (3, 0, 0),
        (0, 0, 0),
        (5, 2, 1),
    ]
    assert (found.days[-1].taken, found.days[-1].at) == (8, 0)
    assert [(one.code, one.messages) for one in found.codes] == [("999009", 1)]
