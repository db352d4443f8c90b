"""`lookup(table, column)`: the cell of a column, in the row whose first column is the value.

    item: FT1-7.1 | lookup(items, item)
    company: PV1-3.1 | lookup(places, company, 'Main Hospital')

A code that the table does not have makes the message a dead letter (`unmapped-code`) for the
channel's business owner, unless a third argument says what to use then; `else: same` uses the code
itself. An empty cell is empty.
"""

from __future__ import annotations

import msgspec

from engine.errors import Unacceptable
from engine.transforms.expression import Argument, Call, Flaw
from engine.transforms.scope import Scope, Value
from engine.transforms.setting import Setting, Table
from engine.transforms.verb import Before, Verb, positional, step, table_of
from engine.transforms.wording import meant

__all__ = ["LOOKUP", "cells_of"]

_EXAMPLE = "write it like lookup(items, item)"


def _build(call: Call, setting: Setting, before: Before) -> Value:
    same = _is_same(call)
    given = msgspec.structs.replace(call, arguments=call.arguments[:2]) if same else call
    arguments = positional(given, 2, 3, _EXAMPLE)
    table = table_of(arguments[0], setting)
    cells = cells_of(table, arguments[1])
    if any(True for _ in table.repeated()):
        raise Flaw("the table has several rows for one code", arguments[0].offset, "kit takes all of them")
    if same:
        return step(before, lambda code: cells.get(code, code))
    if len(arguments) == 3:
        fallback = arguments[2].text or None
        return step(before, lambda code: cells.get(code, fallback))
    return _strict(before.value, cells)


def _is_same(call: Call) -> bool:
    """Whether the third argument is `else: same`."""
    last = call.arguments[2:]
    return [(argument.name, argument.text) for argument in last] == [("else", "same")]


def cells_of(table: Table, column: Argument) -> dict[str | None, str | None]:
    """The cell of each code; that of an empty field is empty. Raises `Flaw` for no such column."""
    if column.text not in table.columns:
        hint = meant(column.text, table.columns)
        raise Flaw(f"the table has no column {column.text}", column.offset, hint)
    cells: dict[str | None, str | None] = {None: None}
    for code in table.keys():  # noqa: SIM118 - no dict
        cells[code] = table.rows(code)[0][column.text] or None
    return cells


def _strict(inner: Value, cells: dict[str | None, str | None]) -> Value:
    def cell(scope: Scope) -> str | None:
        try:
            return cells[inner(scope)]
        except KeyError:
            raise Unacceptable("unmapped-code", "", "this code is not in the table", hl7=103) from None

    return cell


LOOKUP = Verb("lookup", str, str, _build)
