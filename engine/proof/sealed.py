"""Whether what a store keeps sealed is ciphertext: bytes that nothing can be told of, not even by packing
them.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["Sealed", "columns_of", "looks_random", "values_of"]

_ENOUGH: Final = 1 << 14
_WORST: Final = 400.0
"""Chi-square of 255 degrees of freedom: random bytes are above it less than once in 10 million times."""


class Sealed(NamedTuple):
    """A column of sealed values."""

    name: str
    values: int
    bytes: int
    random: bool


def columns_of(store: Path) -> Iterator[Sealed]:
    """The columns called `sealed` of a SQLite store."""
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as database:
        for table in _tables(database):
            names = [str(row[1]) for row in database.execute(f"PRAGMA table_info({table})")]
            if "sealed" in names:
                query = f"SELECT sealed FROM {table} WHERE sealed IS NOT NULL"
                values = [bytes(value) for (value,) in database.execute(query)]
                yield Sealed(f"{table}.sealed", len(values), sum(map(len, values)), looks_random(values))


def values_of(store: Path) -> Iterator[bytes]:
    """Every text and every bytes value of every table of a SQLite store."""
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as database:
        for table in _tables(database):
            for row in database.execute(f"SELECT * FROM {table}"):
                for value in row:
                    if isinstance(value, str):
                        yield value.encode()
                    elif isinstance(value, bytes):
                        yield value


def looks_random(values: Iterable[bytes]) -> bool:
    """Whether all bytes of these come equally often, and packing saves nothing. Few bytes prove nothing, and
    pass.
    """
    blob = b"".join(values)
    if len(blob) < _ENOUGH:
        return True
    expected, counts = len(blob) / 256, Counter(blob)
    chi = sum((counts.get(byte, 0) - expected) ** 2 / expected for byte in range(256))
    return chi < _WORST + _headers(blob) and len(zlib.compress(blob[:1_000_000], 1)) > 0.98 * len(
        blob[:1_000_000]
    )


def _headers(blob: bytes) -> float:
    """Room for a fixed byte in front of each value (the version of the format)."""
    return len(blob) / 2000


def _tables(database: sqlite3.Connection) -> list[str]:
    found = database.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    )
    return [str(name) for (name,) in found]
