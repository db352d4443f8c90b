"""What another version of a table would change, row by row, and the table's text with it.

A row is known by the columns that its schema calls its key (the first one without a schema) and, if rows have
days, by its first day. Rows keep their place; comments and untouched rows stay as they were written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from engine.config.finding import Finding
from engine.config.spec.tables import TableSpec
from engine.config.table_text import Record, TableText
from engine.config.tables import read_text
from engine.errors import Misconfigured

__all__ = ["Change", "Changed", "Row", "key_of", "keys_of", "new_findings", "with_rows"]

Row = Mapping[str, str]
"""Cells by column."""

Kind = Literal["new", "changed", "gone"]


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """One row's: `cells` are its columns with what they held and what they hold; a row on no line is new."""

    kind: Kind
    row: str
    cells: tuple[tuple[str, str, str], ...] = ()
    line: int = 0

    def __str__(self) -> str:
        at = f" (line {self.line})" if self.line else ""
        if self.kind == "changed":
            said = ", ".join(
                f"{column}: {old or 'empty'} → {new or 'empty'}" for column, old, new in self.cells
            )
        else:
            said = ", ".join(f"{column} {old or new}" for column, old, new in self.cells if old or new)
        return f"{self.kind:<8} {self.row}{at}{f': {said}' if said else ''}"


class Changed(msgspec.Struct, frozen=True):
    """A table as it would be: its changes and its text; `kept` are rows that the other version lacks."""

    changes: tuple[Change, ...]
    text: str
    kept: tuple[Change, ...] = ()


def key_of(columns: Sequence[str], spec: TableSpec | None) -> tuple[str, ...]:
    """The columns that name a row."""
    named = tuple(spec.key) if spec is not None and spec.key else tuple(columns[:1])
    since = (spec.valid.since,) if spec is not None and spec.valid is not None else ()
    return tuple(column for column in (*named, *since) if column in columns)


def keys_of(rows: Sequence[Row], key: Sequence[str]) -> dict[tuple[str, ...], int] | None:
    """By key, which of the rows it is; None when two have the same."""
    found = {tuple(row[column] for column in key): number for number, row in enumerate(rows)}
    return found if len(found) == len(rows) else None


def new_findings(path: Path, before: str, after: str) -> list[Finding]:
    """What is wrong with the table at `path` as `after`, and was not as `before`."""
    known = {(one.text, one.hint) for one in read_text(before, path, str(path))[1]}
    found = read_text(after, path, str(path))[1]
    return [one for one in found if (one.text, one.hint) not in known]


def with_rows(text: str, rows: Sequence[Row], spec: TableSpec | None, *, keep: bool = False) -> Changed:
    """The table in `text` with `rows` in the place of its own; with `keep` those that `rows` lacks stay. A
    new row comes after the one that stands before it in `rows`.

    Rows without a key of their own (a kit without a schema) are told apart by all of their cells. Raises
    `Misconfigured` when two are the same."""
    table = TableText(text)
    key = key_of(table.columns, spec)
    records = table.rows
    old = keys_of([table.cells(record) for record in records], key)
    new = keys_of(rows, key)
    if old is None or new is None:
        key = table.columns
        old = keys_of([table.cells(record) for record in records], key)
        new = keys_of(rows, key)
    if old is None or new is None:
        raise Misconfigured("two rows are the same in all of their cells", hint="remove one of them")
    work = _Merge(table, records, key, old)
    absent = [name for name in old if name not in new]
    for name, number in new.items():
        work.take(name, rows[number])
    gone = [work.gone(name, remove=not keep) for name in absent]
    changes = (*work.changes, *(() if keep else gone))
    return Changed(changes, str(table), tuple(gone) if keep else ())


class _Merge:
    """A table that takes rows one after the other."""

    def __init__(
        self,
        table: TableText,
        records: Sequence[Record],
        key: Sequence[str],
        old: Mapping[tuple[str, ...], int],
    ) -> None:
        self.changes: list[Change] = []
        self._table, self._records, self._key, self._old = table, records, key, old
        self._last: Record = table.head

    def take(self, name: tuple[str, ...], row: Row) -> None:
        """Write a row over the one of its name, or below the row that came before."""
        columns = self._table.columns
        cells = [row[column] for column in columns]
        at = self._old.get(name)
        if at is None:
            said = tuple((column, "", row[column]) for column in columns if column not in self._key)
            self.changes.append(Change("new", _named(name), said))
            self._last = self._table.add(cells, self._last)
            return
        record = self._records[at]
        before = self._table.cells(record)
        said = tuple(
            (column, before[column], row[column]) for column in columns if before[column] != row[column]
        )
        if said:
            self.changes.append(Change("changed", _named(name), said, record.line))
            record = self._table.change(record, cells)
        self._last = record

    def gone(self, name: tuple[str, ...], *, remove: bool) -> Change:
        """A row that the other version lacks."""
        record = self._records[self._old[name]]
        before = self._table.cells(record)
        if remove:
            self._table.remove(record)
        said = tuple((column, cell, "") for column, cell in before.items() if column not in self._key)
        return Change("gone", _named(name), said, record.line)


def _named(name: tuple[str, ...]) -> str:
    return " ".join(part for part in name if part)
