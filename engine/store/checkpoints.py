"""Moves what is in SQLite's log into its file, in the background, so that no commit pays for it.

One process at a time does it (a lock file beside the store), and only after something was
committed since its last complete pass. The second rule keeps clear of SQLite's WAL-reset race
(sqlite.org/wal.html, "The WAL-Reset Bug", in 3.7.0 to 3.51.2): a checkpoint that starts on a fully
copied log while a commit starts that log anew may mark new frames as copied. With frames left to
copy at the start, and no other checkpointer, no commit can start the log anew meanwhile.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine

__all__ = ["Checkpointer"]

PAUSE: Final = 0.05
"""Seconds between the first commit and the pass that takes it along: many commits share one pass. A short log
is written over where it lies; a growing one costs every commit an entry in the file system's journal."""

LONG_LOG: Final = 4096
"""Frames (16 MiB) from which one short pass holds the writers, so that the log can start anew."""


class Checkpointer:
    """A thread that follows the writers of this file."""

    def __init__(
        self, engine: Engine, path: Path, turn: threading.RLock, on_fault: Callable[[BaseException], None]
    ) -> None:
        self._engine, self._turn, self._on_fault = engine, turn, on_fault
        self._lock = os.open(f"{path}-checkpointer", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        self._dirty, self._closing = threading.Event(), threading.Event()
        self._copied_at: int | None = None  # the data version when the log was last fully copied
        self._thread = threading.Thread(target=self._follow, name="wardline-checkpoints", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Something was committed."""
        if not self._dirty.is_set():
            self._dirty.set()

    def close(self) -> None:
        if self._closing.is_set():
            return
        self._closing.set()
        self._dirty.set()
        self._thread.join()
        os.close(self._lock)

    def _follow(self) -> None:
        with self._engine.connect() as connection:
            while self._dirty.wait() and not self._closing.wait(PAUSE):
                self._dirty.clear()
                if self._closing.is_set():  # `close` came between the two; its call to wake is cleared
                    return
                try:
                    self._pass(connection)
                except Exception as error:
                    self._on_fault(error)

    def _pass(self, connection: Connection) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # another process follows; the lock goes with it when it ends
        if self._copy(connection) > LONG_LOG:
            with self._turn:
                self._copy(connection)

    def _copy(self, connection: Connection) -> int:
        """One passive pass; the length of the log in frames."""
        if self._copied_at is not None and self._copied_at == self._version(connection):
            return 0
        _, frames, copied = connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)").one()
        self._copied_at = self._version(connection) if frames == copied else None
        return int(frames)

    def _version(self, connection: Connection) -> int:
        return int(connection.exec_driver_sql("PRAGMA data_version").scalar_one())
