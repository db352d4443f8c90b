"""`find(table, column)`: the cell of a column, in the row of the first alternative that the table has.

    item: RQD-4.1 or RQD-2.1 or RQ1-4.1 + RQ1-5 | find(supplies, item)
    unit: RQD-6.1 + RQD-4.1 or RQD-6.1 | find(units, unit)

Where `lookup` takes the first alternative that is populated and insists on it, `find` goes on to the
next one when the table does not have it. When it has none of them the message becomes a dead letter
(`unmapped-code`) that names the first populated one. An empty cell is empty.
"""

from __future__ import annotations

from typing import Any

from engine.transforms.expression import Call
from engine.transforms.scope import Scope, Value
from engine.transforms.setting import Setting
from engine.transforms.verb import Before, Verb, positional
from engine.transforms.verbs.rows import Cells, absent, cells_of, day_asked, first, one_of, through

__all__ = ["FIND"]


def _build(call: Call, setting: Setting, before: Before) -> Value:
    named, column = positional(call, 2, 2, "write it like find(items, item)")
    table, alternatives = one_of(named, setting), before.alternatives

    def make(cells: Cells) -> Value:
        def cell(scope: Scope) -> Any:
            codes = [code for one in alternatives if (code := one(scope)) is not None]
            for code in codes:
                if code in cells:
                    return cells[code]
            if codes:
                raise absent(named, codes[0])
            return None

        return cell

    return through(table, cells_of(table, column), before, make, first)


FIND = Verb("find", str, str, _build, costly=True, also=day_asked)
