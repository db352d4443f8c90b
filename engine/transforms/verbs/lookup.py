"""`lookup(table, column)`: the cell of a column, in the row whose first column is the value.

    item: FT1-7.1 | lookup(items, item)
    company: PV1-3.1 | lookup(places, company, 'Main Hospital')

A code that the table does not have makes the message a dead letter (`unmapped-code`) for the
channel's business owner, unless a third argument says what to use then; `else: same` uses the code
itself. An empty cell is empty.
"""

from __future__ import annotations

from typing import Any

import msgspec

from engine.transforms.expression import Argument, Call
from engine.transforms.scope import Scope, Value
from engine.transforms.setting import Setting
from engine.transforms.verb import Before, Verb, positional, step
from engine.transforms.verbs.rows import Cells, absent, cells_of, day_asked, first, one_of, through

__all__ = ["LOOKUP"]

_EXAMPLE = "write it like lookup(items, item)"


def _build(call: Call, setting: Setting, before: Before) -> Value:
    same = _is_same(call)
    given = msgspec.structs.replace(call, arguments=call.arguments[:2]) if same else call
    arguments = positional(given, 2, 3, _EXAMPLE)
    table = one_of(arguments[0], setting)
    known = cells_of(table, arguments[1])

    def make(cells: Cells) -> Value:
        if same:
            return step(before, lambda code: cells.get(code, code))
        if len(arguments) == 3:
            fallback = arguments[2].text or None
            return step(before, lambda code: cells.get(code, fallback))
        return _strict(before.value, cells, arguments[0])

    return through(table, known, before, make, first)


def _is_same(call: Call) -> bool:
    """Whether the third argument is `else: same`."""
    last = call.arguments[2:]
    return [(argument.name, argument.text) for argument in last] == [("else", "same")]


def _strict(inner: Value, cells: Cells, named: Argument) -> Value:
    def cell(scope: Scope) -> Any:
        code = inner(scope)
        try:
            return cells[code]
        except KeyError:
            raise absent(named, code) from None

    return cell


LOOKUP = Verb("lookup", str, str, _build, also=day_asked)
