"""PostgreSQL as safe storage: any number of nodes on one database, turns taken by advisory locks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, create_engine, event

from engine.errors import Misconfigured, Unavailable
from engine.store.contracts.care import Disk, StoreSize, TableSize
from engine.store.database import Database, Work
from engine.store.disks import disk_of, is_here
from engine.store.faults import translate

__all__ = ["PostgresDatabase"]

_SETTINGS: Final = (
    # A weaker setting of the server would break the promise; a stronger one (remote_apply) stays.
    "SELECT set_config('synchronous_commit', 'on', false)"
    " WHERE current_setting('synchronous_commit') = 'off'",
    "SET jit = off",  # what is asked is answered in less time than a plan takes to compile
    "SET lock_timeout = '10s'",  # a node that hangs with a turn in its hand is an outage to tell about,
    "SET idle_in_transaction_session_timeout = '30s'",  # and is soon relieved of it
)


_PROMISES: Final = {
    "fsync": "on",
    "full_page_writes": "on",
    "ignore_checksum_failure": "off",
    "zero_damaged_pages": "off",
}
_INVALID: Final = (
    "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
    " WHERE c.relnamespace = current_schema()::regnamespace AND NOT i.indisvalid ORDER BY 1"
)
_FAILED: Final = "SELECT checksum_failures FROM pg_stat_database WHERE datname = current_database()"
_TABLES: Final = (
    "SELECT relname, pg_total_relation_size(relid), n_dead_tup FROM pg_stat_user_tables"
    " WHERE schemaname = 'public' ORDER BY 2 DESC, 1 LIMIT 12"
)


class PostgresDatabase(Database):
    """One database. When a connection is lost during a commit, whether it took place is not known:
    the verb raises `Unavailable`, and what the sender then sends again is found to be a duplicate."""

    has_schemas = True
    bytes_type = "BYTEA"
    holds = "position(? IN {}) > 0"
    for_update = " FOR UPDATE"
    for_share = " FOR SHARE"
    skip_locked = " FOR UPDATE SKIP LOCKED"
    # OFFSET is a fence: without statistics, as in a restored database, the planner walks all on the right
    looked_up = "LATERAL (SELECT * FROM {table} o WHERE o.{key} = {value} OFFSET 0)"

    def __init__(self, url: URL) -> None:
        self._engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            isolation_level="AUTOCOMMIT",  # BEGIN and COMMIT are ours to say
            hide_parameters=True,
            pool_reset_on_return=None,
            pool_size=8,
            max_overflow=24,
            pool_timeout=10,
            connect_args={"connect_timeout": 10, "prepare_threshold": 2, "application_name": "wardline"},
        )
        event.listen(self._engine, "connect", _prepare)
        self._closed = ""
        self._owner: Connection | None = None

    @contextmanager
    def write(self, *turns: str) -> Iterator[Work]:
        if self._closed:
            raise Unavailable(self._closed)
        with self._connected() as core:
            driver: Any = core.connection.driver_connection
            try:
                driver.execute(_begin(turns))
                yield Work(core, _written)
                driver.execute("COMMIT")
            except BaseException as error:
                self._undo(core, driver)
                if fault := translate(error):
                    raise fault from error
                raise

    @contextmanager
    def read(self, *, snapshot: bool = False) -> Iterator[Work]:
        with self._connected() as core:
            driver: Any = core.connection.driver_connection
            try:
                if snapshot:
                    driver.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                yield Work(core, _written)
                if snapshot:
                    driver.execute("COMMIT")
            except BaseException as error:
                self._undo(core, driver)
                if fault := translate(error):
                    raise fault from error
                raise

    def examine(self) -> None:
        with self.read() as work:
            for name, wanted in _PROMISES.items():
                if work.rows(f"SHOW {name}") != [(wanted,)]:
                    raise Misconfigured(
                        f"the PostgreSQL server runs with {name} {'off' if wanted == 'on' else 'on'}:"
                        " it cannot promise safe storage",
                        hint=f"ALTER SYSTEM SET {name} = '{wanted}'; SELECT pg_reload_conf()",
                    )
            if invalid := work.rows(_INVALID):
                raise Misconfigured(
                    f"an index of the store is not valid: {invalid[0][0]}",
                    hint=f"REINDEX INDEX CONCURRENTLY {invalid[0][0]}; it was not finished when it was built",
                )
            if work.rows(_FAILED) not in ([(None,)], [(0,)]):
                raise Misconfigured(
                    "PostgreSQL found damaged pages in this database (checksums)",
                    hint="look at the disk, then restore a backup; after mending: SELECT pg_stat_reset()",
                )

    def forget(self, table: str) -> None:
        """Written anew: a dead row's bytes would stay in its page until something takes the place. What the
        server keeps of its log or archives elsewhere is not reached."""
        with self.read() as work:
            work.run(f"VACUUM (FULL) {table}")

    def size(self) -> StoreSize:
        with self.read() as work:
            whole = int(work.rows("SELECT pg_database_size(current_database())")[0][0])
            tables = tuple(TableSize(*row) for row in work.rows(_TABLES))
        return StoreSize(whole, 0, 0, tables, self.disk())

    def disk(self) -> Disk | None:
        """Of a server on this machine that shows where its data lie."""
        if not is_here(self._engine.url):
            return None
        with self.read() as work:
            place = work.rows("SELECT setting FROM pg_settings WHERE name = 'data_directory'")
        return disk_of(Path(place[0][0])) if place and place[0][0] else None

    def vacuum(self) -> None:
        with self.read() as work:
            work.run("VACUUM (ANALYZE)")

    def broken(self) -> str:
        return self._closed

    def may_delete(self, table: str) -> bool:
        with self.read() as work:
            return bool(work.rows("SELECT has_table_privilege(?, 'DELETE')", (table,))[0][0])

    def own(self, part: str = "") -> bool:
        """A lock that its connection holds: gone with the process, wherever it ran. Should the
        connection break, another engine may start; each verb stays safe for itself."""
        core = self._engine.connect()
        driver: Any = core.connection.driver_connection
        lock = "SELECT pg_try_advisory_lock(hashtext(%s))"
        owned = bool(driver.execute(lock, (f"wardline/{part or 'engine'}",)).fetchone()[0])
        if owned:
            self._owner = core
        else:
            core.close()
        return owned

    def idle(self) -> bool:
        return False  # a round trip away

    def close(self) -> None:
        self._closed = "the store is closed"
        if self._owner is not None:
            self._owner.invalidate()
        self._engine.dispose()

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        try:
            core = self._engine.connect()
        except Exception as error:
            if fault := translate(error):
                raise fault from error
            raise
        with core:
            yield core

    def _undo(self, core: Connection, driver: Any) -> None:
        with suppress(Exception):
            driver.execute("ROLLBACK")
            core.rollback()
        if driver.closed:
            core.invalidate()
            self._engine.dispose()  # the server went away: the pool's other connections are as dead


def _prepare(connection: Any, _record: object) -> None:
    was, connection.autocommit = connection.autocommit, True
    for setting in _SETTINGS:
        connection.execute(setting)
    connection.autocommit = was


@lru_cache(maxsize=1024)
def _written(sql: str) -> str:
    return sql.replace("%", "%%").replace("?", "%s")


@lru_cache(maxsize=256)
def _begin(turns: tuple[str, ...]) -> str:
    """One round trip: begin and take the turns, always in the same order so that nobody waits in a circle."""
    keys = (hashlib.sha256(f"wardline/{turn}".encode()).digest()[:8] for turn in sorted(turns))
    locks = (f"SELECT pg_advisory_xact_lock({int.from_bytes(key, 'big', signed=True)})" for key in keys)
    return "; ".join(("BEGIN", *locks))
