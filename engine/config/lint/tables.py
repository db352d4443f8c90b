"""Checks of a table's cells against the schema beside it (`engine.config.table_schema`): each finding with
the line and column of its cell.

What is wrong is said in fixed words and by the column's name; a cell is shown only where it is a code of the
hospital's own tables that stands twice, or nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path

from engine.config.finding import Finding
from engine.config.spec.tables import ColumnSpec, TableSpec
from engine.config.table_schema import schema_beside
from engine.config.table_text import Record, cell_at, records
from engine.errors import Unacceptable
from engine.hl7.numbers import number
from engine.transforms.ucum import ratio_of
from engine.transforms.wording import listed, meant

__all__ = ["cell_flaw", "check_table", "day_of"]

LONGEST = 250
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

Flaw = tuple[str, str]
"""What is wrong with a cell, and what to do."""


def check_table(text: str, spec: TableSpec, path: Path, shown: str) -> list[Finding]:
    """What of the table in `text`, the file at `path`, is not as its schema says."""
    head: Record | None = None
    check: _Rows | None = None
    for record in records(text):
        if record.cells is None:
            continue
        if head is None:
            head = record
            check = _Rows(spec, record, path, shown)
        elif check is not None and record.cells[0]:
            check.row(record)
    return [] if check is None else check.findings


def cell_flaw(column: ColumnSpec, cell: str) -> Flaw | None:
    """What a column's cell may not be; None when it is in order."""
    if not cell:
        return ("may not be empty", "fill it in") if column.required else None
    if column.one_of:
        return (
            None
            if cell in column.one_of
            else (f"is none of {listed(column.one_of)}", meant(cell, column.one_of))
        )
    if len(cell) > LONGEST:
        return f"is longer than {LONGEST} characters", "shorten it"
    return _TYPES[column.type](cell)


def day_of(cell: str) -> date | None:
    """The day that a cell writes as 2026-11-30, if it does."""
    try:
        return date.fromisoformat(cell) if _DAY.fullmatch(cell) else None
    except ValueError:
        return None


class _Rows:
    """The rows of a table as they are gone through, and what came up."""

    def __init__(self, spec: TableSpec, head: Record, path: Path, shown: str) -> None:
        self.findings: list[Finding] = []
        self._spec, self._shown = spec, shown
        self._columns = head.cells or ()
        self._seen: dict[tuple[str, ...], int] = {}
        self._named: dict[tuple[str, ...], list[tuple[date, date, int]]] = {}
        self._codes = dict(self._referred(path))
        self._head(head)
        self._key = [self._columns.index(name) for name in spec.key if name in self._columns]

    def row(self, record: Record) -> None:
        """Hold one row against the schema."""
        given = record.cells or ()
        cells = given[: len(self._columns)] + ("",) * (len(self._columns) - len(given))
        for index, name in enumerate(self._columns):
            column = self._spec.columns.get(name)
            if column is None:
                continue
            flaw = cell_flaw(column, cells[index])
            if flaw is not None:
                self._say(record, index, f"{name} {flaw[0]}", flaw[1])
            elif cells[index]:
                self._among(record, index, name, cells[index])
                self._twice(record, index, name, cells[index])
        self._once(record, cells)

    def _head(self, head: Record) -> None:
        for index, name in enumerate(self._columns):
            if name not in self._spec.columns:
                hint = meant(name, [one for one in self._spec.columns if one not in self._columns])
                self._say(head, index, f"the schema has no column {name}", hint or "add it to columns:")
        for name in self._spec.columns:
            if name not in self._columns:
                text = f"column {name} of the schema is missing"
                self._say(head, len(self._columns), text, "add it, or take it out of columns:")
        if self._spec.key and self._columns[0] not in self._spec.key:
            text = f"the first column is the code, and the schema's key does not name {self._columns[0]}"
            self._say(head, 0, text, f"key: [{self._columns[0]}, …]")

    def _among(self, record: Record, index: int, name: str, cell: str) -> None:
        codes, pulled = self._codes.get(name, (None, False))
        if codes is not None and cell not in codes:
            text = f"{name} is not among the codes of {self._spec.columns[name].within}"
            self._say(record, index, text, meant(cell, codes), "warning" if pulled else "error")

    def _twice(self, record: Record, index: int, name: str, cell: str) -> None:
        if self._spec.columns[name].unique:
            first = self._seen.setdefault((name, cell), record.line)
            if first != record.line:
                self._say(record, index, f"{name} stands on line {first} already", "it is unique")

    def _once(self, record: Record, cells: tuple[str, ...]) -> None:
        """A row is named once, on any one day."""
        since, until = self._span(record, cells)
        named = tuple(cells[index] for index in self._key or [0])
        for first, last, line in self._named.get(named, ()):
            if since <= last and first <= until:
                said = " on the same days" if self._spec.valid else ""
                text = f"{' '.join(named)} has a row on line {line} already{said}"
                self._say(record, 0, text, "one row per code")
                break
        self._named.setdefault(named, []).append((since, until, record.line))

    def _span(self, record: Record, cells: tuple[str, ...]) -> tuple[date, date]:
        valid = self._spec.valid
        if valid is None or not {valid.since, valid.until} <= set(self._columns):
            return date.min, date.max
        index = self._columns.index(valid.until)
        since = day_of(cells[self._columns.index(valid.since)]) or date.min
        until = day_of(cells[index]) or date.max
        if until < since:
            self._say(record, index, f"{valid.until} lies before {valid.since}", "the row would never hold")
        return since, until

    def _referred(self, path: Path) -> Iterator[tuple[str, tuple[frozenset[str], bool]]]:
        """By column, the codes of the table that it refers to, and whether those are Odoo's."""
        for name, column in self._spec.columns.items():
            other = path.with_name(f"{column.within}.csv")
            if column.within and other.is_file():
                spec, _ = schema_beside(other, str(other))
                yield name, (_codes(other), spec is not None and spec.from_odoo is not None)

    def _say(self, record: Record, index: int, text: str, hint: str, severity: str = "error") -> None:
        line, column = cell_at(record, index)
        warning = severity == "warning"
        self.findings.append(
            Finding(self._shown, line, column, text, hint, "warning" if warning else "error")
        )


def _codes(path: Path) -> frozenset[str]:
    rows = [one.cells[0] for one in records(path.read_text("utf-8-sig", errors="replace")) if one.cells]
    return frozenset(rows[1:])


def _text(_: str) -> Flaw | None:
    return None


def _code(cell: str) -> Flaw | None:
    bad = not cell.isprintable() or any(character.isspace() for character in cell)
    return ("is no code: it has blanks", "letters, digits and signs") if bad else None


def _name(cell: str) -> Flaw | None:
    return None if cell.isprintable() else ("is no name: it has a control character", "retype it")


def _number(cell: str) -> Flaw | None:
    try:
        number(cell)
    except Unacceptable as refusal:
        return f"is {refusal.text}", "digits and one point"
    return None


def _ratio(cell: str) -> Flaw | None:
    return None if ratio_of(cell) else ("is no ratio above zero", "write it like 100, 0.5 or 1/3")


def _day(cell: str) -> Flaw | None:
    return None if day_of(cell) else ("is no day", "write it like 2026-11-30")


def _yes_no(cell: str) -> Flaw | None:
    return None if cell in ("yes", "no") else ("is neither yes nor no", "in small letters")


_TYPES: Mapping[str, Callable[[str], Flaw | None]] = {
    "text": _text,
    "code": _code,
    "number": _number,
    "ratio": _ratio,
    "date": _day,
    "yes-no": _yes_no,
    **dict.fromkeys(("item", "unit", "location", "vendor", "company", "cost-centre", "price-list"), _name),
}
