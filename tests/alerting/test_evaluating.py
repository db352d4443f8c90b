"""What is wrong now, given what is watched and how things are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from engine.alerting.evaluating import judge
from engine.alerting.expectation import parse_expectation
from engine.alerting.watch import Away, ChannelWatch, DeadLetters, Facts, Listening, Watches
from engine.model import Owner
from engine.watching import Found, Kind

NOW = 1_763_978_400.0  # 2025-11-24 10:00 UTC, a Monday
LIMITS: Mapping[Kind, float] = {
    Kind.QUEUE_AGE: 900.0, Kind.QUEUE_LENGTH: 1000.0, Kind.ERROR_RATE: 0.1, Kind.DEAD_LETTERS: 1.0,
    Kind.SERVICE_LEVEL: 0.95, Kind.ACKNOWLEDGEMENT: 2.0, Kind.DOOR: 60.0,
}  # fmt: skip


def watch(**given: Any) -> ChannelWatch:
    standard: dict[str, Any] = {
        "channel": "charges",
        "expects": (parse_expectation("every 15m, mon-fri 07-19", "UTC"),),
        "limits": LIMITS,
        "to": ("duty",),
        "destinations": ("odoo:hospital",),
        "within": 300.0,
    }
    return ChannelWatch(**{**standard, **given})


def found(facts: Facts, *watches: ChannelWatch, to: tuple[str, ...] = ("node-duty",)) -> list[Found]:
    return list(judge(Watches(channels=watches or (watch(),), to=to), facts).found.values())


def causes(facts: Facts, *watches: ChannelWatch) -> list[str]:
    return [one.cause for one in found(facts, *watches)]


OPEN = {"charges": Listening(open=True, since=NOW - 86400)}


def test_nothing_is_wrong_where_nothing_is_known() -> None:
    assert causes(Facts(now=NOW)) == []


@pytest.mark.parametrize(("ago", "silent"), [(914.0, False), (915.0, True), (5000.0, True)])
def test_a_feed_is_silent_when_it_is_overdue(ago: float, silent: bool) -> None:
    facts = Facts(now=NOW, seen={"charges": NOW - ago}, listening=OPEN)
    assert causes(facts) == (["silent channel:charges"] if silent else [])


def test_a_silent_feed_tells_since_when_and_what_was_expected() -> None:
    (one,) = found(Facts(now=NOW, seen={"charges": NOW - 1000}, listening=OPEN))
    assert (one.value, one.limit, one.channel, one.to) == (1000.0, 900.0, "charges", ("duty",))
    assert one.said == {"expected": "every 15m, mon-fri 07-19"}


def test_a_feed_that_was_never_heard_is_silent_from_when_it_could_be() -> None:
    assert causes(Facts(now=NOW, listening={"charges": Listening(open=True, since=NOW - 100)})) == []
    (one,) = found(Facts(now=NOW, listening={"charges": Listening(open=True, since=NOW - 1000)}))
    assert one.said["heard"] == "never"


def test_who_did_not_listen_does_not_call_a_feed_silent() -> None:
    came_back = Listening(open=True, since=NOW - 60, away=((NOW - 8000, NOW - 60),))
    facts = Facts(now=NOW, seen={"charges": NOW - 8100}, listening={"charges": came_back})
    assert causes(facts) == []
    shut = Facts(now=NOW, seen={"charges": NOW - 8100}, listening={"charges": Listening(False, NOW - 8000)})
    assert causes(shut) == ["door channel:charges"]


def test_the_expectation_overdue_first_is_told() -> None:
    both = watch(expects=(parse_expectation("every 4h", "UTC"), parse_expectation("every 15m", "UTC")))
    (one,) = found(Facts(now=NOW, seen={"charges": NOW - 20000}, listening=OPEN), both)
    assert one.said["expected"] == "every 15m"


@pytest.mark.parametrize(
    ("backlog", "wrong"),
    [
        ({"oldest": 900.0, "due": 5.0}, []),
        ({"oldest": 901.0, "due": 5.0}, ["queue-age channel:charges"]),
        ({"oldest": 5.0, "due": 600.0, "unrouted": 400.0}, []),
        ({"oldest": 5.0, "due": 600.0, "unrouted": 401.0}, ["queue-length channel:charges"]),
        ({"oldest": 5.0, "scheduled": 9000.0}, []),
    ],
)
def test_queues(backlog: dict[str, float], wrong: list[str]) -> None:
    assert causes(Facts(now=NOW, backlog={"charges": backlog})) == wrong


@pytest.mark.parametrize(
    ("facts", "wrong"),
    [
        ({"routed": {"charges": (10.0, 100.0)}}, []),
        ({"routed": {"charges": (11.0, 100.0)}}, ["error-rate channel:charges"]),
        ({"routed": {"charges": (19.0, 19.0)}}, []),  # too few to say
        ({"settled": {"charges": (11.0, 100.0)}}, ["error-rate channel:charges"]),
        ({"routed": {"charges": (0.0, 100.0)}, "settled": {"charges": (19.0, 19.0)}}, []),
        ({"took": {"charges": {300.0: 95.0, 600.0: 5.0}}}, []),
        ({"took": {"charges": {300.0: 94.0, 600.0: 6.0}}}, ["service-level channel:charges"]),
        ({"took": {"charges": {600.0: 19.0}}}, []),
        ({"answers": {"charges": (2.0, 100.0)}}, []),
        ({"answers": {"charges": (2.1, 100.0)}}, ["acknowledgement channel:charges"]),
        ({"answers": {"charges": (9.0, 19.0)}}, []),
    ],
)
def test_shares_and_percentiles(facts: dict[str, Any], wrong: list[str]) -> None:
    assert causes(Facts(now=NOW, **facts)) == wrong


def test_what_is_off_is_not_watched() -> None:
    bad = Facts(
        now=NOW, routed={"charges": (100.0, 100.0)}, backlog={"charges": {"oldest": 1e6, "due": 1e6}},
        took={"charges": {300.0: 0.0, 600.0: 100.0}}, answers={"charges": (100.0, 100.0)},
        listening={"charges": Listening(False, 0.0)},
        dead=(DeadLetters("charges", "quantity", Owner.BUSINESS, 9),),
    )  # fmt: skip
    assert causes(bad, watch(expects=(), limits={})) == []
    assert len(causes(bad)) == 7


def test_s72_dead_letters_are_a_cause_for_each_reason_and_go_to_whose_business_they_are() -> None:
    dead = (
        DeadLetters("charges", "unmapped-code", Owner.BUSINESS, 10_000),
        DeadLetters("charges", "not-allowed", Owner.TECHNICAL, 1),
        DeadLetters("others", "internal", Owner.TECHNICAL, 1),
    )
    business, technical = found(Facts(now=NOW, dead=dead), watch(business=("stores",)))
    assert (business.cause, business.to) == ("dead-letters channel:charges/unmapped-code", ("stores",))
    assert (technical.cause, technical.to) == ("dead-letters channel:charges/not-allowed", ("duty",))
    assert (business.value, business.owner) == (10_000.0, Owner.BUSINESS)


def test_a_destination_that_is_away_is_one_cause_whatever_waits_behind_it() -> None:
    facts = Facts(
        now=NOW,
        away={"odoo:hospital": Away(NOW - 300, "unavailable")},
        backlog={name: {"oldest": 5000.0, "due": 9000.0} for name in ("charges", "orders", "lab")},
        took={"charges": {300.0: 0.0, 600.0: 100.0}},
    )
    elsewhere = watch(channel="lab", destinations=("odoo:other",), to=("lab-duty",))
    judged = judge(
        Watches(channels=(watch(), watch(channel="orders", to=("chat",)), elsewhere), to=("node-duty",)),
        facts,
    )
    assert list(judged.found) == [
        "destination destination:odoo:hospital", "queue-age channel:lab", "queue-length channel:lab",
    ]  # fmt: skip
    assert judged.found["destination destination:odoo:hospital"].to == ("node-duty", "duty", "chat")
    assert "queue-age channel:charges" in judged.unknown  # what was open stays open


def test_a_destination_is_given_a_while() -> None:
    assert causes(Facts(now=NOW, away={"odoo:hospital": Away(NOW - 119)})) == []


def test_what_a_person_stopped_stands_still_and_is_no_alert() -> None:
    facts = Facts(
        now=NOW,
        seen={"charges": NOW - 9000},
        listening={"charges": Listening(False, NOW - 8000)},
        backlog={"charges": {"oldest": 5000.0, "due": 9000.0}},
        away={"odoo:hospital": Away(NOW - 9000)},
        held=frozenset({"door charges", "routing charges", "destination odoo:hospital"}),
    )
    assert causes(facts) == []


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        (Kind.DISK, 0.1, 0.09), (Kind.BACKUP, 26 * 3600.0, 27 * 3600.0), (Kind.CERTIFICATE, 30.0, 29.0),
        (Kind.ODOO_KEY, 14.0, 13.0), (Kind.GAPS, 0.0, 1.0), (Kind.CLOCK, 30.0, 31.0),
        (Kind.DAMAGED, 0.0, 1.0),
        (Kind.PROCESS, 60.0, 61.0), (Kind.STORE, 30.0, 31.0), (Kind.AUDIT, 0.0, 1.0),
        (Kind.EDITION, 60.0, 61.0),
    ],
)  # fmt: skip
def test_s81_what_is_measured_of_the_node(kind: Kind, right: float, wrong: float) -> None:
    assert found(Facts(now=NOW, gauges={kind: {"node": right}})) == []
    (one,) = found(Facts(now=NOW, gauges={kind: {"node": wrong}}))
    assert (one.kind, one.value, one.to) == (kind, wrong, ("node-duty",))


def test_gaps_of_a_channel_are_its_own() -> None:
    (one,) = found(Facts(now=NOW, gauges={Kind.GAPS: {"channel:charges": 3.0, "channel:orders": 0.0}}))
    assert (one.cause, one.channel) == ("gaps channel:charges", "charges")


def test_a_channel_without_routes_tells_those_of_the_node() -> None:
    (one,) = found(Facts(now=NOW, backlog={"charges": {"oldest": 5000.0}}), watch(to=()))
    assert one.to == ("node-duty",)
