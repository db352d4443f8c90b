"""SQLite as safe storage: one writer, WAL, an fsync with every commit, checkpoints off the commit path."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, create_engine, event

from engine.errors import Misconfigured, Unavailable
from engine.store.checkpoints import Checkpointer
from engine.store.contracts.care import Disk, StoreSize
from engine.store.database import Database, Work
from engine.store.disks import disk_of
from engine.store.faults import distrust, translate

__all__ = ["SqliteDatabase"]

BUSY_SECONDS: Final = 10.0
"""How long a writer waits for another process's transaction."""

EXAMINED_BYTES: Final = 2**30
"""About a second's reading. A larger file is not read through at every start: SQLite reports damage
where it meets it, and content and effects carry their own checks."""

_OPCODES: Final = 100_000
"""Steps of SQLite's machine between two looks at the clock."""

_WAY_OUT: Final = (
    "keep a copy, then restore a backup (wardline restore), or save what can be read with:"
    " sqlite3 FILE .recover; senders keep what was not acknowledged"
)

_SETTINGS: Final = (
    "PRAGMA synchronous = FULL",  # fsync of the log with every commit: what acknowledged = safe rests on
    "PRAGMA wal_autocheckpoint = 0",  # the Checkpointer's duty
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA secure_delete = FAST",  # overwrites what is deleted where that costs no page of its own
)

_WRITER_CACHE: Final = "PRAGMA cache_size = -65536"
"""64 MiB. Readers keep SQLite's 2 MiB: whatever they cached is void with the next commit."""


# For every bytes and None that is bound `sqlite3` looks for an adapter, and for want of one it asks the
# value for attributes that it does not have, which costs more than the binding.
sqlite3.register_adapter(bytes, bytes.__bytes__)
sqlite3.register_adapter(type(None), {}.get)  # type: ignore[arg-type]  # None again, at the least cost


class SqliteDatabase(Database):
    """One file. Writers of this process take turns on one connection, those of others wait for its
    lock; readers have connections of their own and never wait."""

    as_bytes = "CAST({} AS BLOB)"
    unhurried = 0.003

    def __init__(self, url: URL) -> None:
        self.path = _path(url)
        self._engine = create_engine(
            URL.create("sqlite", database=str(self.path)),
            isolation_level="AUTOCOMMIT",  # BEGIN and COMMIT are ours to say
            hide_parameters=True,
            pool_reset_on_return=None,
            max_overflow=-1,
            connect_args={"timeout": BUSY_SECONDS, "cached_statements": 512, "check_same_thread": False},
        )
        event.listen(self._engine, "connect", _prepare)
        self._turn = threading.RLock()
        self._broken = ""
        self._owner: int | None = None
        try:
            self._writer = self._engine.connect()
        except Exception as error:
            if distrust(error):
                raise Misconfigured(
                    "this is not a sound store", where=str(self.path), hint=_WAY_OUT
                ) from error
            if fault := translate(error):
                raise fault from error
            raise
        self._driver: Any = self._writer.connection.driver_connection
        self._work = Work(self._writer, str)
        self._work.run(_WRITER_CACHE)
        self._checkpointer = Checkpointer(self._engine, self.path, self._turn, self._lose_faith)

    @contextmanager
    def write(self, *turns: str) -> Iterator[Work]:  # noqa: ARG002 - one writer is every turn
        with self._turn:
            if self._broken:
                raise Unavailable(self._broken)
            try:
                self._driver.execute("BEGIN IMMEDIATE")
                yield self._work
                self._driver.execute("COMMIT")
            except BaseException as error:
                self._undo()
                self._lose_faith(error)
                if fault := translate(error):
                    raise fault from error
                raise
            self._checkpointer.wake()

    @contextmanager
    def read(self, *, snapshot: bool = False) -> Iterator[Work]:
        try:
            with self._engine.connect() as core:
                work = Work(core, str)
                if snapshot:
                    work.run("BEGIN")
                try:
                    yield work
                finally:
                    if snapshot:
                        work.run("COMMIT")
        except Exception as error:
            self._lose_faith(error)
            if fault := translate(error):
                raise fault from error
            raise

    def examine(self) -> None:
        if self.path.stat().st_size <= EXAMINED_BYTES:
            self._look_through("PRAGMA integrity_check(1)")

    def examine_for(self, seconds: float) -> None:
        if self.path.stat().st_size > EXAMINED_BYTES:
            self._look_through("PRAGMA quick_check(1)", seconds)

    def _look_through(self, how: str, seconds: float = float("inf")) -> None:
        """What is not seen in time is taken to be sound."""
        last = time.monotonic() + seconds
        try:
            with self.read() as work:
                driver: Any = work.core.connection.driver_connection
                driver.set_progress_handler(lambda: time.monotonic() > last, _OPCODES)
                try:
                    found = work.rows(how)
                except sqlite3.OperationalError as error:
                    if error.sqlite_errorname != "SQLITE_INTERRUPT":
                        raise
                    return
                finally:
                    driver.set_progress_handler(None, 0)
        except Unavailable as error:
            if not self._broken:
                raise
            raise self._damaged() from error
        if found != [("ok",)]:
            raise self._damaged()

    def _damaged(self) -> Misconfigured:
        return Misconfigured("the store's file is damaged", where=str(self.path), hint=_WAY_OUT)

    def forget(self, table: str) -> None:  # noqa: ARG002 - the log is one for all tables
        """The log is copied and cut to nothing; the writer's lock is held meanwhile, so that no commit can
        start the log anew under it (`engine.store.checkpoints`)."""
        last = time.monotonic() + BUSY_SECONDS
        while True:
            with self._turn:
                ((busy, _, _),) = self._work.rows("PRAGMA wal_checkpoint(TRUNCATE)")
            if not busy:
                return
            if time.monotonic() > last:
                raise Unavailable("somebody still reads what is to be forgotten")
            time.sleep(0.01)

    def size(self) -> StoreSize:
        with self.read() as work:
            (page,), (pages,), (empty,) = (
                work.rows(f"PRAGMA {word}")[0] for word in ("page_size", "page_count", "freelist_count")
            )
        log = self.path.with_name(f"{self.path.name}-wal")
        written = log.stat().st_size if log.exists() else 0
        return StoreSize(page * pages + written, page * empty, written, (), self.disk())

    def disk(self) -> Disk | None:
        return disk_of(self.path.parent)

    def vacuum(self) -> None:
        with self._turn:
            try:
                self._work.run("VACUUM")
                self._work.run("PRAGMA optimize")
            except Exception as error:
                self._lose_faith(error)
                if fault := translate(error):
                    raise fault from error
                raise
        self.forget("")

    def broken(self) -> str:
        return self._broken

    def own(self, part: str = "") -> bool:
        """A lock on a file beside the store: gone with the process, however it ended."""
        name = f"{self.path.name}-{part}.lock" if part else f"{self.path.name}.lock"
        handle = os.open(self.path.with_name(name), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._owner = handle
        return True

    def idle(self) -> bool:
        if self._turn.acquire(blocking=False):
            self._turn.release()
            return True
        return False

    def close(self) -> None:
        if self._owner is not None:
            os.close(self._owner)
            self._owner = None
        self._checkpointer.close()
        with self._turn:
            self._broken = self._broken or "the store is closed"
            self._writer.close()
            self._engine.dispose()

    def _undo(self) -> None:
        with suppress(Exception):
            if self._driver.in_transaction:
                self._driver.execute("ROLLBACK")
            self._writer.rollback()

    def _lose_faith(self, error: BaseException) -> None:
        if name := distrust(error):
            self._broken = f"the store's file failed ({name}): check the disk, then restart"


def _path(url: URL) -> Path:
    if not url.database or url.database == ":memory:":
        raise Misconfigured("safe storage needs a file", hint="sqlite:///path/to/wardline.db")
    path = Path(url.database)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(
            os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        )  # -wal and -shm inherit the mode
    except OSError as error:
        raise Misconfigured(
            f"the store's file cannot be opened: {error.strerror}", where=str(path)
        ) from error
    return path


def _prepare(connection: Any, _record: object) -> None:
    _enter_wal(connection)
    for setting in _SETTINGS:
        connection.execute(setting)


def _enter_wal(connection: Any) -> None:
    """A new file's first moments: SQLite does not wait for another process that sets the same mode."""
    last = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > last:
                raise
            time.sleep(0.01)
