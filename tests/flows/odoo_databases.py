"""Databases of a test's own in the real Odoo. When a test is done with one, every row that was written in it
is searched for what identified somebody in the messages that its engines took.

found = fresh_database("ward")
engine = HospitalEngine(folder, found)
drop_database(found)                  # fails if Odoo holds a name, a number, a day, an address that was sent
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from odoo_engine import EVERYTHING, HospitalEngine

from demo import odoo
from demo.local import CACHE
from demo.odoo import Running
from demo.postgres import Postgres
from engine.errors import WardlineError
from engine.proof.places import tables
from engine.proof.values import Values, identifying

__all__ = ["drop_database", "fresh_database", "identifying_in"]

_made_at: dict[str, str] = {}
"""Database → the number of the transaction after which tests write in it."""


def fresh_database(name: str) -> Running:
    """As `demo.odoo.fresh_database`."""
    found = odoo.fresh_database(name)
    if _ours():
        with Postgres(CACHE / "postgres").connect(found.database) as connection:
            ((number,),) = connection.execute("SELECT pg_current_xact_id()::xid::text").fetchall()
        _made_at[found.database] = str(number)
    return found


def drop_database(found: Running) -> None:
    """As `demo.odoo.drop_database`, once it was searched."""
    engines = HospitalEngine.before.pop(found.database, [])
    try:
        held = identifying_in(found, engines)
        assert held == {}, held
    finally:
        odoo.drop_database(found)


def identifying_in(found: Running, engines: list[HospitalEngine]) -> dict[str, set[str]]:
    """Tables in which values stand that came to these engines and identify somebody."""
    values = Values(identifying(raw for engine in engines for raw in _taken(engine)))
    if not values.count or not _ours():
        return {}
    with Postgres(CACHE / "postgres").connect(found.database) as connection:
        places = list(tables(connection, "Odoo", _made_at[found.database]))
    return {place.name: words for place in places if (words := values.found_in(place.data))}


def _taken(engine: HospitalEngine) -> Iterator[bytes]:
    """The messages in its store, as they came."""
    with engine.store() as store:
        for view in store.messages(EVERYTHING):
            try:
                yield store.content(view.id)
            except (KeyError, WardlineError):  # a duplicate of another, or purged
                continue


def _ours() -> bool:
    """Whether the database can be read, not only Odoo."""
    return os.environ.get("ODOO", "local") == "local"
