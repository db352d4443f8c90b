"""`find(table, column)`: the cell of a column, in the row of the first alternative that the table has.

    item: RQD-4.1 or RQD-2.1 or RQ1-4.1 + RQ1-5 | find(supplies, item)
    unit: RQD-6.1 + RQD-4.1 or RQD-6.1 | find(units, unit)

Where `lookup` takes the first alternative that is populated and insists on it, `find` goes on to the
next one when the table does not have it. When it has none of them the message becomes a dead letter
(`unmapped-code`) that names the first populated one. An empty cell is empty.
"""

from __future__ import annotations

from engine.errors import Unacceptable
from engine.transforms.expression import Call, Flaw
from engine.transforms.scope import Scope, Value
from engine.transforms.setting import Setting
from engine.transforms.verb import Before, Verb, positional, table_of
from engine.transforms.verbs.lookup import cells_of

__all__ = ["FIND"]


def _build(call: Call, setting: Setting, before: Before) -> Value:
    named, column = positional(call, 2, 2, "write it like find(items, item)")
    table, alternatives = table_of(named, setting), before.alternatives
    cells = cells_of(table, column)
    if any(True for _ in table.repeated()):
        raise Flaw("the table has several rows for one code", named.offset, "kit takes all of them")

    def cell(scope: Scope) -> str | None:
        codes = [code for one in alternatives if (code := one(scope)) is not None]
        for code in codes:
            if code in cells:
                return cells[code]
        if codes:
            raise Unacceptable("unmapped-code", "", "this code is not in the table", hl7=103)
        return None

    return cell


FIND = Verb("find", str, str, _build, costly=True)
