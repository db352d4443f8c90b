"""What every store promises about checks against Odoo, their repairs, and effects carried out once
more."""

from __future__ import annotations

from typing import Final

import pytest
from conformance.schedule_contract import claimed, taken
from msgspec.structs import replace

from engine.auditing import Act, AuditQuery, Entry
from engine.errors import Misconfigured
from engine.model import Delivered, DeliveryState, MessageState, Settlement
from engine.store.base import Store
from engine.store.contracts.views import Query

ANN: Final = Entry(at=300.0, who="ann", role="user", act=Act.RECONCILE, object="books")
BOB: Final = replace(ANN, who="bob")


def carried_out(store: Store, number: int) -> int:
    """A message whose one effect stands; the delivery's id."""
    message = taken(store, number)
    assert claimed(store, 250.0) == [message]
    (view,) = store.deliveries(Query(), message_id=message)
    done = Settlement(view.delivery.id, Delivered({"sale.order.line": "7"}))
    store.settle([done], now=260.0, holder="me")
    return view.delivery.id


class CheckContract:
    def test_a_check_is_kept_with_what_it_found(self, store: Store) -> None:
        number = store.keep_check(b'{"since":1}', at=300.0, gaps=2, report=b'{"gaps":[]}', told=ANN)
        assert store.check_of(number) == (1, 300.0, "ann", "done", b'{"since":1}', 2, b'{"gaps":[]}')
        assert store.checks() == [(1, 300.0, "ann", "done", b'{"since":1}', 2, b"{}")]
        (told,) = store.entries(AuditQuery(act="reconcile"))
        assert (told.entry.who, told.entry.object) == ("ann", "check:1")

    def test_what_was_asked_for_is_found_by_who_makes_it_and_ends_once(self, store: Store) -> None:
        number = store.ask_check(b"{}", at=300.0)
        assert [row.number for row in store.checks(state="asked")] == [number]
        store.end_check(number, "done", gaps=1, report=b"[1]", told=ANN)
        store.end_check(number, "failed", gaps=9, report=b"[2]", told=ANN)
        found = store.check_of(number)
        assert found is not None
        assert (found.who, found.state, found.gaps, found.report) == ("schedule", "done", 1, b"[1]")

    def test_a_repair_takes_another_person(self, store: Store) -> None:
        check = store.keep_check(b"{}", at=300.0, gaps=1, report=b"{}", told=ANN)
        repair = store.propose_repair(check, b"[1]", at=301.0, why="lost", told=ANN)
        with pytest.raises(Misconfigured, match="nobody approves what they put forward"):
            store.decide_repair(repair.number, "approved", at=302.0, told=ANN)
        decided = store.decide_repair(repair.number, "approved", at=303.0, told=BOB)
        assert (decided.state, decided.who, decided.decided_by) == ("approved", "ann", "bob")
        with pytest.raises(Misconfigured, match="not proposed any more"):
            store.decide_repair(repair.number, "withdrawn", at=304.0, told=ANN)
        store.carry_repair(repair.number, "done", b"[2]", told=ANN)
        assert [(row.state, row.plan) for row in store.repairs()] == [("done", b"[2]")]
        assert store.repairs(state="approved") == []

    def test_nobody_repairs_after_a_check_that_was_not_made(self, store: Store) -> None:
        with pytest.raises(Misconfigured, match="no such check"):
            store.propose_repair(7, b"[]", at=301.0, why="lost", told=ANN)
        with pytest.raises(Misconfigured, match="no such repair"):
            store.decide_repair(7, "approved", at=301.0, told=ANN)

    def test_old_checks_are_forgotten_unless_a_repair_of_theirs_is_open(self, store: Store) -> None:
        gone, open_, late = (
            store.keep_check(b"{}", at=at, gaps=0, report=b"{}", told=ANN) for at in (1.0, 2.0, 900.0)
        )
        over = store.propose_repair(gone, b"[]", at=301.0, why="lost", told=ANN)
        store.decide_repair(over.number, "withdrawn", at=302.0, told=ANN)
        store.propose_repair(open_, b"[]", at=301.0, why="lost", told=ANN)
        assert store.drop_checks(500.0) == 1
        assert [row.number for row in store.checks()] == [late, open_]
        assert [row.check for row in store.repairs()] == [open_]

    def test_an_effect_that_stood_is_carried_out_once_more_and_keeps_its_key(self, store: Store) -> None:
        first, second = carried_out(store, 1), carried_out(store, 2)
        assert store.redo([first, second + 1_000_000], {"again": "replace"}, now=400.0, told=ANN) == [first]
        assert store.gaps() == []
        (message,) = store.messages(Query(state=MessageState.WAITING))
        (again,) = store.claim("odoo", 1, 9, now=401.0, lease_until=500.0, holder="me")  # type: ignore[arg-type]
        assert (again.id, again.message_id, again.progress) == (first, message.id, {"again": "replace"})
        assert (again.attempts, again.effect.key) == (1, "postings/1")
        store.settle([Settlement(first, Delivered({"sale.order.line": "8"}))], now=402.0, holder="me")
        (view,) = store.deliveries(Query(), message_id=message.id)
        assert (view.state, view.documents) == (DeliveryState.DELIVERED, {"sale.order.line": "8"})
        assert store.gaps() == []

    def test_what_is_not_carried_out_yet_is_not_done_again(self, store: Store) -> None:
        message = taken(store, 1)
        (view,) = store.deliveries(Query(), message_id=message)
        assert store.redo([view.delivery.id], {}, now=400.0, told=ANN) == []

    def test_effects_are_found_by_when_they_were_settled(self, store: Store) -> None:
        carried_out(store, 1)
        taken(store, 2)
        assert [one.key for one in store.effects_settled(260.0, 101.0)] == ["postings/1"]
        assert [*store.effects_settled(261.0, 101.0)] == []
        assert [*store.effects_settled(0.0, 100.0)] == []
