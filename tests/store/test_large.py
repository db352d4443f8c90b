"""A store of years: what people look for is found by an index, and what is held keeps nobody waiting."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from conformance.fix_contract import TOLD, came, fee, route
from sqlalchemy import Engine, event

from engine.model import Lane
from engine.store import overview, remembering
from engine.store.base import Store
from engine.store.contracts.fixing import Letters
from engine.store.contracts.holding import Hold, HoldKind
from engine.store.contracts.overview import Sought
from engine.store.keys import KeyRing
from engine.store.sql import open_store

_OPEN: Final = ("due", "dead", "claimed", "scheduled")
RING: Final = KeyRing({"first": b"\x07" * 32})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def store(file: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{file}", RING)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    "sought",
    [
        Sought(state="dead"),
        Sought(state="quarantined", channel="charges"),
        Sought(state="waiting"),
        Sought(state="received"),
        Sought(fingerprints=(b"name",)),
        Sought(original=5),
    ],
    ids=str,
)
def test_messages_are_found_by_an_index(store: Store, file: Path, sought: Sought) -> None:
    asked = _asked_by(lambda: store.seek(sought))
    assert _walks(file, asked) == []


def test_dead_letters_are_found_by_an_index(store: Store, file: Path) -> None:
    asked = _asked_by(lambda: store.letters(Letters()))
    assert _walks(file, asked) == []


def test_a_moment_is_found_without_a_walk(store: Store, file: Path) -> None:
    came(store, 1)
    assert len(store.seek(Sought(since=50.0))) == 1
    for query in (overview._FIRST, remembering._ENDS):
        assert _walks(file, [(query, ())]) == []


def test_behind_a_channel_that_is_held_nobody_waits_for_a_look_at_what_is_due(
    store: Store, file: Path
) -> None:
    route(store, came(store, 1), fee("a"))
    store.hold(Hold(HoldKind.DELIVERY, "charges", 300.0, "duty", "why"), told=TOLD)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")  # as who takes messages has it
    assert store.claim("odoo", Lane.NORMAL, 9, now=300.0, lease_until=400.0, holder="me") == []
    other.execute("ROLLBACK")
    other.close()
    store.let_go(HoldKind.DELIVERY, "charges", told=TOLD)
    assert store.claim("odoo", Lane.NORMAL, 9, now=300.0, lease_until=400.0, holder="me")


def _asked_by(look: Any) -> list[tuple[str, Any]]:
    asked: list[tuple[str, Any]] = []

    def note(_1: Any, _2: Any, statement: str, parameters: Any, *_3: Any) -> None:
        asked.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        look()
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    return [one for one in asked if one[0].startswith("SELECT")]


def _walks(file: Path, asked: list[tuple[str, Any]]) -> list[str]:
    """Where a large table would be read from end to end."""
    assert asked
    with sqlite3.connect(file) as reader:
        plans = [reader.execute(f"EXPLAIN QUERY PLAN {query}", given).fetchall() for query, given in asked]
    steps = [row[3] for plan in plans for row in plan]
    partial = ("messages_received", "messages_for_people", *(f"deliveries_{one}" for one in _OPEN))
    return [
        step
        for step in steps
        if step.startswith(("SCAN messages", "SCAN deliveries", "SCAN own"))
        and not any(f"INDEX {name}" in step for name in partial)
    ]
