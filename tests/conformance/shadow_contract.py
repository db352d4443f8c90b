"""What every store promises about what a shadow compared: it is over, and nobody carries it out later."""

from __future__ import annotations

from conformance.schedule_contract import NAMES
from msgspec.structs import replace
from resending import resent

from engine.effects import Charge, Item
from engine.model import (
    Arrival,
    Dead,
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
    Shadowed,
)  # fmt: skip
from engine.store.base import Store
from engine.store.contracts.views import Query

WHY = Reason(ReasonCode.UNMAPPED_CODE, "this code is not in the table", "FT1[1]-7")
ODOO = "shadow:odoo:hospital"


def accepted(store: Store, number: int) -> int:
    raw = f"MSH|shadow|{number}".encode()
    name = NAMES.of("charges", b"A", b"B", str(number).encode())
    (receipt,) = store.accept([Arrival("charges", raw, name, NAMES.digest(raw), 100.0)])
    return receipt.id


def routed(store: Store, number: int, *destinations: str, key: str = "") -> int:
    """A message of one charge, claimed for its destinations."""
    found = accepted(store, number)
    key = key or f"charges/{number}"
    charge = Charge(key=key, encounter="v", item=Item("GLOVE", number))  # type: ignore[arg-type]
    store.route([Routing(found, Routed((charge,), f"visit {number}"), Lane.NORMAL, destinations)], [], 200.0)
    for name in destinations:
        store.claim(name, Lane.NORMAL, 100, now=201.0, lease_until=300.0, holder="me")
    return found


def settle(store: Store, message: int, **outcomes: object) -> list[int]:
    """Settle its deliveries by destination; the messages that are final now."""
    settlements = [
        Settlement(view.delivery.id, outcomes[view.delivery.destination.partition(":")[0]])  # type: ignore[arg-type]
        for view in store.deliveries(Query(), message_id=message)
    ]
    return store.settle(settlements, now=202.0, holder="me")


class ShadowContract:
    def test_what_was_compared_is_over_and_says_what_was_found(self, store: Store) -> None:
        message = routed(store, 1, ODOO)
        found = Shadowed({"would": "change", "differs": "quantity"}, "quantity 4 → 6")
        assert settle(store, message, shadow=found) == [message]
        (view,) = store.deliveries(Query(state=DeliveryState.SHADOWED.value))
        assert (view.documents, view.note, view.reason) == (found.found, found.note, None)
        (told,) = store.messages(Query(ids=(message,)))
        assert told.state is MessageState.SHADOWED
        assert store.gaps() == []

    def test_a_refusal_that_was_only_foreseen_is_no_dead_letter(self, store: Store) -> None:
        message = routed(store, 1, ODOO)
        settle(store, message, shadow=Shadowed({"would": "refused"}, "", WHY))
        assert resent(store, now=300.0) == []
        (view,) = store.deliveries(Query(), message_id=message)
        assert (view.state, view.reason) == (DeliveryState.SHADOWED, WHY)

    def test_what_would_be_a_dead_letter_is_not_sent_again(self, store: Store) -> None:
        message = accepted(store, 1)
        store.route([Routing(message, Dead(WHY), shadow=True)], [], 200.0)
        (told,) = store.messages(Query(ids=(message,)))
        assert (told.state, told.reason) == (MessageState.SHADOWED, WHY)
        assert resent(store, now=300.0) == []
        assert store.gaps() == []

    def test_a_message_that_was_delivered_anywhere_is_delivered(self, store: Store) -> None:
        message = routed(store, 1, ODOO, "ledger:x")
        settle(store, message, shadow=Shadowed({"would": "create"}), ledger=Delivered())
        (told,) = store.messages(Query(ids=(message,)))
        assert told.state is MessageState.DELIVERED

    def test_a_refused_delivery_outweighs_what_was_compared(self, store: Store) -> None:
        message = routed(store, 1, ODOO, "ledger:x")
        settle(store, message, shadow=Shadowed({"would": "create"}), ledger=Refused(replace(WHY)))
        (told,) = store.messages(Query(ids=(message,)))
        assert told.state is MessageState.DEAD
