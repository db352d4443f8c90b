"""Accept, route, claim, settle, reclaim, redeliver in any order, beside a model of a few lines (T29)."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from conformance.store_contract import CONFLICT, DOWN, RING, arrival, charge
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from resending import resent

from engine.model import Dead, Delivered, Filtered, Lane, Refused, Routed, Routing, Settlement, TryAgain
from engine.store.contracts.views import Query
from engine.store.sql import open_store

KEYS = st.sampled_from(["p", "q", ""])
LANES = st.sampled_from([Lane.NORMAL, Lane.HIGH])
PLACES = st.sampled_from(["odoo", "odoo", "ledger"])
HOLDERS = st.sampled_from(["me", "you"])


@dataclass
class _Delivery:
    message: int
    number: int
    key: str
    lane: Lane
    place: str
    state: str = "due"
    due_at: float = 0.0
    lease: float = 0.0
    holder: str = ""
    attempts: int = 0


class StoreMachine(RuleBasedStateMachine):
    template: Path

    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        shutil.copy(self.template, self.folder / "w.db")
        self.store = open_store(f"sqlite:///{self.folder}/w.db", RING)
        self.now = 1000.0
        self.states: dict[int, str] = {}
        self.contents: dict[int, int] = {}  # original's id by control id
        self.deliveries: list[_Delivery] = []

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            shutil.rmtree(self.folder)

    @rule(count=st.integers(1, 3), key=KEYS, lane=LANES)
    def a_few_of_one_key(self, count: int, key: str, lane: Lane) -> None:
        for _ in range(count):
            self.accept(len(self.states) + 100)
            self.route(-1, key, lane, 1 + count % 2, ("odoo",))

    @rule(control=st.integers(0, 12))
    def accept(self, control: int) -> None:
        (receipt,) = self.store.accept([arrival(control)])
        assert receipt.id == len(self.states) + 1
        assert receipt.original == self.contents.get(control, 0)
        self.states[receipt.id] = "duplicate" if receipt.original else "received"
        self.contents.setdefault(control, receipt.id)

    @rule(
        pick=st.integers(0),
        key=KEYS,
        lane=LANES,
        effects=st.sampled_from([2, 1, 3, 0]),
        to=st.sampled_from([("odoo",), ("ledger", "odoo"), ()]),
    )
    def route(self, pick: int, key: str, lane: Lane, effects: int, to: tuple[str, ...]) -> None:
        found = self.store.unrouted(["charges"], 0, 100)
        assert [one.id for one in found] == [one for one, state in self.states.items() if state == "received"]
        if not found:
            return
        message = found[pick % len(found)].id
        made = Routed(tuple(charge(number) for number in range(effects)), key)
        self.store.route([Routing(message, made, lane, to)], [], self.now)
        self.states[message] = "waiting" if effects and to else "filtered"
        numbers = iter(range(1, 100))
        self.deliveries += [
            _Delivery(message, next(numbers), key, lane, place, due_at=self.now)
            for _ in range(effects)
            for place in to
        ]

    @rule(pick=st.integers(0), dead=st.booleans())
    def give_up(self, pick: int, dead: bool) -> None:
        if received := [one for one, state in self.states.items() if state == "received"]:
            message = received[pick % len(received)]
            self.store.route([Routing(message, Dead(CONFLICT) if dead else Filtered("x"))], [], self.now)
            self.states[message] = "dead" if dead else "filtered"

    @rule(
        place=PLACES,
        lane=LANES,
        limit=st.sampled_from([1, 2, 5]),
        holder=HOLDERS,
        lease=st.sampled_from([5.0, 50.0]),
    )
    def claim(self, place: str, lane: Lane, limit: int, holder: str, lease: float) -> None:
        taken = self.store.claim(
            place, lane, limit, now=self.now, lease_until=self.now + lease, holder=holder
        )
        expected = [one for one in self._in_order() if self._may_go(one, place, lane)][:limit]
        assert [one.id for one in taken] == [_id(one) for one in expected]
        for one in expected:
            one.state, one.holder, one.lease = "claimed", holder, self.now + lease
            one.attempts += 1
        assert [one.attempts for one in taken] == [one.attempts for one in expected]

    @rule(everything=st.booleans(), skip=st.integers(0, 3), holder=HOLDERS, how=st.sampled_from("dtr"))
    def settle(self, everything: bool, skip: int, holder: str, how: str) -> None:
        taken = [one for one in self.deliveries if everything or one.state == "claimed"]
        chosen = taken[skip : skip + 3]
        outcome = {"d": Delivered(), "t": TryAgain(DOWN), "r": Refused(CONFLICT)}[how]
        final = self.store.settle(
            [Settlement(_id(one), outcome, self.now + 20) for one in chosen], now=self.now, holder=holder
        )
        touched = set()
        for one in chosen:
            if one.state == "claimed" and one.holder == holder:
                one.state = {"d": "delivered", "t": "due", "r": "dead"}[how]
                one.due_at, one.holder = self.now + 20, ""
                touched.add(one.message)
        for message in touched:
            self._conclude(message)
        assert final == sorted(message for message in touched if self.states[message] != "waiting")

    @rule(seconds=st.sampled_from([1.0, 10.0, 30.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def reclaim(self) -> None:
        over = [one for one in self.deliveries if one.state == "claimed" and one.lease <= self.now]
        assert self.store.reclaim(self.now) == len(over)
        for one in over:
            one.state, one.due_at, one.holder = "due", self.now, ""

    @rule(message=st.none() | st.integers(1, 10))
    def redeliver(self, message: int | None) -> None:
        def wanted(number: int) -> bool:
            return message is None or number == message

        revived = [one for one in self.deliveries if one.state == "dead" and wanted(one.message)]
        with_effects = {one.message for one in self.deliveries}
        again = [
            one
            for one, state in self.states.items()
            if state == "dead" and one not in with_effects and wanted(one)
        ]
        moved = resent(self.store, *([message] if message else []), now=self.now)
        assert moved == sorted({*again, *(one.message for one in revived)})
        for one in revived:
            one.state, one.due_at, one.attempts = "due", self.now, 0
            self.states[one.message] = "waiting"
        self.states.update(dict.fromkeys(again, "received"))

    @invariant()
    def the_books_balance(self) -> None:
        if hasattr(self, "store"):
            assert self.store.gaps() == []
            assert {one.id: str(one.state) for one in self.store.messages(Query(limit=999))} == self.states
            held = [
                (one.place, one.key, one.message)
                for one in self.deliveries
                if one.state == "claimed" and one.key
            ]
            assert len({place_key[:2] for place_key in held}) == len(set(held))

    def _in_order(self) -> list[_Delivery]:
        return sorted(self.deliveries, key=_id)

    def _may_go(self, one: _Delivery, place: str, lane: Lane) -> bool:
        if (one.place, one.lane, one.state) != (place, lane, "due") or one.due_at > self.now:
            return False
        same = [other for other in self.deliveries if other.place == place and other.key == one.key]
        return not one.key or not any(
            other.state == "claimed" or (other.state == "due" and other.message < one.message)
            for other in same
        )

    def _conclude(self, message: int) -> None:
        states = {one.state for one in self.deliveries if one.message == message}
        if states & {"due", "claimed"}:
            self.states[message] = "waiting"
        else:
            self.states[message] = "dead" if "dead" in states else "delivered"


def _id(one: _Delivery) -> int:
    return one.message * 1_000_000 + one.number


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_t29_the_store_does_what_the_model_does(tmp_path: Path) -> None:
    StoreMachine.template = tmp_path / "template.db"
    open_store(f"sqlite:///{StoreMachine.template}", RING).close()
    machine = StoreMachine.TestCase
    machine.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
    machine().runTest()
