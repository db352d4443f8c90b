"""Sending again and settling as operations: what would be done is what is done."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from conformance.fix_contract import NO_ITEM, UNKNOWN, came, carry, fee, route, state

from engine.accounts.words import Caller, Role
from engine.auditing import Act, AuditQuery
from engine.errors import Misconfigured
from engine.model import Dead, MessageState, Routing
from engine.operations.fixing import LETTERS, REDELIVER, SKIP, WOULD_REDELIVER, WOULD_SKIP, Again
from engine.operations.operation import Desk, Forbidden, perform
from engine.operations.which import PORTION, Which
from engine.settings import Settings
from engine.store.base import Store
from engine.store.keys import KeyRing
from engine.store.sql import open_store

RING = KeyRing({"first": b"\x07" * 32})
DUTY = Caller(name="duty", roles=frozenset({Role.OPERATOR}))
VIEWER = Caller(name="looker", roles=frozenset({Role.VIEWER}))
WHY = "the table is mended"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/wardline.db", RING)
    yield opened
    opened.close()


@pytest.fixture
def desk(store: Store) -> Desk:
    return Desk(store, RING, Settings(), lambda: 250.0)


def letters(store: Store) -> tuple[list[int], int, int]:
    """Three that could not be routed; one that was refused, and a later one that says otherwise."""
    unrouted = [came(store, number) for number in range(3)]
    store.route([Routing(number, Dead(UNKNOWN)) for number in unrouted], [], 200.0)
    refused, newer = came(store, 8), came(store, 9)
    route(store, refused, fee("a"))
    carry(store, refuse=["a"])
    route(store, newer, fee("a", "2"))
    carry(store)
    return unrouted, refused, newer


def test_what_would_be_sent_again_is_told_by_cause_with_what_is_overtaken(desk: Desk, store: Store) -> None:
    unrouted, refused, newer = letters(store)
    would = perform(desk, VIEWER, WOULD_REDELIVER, Again(all=True))
    assert (would.messages, would.letters, would.overtaken, would.later) == (4, 4, 1, {refused: newer})
    first, second = would.causes
    assert (first.code, first.place, first.letters, first.examples) == (
        UNKNOWN.code.value, "FT1-7", 3, tuple(unrouted),
    )  # fmt: skip
    assert (second.destination, second.code, second.owner) == ("odoo", NO_ITEM.code.value, "business")
    assert [one.message_id for one in perform(desk, VIEWER, LETTERS, Again())] == [*unrouted, refused]


def test_those_of_one_cause_are_sent_again_and_the_others_stay(desk: Desk, store: Store) -> None:
    unrouted, refused, _ = letters(store)
    done = perform(desk, DUTY, REDELIVER, Again(code="unmapped-code", place="FT1-7", why=WHY, ticket="C-1"))
    assert (done.messages, done.letters) == (tuple(unrouted), 3)
    assert {state(store, number) for number in unrouted} == {MessageState.RECEIVED}
    assert state(store, refused) is MessageState.DEAD
    (told,) = (one.entry for one in store.entries(AuditQuery(act=Act.REDELIVER)))
    assert (told.who, told.why, told.ticket, told.detail["code"]) == ("duty", WHY, "C-1", "unmapped-code")
    assert told.detail["redelivered"] == " ".join(map(str, unrouted))


def test_what_is_settled_is_what_would_be_and_is_taken_up_again(desk: Desk, store: Store) -> None:
    unrouted, refused, _ = letters(store)
    assert perform(desk, VIEWER, WOULD_SKIP, Which(owner="business")).letters == 4
    done = perform(desk, DUTY, SKIP, Which(owner="business", why=WHY))
    assert done.messages == (*unrouted, refused)
    assert perform(desk, VIEWER, WOULD_REDELIVER, Again(all=True)).letters == 0
    back = perform(desk, DUTY, REDELIVER, Again(all=True, skipped=True, why=WHY))
    assert back.messages == (*unrouted, refused)
    assert store.gaps() == []


def test_many_are_moved_in_portions_each_with_its_entry(desk: Desk, store: Store) -> None:
    many = PORTION + 20
    numbers = [came(store, number) for number in range(many)]
    store.route([Routing(number, Dead(UNKNOWN)) for number in numbers], [], 200.0)
    assert perform(desk, DUTY, SKIP, Which(all=True, why=WHY)).letters == many
    entries = [one.entry.detail for one in store.entries(AuditQuery(act=Act.SKIP))]
    told = [int(number) for detail in entries for number in detail["skipped"].split()]
    assert told == numbers
    assert {detail["count"] for detail in entries} == {str(PORTION), "20"}


def test_nothing_is_moved_that_nobody_named(desk: Desk) -> None:
    for operation, asked in ((REDELIVER, Again(why=WHY)), (SKIP, Which(why=WHY))):
        with pytest.raises(Misconfigured, match="say which"):
            perform(desk, DUTY, operation, asked)
    for wrong in ({"code": "no-code"}, {"owner": "nobody"}, {"since": "some day"}):
        with pytest.raises(Misconfigured):
            perform(desk, DUTY, SKIP, msgspec.convert({**wrong, "why": WHY}, Which))


def test_who_only_looks_moves_nothing(desk: Desk, store: Store) -> None:
    letters(store)
    for operation, asked in ((REDELIVER, Again(all=True, why=WHY)), (SKIP, Which(all=True, why=WHY))):
        with pytest.raises(Forbidden):
            perform(desk, VIEWER, operation, asked)
    assert perform(desk, VIEWER, WOULD_SKIP, Which(all=True)).letters == 4
