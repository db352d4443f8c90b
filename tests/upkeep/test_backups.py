"""A copy made under load is whole, says up to where it goes, and nothing acknowledged before is missing."""

from __future__ import annotations

import json
import shutil
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from conformance.store_contract import RING, accept, route
from upkeep_load import loaded

from engine.errors import Misconfigured
from engine.store.contracts.views import Query
from engine.store.keys import KeyRing
from engine.store.sql import open_store
from engine.upkeep.backups import STORE, keys_inside, let_go, make, verify
from engine.upkeep.manifest import MANIFEST, Backup, listed, read
from engine.upkeep.restoring import drill, restore_file

FAST = 10_000.0


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/live/wardline.db"


@pytest.fixture
def made(url: str, tmp_path: Path) -> Backup:
    store = open_store(url, RING)
    accept(store, *range(300))
    route(store, 1)
    backup = make(url, tmp_path / "backups", RING, rate=FAST)
    store.close()
    return backup


def test_a_backup_under_load_restores_to_clean_books_and_lacks_nothing_before_its_mark(
    url: str, tmp_path: Path
) -> None:
    open_store(url, RING).close()
    with loaded(url) as load:
        load.reach(500)
        before = load.acknowledged
        backup = make(url, tmp_path / "backups", RING, rate=2.0)
        after = load.acknowledged
    mark = backup.manifest.mark.message
    assert before <= mark <= after
    restored = tmp_path / "restored" / "wardline.db"
    restore_file(backup, RING, restored)
    shutil.copy(tmp_path / "live/wardline.db.cabinet", restored.with_name("wardline.db.cabinet"))
    live, again = open_store(url, RING), open_store(f"sqlite:///{restored}", RING)
    everything = range(1, mark + 1)
    assert [one.raw for one in again.stored(everything)] == [one.raw for one in live.stored(everything)]
    assert len(again.stored(everything)) == mark
    assert again.stored([mark + 1]) == []
    assert again.gaps() == []
    assert again.verify_audit() == []
    # It goes on where it stood: what was sent before is known, what is new is taken.
    assert accept(again, 1_000, 10**6) == [mark + 1, mark + 2]
    assert [view.original for view in again.messages(Query(after=mark))] == [1, 0]
    live.close()
    again.close()


def test_its_files_are_for_their_owner_only_and_hold_no_key(made: Backup, url: str) -> None:
    assert stat.S_IMODE(made.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(one.stat().st_mode) for one in made.folder.iterdir()} == {0o600}
    assert {one.name for one in made.folder.iterdir()} == {STORE, MANIFEST}
    assert made.manifest.keys == RING.ids
    assert not made.manifest.cabinet_inside


def _cut(folder: Path) -> None:
    file = folder / STORE
    file.write_bytes(file.read_bytes()[:-1])


def _flip(folder: Path) -> None:
    file = folder / STORE
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def _lose(folder: Path) -> None:
    (folder / STORE).unlink()


def _retell(folder: Path) -> None:
    file = folder / MANIFEST
    told = json.loads(file.read_bytes())
    told["mark"]["message"] += 1
    file.write_text(json.dumps(told))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [(_cut, "bytes where"), (_flip, "changed"), (_lose, "cannot be read"), (_retell, "it was changed")],
)
def test_what_is_not_as_it_was_written_is_said_and_never_restored(
    made: Backup, tmp_path: Path, spoil: Callable[[Path], None], words: str
) -> None:
    assert verify(made, RING) == []
    spoil(made.folder)
    spoiled = read(made.folder)
    (found,) = verify(spoiled, RING)
    assert words in found
    with pytest.raises(Misconfigured, match="not whole"):
        restore_file(spoiled, RING, tmp_path / "new.db")
    assert not list(tmp_path.glob("new.db*"))


def test_a_copy_that_was_damaged_already_is_no_backup(url: str, tmp_path: Path) -> None:
    store = open_store(url, RING)
    accept(store, *range(300))
    store.close()
    with sqlite3.connect(tmp_path / "live/wardline.db") as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_schema SET sql = replace(sql, 'received', 'nowhere')"
            " WHERE name = 'messages_received'"
        )
    connection.close()
    with pytest.raises(Misconfigured, match="no sound store"):
        make(url, tmp_path / "backups", RING, rate=FAST)


@pytest.mark.parametrize("name", ["wardline.db", "wardline.db-wal"])
def test_nothing_is_written_over(made: Backup, tmp_path: Path, name: str) -> None:
    there = tmp_path / "place" / name
    there.parent.mkdir()
    there.write_bytes(b"precious")
    with pytest.raises(Misconfigured, match="already"):
        restore_file(made, RING, tmp_path / "place/wardline.db")
    assert there.read_bytes() == b"precious"


def test_half_a_backup_is_none(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_store(url, RING).close()

    def full(*_: object) -> None:
        raise Misconfigured("no space")

    monkeypatch.setattr("engine.upkeep.backups.seal", full)
    with pytest.raises(Misconfigured, match="no space"):
        make(url, tmp_path / "backups", RING, rate=FAST)
    assert list((tmp_path / "backups").iterdir()) == []


def test_the_oldest_go(url: str, tmp_path: Path) -> None:
    open_store(url, RING).close()
    place = tmp_path / "backups"
    for at in (1000.0, 2000.0, 3000.0):
        make(url, place, RING, rate=FAST, clock=lambda at=at: at)  # type: ignore[misc]
    (place / "somebody's").mkdir()
    gone = let_go(place, 2)
    assert [one.name for one in gone] == ["19700101T001640Z"]
    assert [one.manifest.at for one in listed(place)] == [2000.0, 3000.0]
    assert (place / "somebody's").exists()


def test_with_another_ring_it_is_not_ours(made: Backup) -> None:
    (found,) = verify(made, KeyRing({"other": b"x" * 32}))
    assert "lacks its key 'first'" in found
    (found,) = verify(made, KeyRing({"first": b"x" * 32}))
    assert "another key" in found


def test_a_drill_restores_opens_and_counts_and_leaves_everything_as_it_was(
    made: Backup, url: str, tmp_path: Path
) -> None:
    before = {one: one.read_bytes() for one in (tmp_path / "live").iterdir()}
    (tmp_path / "scratch").mkdir()
    done = drill(made, RING, url, scratch=tmp_path / "scratch")
    assert (done.found, done.newest, done.messages, done.opened) == ((), 300, 300, 200)
    assert {one: one.read_bytes() for one in (tmp_path / "live").iterdir()} == before
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_drill_tells_what_is_wrong_with_the_books(url: str, tmp_path: Path) -> None:
    store = open_store(url, RING)
    accept(store, 1, 2)
    with store._database.write() as work:  # type: ignore[attr-defined]
        work.run("UPDATE messages SET state = 'delivered', effects = 3 WHERE id = 1")
    store.close()
    done = drill(make(url, tmp_path / "backups", RING, rate=FAST), RING, url)
    assert any("1" in line for line in done.found)


@pytest.mark.parametrize(
    ("url", "cabinet", "inside"),
    [
        ("sqlite:///a.db", "", False),
        ("postgresql://a/x", "", True),
        ("postgresql://a/x", "postgresql://a:5432/keys", True),
        ("postgresql://a/x", "postgresql://b/keys", False),
        ("postgresql://a/x", "sqlite:///keys.db", False),
    ],
)
def test_it_says_whether_the_keys_are_in_it(url: str, cabinet: str, inside: bool) -> None:
    assert keys_inside(url, cabinet) is inside
