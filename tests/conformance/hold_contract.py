"""What every store promises about what a person stopped."""

from __future__ import annotations

from typing import Final

from engine.auditing import Act, AuditQuery, Entry
from engine.model import Arrival, Delivered, Lane, MessageState, Routed, Routing, Settlement
from engine.store.base import Store
from engine.store.cipher import Fingerprints
from engine.store.contracts.holding import Hold, HoldKind
from engine.store.contracts.views import Query
from engine.store.keys import KeyRing

NAMES: Final = Fingerprints(KeyRing({"first": b"\x07" * 32}))
TOLD: Final = Entry(at=500.0, who="duty", role="user", act=Act.HOLD, object="channel:charges", why="recall")
ROUTING: Final = Hold(HoldKind.ROUTING, "charges", 500.0, "duty", "recall")
DELIVERY: Final = Hold(HoldKind.DELIVERY, "charges", 500.0, "duty", "recall")
ODOO: Final = Hold(HoldKind.DESTINATION, "odoo", 500.0, "duty", "upgrade")


def came(store: Store, number: int, channel: str = "charges") -> int:
    raw = f"MSH|{channel}|{number}".encode()
    name = NAMES.of(channel, b"A", b"B", str(number).encode())
    (receipt,) = store.accept([Arrival(channel, raw, name, NAMES.digest(raw), 100.0)])
    return receipt.id


def routed(store: Store, number: int, channel: str = "charges", key: str = "p", to: str = "odoo") -> int:
    from conformance.store_contract import charge

    message_id = came(store, number, channel)
    store.route([Routing(message_id, Routed((charge(message_id),), key), Lane.NORMAL, (to,))], [], 200.0)
    return message_id


def claimed(store: Store, to: str = "odoo", now: float = 300.0) -> list[int]:
    taken = store.claim(to, Lane.NORMAL, 100, now=now, lease_until=now + 60, holder="me")
    return [one.message_id for one in taken]


class HoldContract:
    def test_a_hold_is_kept_with_who_and_why_and_told_once(self, store: Store) -> None:
        assert store.hold(ROUTING, told=TOLD)
        assert not store.hold(ROUTING, told=TOLD)
        assert store.holds() == [ROUTING]
        assert len(store.entries(AuditQuery(act=Act.HOLD))) == 1
        assert store.let_go(HoldKind.ROUTING, "charges", told=TOLD)
        assert not store.let_go(HoldKind.ROUTING, "charges", told=TOLD)
        assert store.holds() == []
        assert len(store.entries(AuditQuery(act=Act.HOLD))) == 2

    def test_a_paused_channel_takes_messages_and_routes_none_of_them(self, store: Store) -> None:
        first = came(store, 1)
        store.hold(ROUTING, told=TOLD)
        second, other = came(store, 2), came(store, 3, "others")
        assert [one.id for one in store.unrouted(["charges", "others"], 0, 10)] == [other]
        assert store.messages(Query(ids=(first,)))[0].state is MessageState.RECEIVED
        store.let_go(HoldKind.ROUTING, "charges", told=TOLD)
        assert [one.id for one in store.unrouted(["charges", "others"], 0, 10)] == [first, second, other]

    def test_of_a_paused_channel_no_pieces_are_put_together_or_given_up(self, store: Store) -> None:
        from engine.model import Fragment

        number = came(store, 1)
        store.route([Routing(number, Fragment(b"", b"next"))], [], 200.0)
        store.hold(ROUTING, told=TOLD)
        assert store.fragments(["charges"]) == []
        store.let_go(HoldKind.ROUTING, "charges", told=TOLD)
        assert [one.message_id for one in store.fragments(["charges"])] == [number]

    def test_a_held_destination_gives_nothing_and_another_goes_on(self, store: Store) -> None:
        here, there = routed(store, 1), routed(store, 2, to="ledger")
        store.hold(ODOO, told=TOLD)
        assert claimed(store) == []
        assert claimed(store, "ledger") == [there]
        store.let_go(HoldKind.DESTINATION, "odoo", told=TOLD)
        assert claimed(store) == [here]

    def test_what_is_in_hand_when_its_destination_is_held_may_end(self, store: Store) -> None:
        number = routed(store, 1)
        taken = store.claim("odoo", Lane.NORMAL, 10, now=300.0, lease_until=360.0, holder="me")
        store.hold(ODOO, told=TOLD)
        assert store.settle([Settlement(taken[0].id, Delivered())], now=310.0, holder="me") == [number]

    def test_effects_of_a_held_channel_keep_their_place_before_later_ones_of_their_key(
        self, store: Store
    ) -> None:
        held = routed(store, 1)
        behind, free = routed(store, 2, "others"), routed(store, 3, "others", key="q")
        store.hold(DELIVERY, told=TOLD)
        assert claimed(store) == [free]  # what is behind a held one of its key waits with it
        store.let_go(HoldKind.DELIVERY, "charges", told=TOLD)
        assert claimed(store) == [held]
        done = [Settlement(held * 1_000_000 + 1, Delivered())]
        store.settle(done, now=310.0, holder="me")
        assert claimed(store) == [behind]
        assert store.gaps() == []

    def test_a_hold_outlives_the_end_of_a_schedule_and_of_a_lease(self, store: Store) -> None:
        routed(store, 1)
        store.claim("odoo", Lane.NORMAL, 10, now=300.0, lease_until=301.0, holder="gone")
        store.hold(ODOO, told=TOLD)
        assert store.reclaim(400.0) == 1
        assert claimed(store, now=500.0) == []
