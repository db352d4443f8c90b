"""What is sent on its way again never undoes what a later message of its sequence said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from conformance.fix_contract import TOLD, UNKNOWN, came, effects, route, state

from engine.delivery import DeliveryLoop
from engine.destinations.base import Note
from engine.effects import Effect, Encounter, Item, Release, Reserve
from engine.egress import Egress
from engine.model import (
    Dead,
    Delivered,
    Delivery,
    DeliveryState,
    Lane,
    MessageState,
    Outcome,
    Reason,
    ReasonCode,
    Refused,
    Routing,
)
from engine.programs import Programs
from engine.retry import RetryPolicy
from engine.sending_again import OVERTAKEN
from engine.store.base import Store
from engine.store.contracts.fixing import Letters
from engine.store.contracts.views import Query
from engine.store.keys import KeyRing
from engine.store.sql import open_store

RING = KeyRing({"first": b"\x07" * 32})


class Desk:
    """Carries out what it is given, but for the keys that it refuses, and why."""

    def __init__(self) -> None:
        self.done: list[tuple[str, Effect]] = []
        self.refused: dict[str, ReasonCode] = {}

    def deliver(self, deliveries: Sequence[Delivery], note: Note) -> list[Outcome]:
        return [self._one(one.effect) for one in deliveries]

    def close(self) -> None: ...

    def _one(self, effect: Effect) -> Outcome:
        if effect.key in self.refused:
            return Refused(Reason(self.refused[effect.key], "not now"))
        self.done.append((effect.key, effect))
        return Delivered({"line": effect.key})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/wardline.db", RING)
    yield opened
    opened.close()


@pytest.fixture
def desk() -> Desk:
    return Desk()


def deliver(store: Store, desk: Desk) -> None:
    loop = DeliveryLoop(
        store,
        "odoo",
        desk,
        Lane.NORMAL,
        egress=Egress(Programs({}), store, "me", lambda: 900.0),
        holder="me",
        retry=RetryPolicy(),
        batch=10,
        clock=lambda: 900.0,
        dice=lambda: 1.0,
        settled=lambda _: None,
    )
    while loop.turn() == 0.0:
        pass


def reserve(quantity: int) -> Reserve:
    return Reserve(key="r", items=(Item("KIT", Decimal(quantity)),), destination="WH/Ward")


def again(store: Store) -> None:
    store.resend(store.letters(Letters()), now=800.0, told=TOLD)


def test_an_old_list_does_not_take_the_place_of_a_newer_one(store: Store, desk: Desk) -> None:
    old, new = came(store, 1), came(store, 2)
    route(store, old, reserve(1))
    desk.refused = {"r": ReasonCode.UNKNOWN_ITEM}
    deliver(store, desk)
    desk.refused = {}
    route(store, new, reserve(2))
    deliver(store, desk)
    again(store)
    deliver(store, desk)
    assert desk.done == [("r", reserve(2))]
    (view,) = store.deliveries(Query(limit=9), message_id=old)
    assert (view.state, view.reason) == (DeliveryState.DEAD, OVERTAKEN)
    assert state(store, old) is MessageState.DEAD
    assert store.gaps() == []


def test_what_could_not_be_routed_at_its_time_does_not_either(store: Store, desk: Desk) -> None:
    old, new = came(store, 1), came(store, 2)
    store.route([Routing(old, Dead(UNKNOWN))], [], 200.0)
    route(store, new, reserve(2))
    deliver(store, desk)
    again(store)
    route(store, old, reserve(1))
    deliver(store, desk)
    assert desk.done == [("r", reserve(2))]
    assert state(store, old) is MessageState.DEAD


def test_while_the_later_one_waits_the_older_goes_first(store: Store, desk: Desk) -> None:
    old, new = came(store, 1), came(store, 2)
    store.route([Routing(old, Dead(UNKNOWN))], [], 200.0)
    route(store, new, reserve(2))
    again(store)
    route(store, old, reserve(1))
    deliver(store, desk)
    assert desk.done == [("r", reserve(1)), ("r", reserve(2))]


def test_a_cancel_that_came_before_its_booking_is_carried_out_after_it(store: Store, desk: Desk) -> None:
    cancel, booking = came(store, 1), came(store, 2)
    route(store, cancel, Release(key="r"))
    desk.refused = {"r": ReasonCode.UNKNOWN_REFERENCE}
    deliver(store, desk)
    desk.refused = {}
    route(store, booking, reserve(1))
    deliver(store, desk)
    again(store)
    deliver(store, desk)
    assert desk.done == [("r", reserve(1)), ("r", Release(key="r"))]


def test_a_cancel_that_was_refused_for_another_reason_does_not_undo_a_newer_booking(
    store: Store, desk: Desk
) -> None:
    cancel, booking = came(store, 1), came(store, 2)
    route(store, cancel, Release(key="r"))
    desk.refused = {"r": ReasonCode.NOT_ALLOWED}
    deliver(store, desk)
    desk.refused = {}
    route(store, booking, reserve(1))
    deliver(store, desk)
    again(store)
    deliver(store, desk)
    assert desk.done == [("r", reserve(1))]


def test_what_orders_nothing_is_overtaken_by_nothing(store: Store, desk: Desk) -> None:
    old, new = came(store, 1), came(store, 2)
    route(store, old, reserve(1), key="")
    desk.refused = {"r": ReasonCode.UNKNOWN_ITEM}
    deliver(store, desk)
    desk.refused = {}
    route(store, new, reserve(2), key="")
    deliver(store, desk)
    again(store)
    deliver(store, desk)
    assert desk.done == [("r", reserve(2)), ("r", reserve(1))]


def test_a_replay_that_says_otherwise_by_now_is_held_against_what_came_after_it(
    store: Store, desk: Desk
) -> None:
    visit, closed = (
        Encounter(key="t1v_x", subject="t1p_x", state="open"),
        Encounter(key="t1v_x", subject="t1p_x", state="closed"),
    )
    admitted, discharged = came(store, 1), came(store, 2)
    route(store, admitted, visit)
    route(store, discharged, closed)
    deliver(store, desk)
    store.replay([admitted], told=TOLD)
    route(store, admitted, Encounter(key="t1v_x", subject="t1p_x", state="open", location="ICU"))
    deliver(store, desk)
    assert [effect for _, effect in desk.done] == [visit, closed]
    assert effects(store, admitted) == [("t1v_x", DeliveryState.REPLACED), ("t1v_x", DeliveryState.DEAD)]
    store.skip(store.letters(Letters()), told=TOLD)
    assert state(store, admitted) is MessageState.SKIPPED
    assert store.gaps() == []
