"""What every store promises about effects that wait for the run of a schedule."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from engine.auditing import Act, AuditQuery, Entry
from engine.effects import Charge, Item
from engine.model import Arrival, Delivered, Lane, MessageState, Routed, Routing, Settlement
from engine.store.base import Store
from engine.store.cipher import Fingerprints
from engine.store.contracts.scheduling import ScheduledRun
from engine.store.contracts.views import Query
from engine.store.keys import KeyRing

NAMES: Final = Fingerprints(KeyRing({"first": b"\x07" * 32}))
ASKED: Final = Entry(at=250.0, who="ann@host", role="operator", act=Act.RELEASE, object="channel:postings")


def taken(store: Store, number: int, due_at: float = 0.0, *, channel: str = "postings") -> int:
    """A message of one charge of visit `v`, routed to be carried out then; its id."""
    raw = f"MSH|{channel}|{number}".encode()
    name = NAMES.of(channel, b"A", b"B", str(number).encode())
    (receipt,) = store.accept([Arrival(channel, raw, name, NAMES.digest(raw), 100.0)])
    charge = Charge(key=f"{channel}/{number}", encounter="v", item=Item("GLOVE", Decimal(1)))
    routing = Routing(receipt.id, Routed((charge,), "visit v"), Lane.NORMAL, ("odoo",))
    store.route([replace(routing, due_at=due_at)], [], 200.0)
    return receipt.id


def claimed(store: Store, now: float) -> list[int]:
    found = store.claim("odoo", Lane.NORMAL, 100, now=now, lease_until=now + 60, holder="me")
    return [one.message_id for one in found]


class ScheduleContract:
    def test_what_is_scheduled_waits_for_its_run_whatever_the_time(self, store: Store) -> None:
        taken(store, 1, 1000.0)
        assert claimed(store, 5000.0) == []
        assert store.release_scheduled(999.0) == 0
        assert store.release_scheduled(1000.0) == 1
        assert claimed(store, 1000.0) == [1]

    def test_what_waits_for_a_run_holds_back_nothing_of_the_same_visit(self, store: Store) -> None:
        taken(store, 1, 1000.0)
        urgent = taken(store, 1, channel="supplies")
        assert claimed(store, 300.0) == [urgent]

    def test_a_run_takes_them_in_the_order_of_arrival(self, store: Store) -> None:
        first, second = taken(store, 1, 1000.0), taken(store, 2, 1000.0)
        store.release_scheduled(1000.0)
        assert claimed(store, 1000.0) == [first]  # one visit: one after the other
        (delivery,) = store.deliveries(Query(), message_id=first)
        done = Settlement(delivery.delivery.id, Delivered({"sale.order.line": "1"}))
        store.settle([done], now=1001.0, holder="me")
        assert claimed(store, 1002.0) == [second]

    def test_what_waits_for_a_later_run_is_brought_forward(self, store: Store) -> None:
        late, early, other = (
            taken(store, 1, 9e3),
            taken(store, 2, 1e3),
            taken(store, 3, 9e3, channel="others"),
        )
        assert store.bring_forward("postings", 2e3, limit=9, told=ASKED) == 1
        assert store.bring_forward("postings", 2e3, limit=9, told=ASKED) == 0
        runs = {(run.channel, run.due_at) for run in store.scheduled()}
        assert runs == {("postings", 2e3), ("postings", 1e3), ("others", 9e3)}, (late, early, other)
        assert len(store.entries(AuditQuery(act=Act.RELEASE))) == 1

    def test_a_message_with_one_effect_scheduled_waits_and_the_books_balance(self, store: Store) -> None:
        number = taken(store, 1, 1000.0)
        assert store.messages(Query(ids=(number,)))[0].state is MessageState.WAITING
        assert store.gaps() == []
        assert store.backlog(300.0)["postings"]["scheduled"] == 1
        assert store.backlog(300.0)["postings"].get("due", 0) == 0

    def test_runs_are_counted(self, store: Store) -> None:
        for number, due_at in ((1, 1000.0), (2, 1000.0), (3, 2000.0)):
            taken(store, number, due_at)
        assert store.scheduled() == [ScheduledRun("postings", 1000.0, 2), ScheduledRun("postings", 2000.0, 1)]

    def test_a_person_lets_a_channel_go_before_its_run_and_it_is_in_the_audit(self, store: Store) -> None:
        mine = taken(store, 1, 1000.0)
        taken(store, 1, 1000.0, channel="others")
        assert store.release_scheduled(250.0, channel="postings", told=ASKED) == 1
        assert claimed(store, 250.0) == [mine]
        assert [one.entry for one in store.entries(AuditQuery(act=Act.RELEASE))] == [ASKED]

    def test_a_run_is_released_in_parts(self, store: Store) -> None:
        for number in range(5):
            taken(store, number, 1000.0)
        assert [store.release_scheduled(1000.0, limit=2) for _ in range(4)] == [2, 2, 1, 0]

    def test_what_is_past_its_run_when_it_is_routed_is_due(self, store: Store) -> None:
        number = taken(store, 1, 150.0)
        assert claimed(store, 300.0) == [number]
