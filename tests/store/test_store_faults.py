"""When the disk is full, lies or rots: nothing half-stored, nothing wrong delivered, and who is told."""

from __future__ import annotations

import random
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from conformance.store_contract import (
    RING,
    accept,
    arrival,
    charge,
    claim,
    lookup,
    route,
    settle,
    state,
    token,
)

from engine.errors import Misconfigured, Unacceptable, Unavailable
from engine.model import Dead, Filtered, MessageState, Reason, ReasonCode, Routed, Routing
from engine.store.base import MessageStore
from engine.store.contracts.views import Query
from engine.store.sql import SqlStore, open_store
from engine.store.sqlite import SqliteDatabase


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "wardline.db"


@pytest.fixture
def store(path: Path) -> Iterator[MessageStore]:
    store = open_store(f"sqlite:///{path}", RING)
    yield store
    store.close()


def database_of(store: MessageStore) -> SqliteDatabase:
    assert isinstance(store, SqlStore)
    assert isinstance(store._database, SqliteDatabase)
    return store._database


@contextmanager
def spoiled(path: Path, sql: str) -> Iterator[None]:
    connection = sqlite3.connect(path)
    connection.execute(sql)
    connection.commit()
    connection.close()
    yield


def test_every_commit_is_synced(store: MessageStore) -> None:
    with database_of(store).write() as work:
        assert work.rows("PRAGMA synchronous") == [(2,)]  # FULL
        assert work.rows("PRAGMA journal_mode") == [("wal",)]
        assert work.rows("PRAGMA wal_autocheckpoint") == [(0,)]


def test_a52_a_full_disk_stores_nothing_and_heals_when_space_is_freed(store: MessageStore) -> None:
    accept(store, 1)
    driver = database_of(store)._driver
    (pages,) = driver.execute("PRAGMA page_count").fetchone()
    driver.execute(f"PRAGMA max_page_count = {pages}")
    batch = [arrival(number, "x" * 3000) for number in range(2, 40)]
    for _ in range(20):
        with pytest.raises(Unavailable, match="SQLITE_FULL"):
            store.accept(batch)
    assert [one.id for one in store.messages(Query())] == [1]
    assert store.gaps() == []
    driver.execute("PRAGMA max_page_count = 1000000")
    assert [one.id for one in store.accept(batch)] == list(range(2, 40))
    store.check()


def test_a_full_disk_stores_no_part_of_a_routing(store: MessageStore) -> None:
    accept(store, 1)
    driver = database_of(store)._driver
    (pages,) = driver.execute("PRAGMA page_count").fetchone()
    driver.execute(f"PRAGMA max_page_count = {pages}")
    big = Routed(tuple(charge("k" * 500) for _ in range(100)))
    with pytest.raises(Unavailable):
        store.route([Routing(1, big, destinations=("odoo",))], [token(1)], 1.0)
    assert (store.deliveries(Query()), store.tokens([lookup(1)])) == ([], {})
    assert state(store, 1) is MessageState.RECEIVED


_CAPPED = """
import resource, signal, sys
from conformance.store_contract import RING, arrival
from engine.errors import Unavailable
from engine.store.sql import open_store
store = open_store(sys.argv[1], RING)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
number = 0
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
failed = 0
while failed < 20:
    try:
        store.accept([arrival(number, "x" * 900)])
        print(number, flush=True)
        number += 1
    except Unavailable:
        failed += 1
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.check()
print(store.accept([arrival(number, "x" * 900)])[0].id, flush=True)
"""


def test_t11_a_write_that_fails_in_the_kernel_is_never_acknowledged(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _CAPPED, f"sqlite:///{path}"],
        capture_output=True, text=True, check=True, timeout=60, env={"PYTHONPATH": ":".join(sys.path)},
    )  # fmt: skip
    *accepted, last = map(int, done.stdout.split())
    store = open_store(f"sqlite:///{path}", RING)
    assert len(accepted) > 10
    assert [one.raw for one in store.unrouted(["charges"], 0, 10_000)] == [
        arrival(number, "x" * 900).raw for number in [*accepted, len(accepted)]
    ]
    assert last == len(accepted) + 1
    assert store.gaps() == []
    store.close()
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


class _LyingDriver:
    """A connection whose commit fails as it does when fsync fails."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    def execute(self, sql: str, *parameters: Any) -> Any:
        if sql == "COMMIT":
            self._driver.execute("ROLLBACK")
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorname = "SQLITE_IOERR_FSYNC"
            raise error
        return self._driver.execute(sql, *parameters)


def test_t11_after_a_failed_fsync_nothing_more_is_accepted_before_a_restart(path: Path) -> None:
    store = open_store(f"sqlite:///{path}", RING)
    accept(store, 1)
    database = database_of(store)
    sound = database._driver
    database._driver = _LyingDriver(sound)
    with pytest.raises(Unavailable, match="SQLITE_IOERR_FSYNC"):
        accept(store, 2)
    database._driver = sound
    for act in (lambda: accept(store, 2), store.check):
        with pytest.raises(Unavailable, match="restart"):
            act()
    store.close()
    store = open_store(f"sqlite:///{path}", RING)
    assert accept(store, 2) == [2]
    store.close()


def test_another_process_that_holds_the_file_is_waited_for_then_told(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.store.sqlite.BUSY_SECONDS", 0.05)
    store = open_store(f"sqlite:///{path}", RING)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="SQLITE_BUSY"):
        accept(store, 1)
    other.execute("ROLLBACK")
    other.close()
    assert accept(store, 1) == [1]
    store.close()


def test_t18_damaged_content_is_found_and_holds_back_no_other(store: MessageStore, path: Path) -> None:
    accept(store, *range(5))
    flipped = (
        "UPDATE contents SET sealed = CAST(substr(sealed, 1, 20) || x'00' || substr(sealed, 22) AS BLOB)"
        " WHERE message_id IN (1, 3)"
    )
    with spoiled(path, flipped):
        assert [one.id for one in store.unrouted(["charges"], 0, 1)] == [2]
        assert [one.id for one in store.unrouted(["charges"], 0, 10)] == [2, 4, 5]
    dead = store.messages(Query(state="dead"))
    assert [(one.id, one.reason and one.reason.code) for one in dead] == [(1, "internal"), (3, "internal")]
    with pytest.raises(Unacceptable, match="damaged"):
        store.content(3)
    assert [one.original for one in store.accept([arrival(0)])] == [0]  # sent again, it is new
    assert store.gaps() == []


def test_t18_content_moved_to_another_row_is_damaged(store: MessageStore, path: Path) -> None:
    accept(store, 1, 2)
    with spoiled(path, "UPDATE contents SET sealed = (SELECT sealed FROM contents WHERE message_id = 1)"):
        assert [one.id for one in store.unrouted(["charges"], 0, 10)] == [1]


def test_t18_a_damaged_effect_is_never_delivered(store: MessageStore, path: Path) -> None:
    accept(store, 1, 2)
    for message_id in (1, 2):
        route(store, message_id)
    with spoiled(path, "UPDATE deliveries SET effect = replace(effect, '1.50', '7.50') WHERE message_id = 1"):
        assert store.gaps() == ["open deliveries that are damaged: 1 (1000001)"]
        assert [one.message_id for one in claim(store)] == [2]
    assert state(store, 1) is MessageState.DEAD
    (view,) = store.deliveries(Query(state="dead"))
    assert view.reason is not None
    assert "damaged" in view.reason.text
    assert store.gaps() == []


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE messages SET state = 'recxived' WHERE id = 1",
        "DELETE FROM contents WHERE message_id = 1",
        "UPDATE messages SET id = 99 WHERE id = 5",
        "UPDATE messages SET original = 77 WHERE id = 5",
        "UPDATE messages SET state = 'waiting' WHERE id = 1",
        "UPDATE messages SET state = 'delivered' WHERE id = 2",
        "UPDATE messages SET state = 'dead' WHERE id = 2",
        "UPDATE messages SET state = 'filtered' WHERE id = 2",
        "UPDATE messages SET reason = NULL WHERE id = 4",
        "UPDATE messages SET effects = 2 WHERE id = 3",
        "DELETE FROM deliveries WHERE message_id = 3",
        "UPDATE deliveries SET state = 'dxe' WHERE message_id = 2",
        "UPDATE deliveries SET state = 'claimed' WHERE message_id = 2",
        "UPDATE deliveries SET message_id = 77 WHERE message_id = 2",
        "UPDATE deliveries SET sequence_key = 'other' WHERE message_id = 2",
        "UPDATE tokens SET merged_into = 'nobody'",
    ],
)
def test_the_books_show_what_does_not_add_up(sql: str, store: MessageStore, path: Path) -> None:
    accept(store, 1, 2, 3, 4, 1)
    route(store, 3)
    settle(store, claim(store))
    route(store, 2, "p")
    store.route([Routing(4, Dead(Reason(ReasonCode.CONFLICT, "x")))], [token(1)], 1.0)
    assert store.gaps() == []
    with spoiled(path, sql):
        assert store.gaps()


def test_t18_flipped_bits_are_found_or_harmless_and_never_become_other_content(
    store: MessageStore, path: Path, tmp_path: Path
) -> None:
    dice = random.Random(18)
    sent = {number + 1: arrival(number, "x" * 300).raw for number in range(80)}
    store.accept([arrival(number, "x" * 300) for number in range(80)])
    for message_id in range(1, 41):
        route(store, message_id, f"p{message_id % 3}", effects=2)
    effects = {one.delivery.id: one.delivery.effect for one in store.deliveries(Query())}
    store.close()
    image = path.read_bytes()
    refused = found = 0
    for turn in range(200):
        copy = tmp_path / f"copy{turn}.db"
        data = bytearray(image)
        place = dice.randrange(len(data) * 8)
        data[place // 8] ^= 1 << place % 8
        copy.write_bytes(data)
        try:
            spoilt = open_store(f"sqlite:///{copy}", RING, f"sqlite:///{path}.cabinet")
        except (Misconfigured, Unavailable):
            refused += 1
            continue
        try:
            found += _read_all(spoilt, sent, effects)
        finally:
            spoilt.close()
    assert refused + found > 20


def _read_all(store: MessageStore, sent: dict[int, bytes], effects: dict[int, Any]) -> int:
    """One when some damage was told; whatever is given out is what was put in."""
    told = 0
    try:
        for one in store.unrouted(["charges"], 0, 100):
            assert one.raw == sent[one.id]
        for delivery in claim(store, 1000):
            assert delivery.effect == effects[delivery.id]
        told = len(store.messages(Query(state="dead"))) + len(store.gaps())
        for message_id, raw in sent.items():
            assert store.content(message_id) == raw
    except (Unavailable, Unacceptable, KeyError):
        return 1
    return min(told, 1)


def test_no_content_in_the_bytes_on_the_disk(store: MessageStore, path: Path, tmp_path: Path) -> None:
    canary = "CANARY-Jane-Doe-19700101"
    store.accept([arrival(number, canary * 5) for number in range(20)])
    store.accept([arrival(0, canary * 5), arrival(canary, canary, answered="rejected")])
    store.route([Routing(1, Filtered("x"))], [], 1.0)
    live = b"".join(one.read_bytes() for one in tmp_path.iterdir())
    store.close()
    closed = path.read_bytes()
    assert len(live) > 50_000
    for bytes_on_disk in (live, closed):
        assert b"CANARY" not in bytes_on_disk
        assert b"Jane" not in bytes_on_disk


def test_nothing_in_an_error_or_a_repr_shows_content(store: MessageStore) -> None:
    secret = arrival("CANARY", "CANARY")
    assert "CANARY" not in repr(secret)
    store.accept([secret])
    assert "CANARY" not in repr(store.unrouted(["charges"], 0, 1))
