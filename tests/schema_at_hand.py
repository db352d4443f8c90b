"""Fresh stores of tests in a tenth of their time: what the migrations make is made by them once in a process,
and from then on as the first one was read back."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from sqlalchemy import Connection

from engine.store import migrations


def keep_at_hand(patch: pytest.MonkeyPatch) -> None:
    """From now on, for empty SQLite databases. Whatever has tables, or goes to another revision than the
    newest, takes the way of the migrations."""
    migrate = migrations._upgrade
    made: list[str] = []

    def upgrade(connection: Connection, target: str = "head") -> None:
        if target != "head" or connection.dialect.name != "sqlite" or _tables(connection):
            migrate(connection, target)
        elif not made:
            migrate(connection, target)
            made[:] = _written(connection)
        else:
            for statement in made:
                connection.exec_driver_sql(statement)

    patch.setattr(migrations, "_upgrade", upgrade)


def _tables(connection: Connection) -> int:
    return int(connection.exec_driver_sql("SELECT count(*) FROM sqlite_schema").scalar_one())


def _written(connection: Connection) -> list[str]:
    opened: Any = connection.connection.driver_connection
    assert isinstance(opened, sqlite3.Connection)
    return [
        statement for statement in opened.iterdump() if statement not in ("BEGIN TRANSACTION;", "COMMIT;")
    ]
