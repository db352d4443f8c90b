"""Delivery: lanes, waiting, giving up, merged tokens; over the real store, with a clock in hand."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from conformance.store_contract import RING, accept, arrival, charge, route, state, token

from engine.delivery import LEASE, REST, DeliveryLoop
from engine.destinations.base import Note
from engine.effects import Charge, Encounter, Merge
from engine.egress import Egress
from engine.errors import Unavailable
from engine.model import (
    Delivered,
    Delivery,
    DeliveryState,
    Lane,
    MessageState,
    Outcome,
    Reason,
    ReasonCode,
    Refused,
    Routed,
    Routing,
    TryAgain,
)
from engine.programs import Programs
from engine.retry import RetryPolicy
from engine.store.base import MessageStore
from engine.store.contracts.views import Query
from engine.store.sql import open_store
from engine.threads import Loop
from engine.tokens import TokenMerge

AWAY = TryAgain(Reason(ReasonCode.UNAVAILABLE, "not now"))


class Desk:
    """A destination that does what the test says, and remembers."""

    def __init__(self, answer: Callable[[Delivery], Outcome] = lambda _: Delivered()) -> None:
        self.answer = answer
        self.batches: list[list[Delivery]] = []

    def deliver(self, deliveries: Sequence[Delivery], note: Note) -> list[Outcome]:
        self.batches.append(list(deliveries))
        return [self.answer(delivery) for delivery in deliveries]

    def close(self) -> None:
        return None


class HangsUp(Desk):
    """Takes nothing of a batch that holds a delivery of this message."""

    def __init__(self, message: int) -> None:
        super().__init__()
        self._message = message

    def deliver(self, deliveries: Sequence[Delivery], note: Note) -> list[Outcome]:
        outcomes = super().deliver(deliveries, note)
        bad = any(delivery.message_id == self._message for delivery in deliveries)
        return [AWAY for _ in outcomes] if bad else outcomes


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MessageStore]:
    opened = open_store(f"sqlite:///{tmp_path}/wardline.db", RING)
    yield opened
    opened.close()


def loop(
    store: MessageStore,
    desk: Desk,
    clock: Clock,
    lane: Lane = Lane.NORMAL,
    *,
    policy: RetryPolicy | None = None,
    holder: str = "",
) -> DeliveryLoop:
    holder = holder or f"node/0/{lane.name}"
    return DeliveryLoop(
        store,
        "odoo",
        desk,
        lane,
        egress=Egress(Programs({}), store, holder, clock),
        holder=holder,
        retry=policy or RetryPolicy(),
        batch=10,
        clock=clock,
        dice=lambda: 1.0,
        settled=lambda _: None,
    )


def test_what_is_due_is_carried_out_and_settled(store: MessageStore) -> None:
    desk, clock = Desk(), Clock()
    (one,) = accept(store, "a")
    route(store, one, "key", effects=3)
    deliveries = loop(store, desk, clock)
    assert deliveries.turn() == 0
    assert len(desk.batches[0]) == 3
    assert state(store, one) is MessageState.DELIVERED
    assert deliveries.turn() == REST


def test_a_lane_never_takes_anothers_work(store: MessageStore) -> None:
    clock = Clock()
    urgent, bulk = accept(store, "urgent", "bulk")
    route(store, urgent, lane=Lane.HIGH)
    route(store, bulk, lane=Lane.BULK)
    desk = Desk()
    loop(store, desk, clock, Lane.HIGH).turn()
    assert [delivery.message_id for delivery in desk.batches[0]] == [urgent]
    assert state(store, bulk) is MessageState.WAITING


def test_a_high_lane_goes_on_while_bulk_hangs(store: MessageStore) -> None:
    """Bulk work that hangs in the destination holds up its own thread, and nobody else's."""
    clock, hanging, go_on = Clock(), threading.Event(), threading.Event()

    def hang(_: Delivery) -> Outcome:
        hanging.set()
        assert go_on.wait(30)
        return Delivered()

    (bulk,) = accept(store, "bulk")
    route(store, bulk, lane=Lane.BULK)
    turns = Loop("bulk", loop(store, Desk(hang), clock, Lane.BULK).turn, lambda _: 60.0)
    turns.start()
    try:
        assert hanging.wait(30)
        (urgent,) = accept(store, "urgent")
        route(store, urgent, lane=Lane.HIGH)
        loop(store, Desk(), clock, Lane.HIGH).turn()
        assert state(store, urgent) is MessageState.DELIVERED
        assert state(store, bulk) is MessageState.WAITING
    finally:
        go_on.set()
        assert turns.stop(30)
    assert state(store, bulk) is MessageState.DELIVERED


def test_what_waits_is_tried_again_when_its_time_has_come(store: MessageStore) -> None:
    desk, clock = Desk(lambda delivery: AWAY if delivery.attempts < 3 else Delivered()), Clock()
    (one,) = accept(store, "a")
    route(store, one)
    deliveries = loop(store, desk, clock)
    for wait in (1.0, 2.0):
        assert deliveries.turn() == wait, "the loop backs off with its deliveries"
        assert deliveries.turn() == REST, "not due yet"
        clock.now += wait
    assert deliveries.turn() == 0
    assert state(store, one) is MessageState.DELIVERED
    assert [batch[0].attempts for batch in desk.batches] == [1, 2, 3]


def test_one_refusal_does_not_slow_the_loop(store: MessageStore) -> None:
    refused = Refused(Reason(ReasonCode.UNKNOWN_ITEM, "no such item", "item"))
    one, other = accept(store, "a", "b")
    route(store, one)
    route(store, other)
    desk = Desk(lambda delivery: refused if delivery.message_id == one else Delivered())
    assert loop(store, desk, Clock()).turn() == 0
    assert state(store, one) is MessageState.DEAD
    assert state(store, other) is MessageState.DELIVERED


def test_one_delivery_at_which_all_fail_is_soon_alone_and_the_others_go_on(store: MessageStore) -> None:
    """A destination that hangs up at one of them, whoever is with it: nobody waits for that one."""
    numbers = accept(store, *(f"m{n}" for n in range(40)))
    for number in numbers:
        route(store, number, f"key{number}")
    bad = numbers[3]
    desk, clock = HangsUp(bad), Clock()
    deliveries = loop(store, desk, clock)
    while any(state(store, number) is MessageState.WAITING for number in numbers if number != bad):
        clock.now += deliveries.turn()
        assert clock.now < 1060.0
    assert state(store, bad) is MessageState.WAITING
    assert any(len(batch) == 10 for batch in desk.batches[5:]), "and then it is as fast as before"


def test_a_destination_that_is_away_is_asked_less_and_less(store: MessageStore) -> None:
    """By ever fewer deliveries, and by one alone at ever longer intervals."""
    for number in accept(store, *(f"m{n}" for n in range(40))):
        route(store, number, f"key{number}")
    desk, clock = Desk(lambda _: AWAY), Clock()
    deliveries = loop(store, desk, clock, policy=RetryPolicy(longest=64.0))
    while clock.now < 1600.0:
        clock.now += deliveries.turn()
    assert [len(batch) for batch in desk.batches[:5]] == [10, 5, 2, 1, 1]
    assert len(desk.batches) < 30


def test_it_gives_up_in_the_end_and_says_what_came_last(store: MessageStore) -> None:
    desk, clock = Desk(lambda _: AWAY), Clock()
    (one,) = accept(store, "a")
    route(store, one)
    deliveries = loop(store, desk, clock, policy=RetryPolicy(first=1, longest=4, give_up=10))
    for _ in range(20):
        clock.now += deliveries.turn() + 4
        if state(store, one) is MessageState.DEAD:
            break
    (view,) = store.deliveries(Query(), message_id=one)
    assert view.reason is not None
    assert view.reason.code is ReasonCode.GAVE_UP
    assert "not now" in view.reason.text
    assert view.delivery.attempts > 3


def test_a_lease_that_ended_is_taken_over_and_the_late_outcome_does_not_count(store: MessageStore) -> None:
    clock = Clock()
    (one,) = accept(store, "a")
    route(store, one)

    def slow(_: Delivery) -> Outcome:
        clock.now += LEASE + 1  # the world took longer than the lease
        loop(store, Desk(), clock, holder="node/1").turn()  # another took over meanwhile, and finished
        return AWAY

    loop(store, Desk(slow), clock).turn()
    assert state(store, one) is MessageState.DELIVERED


def test_what_a_failed_turn_still_holds_is_taken_up_by_the_next(
    store: MessageStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, clock = Desk(), Clock()
    (one,) = accept(store, "a")
    route(store, one, "key")
    deliveries, beside = loop(store, desk, clock), loop(store, Desk(), clock, Lane.BULK)
    assert beside.turn() > 0

    def away(*_: object, **__: object) -> list[int]:
        raise Unavailable("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(store, "settle", away)
        with pytest.raises(Unavailable):
            deliveries.turn()
        beside.turn()  # which leaves to others what others hold
    assert store.deliveries(Query())[0].state is DeliveryState.CLAIMED
    assert deliveries.turn() == 0
    assert store.deliveries(Query())[0].state is DeliveryState.DELIVERED


def test_tokens_merged_since_answer_with_their_survivor(store: MessageStore) -> None:
    first, merge, late = (one.id for one in store.accept([arrival("a"), arrival("m"), arrival("l")]))
    gone, into = "t1p_gone", "t1p_into"
    visit = Encounter(key="t1v_visit", subject=gone, state="open")
    minted = [token(1, gone), token(2, into)]
    store.route([Routing(first, Routed((visit,)), destinations=("odoo",))], minted, 1.0)
    merged = Merge(key="merge", kind="person", gone=gone, into=into)
    said = Routed((merged,), merges=(TokenMerge(gone, into),))
    store.route([Routing(merge, said, destinations=("odoo",))], [], 2.0)
    bill = Charge(key="c", encounter="t1v_visit", subject=gone, item=charge("x").item)
    store.route([Routing(late, Routed((bill,)), destinations=("odoo",))], [], 3.0)
    desk = Desk()
    loop(store, desk, Clock()).turn()
    effects = {type(delivery.effect).__name__: delivery.effect for delivery in desk.batches[0]}
    assert effects["Encounter"].subject == into
    assert effects["Charge"].subject == into
    assert effects["Merge"].gone == gone  # the one place that names it
