"""What a database driver's error means: the world (try again), or a disk that can no longer be believed."""

from __future__ import annotations

import sqlite3
from typing import Final

import psycopg
import sqlalchemy.exc

from engine.errors import Unavailable

__all__ = ["distrust", "translate"]

_LOST_FAITH: Final = (
    "SQLITE_IOERR_FSYNC",
    "SQLITE_IOERR_DIR_FSYNC",
    "SQLITE_IOERR_CORRUPTFS",
    "SQLITE_CORRUPT",
    "SQLITE_NOTADB",
)
_WORLD: Final = (
    sqlite3.OperationalError,
    sqlite3.DatabaseError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.InsufficientPrivilege,  # a right that was taken away can be given back
    sqlalchemy.exc.TimeoutError,
)
_OURS: Final = (
    sqlite3.IntegrityError,
    sqlite3.ProgrammingError,
    sqlite3.DataError,
    sqlite3.NotSupportedError,
    psycopg.IntegrityError,
)


def translate(error: BaseException) -> Unavailable | None:
    """`Unavailable` for what the world did; nothing for any other error (a bug, or one of our own).

    Only the error's name is kept: a driver's text may quote values."""
    cause = _driver_error(error)
    if isinstance(cause, _WORLD) and not isinstance(cause, _OURS):
        return Unavailable(f"the store could not do it now ({_name(cause)})")
    return None


def distrust(error: BaseException) -> str:
    """The name of the fault when the file must not be written again before a restart, else empty.

    After a failed fsync the kernel may have dropped the pages it could not write and call the next
    fsync a success (the 2018 finding about PostgreSQL): only reopening, which reads back what is on
    disk, is honest. A full disk or a failed write leaves nothing half-done and heals by itself."""
    cause = _driver_error(error)
    name = _name(cause) if isinstance(cause, sqlite3.Error) else ""
    return name if name.startswith(_LOST_FAITH) else ""


def _driver_error(error: BaseException) -> BaseException:
    if isinstance(error, sqlalchemy.exc.DBAPIError) and error.orig is not None:
        return error.orig
    return error


def _name(error: BaseException) -> str:
    return getattr(error, "sqlite_errorname", None) or type(error).__name__
