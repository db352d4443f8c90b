"""Mutants of a table: a row that is missing, a cell that says what another row says."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import msgspec

from engine.config.tables import Table

__all__ = ["TableMutant", "table_mutants", "table_with"]


class TableMutant(msgspec.Struct, frozen=True):
    """The table without row `at` (from 0) of a code, or with another text in one of its cells."""

    code: str
    at: int
    line: int
    said: str
    column: str = ""
    to: str = ""


def table_mutants(table: Table, columns: Collection[str]) -> Iterator[TableMutant]:
    """The mutants of a table of which these columns are asked for. An empty cell says nothing, and is left
    alone."""
    asked = [column for column in table.columns[1:] if column in columns]
    for code in table.keys():  # noqa: SIM118 - no dict
        for at, (row, line) in enumerate(zip(table.rows(code), table.lines[code], strict=True)):
            yield TableMutant(code, at, line, "row dropped")
            for column in asked:
                if row[column]:
                    to = _another(table, column, row[column])
                    yield TableMutant(code, at, line, f"{column}: {row[column]} becomes {to}", column, to)


def _another(table: Table, column: str, cell: str) -> str:
    """What a slip could put into a cell: the next row's, else a text that is none."""
    cells = [row[column] for code in table.keys() for row in table.rows(code)]  # noqa: SIM118
    after = [*cells[cells.index(cell) :], *cells]
    return next((one for one in after if one and one != cell), f"{cell}1")


def table_with(table: Table, mutant: TableMutant) -> Table:
    """The table as the mutant has it."""
    made = Table(table.name, table.columns, table.valid)
    for code in table.keys():  # noqa: SIM118
        for at, (row, line) in enumerate(zip(table.rows(code), table.lines[code], strict=True)):
            if (code, at) != (mutant.code, mutant.at):
                made.add(row, line)
            elif mutant.column:
                made.add({**row, mutant.column: mutant.to}, line)
    return made
