"""What is too old to be remembered is found without reading a table of years."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from conformance.purge_contract import DAY, filtered, on
from conformance.store_contract import RING

from engine.model import Retention
from engine.store import remembering
from engine.store.base import Store
from engine.store.remembering import first_after, stretches
from engine.store.sql import open_store


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = f"sqlite:///{tmp_path}/wardline.db"
    if request.param == "postgres":
        url = str(request.getfixturevalue("postgres_url"))
    opened = open_store(url, RING)
    yield opened
    opened.close()


def test_the_first_that_is_young_enough_is_found_by_halves(store: Store) -> None:
    database = store._database  # type: ignore[attr-defined]
    with database.read() as work:
        assert first_after(work, DAY) == 0
    assert list(stretches(database, DAY)) == []
    store.accept([on(day, day) for day in range(100)])
    with database.write() as work:
        work.run("DELETE FROM contents WHERE message_id IN (40, 41, 42)")
        work.run("DELETE FROM messages WHERE id IN (40, 41, 42)")
    with database.read() as work:
        for day in (0, 1, 30, 39, 42, 43, 44, 99, 100, 200):
            young = [
                number
                for (number,) in work.rows("SELECT id FROM messages WHERE received_at >= ?", (day * DAY,))
            ]
            found = first_after(work, day * DAY)
            assert [
                number for (number,) in work.rows("SELECT id FROM messages WHERE id >= ?", (found,))
            ] == young


def test_it_goes_stretch_by_stretch_and_leaves_out_none(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembering, "STRETCH", 7)
    store.accept([on(day, day) for day in range(100)])
    filtered(store, *range(1, 101))
    terms = Retention(content=10**6, dead=10**6, quarantine=10**6, duplicates=30)
    told = store.purge(terms, {}, 90 * DAY, dry_run=True)
    assert told.forgotten == 60
    assert store.purge(terms, {}, 90 * DAY).forgotten == 60
    again = store.accept([on(day, day) for day in (59, 60)])
    assert [one.original for one in again] == [0, 61]
