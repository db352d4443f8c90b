"""Our own PostgreSQL: databases are copied, sealed and dropped; a kill -9 is survived."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from demo.postgres import Postgres


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Not below pytest's own folder: every session that starts closes that one to other users, and
    PostgreSQL of a root's session is another user."""
    with tempfile.TemporaryDirectory() as place:
        yield Path(place) / "data"
        Postgres(Path(place) / "data").process.end()


def test_a_sealed_database_is_copied_and_dropped(folder: Path) -> None:
    postgres = Postgres(folder)
    postgres.clone("template1", "made")
    with postgres.connect("made") as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
        postgres.seal("made", "model")
    with pytest.raises(psycopg.OperationalError, match="not currently accepting connections"):
        postgres.connect("model")
    postgres.clone("model", "copy_1")
    with postgres.connect("copy_1") as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)
        postgres.drop("copy_1")
    postgres.drop("model")
    postgres.drop("never_was")
    assert postgres.databases("copy_") == []
    assert not postgres.exists("model")


def test_a_second_start_finds_the_first(folder: Path) -> None:
    assert Postgres(folder).process.record() == Postgres(folder).process.record()


def test_it_comes_back_after_kill_9(folder: Path) -> None:
    killed = Postgres(folder).process
    killed.end(signal.SIGKILL)
    back = Postgres(folder)
    assert back.process.record() != killed.record()
    assert not back.exists("never_was")


def test_a_lock_file_that_names_a_stranger_is_not_in_the_way(folder: Path) -> None:
    Postgres(folder).process.end(signal.SIGINT)
    (folder / "postmaster.pid").write_text("1\n")
    assert Postgres(folder).process.alive()
