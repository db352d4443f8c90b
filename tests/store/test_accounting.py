"""The books of a store that is gone over in stretches: nothing at an edge is missed, nothing told twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from conformance.fix_contract import came, fee, route

from engine.model import Delivered, DeliveryState, Lane, MessageState, Settlement
from engine.store import accounting
from engine.store.base import Store
from engine.store.contracts.views import AccountRow, EffectRow
from engine.store.keys import KeyRing
from engine.store.sql import open_store

RING = KeyRing({"first": b"\x07" * 32})
COUNT = 7


class _Ended(Exception):
    """Whoever waited went away."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def store(file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Seven messages, each with an effect that stands, gone over three at a time."""
    monkeypatch.setattr(accounting, "STRETCH", 3)
    opened = open_store(f"sqlite:///{file}", RING)
    for number in range(1, COUNT + 1):
        route(opened, came(opened, number), fee(f"a{number}"))
    due = opened.claim("odoo", Lane.NORMAL, COUNT, now=300.0, lease_until=400.0, holder="h")
    while due:
        opened.settle([Settlement(one.id, Delivered({})) for one in due], now=301.0, holder="h")
        due = opened.claim("odoo", Lane.NORMAL, COUNT, now=300.0, lease_until=400.0, holder="h")
    yield opened
    opened.close()


def _past_the_store(file: Path, statement: str) -> None:
    with sqlite3.connect(file) as other:
        other.execute("PRAGMA foreign_keys = OFF")
        other.execute(statement)


def test_whatever_the_stretches_the_counts_are_of_all(store: Store) -> None:
    assert store.account() == [AccountRow("charges", MessageState.DELIVERED, COUNT)]
    assert store.effects() == [EffectRow("charges", "charge", DeliveryState.DELIVERED, COUNT)]
    assert store.gaps() == []


@pytest.mark.parametrize("number", range(1, COUNT))
def test_a_message_that_is_missing_is_found_wherever_it_was(store: Store, file: Path, number: int) -> None:
    for table, key in (("contents", "message_id"), ("deliveries", "message_id"), ("messages", "id")):
        _past_the_store(file, f"DELETE FROM {table} WHERE {key} = {number}")
    assert store.gaps() == [f"messages whose row is missing just before: 1 ({number + 1})"]


def test_so_are_all_of_a_stretch(store: Store, file: Path) -> None:
    for table, key in (("contents", "message_id"), ("deliveries", "message_id"), ("messages", "id")):
        _past_the_store(file, f"DELETE FROM {table} WHERE {key} BETWEEN 2 AND 6")
    assert store.gaps() == ["messages whose row is missing just before: 1 (7)"]


@pytest.mark.parametrize("number", [1, 2, 3, 5, 6, 7])
def test_what_an_effect_lacks_is_found_wherever_it_is(store: Store, file: Path, number: int) -> None:
    _past_the_store(file, f"DELETE FROM deliveries WHERE message_id = {number}")
    assert store.gaps() == [f"messages with an effect on its way to nowhere: 1 ({number})"]


def test_effects_and_content_of_messages_after_the_last_one_are_found(store: Store, file: Path) -> None:
    _past_the_store(file, "DELETE FROM messages WHERE id = 7")
    assert store.gaps() == [
        "content without its message: 1 (7)",
        "deliveries without their message: 1 (7000001)",
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE messages SET state = 'lost' WHERE id = 4", "messages in no known state: 1 (4)"),
        (
            "UPDATE deliveries SET state = 'lost' WHERE message_id = 4",
            "deliveries in no known state: 1 (4000001)",
        ),
        (
            "UPDATE deliveries SET state = 'dead' WHERE message_id = 4",
            "delivered messages with a delivery that does not stand: 1 (4)",
        ),
        (
            "UPDATE messages SET state = 'shadowed' WHERE id = 4",
            "shadowed messages with a delivery that was carried out, or is open: 1 (4)",
        ),
        (
            "UPDATE deliveries SET state = 'due' WHERE message_id = 4;"
            " UPDATE messages SET state = 'skipped' WHERE id = 4",
            "skipped messages with a delivery open or dead: 1 (4)",
        ),
        (
            "UPDATE deliveries SET state = 'scheduled' WHERE message_id = 4;"
            " UPDATE messages SET state = 'dead', reason = '{}' WHERE id = 4",
            "dead letters with a delivery still open: 1 (4)",
        ),
        (
            "UPDATE messages SET state = 'filtered' WHERE id = 4",
            "messages with deliveries they should not have: 1 (4)",
        ),
        (
            "UPDATE messages SET state = 'received', again = 1 WHERE id = 4;"
            " UPDATE deliveries SET state = 'claimed', holder = 'h' WHERE message_id = 4",
            "messages with deliveries they should not have: 1 (4)",
        ),
        (
            "UPDATE deliveries SET message_id = 5 WHERE id = 4000001",
            "deliveries that say another message's id: 1 (4000001)",
        ),
        (
            "UPDATE deliveries SET state = 'due', checksum = 1 WHERE message_id = 4;"
            " UPDATE messages SET state = 'waiting' WHERE id = 4",
            "open deliveries that are damaged: 1 (4000001)",
        ),
    ],
    ids=lambda text: text if text.endswith(")") else "",
)  # fmt: skip
def test_each_thing_that_does_not_go_together_is_said(
    store: Store, file: Path, change: str, said: str
) -> None:
    for statement in change.split(";"):
        _past_the_store(file, statement)
    assert said in store.gaps()


def test_an_effect_that_nobody_can_read_is_counted_as_that(store: Store, file: Path) -> None:
    _past_the_store(file, "UPDATE deliveries SET effect = X'00ff' WHERE message_id = 4")
    assert EffectRow("charges", "damaged", DeliveryState.DELIVERED, 1) in store.effects()


def test_who_waits_is_told_how_far_it_is_and_may_end_it(store: Store) -> None:
    heard: list[tuple[int, int]] = []
    store.gaps(lambda done, every: heard.append((done, every)))
    assert heard == [(2, COUNT), (5, COUNT), (7, COUNT)]

    def enough(_done: int, _every: int) -> None:
        raise _Ended

    with pytest.raises(_Ended):
        store.gaps(enough)
    assert store.gaps() == []
