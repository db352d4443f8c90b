"""Looks for words where they must not be: in every table of a database, in the bytes of every file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from psycopg import Connection, sql

__all__ = ["in_database", "in_files"]

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"


def in_database(connection: Connection[Any], words: Iterable[str]) -> tuple[int, list[str]]:
    """How many tables there are, and those of which a row holds one of the words, in either case."""
    pattern = "|".join(map(re.escape, words))
    tables = [str(name) for (name,) in connection.execute(TABLES)]
    query = sql.SQL("SELECT EXISTS (SELECT FROM {} AS record WHERE record::text ~* {})")
    found = []
    for table in tables:
        row = connection.execute(query.format(sql.Identifier(table), sql.Literal(pattern))).fetchone()
        if row and row[0]:
            found.append(table)
    return len(tables), found


def in_files(folder: Path, words: Iterable[str]) -> tuple[int, list[str]]:
    """How many files there are below `folder`, and those that hold one of the words, in either case."""
    pattern = re.compile("|".join(map(re.escape, words)).encode(), re.IGNORECASE)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return len(files), [path.name for path in files if pattern.search(path.read_bytes())]
