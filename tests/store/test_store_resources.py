"""Resources in a database: what an auditor finds there, and how it looks for what is asked."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from conformance.resource_contract import key, one, term, unit, wanted, write
from conformance.store_contract import RING, accept

from engine.resources import Expect, Find, Span, Written
from engine.store.base import Store
from engine.store.database import Work
from engine.store.sql import open_store

DATE = Span("date", 1.0, 2.0)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/wardline.db"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    store = open_store(url, RING)
    for number in range(1, 4):
        one(store, write("a", number, "x"), write(f"b{number}", 1, "x y"), id_=f"t{number}")
    assert store.verify_versions() == []
    yield store
    store.close()


def _change(url: str, *statements: str) -> None:
    """What somebody with rights on the database may do."""
    if url.startswith("sqlite"):
        file = sqlite3.connect(url.removeprefix("sqlite:///"))
        for statement in statements:
            file.execute(statement)
        file.commit()
        file.close()
        return
    with psycopg.connect(url) as server:
        for statement in statements:
            server.execute(statement.encode())


ON_SQLITE = pytest.mark.parametrize("url", ["sqlite"], indirect=True)

COLUMNS = (
    ("client", "'other'"),
    ("request_id", "'other'"),
    ("unit", "'t9'"),
    ("at", "1.5"),
    ("deleted", "1"),
    ("version", "9"),
    ("body_hash", "chain"),
    ("chain", "body_hash"),
    ("type", "'Location'"),
)


@ON_SQLITE
@pytest.mark.parametrize(("column", "value"), COLUMNS, ids=[column for column, _ in COLUMNS])
def test_a_version_that_was_changed_is_found(column: str, value: str, store: Store, url: str) -> None:
    _change(url, f"UPDATE versions SET {column} = {value} WHERE message_id = 3")
    assert any("changed" in text for text in store.verify_versions())


@ON_SQLITE
@pytest.mark.parametrize("gone", [1, 3, 5, 6])
def test_a_version_that_was_taken_away_is_found(gone: int, store: Store, url: str) -> None:
    _change(url, f"DELETE FROM versions WHERE message_id = {gone}")
    assert store.verify_versions()
    assert gone not in (5, 6) or store.gaps()  # the newest of its resource


def test_a_version_that_was_put_in_is_found(store: Store, url: str) -> None:
    accept(store, 1)
    columns = "created, release, type, id, version, at, deleted, unit, client, request_id, body_hash, chain"
    changed = columns.replace("created", "99").replace("version", "4")
    _change(
        url,
        f"INSERT INTO versions (message_id, {columns})"
        f" SELECT 7, {changed} FROM versions WHERE message_id = 6",
    )
    assert len(store.verify_versions()) == 2


def test_a_resource_that_points_back_to_an_older_version_is_found(store: Store, url: str) -> None:
    _change(url, "UPDATE resources SET version = 1, message_id = 1 WHERE id = 'a'")
    (text,) = store.verify_versions()
    assert text.startswith("R4 SupplyRequest/a, version 1: ")


def test_content_that_was_changed_is_found_and_not_read(store: Store, url: str) -> None:
    _change(
        url,
        "UPDATE contents SET sealed = (SELECT sealed FROM contents WHERE message_id = 2)"
        " WHERE message_id = 5",
    )
    (text,) = store.verify_versions()
    assert text == "R4 SupplyRequest/a, version 3: its content was changed"
    assert store.resources([key("a")])[key("a")].body is None
    assert [version.body is None for version in store.find(wanted("x")).versions] == [
        True,
        False,
        False,
        False,
    ]


def test_a_message_that_was_taken_for_another_is_found(store: Store, url: str) -> None:
    _change(url, "UPDATE messages SET digest = fingerprint WHERE id = 2")
    assert store.verify_versions()


def test_the_chain_is_followed_over_many(store: Store, url: str) -> None:
    store.write([unit(*(write(f"c{number}") for number in range(2500)))])
    assert store.verify_versions() == []
    _change(url, "UPDATE versions SET client = 'x' WHERE message_id IN (1006, 1007, 2400)")
    assert len(store.verify_versions()) == 3


def test_what_is_damaged_in_what_finds_them_is_in_the_books(store: Store, url: str) -> None:
    _change(url, "INSERT INTO terms (digest, created) SELECT digest, 77 FROM terms WHERE created = 1")
    assert store.gaps() == ["resources found by what is not theirs: 1 (77)"]


# How it looks for things

Plans = list[tuple[str, list[str]]]
ROWS: Callable[..., list[tuple[Any, ...]]] = Work.rows


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> Plans:
    """What SQLite does for each query from now on."""
    seen: Plans = []

    def rows(self: Work, sql: str, given: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        seen.append((sql, [row[3] for row in ROWS(self, f"EXPLAIN QUERY PLAN {sql}", given)]))
        return ROWS(self, sql, given)

    monkeypatch.setattr(Work, "rows", rows)
    return seen


def _history(id_: str, since: float) -> Callable[[Store], object]:
    return lambda store: store.history("R4", "SupplyRequest", id_, before=5, since=since, limit=1)


def _find(*groups: str, **more: Any) -> Callable[[Store], object]:
    return lambda store: store.find(wanted(*groups, **more))


def _change_one(store: Store) -> None:
    expects = [Expect(wanted("y", ids=("b9",))), Expect(wanted("z"))]
    assert isinstance(one(store, write("a", 4), expects=expects), Written)


READINGS: dict[str, tuple[Callable[[Store], object], str]] = {
    "current": (lambda store: store.resources([key("a"), key("b1")]), "r USING INDEX resources_by_id"),
    "version": (lambda store: store.version(key("a"), 2), "versions_of_resource (created=? AND version=?)"),
    "unit": (lambda store: store.unit("t1"), "versions_of_unit"),
    "all of a type": (_find(limit=1, after=1), "resources_of_type"),
    "one term": (_find("x", limit=1), "terms USING PRIMARY KEY (digest=? AND created>?)"),
    "either term": (_find("x y"), "terms USING PRIMARY KEY (digest=?"),
    "both terms": (_find("x", "y"), "t USING PRIMARY KEY (digest=? AND created=?)"),
    "span": (_find(spans=((DATE,),)), "wide=? AND low>? AND low<?)"),
    "term and span": (_find("x", spans=((DATE,),)), "s USING PRIMARY KEY (created=? AND"),
    "ids": (_find("x", ids=("a", "b1")), "resources_by_id (id=? AND type=? AND release=?"),
    "written": (_find(since=3.0), "resources_written (release=? AND type=? AND at>?"),
    "history": (_history("a", 3.0), "versions_of_resource (created=?"),
    "history of a type": (_history("", 0.0), "versions_of_type (release=? AND type=? AND message_id<?)"),
    "history since": (_history("", 3.0), "versions_written (release=? AND type=? AND at>?)"),
    "a change": (_change_one, "resources USING INDEX resources_by_id (id=?)"),
}


@ON_SQLITE
@pytest.mark.parametrize("what", READINGS)
def test_every_query_walks_an_index(what: str, store: Store, plans: Plans) -> None:
    ask, index = READINGS[what]
    ask(store)
    assert index in "\n".join(step for _, steps in plans for step in steps)
    walked = re.compile(r"SCAN (resources|versions|messages|contents|terms|spans|[rvmcts])\b")
    for sql, steps in plans:
        if "coalesce(max(id)" not in sql:  # one row, the newest
            assert not [step for step in steps if walked.match(step)], sql


@ON_SQLITE
@pytest.mark.parametrize("groups", [("x", "z"), ("z", "x"), ("x y", "z", "y")])
def test_the_rarest_term_is_looked_for_first(
    groups: tuple[str, ...], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    one(store, write("c", 1, "z y x"))
    given_of: dict[str, Any] = {}
    monkeypatch.setattr(
        Work, "rows", lambda self, sql, given=(): given_of.update({sql: given}) or ROWS(self, sql, given)
    )
    assert store.find(wanted(*groups)).total == 1
    (page,) = (given for sql, given in given_of.items() if "IN (SELECT message_id" in sql)
    assert page[0] == term("z")


@pytest.mark.parametrize("url", ["postgres"], indirect=True)
@pytest.mark.parametrize("find", [wanted("y", "x"), wanted(spans=((DATE,),))], ids=["term", "span"])
def test_a_database_without_statistics_looks_up_what_it_found(
    find: Find, url: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a restore: PostgreSQL then takes every type for rare, and would walk all of it."""
    store.write([unit(*(write(f"c{number}", 1, f"n{number}") for number in range(2000)))])
    steps: list[str] = []

    def rows(self: Work, sql: str, given: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        if "created" in sql:
            steps.extend(row[0] for row in ROWS(self, f"EXPLAIN {sql}", given))
        return ROWS(self, sql, given)

    monkeypatch.setattr(Work, "rows", rows)
    store.find(find)
    assert any("resources_pkey" in step for step in steps), steps
    assert not any("Scan on resources" in step or "resources_of_type" in step for step in steps), steps


def test_a_commit_takes_few_statements_however_many_units(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    run, many = Work.run, Work.run_many
    monkeypatch.setattr(Work, "rows", lambda self, sql, given=(): said.append(sql) or ROWS(self, sql, given))
    monkeypatch.setattr(Work, "run", lambda self, sql, given=(): said.append(sql) or run(self, sql, given))
    monkeypatch.setattr(Work, "run_many", lambda self, sql, rows: said.append(sql) or many(self, sql, rows))
    made = [
        unit(write(f"n{number}", 1, f"p q{number}", spans=[DATE]), expects=[Expect(wanted(f"q{number}"))])
        for number in range(16)
    ]
    assert all(isinstance(result, Written) for result in store.write(made))
    assert len(said) == 9, said
