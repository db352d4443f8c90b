"""What every message store promises about merges that are taken back; part of `StoreContract`."""

from __future__ import annotations

import pytest
from conformance.mention_contract import arrive, minted
from msgspec.structs import replace
from resending import resent

from engine.auditing import Act, AuditQuery, Entry
from engine.effects import Effect, Merge, Unmerge
from engine.errors import Unacceptable
from engine.model import (
    Delivered,
    Delivery,
    Lane,
    MessageState,
    Outcome,
    Reason,
    ReasonCode,
    Refused,
    Routed,
    Routing,
    Settlement,
    TryAgain,
)
from engine.store.base import Store, VaultTurned
from engine.store.contracts.fixing import Letters
from engine.store.contracts.views import Query
from engine.tokens import TokenMerge

ENTRY = Entry(at=5.0, who="officer", role="operator", act=Act.UNMERGE, object="t1p_1", why="two persons")


def merge(store: Store, gone: int, into: int, *, to: tuple[str, ...] = ("odoo",), said: int = 0) -> int:
    """A message that merges two persons, routed; its id."""
    (number,) = arrive(store, 1000 * gone + into + 100_000 * said)
    one = Merge(key=f"merge/t1p_{gone}/t1p_{into}", kind="person", gone=f"t1p_{gone}", into=f"t1p_{into}")
    result = Routed((one,), f"t1p_{into}", (TokenMerge(one.gone, one.into),))
    store.route([Routing(number, result, destinations=to)], [], 200.0)
    return number


def people(store: Store, *numbers: int) -> None:
    store.route([], [minted(number) for number in numbers], 1.0)


def deliver(store: Store, outcome: Outcome, *, to: str = "odoo", noted: str = "") -> list[Delivery]:
    """Claim what is due until there is no more, and settle it like this."""
    settled: list[Delivery] = []
    while claimed := store.claim(to, Lane.NORMAL, 100, now=300.0, lease_until=360.0, holder="me"):
        if noted:
            store.note({one.id: {"moved": noted} for one in claimed})
        store.settle([Settlement(one.id, outcome, 400.0) for one in claimed], now=301.0, holder="me")
        settled += claimed
    return settled


def ends(store: Store, *numbers: int) -> dict[int, int]:
    found = store.survivors([f"t1p_{number}" for number in numbers])
    return {int(gone[4:]): int(into[4:]) for gone, into in found.items()}


class UnmergeContract:
    def test_a_merge_taken_back_lets_both_stand_for_themselves(self, store: Store) -> None:
        people(store, 1, 2)
        number = merge(store, 1, 2)
        deliver(store, Delivered(), noted="a log")
        undone = store.unmerge("t1p_1", "t1p_2", now=5.0, told=ENTRY)
        assert (undone.message_id, undone.destinations) == (number, ("odoo",))
        assert ends(store, 1, 2) == {}
        assert {view.state for view in store.messages(Query())} == {MessageState.WAITING}
        assert store.gaps() == []
        (back,) = deliver(store, Delivered())
        effect: Effect = back.effect
        assert isinstance(effect, Unmerge)
        assert (effect.kind, effect.gone, effect.into) == ("person", "t1p_1", "t1p_2")
        assert (back.message_id, back.sequence_key, back.progress) == (number, "t1p_1", {"moved": "a log"})
        assert {view.state for view in store.messages(Query())} == {MessageState.DELIVERED}
        assert store.gaps() == []
        (recorded,) = store.entries(AuditQuery(act=Act.UNMERGE))
        assert recorded.entry.why == "two persons"
        assert recorded.entry.detail == {"message": str(number), "deliveries": "1"}

    def test_the_history_stays_and_says_what_was_undone(self, store: Store) -> None:
        people(store, 1, 2, 3, 4)
        first = merge(store, 1, 2)
        second = merge(store, 2, 3)
        merge(store, 4, 3)
        deliver(store, Delivered())
        store.unmerge("t1p_1", "t1p_2", now=5.0)
        assert [(one.gone, one.into, one.undone_at) for one in store.merges("t1p_2")] == [
            ("t1p_4", "t1p_3", 0.0), ("t1p_2", "t1p_3", 0.0), ("t1p_1", "t1p_2", 5.0),
        ]  # fmt: skip
        assert [one.message_id for one in store.merges()][1:] == [second, first]
        assert [one.gone for one in store.merges("t1p_1")] == ["t1p_1"]

    @pytest.mark.parametrize(
        ("undone", "left"),
        [
            ((1, 2), {2: 4, 3: 4, 5: 4}),
            ((2, 3), {1: 2, 3: 4, 5: 4}),
            ((3, 4), {1: 3, 2: 3, 5: 4}),
            ((5, 4), {1: 4, 2: 4, 3: 4}),
        ],
    )
    def test_of_a_chain_each_link_may_be_taken_out(
        self, store: Store, undone: tuple[int, int], left: dict[int, int]
    ) -> None:
        people(store, 1, 2, 3, 4, 5)
        for gone, into in ((1, 2), (2, 3), (3, 4), (5, 4)):
            merge(store, gone, into)
        deliver(store, Delivered())
        store.unmerge(f"t1p_{undone[0]}", f"t1p_{undone[1]}", now=5.0)
        assert ends(store, 1, 2, 3, 4, 5) == left

    def test_what_was_taken_back_may_be_merged_again_and_taken_back_again(self, store: Store) -> None:
        people(store, 1, 2)
        keys = set()
        for attempt in range(2):
            number = merge(store, 1, 2, said=attempt)
            deliver(store, Delivered())
            assert ends(store, 1) == {1: 2}
            assert store.unmerge("t1p_1", "t1p_2", now=5.0 + attempt).message_id == number
            keys |= {one.effect.key for one in deliver(store, Delivered())}
        assert len(keys) == 2
        assert ends(store, 1, 2) == {}

    def test_only_a_merge_that_holds_can_be_taken_back(self, store: Store) -> None:
        people(store, 1, 2, 3)
        merge(store, 1, 2)
        merge(store, 2, 3)
        deliver(store, Delivered())
        for gone, into, said in (
            ("t1p_1", "t1p_3", "merged into t1p_2"), ("t1p_2", "t1p_1", "merged into t1p_3"),
            ("t1p_3", "t1p_2", "merged into nothing"), ("t1p_9", "t1p_2", "merged into nothing"),
        ):  # fmt: skip
            with pytest.raises(Unacceptable, match=said):
                store.unmerge(gone, into, now=5.0, told=ENTRY)
        store.unmerge("t1p_1", "t1p_2", now=5.0)
        with pytest.raises(Unacceptable, match="undone already"):
            store.unmerge("t1p_1", "t1p_2", now=6.0)
        assert store.entries(AuditQuery(act=Act.UNMERGE)) == []

    def test_not_while_the_merge_is_on_its_way(self, store: Store) -> None:
        people(store, 1, 2)
        merge(store, 1, 2, to=("odoo", "ledger:x"))
        deliver(store, Delivered())
        with pytest.raises(Unacceptable, match="on its way"):
            store.unmerge("t1p_1", "t1p_2", now=5.0)
        deliver(store, TryAgain(Reason(ReasonCode.UNAVAILABLE, "down")), to="ledger:x")
        with pytest.raises(Unacceptable, match="on its way"):
            store.unmerge("t1p_1", "t1p_2", now=5.0)
        assert ends(store, 1) == {1: 2}

    def test_a_merge_that_is_a_dead_letter_never_comes_again(self, store: Store) -> None:
        people(store, 1, 2)
        number = merge(store, 1, 2)
        deliver(store, Refused(Reason(ReasonCode.NOT_ALLOWED, "no")), noted="half of it")
        store.unmerge("t1p_1", "t1p_2", now=5.0)
        assert resent(store, number, now=6.0) == []
        (back,) = deliver(store, Delivered())
        assert isinstance(back.effect, Unmerge)
        assert back.progress["moved"] == "half of it"
        assert [view.note for view in store.deliveries(Query(), message_id=number)] == [
            "taken back before it stood", "",
        ]  # fmt: skip
        assert store.gaps() == []

    def test_each_destination_of_the_merge_is_told(self, store: Store) -> None:
        people(store, 1, 2)
        merge(store, 1, 2, to=("odoo", "ledger:x"))
        for name in ("odoo", "ledger:x"):
            deliver(store, Delivered(), to=name, noted=name)
        assert store.unmerge("t1p_1", "t1p_2", now=5.0).destinations == ("odoo", "ledger:x")
        assert store.gaps() == []
        for name in ("odoo", "ledger:x"):
            (back,) = deliver(store, Delivered(), to=name)
            assert back.progress == {"moved": name}

    def test_a_router_that_remembers_the_merge_is_told_to_forget_it(self, store: Store) -> None:
        people(store, 1, 2)
        merge(store, 1, 2)
        deliver(store, Delivered())
        turn = store.uses()["vault-index"].turn
        store.unmerge("t1p_1", "t1p_2", now=5.0)
        with pytest.raises(VaultTurned):
            store.route([], [], 6.0, turn=turn)

    def test_a_merge_that_was_replayed_is_taken_back_once(self, store: Store) -> None:
        people(store, 1, 2)
        number = merge(store, 1, 2)
        deliver(store, Refused(Reason(ReasonCode.GAVE_UP, "not now")))
        told = replace(ENTRY, act=Act.REPLAY, object="messages")
        assert store.replay([number], told=told) == [number]
        with pytest.raises(Unacceptable, match="routed"):
            store.unmerge("t1p_1", "t1p_2", now=5.0, told=ENTRY)
        assert {view.state for view in store.messages(Query())} == {MessageState.RECEIVED}
        _routed(store, number)
        deliver(store, Delivered(), noted="a log")
        undone = store.unmerge("t1p_1", "t1p_2", now=5.0, told=ENTRY)
        assert undone.destinations == ("odoo",)
        (back,) = deliver(store, Delivered())
        assert back.progress == {"moved": "a log"}
        assert store.gaps() == []

    def test_a_merge_that_was_skipped_and_taken_back_cannot_be_taken_up_again(self, store: Store) -> None:
        people(store, 1, 2)
        merge(store, 1, 2)
        deliver(store, Refused(Reason(ReasonCode.GAVE_UP, "not now")))
        skipped = Letters(state="skipped")
        store.skip(store.letters(Letters()), told=ENTRY)
        assert len(store.letters(skipped)) == 1
        store.unmerge("t1p_1", "t1p_2", now=5.0, told=ENTRY)
        deliver(store, Delivered())
        assert store.letters(skipped) == store.gaps() == []


def _routed(store: Store, number: int) -> None:
    one = Merge(key="merge/t1p_1/t1p_2", kind="person", gone="t1p_1", into="t1p_2")
    result = Routed((one,), "t1p_2", (TokenMerge(one.gone, one.into),))
    store.route([Routing(number, result, destinations=("odoo",))], [], 250.0)
