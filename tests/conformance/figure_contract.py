"""What every message store promises to those who count; part of `StoreContract`."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from engine.effects import Charge, Effect, Item, Reserve
from engine.model import (
    Arrival,
    Delivered,
    DeliveryState,
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
from engine.store.contracts.figures import Came, Ended, Settled
from engine.store.contracts.views import EffectRow

LOCKED = Reason(ReasonCode.CONFLICT, "the invoice is posted", "charge")
KNEE = Reserve(key="case:1", items=(Item("KNEE", Decimal(1)),), destination="WH/OR1")
GLOVE = Charge(key="charge:1", encounter="v", item=Item("GLOVE", Decimal(2)), date=date(2026, 11, 20))


def _ended(store: Store, number: int, at: float, effect: Effect, outcome: Delivered | Refused) -> None:
    name = b"figure" + number.to_bytes(10, "big")
    receipt = store.accept([Arrival("charges", b"MSH|%d" % number, name, name, at, type="DFT^P03")])[0]
    routing = Routing(receipt.id, Routed((effect,), ""), destinations=("odoo:count",))
    store.route([routing], [], at + 1)
    for one in store.claim("odoo:count", Lane.NORMAL, 10, now=at + 2, lease_until=at + 60, holder="h"):
        store.settle([Settlement(one.id, outcome)], now=at + 3, holder="h")


class FigureContract:
    def test_what_ended_is_counted_newest_first_without_what_it_was_about(self, store: Store) -> None:
        _ended(
            store, 1, 10_000.0, KNEE, Delivered({"stock.picking": "7", "purchase.order": "3"}, "short by 1")
        )
        _ended(store, 2, 20_000.0, GLOVE, Refused(LOCKED))
        store.accept([Arrival("charges", b"MSH|3", b"figure-of-three-", b"figure-of-three-", 20_001.0)])
        documents = {"stock.picking": "7", "purchase.order": "3"}
        knee = Ended(
            "reserve", "charges", "odoo:count", "delivered", 10_000.0, 10_003.0, None, "short by 1", documents
        )
        glove = Ended(
            "charge", "charges", "odoo:count", "dead", 20_000.0, 20_003.0, date(2026, 11, 20), "", {}
        )
        assert store.ended(0.0, 10) == [glove, knee]
        assert store.ended(0.0, 1) == [glove]
        assert store.ended(15_000.0, 10) == [glove]
        assert store.ended(30_000.0, 10) == []

    def test_what_came_and_was_settled_since_a_moment(self, store: Store) -> None:
        _ended(store, 1, 10_000.0, KNEE, Delivered({}))
        _ended(store, 2, 20_000.0, GLOVE, Refused(LOCKED))
        again, bad = b"figure" + (2).to_bytes(10, "big"), b"figure-that-is-bad"[:16]
        store.accept([
            Arrival("charges", b"MSH|2", again, again, 20_001.0),
            Arrival("charges", b"MSH|9", bad, bad, 20_002.0, answered="error", reason=LOCKED),
        ])  # fmt: skip
        assert sorted(store.came_since(15_000.0)) == [
            Came("charges", MessageState.DEAD, "", True, 1),
            Came("charges", MessageState.DUPLICATE, "", False, 1),
            Came("charges", MessageState.QUARANTINED, "conflict", False, 1),
        ]
        assert store.came_since(30_000.0) == [] == store.settled_since(30_000.0)
        assert store.settled_since(10_004.0) == [Settled("charges", "odoo:count", False, "conflict", 3.0)]
        assert len(store.settled_since(10_003.0)) == 2

    def test_effects_are_counted_by_channel_kind_and_state(self, store: Store) -> None:
        _ended(store, 1, 10_000.0, KNEE, Delivered({}))
        _ended(store, 2, 20_000.0, GLOVE, Refused(LOCKED))
        _ended(store, 3, 30_000.0, GLOVE, Refused(LOCKED))
        heard: list[tuple[int, int]] = []
        assert store.effects(told=lambda *far: heard.append(far)) == [
            EffectRow("charges", "charge", DeliveryState.DEAD, 2),
            EffectRow("charges", "reserve", DeliveryState.DELIVERED, 1),
        ]
        assert heard[-1] == (3, 3)
        assert store.effects("orders") == []
