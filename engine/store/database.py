"""One transaction on one database, whichever it is: what the verbs of the store are written against.

Hot verbs speak the driver's own level (`Work.rows`, `run`, `run_many`, placeholders written `?`);
the rest is SQLAlchemy Core on the very same connection (`Work.core`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection

from engine.store.contracts.care import Disk, StoreSize

__all__ = ["ROWS_PER_STATEMENT", "Database", "Work", "insert", "marks", "rows_of", "values"]

ROWS_PER_STATEMENT: Final = 256


class Work:
    """A transaction in progress."""

    __slots__ = ("_cursor", "_written", "core")

    def __init__(self, core: Connection, written: Callable[[str], str]) -> None:
        self.core = core
        driver: Any = core.connection.driver_connection
        self._cursor: Any = driver.cursor()  # one for all: nothing is left unread between two statements
        self._written = written  # our SQL text → the driver's

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        found: list[tuple[Any, ...]] = self._cursor.execute(self._written(sql), parameters).fetchall()
        return found

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Run one statement; how many rows it touched."""
        count: int = self._cursor.execute(self._written(sql), parameters).rowcount
        return count

    def run_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each of the rows."""
        self._cursor.executemany(self._written(sql), rows)


class Database(ABC):
    """Transactions, and the few words in which the databases differ."""

    for_update = ""
    for_share = ""
    skip_locked = ""
    has_schemas = False
    bytes_type = "BLOB"
    as_bytes = "{}"
    """A binary column read as bytes, whatever a flipped bit has made of its type."""

    holds = "instr({}, ?) > 0"
    """Whether a binary column holds these bytes."""

    looked_up = "{table}"
    """The right side of a CROSS JOIN whose rows are looked up by `{key}` = `{value}` for each on the left.
    SQLite keeps the order of one."""

    refusing = ""
    """Why nothing new is taken for now, though it could be; empty: it is."""

    unhurried = 0.05
    """Seconds that a transaction of work in the background may take: less where all others wait for it."""

    @abstractmethod
    def write(self, *turns: str) -> AbstractContextManager[Work]:
        """A durable transaction, committed at the end of the block, undone by any exception.

        `turns` name what only one transaction at a time may do, on any node. Raises `Unavailable`
        when it could not be done; then nothing of it happened."""

    @abstractmethod
    def read(self, *, snapshot: bool = False) -> AbstractContextManager[Work]:
        """Queries; with `snapshot` all of them see the same moment. Raises `Unavailable`."""

    @abstractmethod
    def examine(self) -> None:
        """Look at what is stored before it is used. Raises `Misconfigured`, with a way out."""

    def examine_for(self, seconds: float) -> None:  # noqa: B027 - servers look after their pages
        """Look through what was too much for `examine`, for so long. Raises `Misconfigured`."""

    @abstractmethod
    def forget(self, table: str) -> None:
        """Make what was overwritten in a table so far unreadable in the database's own files. Raises
        `Unavailable` when somebody still reads an older state."""

    @abstractmethod
    def size(self) -> StoreSize:
        """`engine.store.contracts.care`. Raises `Unavailable`."""

    @abstractmethod
    def disk(self) -> Disk | None:
        """The disk that its data lie on, where it is this machine's."""

    @abstractmethod
    def vacuum(self) -> None:
        """Give back what is empty. Raises `Unavailable`."""

    @abstractmethod
    def broken(self) -> str:
        """Why nothing may be written any more before a restart, or empty."""

    def may_delete(self, table: str) -> bool:  # noqa: ARG002 - who has a file has all of it
        """Whether this user may take rows out of a table. Raises `Unavailable`."""
        return True

    @abstractmethod
    def own(self, part: str = "") -> bool:
        """Hold this database for one engine, or for the one process of a `part`; False when another does."""

    @abstractmethod
    def idle(self) -> bool:
        """Whether a write would start at once and end soon."""

    @abstractmethod
    def close(self) -> None:
        """Let go of connections and threads."""


@lru_cache(maxsize=1024)
def marks(count: int) -> str:
    """`?, ?, ?` for an IN list."""
    return ", ".join("?" * count)


@lru_cache(maxsize=256)
def values(columns: int, rows: int, same: str = "") -> str:
    """`(?, ?), (?, ?)` for a multi-row INSERT; `same` is what stands in every row behind the rest."""
    return ", ".join([f"({marks(columns)}{same})"] * rows)


def rows_of(work: Work, query: str, keys: Sequence[Any], *first: Any) -> list[tuple[Any, ...]]:
    """The rows of a query with an IN list (`{}`), asked in parts."""
    found: list[tuple[Any, ...]] = []
    for start in range(0, len(keys), ROWS_PER_STATEMENT):
        part = keys[start : start + ROWS_PER_STATEMENT]
        found += work.rows(_listing(query, len(part)), (*first, *part))
    return found


def insert(work: Work, statement: str, columns: int, flat: list[Any], rest: str = "", same: str = "") -> int:
    """Insert rows given as one flat list, as few statements as the prepared texts allow; `rest` is what
    follows the rows, `same` what stands at the end of each (`, 'due', 0`). How many were inserted.

    Up to 32 rows any number has its own text; above, powers of two, so that few are kept prepared."""
    rows, start, inserted = len(flat) // columns, 0, 0
    while start < rows:
        left = rows - start
        count = left if left <= 32 else min(ROWS_PER_STATEMENT, 1 << (left.bit_length() - 1))
        part = flat if count == rows else flat[start * columns : (start + count) * columns]
        inserted += work.run(_inserting(statement, columns, count, rest, same), part)
        start += count
    return inserted


# The very same text each time is found again by the driver without being read through.


@lru_cache(maxsize=1024)
def _listing(query: str, count: int) -> str:
    return query.format(marks(count))


@lru_cache(maxsize=1024)
def _inserting(statement: str, columns: int, rows: int, rest: str, same: str) -> str:
    return statement + values(columns, rows, same) + rest
