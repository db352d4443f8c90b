"""The log is moved into the file in the background, by one process, and never grows without end."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from conformance.store_contract import RING, accept
from sqlalchemy import create_engine

from engine.store.checkpoints import Checkpointer
from engine.store.sql import open_store


class _Watched(Checkpointer):
    """Says when a pass is over."""

    def __init__(self, path: Path) -> None:
        self.passed = threading.Semaphore(0)
        self.faults: list[BaseException] = []
        engine = create_engine(
            f"sqlite:///{path}", isolation_level="AUTOCOMMIT", connect_args={"check_same_thread": False}
        )
        super().__init__(engine, path, threading.RLock(), self.faults.append)

    def _pass(self, connection: object) -> None:
        super()._pass(connection)  # type: ignore[arg-type]
        self.passed.release()


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stores whose own checkpointers do not get to work."""
    monkeypatch.setattr("engine.store.checkpoints.PAUSE", 0.0)
    monkeypatch.setattr("engine.store.sqlite.Checkpointer.wake", lambda _: None)


@pytest.mark.usefixtures("quiet")
def test_a_pass_copies_the_log_and_the_next_commit_starts_it_anew(tmp_path: Path) -> None:
    path, log = tmp_path / "w.db", tmp_path / "w.db-wal"
    store = open_store(f"sqlite:///{path}", RING)
    checkpointer = _Watched(path)
    for round_ in range(20):
        accept(store, *range(round_ * 100, round_ * 100 + 100))
        checkpointer._dirty.set()
        assert checkpointer.passed.acquire(timeout=10)
        if round_ == 2:
            early = log.stat().st_size
    assert log.stat().st_size < early * 3
    assert checkpointer.faults == []
    checkpointer.close()
    store.close()


@pytest.mark.usefixtures("quiet")
def test_no_pass_starts_on_a_log_that_was_copied_whole(tmp_path: Path) -> None:
    """SQLite's WAL-reset race needs a checkpoint on a fully copied log: there is never one."""
    path = tmp_path / "w.db"
    store = open_store(f"sqlite:///{path}", RING)
    checkpointer = _Watched(path)
    accept(store, 1)
    with checkpointer._engine.connect() as connection:
        assert checkpointer._copy(connection) > 0
        assert checkpointer._copy(connection) == 0
        accept(store, 2)
        assert checkpointer._copy(connection) > 0
        assert checkpointer._copy(connection) == 0
    checkpointer.close()
    store.close()


@pytest.mark.usefixtures("quiet")
def test_one_process_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "w.db"
    store = open_store(f"sqlite:///{path}", RING)
    first, second = _Watched(path), _Watched(path)
    copied: list[str] = []
    monkeypatch.setattr(first, "_copy", lambda _: copied.append("first") or 0)
    monkeypatch.setattr(second, "_copy", lambda _: copied.append("second") or 0)
    for one in (first, second):
        one._dirty.set()
        assert one.passed.acquire(timeout=10)
    assert copied == ["first"]
    first.close()
    second._dirty.set()
    assert second.passed.acquire(timeout=10)
    assert copied == ["first", "second"]
    second.close()
    store.close()


def test_a_long_log_is_finished_while_writers_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.store.checkpoints.PAUSE", 0.01)
    monkeypatch.setattr("engine.store.checkpoints.LONG_LOG", 50)
    log = tmp_path / "w.db-wal"
    store = open_store(f"sqlite:///{tmp_path}/w.db", RING)
    for number in range(3000):
        accept(store, number)
    assert log.stat().st_size < 3000 * 4 * 4096 * 2 / 3  # of what was written to it
    assert store.gaps() == []
    store.close()


def test_a_close_between_two_commits_is_never_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worst moment: the pause is over, and what wakes the thread is about to be cleared."""
    monkeypatch.setattr("engine.store.checkpoints.PAUSE", 0.0)
    checkpointer = _Watched(tmp_path / "w.db")

    class Clearing(threading.Event):
        def clear(self) -> None:
            checkpointer._closing.set()
            self.set()
            super().clear()

    before, checkpointer._dirty = checkpointer._dirty, Clearing()
    before.set()  # the thread that waits goes round once, and then looks at the new one
    checkpointer._dirty.set()
    checkpointer._thread.join(10)
    assert not checkpointer._thread.is_alive()
