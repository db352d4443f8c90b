"""The store over SQL: one implementation for SQLite and PostgreSQL, its verbs grouped by who calls them."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from engine.errors import Misconfigured
from engine.store.accounting import Accounting
from engine.store.accounts import Accounts
from engine.store.alerts import Alerts
from engine.store.assertions import UsedAssertions
from engine.store.audit import AuditTrail
from engine.store.audit_keys import AuditKeys
from engine.store.auditing import Auditing
from engine.store.base import Store
from engine.store.cabinet import CABINET_VARIABLE, Cabinet
from engine.store.care import Care
from engine.store.checks import Checks
from engine.store.contents import Contents
from engine.store.courses import Courses
from engine.store.database import Database
from engine.store.delivery import Deliveries
from engine.store.editions import Editions
from engine.store.erasing import Erasing
from engine.store.figures import Figures
from engine.store.fixing import Fixing
from engine.store.holding import Holding
from engine.store.intake import Intake
from engine.store.keys import KeyRing
from engine.store.measures import Measures
from engine.store.mentions import Mentioned
from engine.store.merging import Merging
from engine.store.migrations import migrate
from engine.store.overview import Overview
from engine.store.owing import Owing
from engine.store.parking import Parking
from engine.store.postgres import PostgresDatabase
from engine.store.purging import Purging
from engine.store.resources import Resources
from engine.store.revising import Revising
from engine.store.rotation import Rotating
from engine.store.routing import Routes
from engine.store.seals import bind, check_cabinet, check_keys, give_up
from engine.store.sqlite import SqliteDatabase
from engine.store.term_rotation import RotatingTerms
from engine.store.tokens import Tokens
from engine.store.unmerging import Unmerging
from engine.store.upkeep import Upkeep
from engine.store.uses import enter_uses
from engine.store.views import Views

__all__ = ["SqlStore", "give_up_cabinet", "open_store", "server_of", "store_file"]


class SqlStore(
    Intake,
    Resources,
    RotatingTerms,
    Auditing,
    UsedAssertions,
    Tokens,
    Rotating,
    Merging,
    Mentioned,
    Unmerging,
    Courses,
    Routes,
    Deliveries,
    Owing,
    Parking,
    Holding,
    Fixing,
    Revising,
    Editions,
    Checks,
    Accounts,
    Views,
    Accounting,
    Overview,
    Figures,
    Purging,
    Erasing,
    Upkeep,
    Care,
    Measures,
    Alerts,
    AuditTrail,
):
    """`engine.store.base.Store` over a database."""


def open_store(url: str, keyring: KeyRing, cabinet: str = "") -> Store:
    """Open (and make or migrate) the store at `sqlite:///path/to/file` or `postgresql://…`, with its
    cabinet: at the address given, else beside the file (`<file>.cabinet`) or in the store's database.

    Raises `Misconfigured` for an address, key or file that will not do, `Unavailable` when the
    database does not answer. Any number of processes may open one store at the same time."""
    database, kept, is_there = _with_cabinet(url, keyring, cabinet)
    try:
        database.examine()
        migrate(database)
        check_keys(database, keyring)
        enter_uses(database, keyring)
        used = check_cabinet(database, kept, keyring, is_there=is_there)
        store = SqlStore(database, Contents(keyring, kept), kept, AuditKeys(keyring))
        if used is not None:
            store.settle_erasures(used, time.time())
    except BaseException:
        kept.close()
        database.close()
        raise
    return store


def give_up_cabinet(url: str, keyring: KeyRing, cabinet: str, now: float) -> list[str]:
    """Let a store whose cabinet is lost, or an older copy, be opened again without the keys that are gone
    (`engine.store.seals.give_up`); their ids. Raises `Misconfigured` where there is nothing to give up."""
    database, kept, is_there = _with_cabinet(url, keyring, cabinet)
    try:
        migrate(database)
        return give_up(database, kept, now, is_there=is_there)
    finally:
        kept.close()
        database.close()


def _with_cabinet(url: str, keyring: KeyRing, cabinet: str) -> tuple[Database, Cabinet, bool]:
    """The store's database, its cabinet, and whether there may be one at its place already."""
    apart = _apart(url, cabinet)
    database = _connect(url)
    there = _is_there(apart)
    connect = partial(_connect, apart) if apart else lambda: database
    return database, Cabinet(connect, keyring, partial(bind, database), shared=not apart), there


def store_file(url: str) -> Path | None:
    """The file of a store that is one, else None. Raises `Misconfigured` for what is no address."""
    parsed = _parse(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def server_of(url: str) -> str:
    """Where a store that is no file is served: a host and a port, or a socket's folder."""
    parsed = _parse(url)
    host = parsed.host or str(parsed.query.get("host", "localhost"))
    return f"{host}:{parsed.port or 5432}"


def _apart(url: str, cabinet: str) -> str:
    """Where a cabinet lies that is not in the store's database; empty for one that is. Raises `Misconfigured`
    for the store's own file."""
    if not cabinet:
        return _beside(url)
    file, place = store_file(url), store_file(cabinet)
    if file and place and file.resolve() == place.resolve():
        raise Misconfigured(
            "the cabinet cannot be the store's own file",
            where=CABINET_VARIABLE,
            hint="its keys are to be kept apart from what they open: name another file, or none",
        )
    return "" if _where(url) == _where(cabinet) else cabinet


def _where(url: str) -> tuple[object, ...]:
    """What tells two databases apart."""
    parsed = _parse(url)
    return parsed.get_backend_name(), parsed.host, parsed.port or 5432, parsed.database


def _beside(url: str) -> str:
    """The address of a cabinet beside the store's file; empty when it is no file."""
    file = store_file(url)
    return f"sqlite:///{file}.cabinet" if file else ""


def _is_there(url: str) -> bool:
    """Whether there may be a cabinet at an address: connecting would make a file."""
    file = store_file(url) if url else None
    return file is None or file.exists()


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        parsed.get_backend_name()
    except (ArgumentError, ValueError):
        raise Misconfigured(
            "the store's address is not a URL", hint="sqlite:///path or postgresql://…"
        ) from None
    return parsed


def _connect(url: str) -> Database:
    parsed = _parse(url)
    scheme = parsed.get_backend_name()
    if scheme == "sqlite":
        return SqliteDatabase(parsed)
    if scheme in ("postgresql", "postgres"):
        return PostgresDatabase(parsed)
    raise Misconfigured(f"a store at {scheme!r} is not known", hint="sqlite:///path or postgresql://…")
