"""What verbs find in a table, and the one way in which a code is not there.

The rows of a dated table (`engine.config.table_schema`) hold from one day until another. Which day counts is
said by the channel (`valid_on`), else it is that of the message (MSH-7); on any other day a row is as if it
were absent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any, TypeVar

from engine.errors import Unacceptable
from engine.transforms.expression import Argument, Call, Flaw, parse
from engine.transforms.scope import Scope, Value
from engine.transforms.setting import Setting, Table
from engine.transforms.verb import Also, Before, table_of
from engine.transforms.wording import meant

__all__ = ["Cells", "absent", "cells_of", "day_asked", "day_of", "first", "one_of", "through"]

T = TypeVar("T")
Cells = Mapping[Any, Any]
"""What stands for a code, on one day."""


def absent(named: Argument, code: str) -> Unacceptable:
    """The code that was read is in no row of the table; whoever compiled the expression names the place."""
    return Unacceptable(
        "unmapped-code", "", "this code is not in the table", hl7=103, lacks=(named.text, code)
    )


def day_asked(call: Call, setting: Setting) -> tuple[Also, ...]:
    """What a verb on a table (its first argument) reads besides the code: the day, if the table is dated."""
    return day_of(call.arguments[0], setting) if call.arguments else ()


def day_of(argument: Argument, setting: Setting) -> tuple[Also, ...]:
    """The same for the table that an argument names."""
    name = argument.text
    table = setting.tables.get(name)
    if table is None or not table.dated:
        return ()
    text = setting.valid_on.get(name, "" if setting.fhir else "MSH-7")
    if not text:
        hint = f"valid_on: {{{name}: ChargeItem.occurrenceDateTime}}"
        raise Flaw(f"nothing says on which day the rows of {name} are to hold", argument.offset, hint)
    return (Also(parse(text), day=True),)


def one_of(argument: Argument, setting: Setting) -> Table:
    """The table that an argument names, which has one row for a code. Raises `Flaw`."""
    table = table_of(argument, setting)
    if any(True for _ in table.repeated()):
        raise Flaw("the table has several rows for one code", argument.offset, "kit takes all of them")
    return table


def cells_of(table: Table, column: Argument) -> dict[str | None, tuple[str | None, ...]]:
    """The cells of each code, None for an empty one; that of an empty field is empty. Raises `Flaw` for no
    such column."""
    if column.text not in table.columns:
        hint = meant(column.text, table.columns)
        raise Flaw(f"the table has no column {column.text}", column.offset, hint)
    cells: dict[str | None, tuple[str | None, ...]] = {None: (None,)}
    for code in table.keys():  # noqa: SIM118 - no dict
        cells[code] = tuple(row[column.text] or None for row in table.rows(code))
    return cells


def first(rows: Sequence[T]) -> T:
    """The one row that a code has."""
    return rows[0]


def through(
    table: Table,
    known: Mapping[Any, Sequence[Any]],
    before: Before,
    make: Callable[[Cells], Value],
    whole: Callable[[Sequence[Any]], Any],
) -> Value:
    """The value that `make` makes of what stands for each code: of its one row, or `whole` of all of its
    rows; those of the day that counts."""
    if not table.dated:
        return make({code: whole(rows) for code, rows in known.items()})
    spans = {code: table.spans(code) for code in table.keys()}  # noqa: SIM118 - no dict
    day = before.others[0].value

    def value(scope: Scope) -> Any:
        return make(_OnDay(known, spans, partial(day, scope), whole))(scope)

    return value


class _OnDay(Mapping[Any, Any]):
    """The rows that hold on a day, which is asked for when a code is looked for."""

    __slots__ = ("_day", "_known", "_spans", "_whole")

    def __init__(
        self,
        known: Mapping[Any, Sequence[Any]],
        spans: Mapping[str, Sequence[tuple[date, date]]],
        day: Callable[[], date],
        whole: Callable[[Sequence[Any]], Any],
    ) -> None:
        self._known, self._spans, self._day, self._whole = known, spans, day, whole

    def __getitem__(self, code: Any) -> Any:
        rows = self._known[code]
        if code is None:
            return self._whole(rows)
        day = self._day()
        held = [
            row for row, (first, last) in zip(rows, self._spans[code], strict=True) if first <= day <= last
        ]
        if not held:
            raise KeyError
        return self._whole(held)

    def __iter__(self) -> Iterator[Any]:
        return (code for code in self._known if code in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)
