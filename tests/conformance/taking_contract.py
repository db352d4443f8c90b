"""Which edition took a message stays with it, as far as its deliveries."""

from __future__ import annotations

from msgspec.structs import replace
from resending import resent

from engine.auditing import Act, Entry
from engine.model import (
    Dead,
    Delivered,
    Fragment,
    Lane,
    Reason,
    ReasonCode,
    Refused,
    Routed,
    Routing,
    Settlement,
)
from engine.store.base import Store

WRONG = Reason(ReasonCode.UNMAPPED_CODE, "not in the table")


def activate(store: Store, number: int) -> None:
    """Make the next edition, and make it the active one."""
    told = Entry(at=1.0, who="author", role="engine", act=Act.DEPLOY, object=f"edition:{number}")
    edition = store.propose(bytes([number]) * 32, b"packed", (), at=1.0, why="a test", told=told)
    assert edition.number == number
    store.decide(number, "approved", at=2.0, told=told)
    store.activate(number, at=3.0, why="a test", told=told)


class TakingContract:
    def test_what_took_a_message_goes_with_it_to_its_deliveries(self, store: Store) -> None:
        from conformance.store_contract import arrival, charge, claim

        store.accept([replace(arrival(number), edition=number) for number in (0, 1, 2)])
        assert [one.edition for one in store.unrouted(["charges"], 0, 9)] == [0, 1, 2]
        for number in (1, 2, 3):
            store.route([Routing(number, Routed((charge(number),)), Lane.NORMAL, ("odoo",))], [], 2.0)
        assert [one.edition for one in claim(store)] == [0, 1, 2]

    def test_what_took_a_piece_stays_with_it(self, store: Store) -> None:
        from conformance.store_contract import arrival

        store.accept([replace(arrival(number), edition=number) for number in (1, 2)])
        store.route([Routing(1, Fragment(b"", b"p")), Routing(2, Fragment(b"p", b"q"))], [], 2.0)
        assert [one.edition for one in store.fragments(["charges"])] == [1, 2]

    def test_a_dead_letter_that_is_routed_anew_goes_by_what_is_active_then(self, store: Store) -> None:
        from conformance.store_contract import arrival

        store.accept([replace(arrival(number), edition=1) for number in (1, 2)])
        store.route([Routing(number, Dead(WRONG)) for number in (1, 2)], [], 2.0)
        resent(store, 1, now=3.0)  # as before there were editions
        activate(store, 1)
        activate(store, 2)
        resent(store, 2, now=4.0)
        assert [one.edition for one in store.unrouted(["charges"], 0, 9)] == [1, 2]

    def test_effects_that_are_sent_again_stay_of_what_made_them(self, store: Store) -> None:
        from conformance.store_contract import arrival, charge, claim

        store.accept([replace(arrival(number), edition=1) for number in (1, 2)])
        for number in (1, 2):
            store.route([Routing(number, Routed((charge(number),)), Lane.NORMAL, ("odoo",))], [], 2.0)
        refused, fine = claim(store)
        outcomes = [Settlement(refused.id, Refused(WRONG)), Settlement(fine.id, Delivered())]
        store.settle(outcomes, now=310.0, holder="me")
        activate(store, 1)
        activate(store, 2)
        assert resent(store, now=400.0) == [1]
        (again,) = claim(store, now=400.0)
        assert (again.message_id, again.edition) == (1, 1)
