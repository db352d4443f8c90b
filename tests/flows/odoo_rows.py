"""Every row of a database of Odoo, as text: what a step changed, and that it changed nothing else.

before = rows_of(hospital); …; changed(before, rows_of(hospital)) == {"sale_order_line": {55, 972}}
"""

from __future__ import annotations

from collections.abc import Mapping

from demo.local import CACHE
from demo.odoo import Running
from demo.postgres import Postgres

__all__ = ["changed", "rows_of"]

Rows = dict[str, dict[int, str]]

_TABLES = """
    SELECT c.table_name FROM information_schema.columns c JOIN information_schema.tables t
    ON t.table_schema = c.table_schema AND t.table_name = c.table_name
    WHERE c.table_schema = 'public' AND c.column_name = 'id' AND t.table_type = 'BASE TABLE' ORDER BY 1
"""
_OWN = ("ir_", "bus_", "res_users_log", "res_device", "mail_presence", "base_registry")
"""What Odoo writes for itself, whoever does what: who is logged in, its sequences, its caches."""


def rows_of(hospital: Running) -> Rows:
    """By table and id."""
    found: Rows = {}
    with Postgres(CACHE / "postgres").connect(hospital.database) as connection:
        for (table,) in connection.execute(_TABLES).fetchall():
            if not table.startswith(_OWN) or table == "ir_model_data":
                query = f'SELECT id, t::text FROM "{table}" t'
                found[table] = {row[0]: row[1] for row in connection.execute(query).fetchall()}  # type: ignore[arg-type]
    return found


def changed(
    before: Mapping[str, Mapping[int, str]], after: Mapping[str, Mapping[int, str]]
) -> dict[str, set[int]]:
    """The ids of rows that are new, gone, or otherwise, by table; tables without any are absent."""
    found: dict[str, set[int]] = {}
    for table in before.keys() | after.keys():
        one, other = before.get(table, {}), after.get(table, {})
        ids = {number for number in one.keys() | other.keys() if one.get(number) != other.get(number)}
        if ids:
            found[table] = ids
    return found
