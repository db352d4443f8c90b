"""Which rows of a table of units a quantity came by when it was converted, for coverage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.errors import Unacceptable
from engine.transforms.scope import Scope, Value
from engine.transforms.setting import Table

__all__ = ["unit_rows"]


def unit_rows(units: Sequence[Sequence[Value]], table: Table, scope: Scope) -> Iterator[str]:
    """The codes of the rows by which these units are known: of each unit's alternatives the first that the
    table has, and the rows that its row is told in."""
    known = frozenset(table.keys())
    for alternatives in units:
        read = (_text(one, scope) for one in alternatives)
        code = next((one for one in read if one in known), "")
        come_by: set[str] = set()
        while code in known and code not in come_by:
            come_by.add(code)
            code = table.rows(code)[0].get("unit", "")
        yield from come_by


def _text(value: Value, scope: Scope) -> str:
    try:
        return str(value(scope) or "")
    except Unacceptable:
        return ""
