"""What every message store promises about who is named where; part of `StoreContract`."""

from __future__ import annotations

import pytest
from resending import resent

from engine.effects import Effect, Encounter
from engine.model import (
    Arrival,
    Dead,
    Filtered,
    Fragment,
    MessageState,
    Reason,
    ReasonCode,
    Routed,
    Routing,
)
from engine.store.base import MessageStore, Store
from engine.store.contracts.views import Query
from engine.tokens import Lookup, NewToken, TokenMerge

ALL = Query()


def arrive(store: MessageStore, *numbers: int, channel: str = "adt") -> list[int]:
    arrivals = [
        Arrival(channel, b"MSH|%d" % number, number.to_bytes(16, "big"), number.to_bytes(16, "big"), 100.0)
        for number in numbers
    ]
    return [receipt.id for receipt in store.accept(arrivals)]


def named(store: MessageStore, *terms: int, query: Query = ALL) -> list[int]:
    return [view.id for view in store.mentioned(terms, query)]


def minted(number: int) -> NewToken:
    lookups = (Lookup(number.to_bytes(16, "big"), "first"),)
    return NewToken(token=f"t1p_{number}", domain="p", lookups=lookups, key_id="seal", sealed=b"sealed")


def opened(number: int) -> tuple[Effect, ...]:
    return (Encounter(key=f"t1v_{number}", subject="t1p_1"),)


class MentionContract:
    def test_a_message_is_found_by_what_it_names_whatever_became_of_it(self, store: MessageStore) -> None:
        ids = arrive(store, 1, 2, 3, 4)
        dead = Dead(Reason(ReasonCode.BAD_VALUE, "no"))
        results = (Routed(opened(1), "t1p_1"), Filtered("not ours"), dead, Fragment(b"", b"x"))
        for number, result in zip(ids, results, strict=True):
            store.route([Routing(number, result, destinations=("odoo",), mentions=(7, -number))], [], 200.0)
        assert named(store, 7) == ids
        assert named(store, -ids[1], 5) == [ids[1]]
        assert named(store, 8) == [] == named(store)
        assert [view.state for view in store.mentioned([7], ALL)] == [
            MessageState.WAITING, MessageState.FILTERED, MessageState.DEAD, MessageState.FRAGMENT,
        ]  # fmt: skip
        assert named(store, 7, query=Query(state="dead")) == [ids[2]]
        assert named(store, 7, query=Query(after=ids[0], limit=2)) == ids[1:3]
        assert store.gaps() == []

    def test_the_widest_terms_are_kept_as_they_are(self, store: MessageStore) -> None:
        (number,) = arrive(store, 1)
        terms = (-(2**63), 2**63 - 1, 0, -1)
        store.route([Routing(number, Filtered("x"), mentions=terms)], [], 1.0)
        assert all(named(store, term) == [number] for term in terms)

    def test_it_is_found_again_when_it_was_routed_again(self, store: Store) -> None:
        (number,) = arrive(store, 1)
        reason = Reason(ReasonCode.UNMAPPED_CODE, "no")
        store.route([Routing(number, Dead(reason), mentions=(7,))], [], 1.0)
        assert resent(store, number, now=2.0) == [number]
        assert named(store, 7) == [number]
        store.route([Routing(number, Filtered("x"), mentions=(7, 8))], [], 3.0)
        assert named(store, 7) == named(store, 8) == [number]

    def test_duplicates_and_later_pieces_are_found_with_the_one_that_names_it(
        self, store: MessageStore
    ) -> None:
        first, second, again = arrive(store, 1, 2, 1)
        for number, pointers in ((first, (b"", b"p")), (second, (b"p", b""))):
            store.route([Routing(number, Fragment(*pointers))], [], 1.0)
        store.route([Routing(first, Filtered("x"), rest=(second,), mentions=(7,))], [], 2.0)
        states = {view.id: view.state for view in store.mentioned([7], ALL)}
        assert states == {
            first: MessageState.FILTERED, second: MessageState.JOINED, again: MessageState.DUPLICATE,
        }  # fmt: skip

    def test_what_is_not_stored_names_nobody(self, store: MessageStore) -> None:
        (number,) = arrive(store, 1)
        store.route([Routing(number, Filtered("x"), mentions=(7,))], [], 1.0)
        store.route([Routing(number, Filtered("x"), mentions=(8,))], [], 2.0)  # it is no longer open
        store.route([Routing(number + 99, Filtered("x"), mentions=(9,))], [], 2.0)
        assert named(store, 8) == named(store, 9) == []

    @pytest.mark.parametrize("asked", ["t1p_1", "t1p_2", "t1p_3"])
    def test_the_kin_of_a_token_are_all_numbers_that_are_one(self, store: MessageStore, asked: str) -> None:
        (number,) = arrive(store, 1)
        merges = (TokenMerge("t1p_1", "t1p_2"), TokenMerge("t1p_2", "t1p_3"))
        store.route([Routing(number, Routed((), "", merges))], [minted(n) for n in range(1, 5)], 1.0)
        assert store.kin([asked]) == {n.to_bytes(16, "big"): f"t1p_{n}" for n in (1, 2, 3)}
        assert store.kin(["t1p_4"]) == {(4).to_bytes(16, "big"): "t1p_4"}
        assert store.kin(["t1p_9"]) == store.kin([]) == {}

    def test_names_of_authorities_are_kept_once(self, store: MessageStore) -> None:
        store.keep_authorities([b"a", b"b"])
        store.keep_authorities([b"b", b"c"], gone=[b"a"])
        assert sorted(store.authorities()) == [b"b", b"c"]
