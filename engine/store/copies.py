"""Copies of a store that is one file, made while it is written to, and looked at without changing them."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from engine.errors import Misconfigured, Unavailable
from engine.store.contracts.marks import Mark
from engine.store.migrations import VERSION_TABLE

__all__ = ["LOGS", "check_file", "copy_file", "mark_of"]

LOGS: Final = ("-wal", "-shm", "-journal")
"""What lies beside a file that somebody has open, or had when the power went."""

_PAGES: Final = 256
"""Pages copied between two rests: a megabyte."""

_ASIDE: Final = "ro&immutable=1"
"""Nothing is written beside a finished copy, whatever mode its header says."""

_NEWEST: Final = (
    "SELECT (SELECT coalesce(max(id), 0) FROM messages), (SELECT coalesce(max(id), 0) FROM audit),"
    f" (SELECT version_num FROM {VERSION_TABLE}), (SELECT coalesce(min(id), '') FROM cabinets)"
)


def copy_file(file: Path, to: Path, *, rate: float, rest: Callable[[float], object] = time.sleep) -> None:
    """Copy a database as it is at one moment to a new file, durable when this returns; at most `rate`
    megabytes a second, so that the disk has time for others.

    Everything that was committed when this was called is in the copy. Raises `Unavailable` when the database
    cannot be read, `Misconfigured` when the copy cannot be written."""
    began, done = time.perf_counter(), 0

    def progress(_status: int, remaining: int, total: int) -> None:
        nonlocal done
        done = (total - remaining) * page / 1e6
        rest(max(0.0, began + done / rate - time.perf_counter()))

    _make(to)
    with _opened(file) as source, _opened(to) as target:
        page = source.execute("PRAGMA page_size").fetchone()[0]
        target.execute("PRAGMA journal_mode = OFF")
        target.execute("PRAGMA synchronous = OFF")
        source.execute("BEGIN")  # else each commit by another would start the copy anew
        source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        source.backup(target, pages=_PAGES, progress=progress)
        source.execute("COMMIT")
    _sync(to)


def mark_of(copy: Path) -> Mark:
    """Up to where a copy goes. Raises `Misconfigured` for what is no copy of a store."""
    with _opened(copy, _ASIDE) as connection:
        message, audit, schema, cabinet = connection.execute(_NEWEST).fetchone()
    return Mark(message=message, audit=audit, schema=schema, cabinet=cabinet)


def check_file(copy: Path) -> list[str]:
    """What is wrong inside of a copy, page by page and index by index; empty when nothing is."""
    with _opened(copy, _ASIDE) as connection:
        rows = [row[0] for row in connection.execute("PRAGMA integrity_check(10)")]
    return [] if rows == ["ok"] else [f"{copy.name}: damaged, {len(rows)} findings" for _ in rows[:1]]


@contextmanager
def _opened(file: Path, mode: str = "rw") -> Iterator[Any]:
    quoted = str(file.resolve()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    try:
        connection = sqlite3.connect(f"file:{quoted}?mode={mode}", uri=True, timeout=10, isolation_level=None)
    except sqlite3.Error as error:
        raise Unavailable(f"the store could not be read ({_name(error)})") from None
    try:
        yield connection
    except sqlite3.OperationalError as error:
        raise Unavailable(f"the store could not be copied ({_name(error)})") from None
    except sqlite3.DatabaseError as error:
        raise Misconfigured(f"is no sound store ({_name(error)})", where=str(file)) from None
    finally:
        connection.close()


def _make(to: Path) -> None:
    try:
        os.close(os.open(to, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise Misconfigured(f"cannot be written: {error.strerror}", where=str(to)) from None


def _sync(file: Path) -> None:
    handle = os.open(file, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _name(error: sqlite3.Error) -> str:
    return getattr(error, "sqlite_errorname", None) or type(error).__name__
