"""The watch over a real store: what is measured opens and closes alerts, and people are told, once each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from alerting.receivers import Hooks, hooks
from msgspec.structs import replace
from resending import resent

from engine.alerting.expectation import parse_expectation
from engine.alerting.looking import Looker, aways, heard_before
from engine.alerting.loop import AlertLoop
from engine.alerting.routes import Route
from engine.alerting.telling import GAP, NoticeLoop
from engine.alerting.watch import ChannelWatch, Watches
from engine.alerting.wording import Event, Telling
from engine.errors import Unavailable
from engine.model import Arrival, Dead, Owner, Reason, ReasonCode, Routing
from engine.store.base import Store
from engine.store.cipher import Fingerprints
from engine.store.contracts.measures import Measured
from engine.store.keys import KeyRing
from engine.store.sql import open_store
from engine.telemetry import series
from engine.watching import AlertQuery, Found, Kind, Opening

RING = KeyRing({"first": b"\x07" * 32})
NAMES = Fingerprints(RING)
START = 1_763_978_400.0  # 2025-11-24 10:00 UTC, a Monday
WATCH = ChannelWatch(
    channel="charges",
    expects=(parse_expectation("every 15m, mon-fri 07-19", "UTC"),),
    limits={Kind.QUEUE_AGE: 900.0, Kind.DEAD_LETTERS: 1.0, Kind.DOOR: 60.0},
    to=("chat",),
    destinations=("odoo:hospital",),
)


class Duty:
    """A node's watch on a clock that a test moves; what the engine would measure is said with it."""

    def __init__(self, store: Store, send: Callable[[Route, Telling], None] | None = None) -> None:
        self.store, self.now = store, START
        self.doors = {"charges": "ready"}
        self.seen = START
        self.sent: list[Telling] = []
        looker = Looker(store, began=START, ended=heard_before(store))
        self.notices = NoticeLoop(
            store, place="test", link="", clock=lambda: self.now, dice=lambda: 0.5, send=send or self._sent
        )
        self.loop = AlertLoop(store, looker.look, tell=self.notices.tell, clock=lambda: self.now)
        self.notices.follow({"chat": Route("chat", "webhook", "https://chat.example/")})
        self.loop.follow(Watches(channels=(WATCH,), to=("chat",)))

    def _sent(self, _: Route, telling: Telling) -> None:
        self.sent.append(telling)

    def measured(self) -> None:
        amounts = {"ready": 2.0, "degraded": 1.0, "unready": 0.0}
        said = {series("wardline_process", process="n/0", version="1"): START}
        for channel, stands in self.doors.items():
            said[series("wardline_part", process="n/0", part=f"listener {channel}")] = amounts[stands]
        said[series("wardline_last_seen", channel="charges")] = self.seen
        self.store.measure({}, said, at=self.now)

    def passes(self, seconds: float, every: float = 30.0) -> None:
        """Time goes by, with looks."""
        until = self.now + seconds
        while self.now < until:
            self.now = min(self.now + every, until)
            self.measured()
            self.loop.turn()
            self.notices.turn()

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(one.event, one.alert.cause) for telling in self.sent for one in telling.events]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(f"sqlite:///{tmp_path}/wardline.db", RING)
    yield store
    store.close()


@pytest.fixture
def duty(store: Store) -> Duty:
    return Duty(store)


def test_s77_a_silent_feed_raises_one_alert_and_closes_it(duty: Duty) -> None:
    duty.passes(900)
    assert duty.told == []
    duty.passes(3600, every=300)
    assert duty.told == [("opened", "silent channel:charges")]
    duty.seen = duty.now
    duty.passes(60)
    assert duty.told == [("opened", "silent channel:charges"), ("closed", "silent channel:charges")]
    assert duty.store.open_alerts() == []


def test_silence_outside_of_hours_is_none(duty: Duty) -> None:
    duty.now = duty.seen = START + 9 * 3600 - 60  # 18:59
    duty.passes(11 * 3600, every=600)
    assert duty.told == []
    duty.passes(3 * 3600, every=600)
    assert duty.told == [("opened", "silent channel:charges")]


def test_who_was_down_calls_nobody_silent(store: Store) -> None:
    """An engine was heard of at nine and is back at ten: senders have their quarter of an hour."""
    store.measure({}, {series("wardline_process", process="n/0", version="1"): 1.0}, at=START - 3600)
    duty = Duty(store)
    duty.seen = START - 3600 - 60
    duty.passes(13 * 60, every=60)
    assert duty.told == []
    duty.passes(3 * 60)
    assert duty.told == [("opened", "silent channel:charges")]


def test_a_door_that_is_shut_is_told_and_silence_behind_it_is_not(duty: Duty) -> None:
    duty.passes(60)
    duty.doors["charges"] = "unready"
    duty.passes(900)
    assert duty.told == [("opened", "door channel:charges")]
    duty.doors["charges"] = "ready"
    duty.passes(600)
    assert duty.told == [("opened", "door channel:charges"), ("closed", "door channel:charges")]


def dead(store: Store, numbers: range, code: ReasonCode, owner: Owner) -> None:
    arrivals = []
    for number in numbers:
        raw = f"MSH|charges|{code}|{number}".encode()
        name = NAMES.of("charges", b"A", b"B", f"{code}{number}".encode())
        arrivals.append(Arrival("charges", raw, name, NAMES.digest(raw), START))
    receipts = store.accept(arrivals)
    why = Reason(code, "a fixed phrase", "FT1[1]-7", owner, 103)
    store.route([Routing(receipt.id, Dead(why)) for receipt in receipts], [], START)


def test_ten_thousand_dead_letters_of_a_cause_are_one_alert_and_one_end(duty: Duty) -> None:
    duty.loop.follow(Watches(channels=(replace(WATCH, expects=()),), to=("chat",)))
    for first in range(0, 10_000, 500):
        dead(duty.store, range(first, first + 500), ReasonCode.UNMAPPED_CODE, Owner.BUSINESS)
        duty.passes(10, every=10)
    dead(duty.store, range(3), ReasonCode.NOT_ALLOWED, Owner.TECHNICAL)
    duty.passes(60)
    first, second = duty.store.open_alerts()
    assert (first.cause, first.worst) == ("dead-letters channel:charges/unmapped-code", 10_000)
    assert (second.cause, second.owner) == ("dead-letters channel:charges/not-allowed", Owner.TECHNICAL)
    resent(duty.store, now=duty.now)
    duty.passes(120)
    causes = ["dead-letters channel:charges/unmapped-code", "dead-letters channel:charges/not-allowed"]
    assert sorted(duty.told) == sorted((event, cause) for event in ("opened", "closed") for cause in causes)


def test_what_comes_at_once_is_told_in_one_message(duty: Duty) -> None:
    channels = tuple(replace(WATCH, channel=f"feed-{number}") for number in range(40))
    duty.doors = {one.channel: "unready" for one in channels}
    duty.loop.follow(Watches(channels=channels, to=("chat",)))
    duty.passes(120)
    assert [len(telling.events) for telling in duty.sent] == [40]


def test_a_route_that_cannot_be_reached_is_tried_again_until_it_can(store: Store) -> None:
    heard: list[Telling] = []

    def send(_: Route, telling: Telling) -> None:
        if telling.at < START + 4000:
            raise Unavailable("it answered 503")
        heard.append(telling)

    duty = Duty(store, send)
    duty.passes(2 * 3600, every=120)
    assert [(one.event, one.notice) for telling in heard for one in telling.events] == [("opened", 1)]
    (notice,) = store.notices(1)
    assert (notice.state, notice.attempts > 3) == ("sent", True)


def test_after_a_day_of_trying_it_is_given_up(store: Store) -> None:
    def send(*_: object) -> None:
        raise Unavailable("it answered 503")

    duty = Duty(store, send)
    duty.passes(26 * 3600, every=1800)
    (notice,) = store.notices(1)
    assert (notice.state, notice.said) == ("dead", "it answered 503")


def test_a_route_that_is_gone_is_no_fault_of_the_others(store: Store) -> None:
    duty = Duty(store)
    duty.loop.follow(Watches(channels=(replace(WATCH, to=("chat", "gone")),), to=()))
    duty.passes(2000, every=200)
    assert duty.told == [("opened", "silent channel:charges")]
    assert [(one.route, one.state) for one in store.notices(1)] == [("chat", "sent"), ("gone", "due")]


def test_a_route_is_given_a_pause(duty: Duty) -> None:
    duty.passes(900)
    duty.passes(15, every=5)
    assert len(duty.sent) == 1
    duty.seen = duty.now
    duty.passes(GAP - 5, every=5)
    assert len(duty.sent) == 1
    duty.passes(10, every=5)
    assert len(duty.sent) == 2


def test_an_alert_survives_a_restart_and_is_not_told_again(duty: Duty) -> None:
    duty.passes(1000, every=100)
    again = Duty(duty.store)
    again.now, again.seen = duty.now, START
    again.passes(3600, every=300)
    assert again.told == []
    again.seen = again.now
    again.passes(60)
    assert again.told == [("closed", "silent channel:charges")]


def test_when_nobody_says_how_things_stand_nothing_is_known_to_be_over(duty: Duty) -> None:
    duty.doors["charges"] = "unready"
    duty.passes(120)
    assert duty.told == [("opened", "door channel:charges")]
    for _ in range(60):  # what is measured is not written any more
        duty.now += 10
        duty.loop.turn()
        duty.notices.turn()
    assert duty.told == [("opened", "door channel:charges"), ("opened", "process part:measures")]
    duty.doors["charges"] = "ready"
    duty.seen = duty.now
    duty.passes(300)
    assert sorted(duty.told[2:]) == [("closed", "door channel:charges"), ("closed", "process part:measures")]


def test_a_part_of_several_processes_stands_as_its_worst(duty: Duty) -> None:
    for _ in range(12):
        duty.seen = duty.now
        duty.store.measure(
            {},
            {
                series("wardline_process", process="n/1", version="1"): START,
                series("wardline_part", process="n/1", part="routing"): 0.0,
                series("wardline_process", process="n/2", version="1"): START,
                series("wardline_part", process="n/2", part="routing"): 2.0,
            },
            at=duty.now,
        )
        duty.passes(10, every=10)
    assert duty.told == [("opened", "process part:routing")]


class Broken:
    """A store that takes no commits while it is `away`."""

    def __init__(self, store: Store) -> None:
        self._store, self.away = store, False

    def __getattr__(self, name: str) -> object:
        if self.away:
            raise Unavailable("the store does not answer")
        return getattr(self._store, name)


def test_while_the_store_is_away_people_are_told_past_it_and_it_is_written_down_after(store: Store) -> None:
    broken = Broken(store)
    duty = Duty(broken)  # type: ignore[arg-type]
    duty.passes(30)
    broken.away = True
    for _ in range(30):
        duty.now += 10
        duty.loop.turn()
    assert duty.told == [("opened", "store node")]
    broken.away = False
    duty.seen = duty.now
    duty.passes(120)
    assert duty.told == [("opened", "store node"), ("closed", "store node")]
    (alert,) = store.alerts(AlertQuery())
    assert (alert.kind, alert.closed_at - alert.opened_at >= 290) == (Kind.STORE, True)
    assert store.notices(alert.id) == []


def test_who_watches_over_the_engine_hears_it_once_a_minute(store: Store) -> None:
    with hooks() as server:
        duty = Duty(store)
        beats = AlertLoop(
            store, Looker(store, began=START, ended=0.0).look,
            tell=duty.notices.tell, clock=lambda: duty.now, beat=_asks(server),
        )  # fmt: skip
        for _ in range(24):
            duty.now += 10
            beats.turn()
        assert len(server.asked) == 4
        duty.now -= 3600  # the clock was set back: it does not wait for the hour to go by again
        beats.turn()
        assert len(server.asked) == 5


def test_a_clock_that_was_set_back_keeps_nothing_from_being_told(store: Store) -> None:
    duty = Duty(store)
    first, second = (
        Opening(Found(kind=Kind.DISK, subject=name, value=0.05, limit=0.1, to=("chat",))) for name in "ab"
    )
    store.change_alerts([first], [], [], now=duty.now)
    duty.notices.turn()
    duty.now -= 3600
    store.change_alerts([second], [], [], now=duty.now)
    duty.notices.turn()
    assert [cause for _, cause in duty.told] == ["disk a", "disk b"]


def _asks(server: Hooks) -> Callable[[], None]:
    from engine.alerting.hooks import ask

    return lambda: ask("GET", server.url)


def test_destinations_that_take_nothing_are_known_by_their_attempts() -> None:
    def tried(minute: int, outcome: str, reason: str = "", name: str = "odoo:a") -> Measured:
        labels = {"destination": name, "outcome": outcome, "reason": reason}
        return Measured(series("wardline_deliveries", **labels), minute * 60, 1.0)

    away = "unavailable"
    assert (
        aways([tried(1, "delivered"), tried(2, "tryagain", away), tried(5, "tryagain", away)], 400.0)[
            "odoo:a"
        ].since
        == 120.0
    )
    assert aways([tried(2, "tryagain", away), tried(3, "delivered")], 400.0) == {}
    assert aways([tried(2, "tryagain", away), tried(2, "delivered")], 400.0) == {}
    assert aways([tried(2, "tryagain", "conflict")], 400.0) == {}
    assert aways([tried(2, "tryagain", away)], 2000.0) == {}
    both = aways([tried(2, "tryagain", away), tried(3, "refused", "quantity", "odoo:b")], 300.0)
    assert list(both) == ["odoo:a"]


def test_what_is_measured_of_the_node_is_in_the_unit_of_its_limit(store: Store) -> None:
    said = {
        series("wardline_disk_free_ratio"): 0.04,
        series("wardline_backup_at"): START - 30 * 3600,
        series("wardline_certificate_expires_at", certificate="charges"): START + 12 * 86400,
        series("wardline_odoo_key_expires_at", connection="hospital"): START + 3 * 86400,
        series("wardline_reconciliation_gaps", channel="charges"): 2.0,
        series("wardline_clock_offset_seconds"): -90.0,
        series("wardline_store_damaged"): 1.0,
        series("wardline_store_bytes"): 1e9,
    }
    store.measure({}, said, at=START)
    looker = Looker(store, began=START, ended=0.0)
    gauges = {kind: some for kind, some in looker.look(START).gauges.items() if some}
    assert gauges == {
        Kind.DISK: {"disk": 0.04},
        Kind.BACKUP: {"backup": 30 * 3600.0},
        Kind.CERTIFICATE: {"certificate:charges": 12.0},
        Kind.ODOO_KEY: {"connection:hospital": 3.0},
        Kind.GAPS: {"channel:charges": 2.0},
        Kind.CLOCK: {"node": 90.0},
        Kind.DAMAGED: {"store": 1.0},
        Kind.PROCESS: {"part:measures": 0.0},  # nobody said anything yet
    }
    later = looker.look(START + 86400).gauges
    assert Kind.CERTIFICATE not in later  # of a door that is gone nobody says it again
    assert later[Kind.BACKUP] == {"backup": 54 * 3600.0}


def test_webhooks_tell_what_happened(store: Store) -> None:
    from engine.alerting.telling import send

    with hooks() as server:
        duty = Duty(store, send)
        duty.notices.follow({"chat": Route("chat", "webhook", server.url, plain=True)})
        duty.passes(1000, every=100)
        said = json.loads(server.asked[0].body)
    assert [(one["event"], one["kind"], one["channel"]) for one in said["alerts"]] == [
        ("opened", "silent", "charges")
    ]


def test_telling_past_the_store_says_whether_anybody_heard(duty: Duty) -> None:
    assert not duty.notices.tell(["gone"], [])
    duty.passes(1000, every=100)
    (alert,) = duty.store.open_alerts()
    events: Sequence[Event] = [Event("still", alert)]
    assert duty.notices.tell(["gone", "chat"], events)
