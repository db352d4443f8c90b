"""What the tables of the store are declared with."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, Integer, MetaData, text

__all__ = ["Id", "metadata", "partial"]

metadata = MetaData()

Id = BigInteger().with_variant(Integer, "sqlite")
"""Of SQLite, the number of the row itself."""


def partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index of the rows that matter."""
    condition = text(where)
    return Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
