"""All that an engine wrote or said, as bytes to be searched, each with a name and how strictly it is held.

`silent` places may hold no value of a message at all, not even one that the policy lets pass: logs, metrics,
answers, commands. `effects` are places where what passes belongs: the store, the ledger, what is passed on,
Odoo. `shown` is a message as it is shown to an analyst: with what passes and with what is for the engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import psycopg
from psycopg import sql

__all__ = ["Kind", "Place", "database", "files", "tables"]

Kind = Literal["silent", "effects", "shown"]

_TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE
'pg_%' ORDER BY 1, 2
"""


class Place(NamedTuple):
    """One thing that was written or said."""

    name: str
    kind: Kind
    data: bytes


def files(folder: Path, when: str, *, silent: Iterable[str] = (), but: Iterable[str] = ()) -> Iterator[Place]:
    """Every byte of every file below a folder, and every name of a file. Names that begin with one of
    `silent` are held strictly; those that begin with one of `but` are left out."""
    names = []
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if name.startswith(tuple(but)):
            continue
        names.append(name)
        if path.is_file() and not path.is_symlink():
            strict = name.startswith(tuple(silent))
            yield Place(f"{name} {when}", "silent" if strict else "effects", path.read_bytes())
    yield Place(f"names of files {when}", "silent", "\n".join(names).encode())


def database(url: str, name: str) -> Iterator[Place]:
    """Everything in a PostgreSQL database, by its address."""
    with psycopg.connect(url) as connection:
        yield from tables(connection, name)


def tables(connection: psycopg.Connection[Any], name: str, since: str = "") -> Iterator[Place]:
    """Every column of every row of every table, bytes as hexadecimal, and the large objects; `since` leaves
    out the rows that were written before the transaction of this number."""
    only = sql.SQL("WHERE age(t.xmin) <= age({}::xid)").format(since) if since else sql.SQL("")
    for schema, table in connection.execute(_TABLES).fetchall():
        whole = sql.SQL("COPY (SELECT t::text FROM {}.{} t {}) TO STDOUT").format(
            sql.Identifier(schema), sql.Identifier(table), only
        )
        with connection.cursor().copy(whole) as rows:
            yield Place(f"{name}: {schema}.{table}", "effects", b"".join(bytes(row) for row in rows))
    try:
        blobs = [bytes(data) for (data,) in connection.execute("SELECT data FROM pg_largeobject").fetchall()]
    except psycopg.errors.InsufficientPrivilege:
        return
    yield Place(f"{name}: large objects", "effects", b"".join(blobs))
