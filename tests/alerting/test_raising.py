"""One alert when something begins, one end when it is over, whatever comes in between."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.alerting.evaluating import Judged
from engine.alerting.raising import LATELY, Changes, Memory, step
from engine.watching import Alert, Found, Kind


def found(kind: Kind = Kind.QUEUE_AGE, value: float = 1000.0, limit: float = 900.0) -> Found:
    return Found(kind=kind, subject="channel:charges", value=value, limit=limit, channel="charges")


class Duty:
    """What the store would hold."""

    def __init__(self) -> None:
        self.memory, self.stands, self.every = Memory(), dict[str, Alert](), list[Alert]()

    def look(self, now: float, *every: Found, unknown: tuple[str, ...] = ()) -> Changes:
        judged = Judged({one.cause: one for one in every}, frozenset(unknown))
        lately = dict[str, int]()
        for alert in self.every:
            if alert.opened_at >= now - LATELY:
                lately[alert.cause] = lately.get(alert.cause, 0) + 1
        self.memory, changes = step(self.memory, self.stands, judged, lately, now)
        self.stands = {cause: one for cause, one in self.stands.items() if one.id not in changes.closed}
        for seen in changes.seen:
            (cause,) = (cause for cause, one in self.stands.items() if one.id == seen.alert_id)
            self.stands[cause] = replace(self.stands[cause], value=seen.value, worst=seen.worst)
        for opening in changes.opened:
            one = opening.found
            alert = Alert(
                id=len(self.every) + 1, cause=one.cause, kind=one.kind, subject=one.subject,
                channel=one.channel, owner=one.owner, opened_at=now, seen_at=now, value=one.value,
                worst=one.value, limit=one.limit, times=opening.times,
            )  # fmt: skip
            self.every.append(alert)
            assert one.cause not in self.stands
            self.stands[one.cause] = alert
        return changes


def test_one_alert_opens_and_one_end_follows() -> None:
    duty = Duty()
    assert [one.found.cause for one in duty.look(0.0, found()).opened] == ["queue-age channel:charges"]
    for now in range(15, 600, 15):
        assert not duty.look(now, found())
    assert not duty.look(600.0)
    assert not duty.look(705.0)
    assert duty.look(720.0).closed == (1,)
    assert not duty.look(735.0)


def test_what_is_so_for_a_moment_only_is_not_told() -> None:
    duty = Duty()
    one = found(Kind.QUEUE_LENGTH, 5000.0, 1000.0)
    assert not duty.look(0.0, one)
    assert not duty.look(60.0)
    assert not duty.look(90.0, one)
    assert not duty.look(200.0, one)
    assert duty.look(210.0, one).opened


def test_what_is_over_for_a_moment_only_is_not_over() -> None:
    duty = Duty()
    duty.look(0.0, found())
    for now in (15.0, 30.0, 100.0):
        assert not duty.look(now)
    assert not duty.look(120.0, found())
    assert not duty.look(130.0)
    assert not duty.look(245.0)
    assert duty.look(250.0).closed


def test_silence_is_over_with_the_first_message() -> None:
    duty = Duty()
    duty.look(0.0, found(Kind.SILENT))
    assert duty.look(15.0).closed == (1,)


def test_of_what_nothing_is_known_nothing_is_said() -> None:
    duty = Duty()
    duty.look(0.0, found())
    for now in range(15, 1000, 15):
        assert not duty.look(now, unknown=("queue-age channel:charges",))
    assert not duty.look(1000.0)
    assert duty.look(1120.0).closed


def test_the_worst_is_remembered_and_small_changes_are_not_written() -> None:
    duty = Duty()
    duty.look(0.0, found())
    assert not duty.look(15.0, found(value=1050.0))
    (seen,) = duty.look(30.0, found(value=5000.0)).seen
    assert (seen.value, seen.worst) == (5000.0, 5000.0)
    (seen,) = duty.look(45.0, found(value=1000.0)).seen
    assert (seen.value, seen.worst) == (1000.0, 5000.0)


def test_the_worst_of_what_should_be_more_is_the_least() -> None:
    duty = Duty()
    duty.look(0.0, found(Kind.DISK, 0.08, 0.1))
    duty.look(15.0, found(Kind.DISK, 0.02, 0.1))
    (seen,) = duty.look(30.0, found(Kind.DISK, 0.05, 0.1)).seen
    assert (seen.value, seen.worst) == (0.05, 0.02)


def test_what_comes_and_goes_is_told_ever_more_rarely_and_says_so() -> None:
    """A feed that falls silent for a moment each minute, for six hours."""
    duty = Duty()
    for minute in range(360):
        duty.look(minute * 60.0, found(Kind.SILENT))
        duty.look(minute * 60.0 + 30)
    assert len(duty.every) <= 4
    assert [one.times for one in duty.every] == list(range(1, len(duty.every) + 1))


def test_after_a_quiet_night_an_alert_is_the_first_again() -> None:
    duty = Duty()
    for now in (0.0, 100.0, 300.0):
        duty.look(now, found(Kind.SILENT))
        duty.look(now + 50)
    duty.look(300.0 + 2 * LATELY)
    duty.look(400.0 + 2 * LATELY)
    (opening,) = duty.look(500.0 + 2 * LATELY, found(Kind.SILENT)).opened
    assert opening.times == 1


LOOKS = st.lists(st.tuples(st.floats(1, 2000), st.sampled_from(["found", "gone", "unknown"])), max_size=60)


@given(LOOKS, st.sampled_from(list(Kind)))
def test_begins_and_ends_alternate_and_it_ends_at_last(looks: list[tuple[float, str]], kind: Kind) -> None:
    duty, now, events = Duty(), 0.0, list[str]()
    one = found(kind)
    for rest, what in looks:
        now += rest
        unknown = (one.cause,) if what == "unknown" else ()
        changes = duty.look(now, *([one] if what == "found" else []), unknown=unknown)
        events += ["closed"] * len(changes.closed) + ["opened"] * len(changes.opened)
    for rest in (0.0, 4000.0):
        now += rest
        events += ["closed"] * len(duty.look(now).closed)
    assert events == ["opened", "closed"] * (len(events) // 2)
    assert not duty.stands
