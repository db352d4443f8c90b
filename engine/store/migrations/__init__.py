"""Bringing a store's tables to what this version needs, when it opens (Alembic revisions in `versions`)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect

from engine.errors import Misconfigured
from engine.store.database import Database

__all__ = ["HEAD", "migrate"]

HEAD: Final = "0014"
"""The newest revision: a store that is at it opens without Alembic."""

VERSION_TABLE: Final = "schema_version"


def migrate(database: Database) -> None:
    """Upgrade in one transaction; whoever opens at the same time waits and finds it done.

    Raises `Misconfigured` for a store that a newer version wrote."""
    with database.read() as work:
        if _revision(work.core) == HEAD:
            return
    with database.write("schema") as work:
        revision = _revision(work.core)
        if revision is not None and revision > HEAD:
            raise Misconfigured(
                f"the store was written by a newer version (schema {revision}, known {HEAD})",
                hint="run that version, or restore the copy made before the upgrade",
            )
        if revision != HEAD:
            _upgrade(work.core)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    revision: str | None = connection.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalar()
    return revision


def _upgrade(connection: Connection, target: str = "head") -> None:
    # Imported here: most starts find nothing to do and need not wait for Alembic.
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(Path(__file__).parent))
    environment = EnvironmentContext(Config(), scripts)
    environment.configure(
        connection=connection,
        version_table=VERSION_TABLE,
        fn=lambda revision, _context: scripts._upgrade_revs(target, revision),
    )
    environment.run_migrations()
