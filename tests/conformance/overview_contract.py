"""What every message store promises to those who look; part of `StoreContract`."""

from __future__ import annotations

from msgspec.structs import replace

from engine.effects import Consume, Effect, Item
from engine.model import (
    Arrival,
    Dead,
    Delivered,
    Filtered,
    Lane,
    MessageState,
    Reason,
    ReasonCode,
    Refused,
    Routed,
    Routing,
    Settlement,
)
from engine.store.base import Store
from engine.store.contracts.overview import Ahead, Sought, Stopped
from engine.store.contracts.views import Query

NEWEST = Sought()
NO_QUERY = Query()
CODE = Reason(ReasonCode.UNMAPPED_CODE, "the table items has no such code", "FT1-7.1")
PLACE = Reason(ReasonCode.BAD_VALUE, "no date", "FT1-4")
LOCKED = Reason(ReasonCode.CONFLICT, "the invoice is posted", "charge")


def name(number: int) -> bytes:
    return number.to_bytes(16, "big")


def arrival(number: int, at: float = 100.0, **other: object) -> Arrival:
    made = Arrival("charges", b"MSH|%d" % number, name(number), name(number), at, type="DFT^P03")
    return replace(made, **other)


def arrive(store: Store, *arrivals: Arrival) -> list[int]:
    return [receipt.id for receipt in store.accept(arrivals)]


def used(key: str) -> Effect:
    return Consume(key=key, items=(Item("GLOVE", 1),), location="WH/Stock")


def routed(number: int, *keys: str, order: str = "", destinations: tuple[str, ...] = ("odoo",)) -> Routing:
    return Routing(number, Routed(tuple(map(used, keys)), order), destinations=destinations)


def ids(store: Store, sought: Sought) -> list[int]:
    return [view.id for view in store.seek(sought)]


def settle(store: Store, destination: str, *outcomes: Delivered | Refused) -> None:
    claimed = store.claim(destination, Lane.NORMAL, 100, now=200.0, lease_until=300.0, holder="h")
    done = [Settlement(one.id, outcome) for one, outcome in zip(claimed, outcomes, strict=True)]
    store.settle(done, now=201.0, holder="h")


class OverviewContract:
    def test_messages_are_shown_newest_first_and_paged(self, store: Store) -> None:
        every = arrive(store, *(arrival(number) for number in range(1, 8)))
        assert ids(store, NEWEST) == every[::-1]
        assert ids(store, Sought(limit=3)) == every[:3:-1]
        assert ids(store, Sought(limit=3, before=every[4])) == every[3:0:-1]

    def test_a_time_is_found_among_many_messages(self, store: Store) -> None:
        hours = 3600.0
        every = arrive(store, *(arrival(number, number * hours) for number in range(1, 101)))
        assert ids(store, Sought(since=98 * hours)) == every[:96:-1]
        assert ids(store, Sought(until=3 * hours)) == [every[1], every[0]]
        assert ids(store, Sought(since=50 * hours, until=52 * hours)) == [every[50], every[49]]
        assert ids(store, Sought(since=1000 * hours)) == []
        assert ids(store, Sought(until=1.0)) == []

    def test_one_that_waited_for_its_commit_is_within_its_time(self, store: Store) -> None:
        late, early = arrive(store, arrival(1, 50_000.0), arrival(2, 47_000.0))
        assert ids(store, Sought(since=49_000.0)) == [late]
        assert ids(store, Sought(until=48_000.0)) == [early]

    def test_nothing_is_found_in_an_empty_store(self, store: Store) -> None:
        assert ids(store, Sought(since=5.0, until=9.0)) == [] == store.stopped()

    def test_they_are_told_apart_by_channel_type_and_edition(self, store: Store) -> None:
        first, second, third = arrive(
            store,
            arrival(1, edition=3),
            arrival(2, channel="adt", type="ADT^A01"),
            arrival(3, channel="adt", type="ADTX"),
        )
        assert ids(store, Sought(channel="adt")) == [third, second]
        assert ids(store, Sought(type="ADT")) == ids(store, Sought(type="ADT^A01")) == [second]
        assert ids(store, Sought(type="DFT^P0")) == [] == ids(store, Sought(type="ADT^%"))
        assert ids(store, Sought(edition=3)) == [first]

    def test_each_state_is_found(self, store: Store) -> None:
        found = arrive(
            store, *map(arrival, range(1, 7)), arrival(1), arrival(9, answered="error", reason=PLACE)
        )
        received, waiting, delivered, filtered, dead, refused, again, bad = found
        store.route([routed(delivered, "d"), routed(refused, "r", order="o")], [], 1.0)
        settle(store, "odoo", Delivered({"stock.picking": "42"}), Refused(LOCKED))
        store.route([routed(waiting, "w")], [], 1.0)
        store.route([Routing(filtered, Filtered("x")), Routing(dead, Dead(CODE))], [], 1.0)
        expected = {
            "received": [received], "waiting": [waiting], "delivered": [delivered], "filtered": [filtered],
            "dead": [refused, dead], "duplicate": [again], "quarantined": [bad], "fragment": [], "joined": [],
        }  # fmt: skip
        assert {state: ids(store, Sought(state=state)) for state in expected} == expected
        assert [view.reason for view in store.seek(Sought(state="dead"))] == [LOCKED, CODE]

    def test_a_resend_has_no_content_of_its_own(self, store: Store) -> None:
        first, again = arrive(store, *map(arrival, (1, 1)))
        assert [store.has_content(number) for number in (first, again, 99)] == [True, False, False]

    def test_of_each_channel_the_newest_that_are_kept_whole(self, store: Store) -> None:
        day = 86400.0
        first, _, later, last, _ = arrive(
            store,
            arrival(1),
            arrival(1),
            arrival(2, at=day),
            arrival(3, at=day),
            arrival(4, channel="orders"),
        )
        assert store.kept(["charges", "lab"], 3) == {"charges": [last, later, first], "lab": []}
        assert store.kept(["charges"], 2) == {"charges": [last, later]}

    def test_resends_are_found_by_what_they_repeat(self, store: Store) -> None:
        first, other, again, third = arrive(store, *map(arrival, (1, 2, 1, 1)))
        assert ids(store, Sought(original=first)) == [third, again]
        assert ids(store, Sought(original=other)) == []

    def test_a_name_finds_its_message_its_resends_and_what_was_refused(self, store: Store) -> None:
        first, other, again = arrive(store, *map(arrival, (1, 2, 1)))
        (bad,) = arrive(store, arrival(3, answered="error", reason=PLACE))
        assert ids(store, Sought(fingerprints=(name(1),))) == [again, first]
        assert ids(store, Sought(fingerprints=(name(2), name(3)))) == [bad, other]
        assert ids(store, Sought(fingerprints=(name(9),))) == []

    def test_what_stopped_is_counted_by_cause(self, store: Store) -> None:
        found = arrive(store, *(arrival(number, 100.0 + number) for number in range(1, 6)))
        listed = replace(CODE, more=(PLACE,))
        store.route([Routing(found[0], Dead(CODE)), Routing(found[1], Dead(listed))], [], 1.0)
        store.route([routed(found[2], "a", "b", destinations=("odoo", "spare"))], [], 1.0)
        settle(store, "odoo", Refused(LOCKED), Refused(LOCKED))
        settle(store, "spare", Refused(LOCKED), Delivered())
        (bad,) = arrive(store, arrival(9, 300.0, answered="rejected", reason=PLACE))
        dead, quarantined = MessageState.DEAD, MessageState.QUARANTINED
        assert sorted(store.stopped(), key=lambda one: (one.state, one.destination)) == [
            stopped(dead, "", listed, 2, (101.0, 102.0), found[1]),
            stopped(dead, "odoo", LOCKED, 1, (103.0, 103.0), found[2]),
            stopped(dead, "spare", LOCKED, 1, (103.0, 103.0), found[2]),
            stopped(quarantined, "", PLACE, 1, (300.0, 300.0), bad),
        ]

    def test_the_messages_of_a_cause_are_found(self, store: Store) -> None:
        found = arrive(store, *map(arrival, range(1, 6)))
        store.route([Routing(found[0], Dead(CODE)), Routing(found[1], Dead(PLACE))], [], 1.0)
        store.route([routed(found[2], "a"), routed(found[3], "b")], [], 1.0)
        settle(store, "odoo", Refused(LOCKED), Refused(replace(CODE, place="charge")))
        code = CODE.code.value
        assert ids(store, Sought(code=code)) == [found[3], found[0]]
        assert ids(store, Sought(code=code, place=CODE.place)) == [found[0]]
        assert ids(store, Sought(code=code, destination="-")) == [found[0]]
        assert ids(store, Sought(code=code, destination="odoo")) == [found[3]]
        assert ids(store, Sought(destination="odoo")) == [found[3], found[2]]
        assert ids(store, Sought(code="internal")) == ids(store, Sought(code=code, channel="adt")) == []

    def test_effects_are_found_by_key_and_by_document(self, store: Store) -> None:
        found = arrive(store, *(arrival(number, number * 10_000.0) for number in range(1, 4)))
        for number, key in zip(found, ("charges/1", "charges/12", "charges/3"), strict=True):
            store.route([routed(number, key)], [], 1.0)
        documents = {"stock.picking": "42,7"}
        settle(store, "odoo", Delivered(documents), Delivered({"stock.picking": "421"}), Delivered(documents))
        asked = {
            "charges/1": [found[0]],
            "42": [found[2], found[0]],
            "7": [found[2], found[0]],
            "421": [found[1]],
        }
        assert {word: store.delivering(word, since=0.0, limit=9) for word in (*asked, "2")} == {
            **asked,
            "2": [],
        }
        assert store.delivering("42", since=25_000.0, limit=9) == [found[2]]
        assert store.delivering("42", since=0.0, limit=1) == [found[2]]

    def test_what_waits_says_for_which_message(self, store: Store) -> None:
        first, second, third = arrive(store, *map(arrival, (1, 2, 3)))
        store.route(
            [routed(first, "a", order="p"), routed(second, "b", order="p"), routed(third, "c")], [], 1.0
        )
        (waiting,) = [one.delivery.id for one in store.deliveries(NO_QUERY, message_id=second)]
        assert store.ahead(second) == [Ahead(waiting, first)]
        assert store.ahead(first) == [] == store.ahead(third)
        settle(store, "odoo", Delivered(), Delivered())
        assert store.ahead(second) == []


def stopped(
    state: MessageState, destination: str, reason: Reason, messages: int, at: tuple[float, float], newest: int
) -> Stopped:
    return Stopped(
        channel="charges", state=state, destination=destination, reason=reason, messages=messages,
        first_at=at[0], last_at=at[1], newest=newest,
    )  # fmt: skip
