"""A database of PostgreSQL that serves many tests, emptied after each: making one costs more than a test."""

from __future__ import annotations

import psycopg

from engine.store.tables import metadata

__all__ = ["emptied"]

KEPT = frozenset({"pulse", "cabinets"})
"""The cabinet lies in a schema of its own and stays."""


def emptied(url: str) -> None:
    """Forget all that a test stored."""
    with psycopg.connect(url, autocommit=True) as connection:
        names = ", ".join(table.name for table in metadata.sorted_tables if table.name not in KEPT)
        connection.execute(f"TRUNCATE {names}")
        if connection.execute("SELECT to_regclass('wardline_cabinet.keys')").fetchone() != (None,):
            connection.execute("TRUNCATE wardline_cabinet.keys")
