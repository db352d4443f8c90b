"""The cabinet: keys that are durable before they are used, and gone for good when they are destroyed."""

from __future__ import annotations

import os
import random
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psycopg
import pytest
from conformance.store_contract import RING, accept, arrival
from msgspec.structs import replace
from sqlalchemy import make_url

from engine.errors import Misconfigured, Unavailable
from engine.model import Arrival
from engine.store.base import Store
from engine.store.cabinet import Cabinet
from engine.store.contents import DAY_SECONDS
from engine.store.contracts.views import Query
from engine.store.database import Work
from engine.store.keys import KeyRing
from engine.store.sql import open_store
from engine.store.sqlite import SqliteDatabase

YOUNG = KeyRing({"second": b"x" * 32, "first": b"\x07" * 32})


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/wardline.db"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = open_store(url, RING)
    yield opened
    opened.close()


def on_day(number: int, day: int) -> Arrival:
    return replace(arrival(number), received_at=day * DAY_SECONDS + 3600)


def alone(path: Path, ring: KeyRing = RING) -> Cabinet:
    return Cabinet(partial(SqliteDatabase, make_url(f"sqlite:///{path}")), ring, lambda _: None)


def test_each_channel_and_day_has_a_key_of_its_own(store: Store) -> None:
    one, two = on_day(1, 0), on_day(2, 1)
    store.accept([one, two, replace(on_day(3, 1), channel="other"), on_day(4, 1)])
    assert [row.id for row in store.cabinet.keys("day")] == [
        "1970-01-01/charges", "1970-01-02/charges", "1970-01-02/other",
    ]  # fmt: skip
    assert [store.content(number) for number in (1, 2)] == [one.raw, two.raw]


def test_a_store_that_another_process_opens_while_its_first_key_is_made_is_no_other_one(
    url: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = Cabinet.known
    assert store.cabinet.id  # it is made, and holds no key yet

    def known_late(cabinet: Cabinet) -> str:
        """What the store says of its cabinet was read before this; the first key is made after."""
        if not store.messages(Query()):
            store.accept([on_day(1, 0)])
        return known(cabinet)

    monkeypatch.setattr(Cabinet, "known", known_late)
    other = open_store(url, RING)
    assert other.content(1) == on_day(1, 0).raw
    other.close()


def test_what_a_destroyed_key_sealed_is_gone_and_the_rest_is_not(url: str, store: Store) -> None:
    store.accept([on_day(1, 0), on_day(2, 1), on_day(3, 0)])
    assert store.cabinet.destroy(["1970-01-01/charges", "never/was"], "retention", 9.0) == [
        "1970-01-01/charges"
    ]
    other = open_store(url, RING)
    with pytest.raises(KeyError):
        other.content(1)
    assert other.content(2) == on_day(2, 1).raw
    assert [one.id for one in other.unrouted(["charges"], 0, 10)] == [2]
    assert {one.id for one in other.messages(Query(state="dead"))} == {1, 3}
    (row,) = other.cabinet.keys("day", destroyed=True)
    assert (row.id, row.destroyed_at, row.why) == ("1970-01-01/charges", 9.0, "retention")
    assert other.accept([on_day(4, 0)])
    assert other.content(4) == on_day(4, 0).raw  # under a key that has never been destroyed
    assert "1970-01-01/charges/2" in [row.id for row in other.cabinet.keys("day")]
    other.close()


def test_subjects_have_keys_until_they_are_erased(url: str, store: Store) -> None:
    cabinet = store.cabinet
    made = cabinet.make_subject_keys(["t1p_a", "t1p_b"])
    assert {len(key) for key in made.values()} == {32}
    assert cabinet.make_subject_keys(["t1p_b", "t1p_c"])["t1p_b"] == made["t1p_b"]
    cabinet.destroy(["t1p_a"], "erasure", 1.0)
    other = open_store(url, RING)
    assert other.cabinet.subject_keys(["t1p_a", "t1p_b", "t1p_x"]) == {"t1p_b": made["t1p_b"]}
    assert other.cabinet.make_subject_keys(["t1p_a"]) == {}
    other.cabinet.bury(["t1p_z", "t1p_b"], "subject", "erasure", 2.0)
    assert other.cabinet.make_subject_keys(["t1p_z", "t1p_b"]) == {}
    other.close()


def test_a_destroyed_key_is_in_none_of_the_files(tmp_path: Path) -> None:
    cabinet = alone(tmp_path / "c")
    tokens = [f"t1p_{number}" for number in range(50)]
    cabinet.make_subject_keys(tokens)
    wrapped = {
        token: bytes(row)
        for token, row in _raw(tmp_path / "c", "SELECT id, wrapped FROM keys WHERE wrapped IS NOT NULL")
    }
    gone, kept = tokens[:25], tokens[25:]
    cabinet.destroy(gone, "erasure", 1.0)
    data = b"".join(one.read_bytes() for one in tmp_path.iterdir())
    assert not any(wrapped[token] in data for token in gone)
    assert all(wrapped[token] in data for token in kept)
    cabinet.close()


def _raw(path: Path, sql: str) -> list[tuple[object, ...]]:
    database = SqliteDatabase(make_url(f"sqlite:///{path}"))
    with database.write() as work:
        rows = work.rows(sql)
    database.close()
    return rows


def test_postgres_writes_the_table_anew(postgres_url: str) -> None:
    store = open_store(postgres_url, RING)
    store.cabinet.make_subject_keys([f"t1p_{number}" for number in range(100)])
    query = "SELECT pg_relation_filenode('wardline_cabinet.keys'), count(wrapped) FROM wardline_cabinet.keys"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        before = connection.execute(query).fetchone()
        store.cabinet.destroy([f"t1p_{number}" for number in range(99)], "erasure", 1.0)
        after = connection.execute(query).fetchone()
    assert before is not None
    assert after is not None
    assert (before[1], after[1], before[0] != after[0]) == (100, 1, True)
    store.close()


def test_rotating_the_ring_wraps_keys_anew_and_leaves_contents_alone(url: str) -> None:
    store = open_store(url, RING)
    accept(store, 1, 2)
    made = store.cabinet.make_subject_keys(["t1p_a"])
    store.close()
    store = open_store(url, YOUNG)
    assert store.cabinet.needs("first")
    assert store.cabinet.rewrap(at_once=1) == 2
    assert not store.cabinet.needs("first")
    store.close()
    store = open_store(url, YOUNG)
    assert store.cabinet.subject_keys(["t1p_a"]) == made
    assert store.content(1) == arrival(1).raw
    store.close()


def test_a_ring_without_the_key_that_wraps_the_cabinet_is_refused(url: str) -> None:
    store = open_store(url, RING)
    accept(store, 1)
    store.close()
    with pytest.raises(Misconfigured, match="'first'"):
        open_store(url, KeyRing({"second": b"x" * 32}))


def test_keys_that_changed_places_do_not_open(tmp_path: Path) -> None:
    cabinet = alone(tmp_path / "c")
    cabinet.make_subject_keys(["t1p_a", "t1p_b"])
    _raw(tmp_path / "c", "UPDATE keys SET wrapped = (SELECT wrapped FROM keys WHERE id = 't1p_b')")
    assert cabinet.subject_keys(["t1p_b"])
    with pytest.raises(Misconfigured, match="t1p_a"):
        cabinet.subject_keys(["t1p_a"])
    cabinet.close()


def test_a_store_without_content_needs_and_makes_no_cabinet(tmp_path: Path) -> None:
    for _ in range(2):
        open_store(f"sqlite:///{tmp_path}/wardline.db", RING).close()
    assert not list(tmp_path.glob("*.cabinet*"))


def _filled(folder: Path, *numbers: int) -> str:
    folder.mkdir()
    url = f"sqlite:///{folder}/wardline.db"
    store = open_store(url, RING)
    accept(store, *numbers)
    store.close()
    return url


def test_a_lost_cabinet_is_found_at_the_door_and_none_is_made(tmp_path: Path) -> None:
    url = _filled(tmp_path / "a", 1)
    (tmp_path / "a/wardline.db.cabinet").unlink()
    with pytest.raises(Misconfigured, match="not here") as raised:
        open_store(url, RING)
    assert "newest copy" in raised.value.hint
    assert not (tmp_path / "a/wardline.db.cabinet").exists()


def test_another_stores_cabinet_is_refused_by_old_and_new_stores(tmp_path: Path) -> None:
    _filled(tmp_path / "a", 1)
    mine = _filled(tmp_path / "b", 2)
    theirs = f"sqlite:///{tmp_path}/a/wardline.db.cabinet"
    with pytest.raises(Misconfigured, match="not here"):
        open_store(mine, RING, theirs)
    with pytest.raises(Misconfigured, match="another store"):
        open_store(f"sqlite:///{tmp_path}/new.db", RING, theirs)


def test_two_new_stores_that_name_one_cabinet_do_not_share_it(tmp_path: Path) -> None:
    one, two = (
        open_store(f"sqlite:///{tmp_path}/{name}.db", RING, f"sqlite:///{tmp_path}/c") for name in "ab"
    )
    accept(one, 1)
    with pytest.raises(Misconfigured, match="another store"):
        accept(two, 1)
    assert two.messages(Query()) == []
    one.close()
    two.close()


def test_an_older_copy_of_the_cabinet_is_refused(tmp_path: Path) -> None:
    url = _filled(tmp_path / "a", 1)
    cabinet = tmp_path / "a/wardline.db.cabinet"
    shutil.copy(cabinet, tmp_path / "copy")
    store = open_store(url, RING)
    store.accept([on_day(5, 77)])
    store.close()
    shutil.copy(tmp_path / "copy", cabinet)
    with pytest.raises(Misconfigured, match="older copy") as raised:
        open_store(url, RING)
    assert "1970-03-19/charges" in str(raised.value)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_every_key_survives_the_kill_9_that_what_it_sealed_survived(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Every message on a day of its own: each needs a new key first."""
    url = f"sqlite:///{tmp_path}/w.db" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    dice, safe = random.Random(5), list[int]()
    for turn in range(12 if kind == "sqlite" else 6):
        safe += _killed(url, turn * 10_000, dice.uniform(0, 0.03))
        store = open_store(url, RING)
        for number in safe:
            assert store.content(_id_of(store, number)) == on_day(number, number).raw
        store.close()
    assert len(safe) >= 12 or kind == "postgres"


def _id_of(store: Store, number: int) -> int:
    return store.accept([on_day(number, number)])[0].original


def _killed(url: str, first: int, seconds: float) -> list[int]:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            store, number = open_store(url, RING), first
            while True:
                store.accept([on_day(number, number)])
                os.write(writer, f"{number}\n".encode())
                number += 1
        finally:
            os._exit(1)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.readline()
        killer = threading.Timer(seconds, os.kill, (child, signal.SIGKILL))
        killer.start()
        said += pipe.read()
        killer.join()
    os.waitpid(child, 0)
    return [int(line) for line in said.split(b"\n")[:-1]]


def test_every_key_is_on_the_disk_before_what_it_seals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut: what was synced of the cabinet when a message was acknowledged opens that message."""
    monkeypatch.setattr("engine.store.checkpoints.PAUSE", 3600.0)
    store = open_store(f"sqlite:///{tmp_path}/w.db", RING)
    for day in range(12):
        (receipt,) = store.accept([on_day(day, day)])
        folder = tmp_path / f"cut{day}"
        folder.mkdir()
        for one in tmp_path.glob("w.db*"):
            if not one.name.endswith("-shm"):
                shutil.copy(one, folder / one.name)
        cut = open_store(f"sqlite:///{folder}/w.db", RING)
        assert cut.content(receipt.id) == on_day(day, day).raw
        cut.close()
    store.close()


def test_the_store_itself_is_no_cabinet(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/wardline.db"
    with pytest.raises(Misconfigured, match="own file"):
        open_store(url, RING, f"sqlite:///{tmp_path}/../{tmp_path.name}/wardline.db")


def test_a_cabinet_named_in_the_stores_own_database_is_known_to_be_there(postgres_url: str) -> None:
    store = open_store(postgres_url, RING, postgres_url)
    assert store.cabinet.shared
    store.close()


class _Full(SqliteDatabase):
    """A disk that takes a transaction and not its commit."""

    full = True

    @contextmanager
    def write(self, *turns: str) -> Iterator[Work]:
        with super().write(*turns) as work:
            yield work
            if self.full:
                raise Unavailable("no room")


def test_a_cabinet_that_could_not_be_written_down_is_made_when_it_can(tmp_path: Path) -> None:
    database = _Full(make_url(f"sqlite:///{tmp_path}/c"))
    cabinet = Cabinet(lambda: database, RING, lambda _: None)
    with pytest.raises(Unavailable):
        cabinet.make_subject_keys(["t1p_a"])
    database.full = False
    assert cabinet.make_subject_keys(["t1p_a"])
    cabinet.close()


def test_a_store_is_not_well_while_its_cabinet_takes_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(f"sqlite:///{tmp_path}/wardline.db", RING)
    store.accept([on_day(1, 0)])
    with monkeypatch.context() as patch:
        patch.setattr(store.cabinet, "day_key", _no_room)
        with pytest.raises(Unavailable):
            store.accept([on_day(2, 1)])
        with pytest.raises(Unavailable, match="no room"):
            store.check()
    store.check()
    assert store.accept([on_day(2, 1)])
    store.close()


def _no_room(*_: object) -> tuple[str, bytes]:
    raise Unavailable("no room")
