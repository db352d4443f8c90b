"""A database of a proof's own in the real Odoo, or none where there is no Odoo whose database can be read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from demo.local import CACHE
from demo.odoo import Running, drop_database, fresh_database
from demo.postgres import Postgres

__all__ = ["NO_ODOO", "address_of", "odoo_database"]

NO_ODOO = os.environ.get("WARDLINE_ODOO") == "none" or os.environ.get("ODOO", "local") != "local"


@contextmanager
def odoo_database(name: str) -> Iterator[Running | None]:
    """One, dropped at the end."""
    found = None if NO_ODOO else fresh_database(name)
    try:
        yield found
    finally:
        if found:
            drop_database(found)


def address_of(found: Running | None) -> str:
    """Of its PostgreSQL database; empty for none."""
    if found is None:
        return ""
    server = Postgres(CACHE / "postgres")
    return f"host={server.host} port={server.port} user=postgres dbname={found.database}"
