"""Whatever people put right, in any order, between whatever the engine does, also when it dies in between:
each effect stands once, and nothing old takes the place of something newer (T20, T29)."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from conformance.emptied import emptied
from conformance.fix_contract import NO_ITEM, TOLD, UNKNOWN, came
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from engine.effects import Item, Release, Reserve
from engine.model import (
    Dead,
    Delivered,
    Delivery,
    DeliveryState,
    Filtered,
    Lane,
    MessageState,
    Outcome,
    Refused,
    Routed,
    Routing,
    Settlement,
    TryAgain,
)
from engine.sending_again import OVERTAKEN, overtaken
from engine.store.base import Store
from engine.store.contracts.fixing import Letters
from engine.store.contracts.holding import Hold, HoldKind
from engine.store.contracts.views import Query
from engine.store.keys import KeyRing
from engine.store.sql import open_store

RING = KeyRing({"first": b"\x07" * 32})
FATES = st.sampled_from(["effects", "effects", "effects", "dead", "filtered"])
HOW = st.sampled_from(["refused", "done", "killed", "away"])
PICK = st.integers(0, 7)


class FixMachine(RuleBasedStateMachine):
    """One channel whose rules change (`version`), one destination that takes, refuses or is away."""

    make: Callable[[], tuple[Store, Callable[[], None]]]

    @initialize()
    def open(self) -> None:
        self.store, self.drop = type(self).make()
        self.now, self.version, self.count = 1000.0, 0, 0
        self.texts: dict[int, int] = {}
        self.in_hand: list[Delivery] = []
        self.world: dict[str, list[tuple[int, Any]]] = {}  # key → what was carried out, by which message

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.drop()

    @rule(fates=st.lists(FATES, min_size=1, max_size=3), carried=st.booleans(), how=HOW)
    def some_come_and_go_through(self, fates: list[str], carried: bool, how: str) -> None:
        """Most of the time the engine keeps up."""
        for fate in fates:
            self.a_message_comes()
            self.the_router_turns(fate, 9)
        if carried:
            self.all_is_carried_out(how)

    @rule()
    def a_message_comes(self) -> None:
        self.count += 1
        self.texts[came(self.store, self.count)] = 0

    @rule(fate=FATES, batch=st.integers(1, 9))
    def the_router_turns(self, fate: str, batch: int) -> None:
        for message in self.store.unrouted(["charges"], 0, batch):
            routing = Routing(message.id, self._made(message.id, fate), Lane.NORMAL, ("odoo",))
            self.store.route([routing], [], self.now)

    @rule(how=HOW)
    def all_is_carried_out(self, how: str) -> None:
        """With the first batch as `how` says, and the rest done."""
        for turn in range(99):
            self.the_engine_takes_some(4)
            if not self.in_hand:
                return
            self.and_carries_them_out(how if turn == 0 else "done")

    def _made(self, number: int, fate: str) -> Any:
        if fate == "dead":
            return Dead(UNKNOWN)
        if fate == "filtered":
            return Filtered("rule")
        amount = Decimal(1 + number * 100 + 10 * self.texts[number] + self.version)
        key = f"r{number % 2}"
        if number % 5 == 4:
            return Routed((Release(key=key, when_unknown="ignore"),), "visit")
        effects = [Reserve(key=key, items=(Item("KIT", amount),), destination="WH/Ward")]
        own = Reserve(key=f"own{number}", items=(Item("KIT", Decimal(1)),), destination="WH/Ward")
        return Routed((*effects, own), "visit")

    @rule(limit=st.integers(1, 4))
    def the_engine_takes_some(self, limit: int) -> None:
        if not self.in_hand:
            self.in_hand = self.store.claim(
                "odoo", Lane.NORMAL, limit, now=self.now, lease_until=self.now + 50, holder="me"
            )

    @rule(how=HOW)
    def and_carries_them_out(self, how: str) -> None:
        over = overtaken(self.store, self.in_hand, lambda _: False)
        outcomes: list[Outcome] = []
        for one in self.in_hand:
            if one.id in over:
                outcomes.append(Refused(OVERTAKEN))
            elif how in ("done", "killed"):
                self._carry_out(one)
                outcomes.append(Delivered({"id": one.effect.key}))
            else:
                outcomes.append(Refused(NO_ITEM) if how == "refused" else TryAgain(NO_ITEM))
        if how == "killed":  # done, and nobody wrote it down
            self.store.reclaim(self.now, "me")
        else:
            pairs = zip(self.in_hand, outcomes, strict=True)
            settled = [Settlement(one.id, outcome, self.now + 5) for one, outcome in pairs]
            self.store.settle(settled, now=self.now, holder="me")
        self.in_hand = []

    def _carry_out(self, one: Delivery) -> None:
        """As a destination does: what stands as it is said is left alone."""
        done = self.world.setdefault(one.effect.key, [])
        if not done or done[-1] != (one.message_id, one.effect):
            assert not done or done[-1][0] <= one.message_id, "an older message took the place of a newer one"
            assert (one.message_id, one.effect) not in done, "carried out a second time"
            done.append((one.message_id, one.effect))

    @rule(pick=PICK, skipped=st.booleans())
    def a_person_sends_again(self, pick: int, skipped: bool) -> None:
        found = self.store.letters(Letters(state="skipped" if skipped else "dead"))
        self.store.resend(found[pick : pick + 3], now=self.now, told=TOLD)

    @rule(pick=PICK)
    def a_person_settles(self, pick: int) -> None:
        self.store.skip(self.store.letters(Letters())[pick : pick + 3], told=TOLD)

    @rule(picks=st.lists(PICK, max_size=4))
    def a_person_replays(self, picks: list[int]) -> None:
        ids = {1 + pick for pick in picks}
        fit = {number for number, left in self.store.replayable(ids).items() if left is None}
        assert set(self.store.replay(ids, told=TOLD)) == fit

    @rule(pick=PICK)
    def a_person_corrects(self, pick: int) -> None:
        number = 1 + pick
        if self.store.replayable([number]).get(number, "gone") is None:
            self.texts[number] += 1
            text = f"MSH|charges|{number}|text {self.texts[number]}".encode()
            assert self.store.revise(number, text, told=TOLD) == self.texts[number]
            assert self.store.content(number) == text

    @rule()
    def the_channel_changes(self) -> None:
        self.version += 1

    @rule(stop=st.booleans())
    def a_person_holds_or_lets_go(self, stop: bool) -> None:
        if stop:
            self.store.hold(Hold(HoldKind.DESTINATION, "odoo", self.now, "duty", "upgrade"), told=TOLD)
        else:
            self.store.let_go(HoldKind.DESTINATION, "odoo", told=TOLD)

    @rule()
    def time_passes(self) -> None:
        self.now += 10.0

    @invariant()
    def the_books_balance_and_what_stands_is_what_was_carried_out(self) -> None:
        if not hasattr(self, "store"):
            return
        assert self.store.gaps() == []
        views = self.store.deliveries(Query(limit=999))
        for view in views:
            if view.state is DeliveryState.DELIVERED:
                one = view.delivery
                assert (one.message_id, one.effect) in self.world[one.effect.key]
        names = [
            (one.delivery.message_id, one.delivery.effect.key)
            for one in views
            if one.state is not DeliveryState.REPLACED
        ]
        assert len(names) == len(set(names)), "two deliveries of one effect"
        for message in self.store.messages(Query(state=MessageState.DEAD.value, limit=99)):
            assert message.reason or self.store.letters(Letters(ids=(message.id,)))


def _run(make: Callable[[], tuple[Store, Callable[[], None]]], examples: int, steps: int) -> None:
    FixMachine.make = staticmethod(make)
    machine = FixMachine.TestCase
    machine.settings = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    machine().runTest()


@pytest.mark.timeout(600)
def test_once_and_in_order_whatever_people_put_right_on_sqlite(tmp_path: Path) -> None:
    template = tmp_path / "template.db"
    open_store(f"sqlite:///{template}", RING).close()

    def make() -> tuple[Store, Callable[[], None]]:
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        shutil.copy(template, folder / "w.db")
        store = open_store(f"sqlite:///{folder}/w.db", RING)
        return store, lambda: (store.close(), shutil.rmtree(folder))[1]

    _run(make, examples=30, steps=35)


@pytest.mark.timeout(600)
def test_once_and_in_order_whatever_people_put_right_on_postgresql(new_postgres: Callable[[], str]) -> None:
    url = new_postgres()

    def make() -> tuple[Store, Callable[[], None]]:
        store = open_store(url, RING)
        return store, lambda: (store.close(), emptied(url))[1]

    _run(make, examples=8, steps=25)
