"""What Odoo would change of a table: of the columns that its schema has `from_odoo`, and no others.

A row is about what its column for Odoo's own word (an item's code, a unit's name) says. Where that is the
table's first column, what is new in Odoo becomes a row; in a table that translates the hospital's codes
nobody can know the code, and it is told how many of Odoo's are in no row. Rows that Odoo has nothing for
are the hospital's: they are told, and stay unless they are to be pruned.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from engine.config.spec.tables import CATALOGUES, TableSpec
from engine.config.table_text import TableText
from engine.errors import Misconfigured
from engine.workbench.table_changes import Changed, Row, with_rows

__all__ = ["Pulled", "pulled"]


class Pulled(msgspec.Struct, frozen=True):
    """The table as it would be; `unnamed` records of Odoo are in no row, `twice` are told twice by Odoo."""

    changed: Changed
    unnamed: int = 0
    twice: tuple[str, ...] = ()


def pulled(text: str, spec: TableSpec, told: Sequence[Row], *, prune: bool = False) -> Pulled:
    """The table in `text` with what Odoo told of its catalogue. Raises `Misconfigured` for a schema without
    `from_odoo`, and for pruning by an Odoo that tells of nothing."""
    said = spec.from_odoo
    if said is None:
        raise Misconfigured("nothing of this table comes from Odoo", hint="say from_odoo: in its schema")
    if prune and not told:
        hint = f"may the connection's user read {said.catalogue}?"
        raise Misconfigured(f"Odoo tells of no {said.catalogue}: nothing is pruned", hint=hint)
    word = CATALOGUES[said.catalogue][0]
    table = TableText(text)
    by = next(column for column, one in said.columns.items() if one == word)
    records = {one[word]: one for one in reversed(told)}
    rows = [table.cells(record) for record in table.rows]
    known = {row[by] for row in rows}
    wanted = [
        _filled(row, records.get(row[by]), said.columns) for row in rows if not row[by] or row[by] in records
    ]
    empty = dict.fromkeys(table.columns, "")
    new = [_filled(empty, one, said.columns) for name, one in sorted(records.items()) if name not in known]
    adds = by == table.columns[0]
    changed = with_rows(text, wanted + (new if adds else []), spec, keep=not prune)
    counts = Counter(one[word] for one in told)
    twice = tuple(sorted(name for name, count in counts.items() if count > 1))
    return Pulled(changed, 0 if adds else len(new), twice)


def _filled(row: Row, record: Row | None, columns: Mapping[str, str]) -> Row:
    """A row with what Odoo says of it; one that is about nothing of Odoo's stays as it is."""
    if record is None:
        return row
    return {**row, **{column: record[word] for column, word in columns.items()}}
