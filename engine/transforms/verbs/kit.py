"""`kit(table)`: all items of a kit, from a table with the columns item and quantity.

    items: AIS-3.1 | kit(kits)

The table's first column is the code of the kit, which repeats: one row per item. The columns `unit`
and `lot` may be there too. An unknown code makes the message a dead letter (`unmapped-code`).
"""

from __future__ import annotations

from engine.effects import Item
from engine.errors import Unacceptable
from engine.hl7.numbers import number
from engine.transforms.expression import Argument, Call, Flaw
from engine.transforms.quantity import check_quantity
from engine.transforms.scope import Value
from engine.transforms.setting import Setting, Table
from engine.transforms.verb import Before, Verb, positional, step, table_of
from engine.transforms.verbs.rows import Cells, absent, day_asked, through

__all__ = ["KIT"]


def _build(call: Call, setting: Setting, before: Before) -> Value:
    (argument,) = positional(call, 1, 1, "write it like kit(kits)")
    table = table_of(argument, setting)
    for column in ("item", "quantity"):
        if column not in table.columns:
            text = f"a table of kits needs a column {column}"
            raise Flaw(text, argument.offset, f"its columns: {', '.join(table.columns)}")
    kits = {code: _items(table, code, argument) for code in table.keys()}  # noqa: SIM118 - no dict

    def make(cells: Cells) -> Value:
        def items(code: str) -> tuple[Item, ...]:
            try:
                found: tuple[Item, ...] = cells[code]
            except KeyError:
                raise absent(argument, code) from None
            return found

        return step(before, items)

    return through(table, kits, before, make, tuple)


def _items(table: Table, code: str, argument: Argument) -> tuple[Item, ...]:
    items = []
    for row in table.rows(code):
        try:
            quantity = number(row["quantity"])
            check_quantity(quantity)
        except Unacceptable as refusal:
            raise Flaw(
                f"the kit {code} has a quantity that is no good: {refusal.text}", argument.offset
            ) from None
        if not row["item"]:
            raise Flaw(f"the kit {code} has a row without an item", argument.offset)
        items.append(Item(row["item"], quantity, row.get("unit", ""), row.get("lot", "")))
    return tuple(items)


KIT = Verb("kit", str, tuple, _build, also=day_asked)
