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
from engine.store import books, narrowing, remembering
from engine.store.base import Store
from engine.store.contracts.fixing import Letters
from engine.store.contracts.holding import Hold, HoldKind
from engine.store.contracts.overview import Sought
from engine.store.contracts.views import Query
from engine.store.keys import KeyRing
from engine.store.sql import open_store
from engine.store.tables import PER_MESSAGE

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


@pytest.mark.parametrize("state", ["dead", "quarantined", "waiting", "received", "fragment"])
def test_what_a_command_lists_by_its_state_is_found_by_an_index(store: Store, file: Path, state: str) -> None:
    for query in (Query(state=state), Query(state=state, since=50.0, until=60.0, after=7)):
        assert _walks(file, _asked_by(lambda query=query: store.messages(query)), every=True) == []


@pytest.mark.parametrize("state", ["due", "claimed", "scheduled", "dead"])
def test_so_are_deliveries(store: Store, file: Path, state: str) -> None:
    assert _walks(file, _asked_by(lambda: store.deliveries(Query(state=state))), every=True) == []


def test_how_much_waits_and_is_dead_is_counted_by_an_index(store: Store, file: Path) -> None:
    assert store.backlog(0.0) == {}
    assert _walks(file, [(query, ()) for query in books.BACKLOG.values()]) == []


def test_what_came_lately_is_looked_for_among_the_newest(store: Store) -> None:
    """However many came before: of a moment the messages are few, and of them the effects."""
    for number in (1, 2, 3):
        route(store, came(store, number), fee(f"a{number}"))
    late = Query(since=10_000_000.0)
    for look, newest in ((store.messages, 3), (store.deliveries, 3 * PER_MESSAGE)):
        ((_, given),) = _asked_by(lambda look=look: look(late))
        assert max(given) > newest


def test_dead_letters_are_found_by_an_index(store: Store, file: Path) -> None:
    asked = _asked_by(lambda: store.letters(Letters()))
    assert _walks(file, asked) == []


def test_a_moment_is_found_without_a_walk(store: Store, file: Path) -> None:
    came(store, 1)
    assert len(store.seek(Sought(since=50.0))) == 1
    for query in (narrowing._FIRST, remembering._ENDS):
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


def _walks(file: Path, asked: list[tuple[str, Any]], *, every: bool = False) -> list[str]:
    """Where a large table would be read from end to end; with `every`, also from somewhere on."""
    assert asked
    with sqlite3.connect(file) as reader:
        plans = [reader.execute(f"EXPLAIN QUERY PLAN {query}", given).fetchall() for query, given in asked]
    steps = [row[3] for plan in plans for row in plan]
    partial = ("messages_received", "messages_for_people", *(f"deliveries_{one}" for one in _OPEN))
    return [
        step
        for step in steps
        if (
            step.startswith(("SCAN messages", "SCAN deliveries", "SCAN own")) or (every and "(rowid>" in step)
        )
        and not any(f"INDEX {name}" in step for name in partial)
    ]
