"""A CSV table as text: its rows with their places, and changes that leave everything else as it was written.

Comments, blank lines, the order and the spelling of untouched rows stay, so that a change is one line in git.
"""

from __future__ import annotations

import csv
import io
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from engine.errors import Misconfigured

__all__ = ["Record", "TableText", "cell_at", "records"]


class Record(NamedTuple):
    """A row as written: `cells` are trimmed, None for a blank line or a comment; `raw` with its line break.
    `broken`: from here on the text is no CSV."""

    line: int
    raw: str
    cells: tuple[str, ...] | None
    broken: bool = False


def records(text: str) -> Iterator[Record]:
    """The rows of `text` (RFC 4180), comments and blank lines among them, each with the line it starts on."""
    taken: list[str] = []
    reader = csv.reader(_kept(text, taken), strict=True)
    start = 1
    try:
        for cells in reader:
            trimmed = tuple(cell.strip() for cell in cells)
            is_row = any(trimmed) and not trimmed[0].startswith("#")
            yield Record(start, "".join(taken), trimmed if is_row else None)
            taken.clear()
            start = reader.line_num + 1
    except csv.Error:
        yield Record(start, "".join(taken), None, broken=True)


def _kept(text: str, taken: list[str]) -> Iterator[str]:
    for line in io.StringIO(text, newline=""):
        taken.append(line)
        yield line


def cell_at(record: Record, index: int) -> tuple[int, int]:
    """Line and column (from 1) at which a cell starts (the first is 0); the row's end when it has fewer."""
    line, column, quoted, number = record.line, 1, False, 0
    for character in record.raw.rstrip("\r\n"):
        if number == index:
            break
        if character == '"':
            quoted = not quoted
        elif character == "," and not quoted:
            number += 1
        line, column = (line + 1, 1) if character == "\n" else (line, column + 1)
    return line, column


class TableText:
    """A table whose rows can be changed, removed and added. `head` is the row that names the columns."""

    def __init__(self, text: str) -> None:
        """Takes text that `engine.config.tables` can read."""
        self._mark = "\ufeff" if text.startswith("\ufeff") else ""
        self._records = list(records(text.removeprefix("\ufeff")))
        self._break = "\r\n" if "\r\n" in text else "\n"
        self.head = next(record for record in self._records if record.cells)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return self.head.cells or ()

    @property
    def rows(self) -> list[Record]:
        """The rows below the head."""
        return [record for record in self._records if record.cells and record is not self.head]

    def cells(self, record: Record) -> dict[str, str]:
        """A row by the names of the columns; what it leaves out is empty."""
        given = record.cells or ()
        return {
            column: given[number] if number < len(given) else "" for number, column in enumerate(self.columns)
        }

    def change(self, record: Record, cells: Sequence[str]) -> Record:
        """Write other cells in the place of a row. Raises `Misconfigured` as `add`."""
        made = record._replace(raw=self._written(cells), cells=tuple(cells))
        self._records[self._at(record)] = made
        return made

    def remove(self, record: Record) -> None:
        """Take a row out."""
        del self._records[self._at(record)]

    def add(self, cells: Sequence[str], after: Record | None = None) -> Record:
        """A row more, below `after`; without it, below the last row. Raises `Misconfigured` for one that
        would be read as a comment, or not at all."""
        below = after or next(record for record in reversed(self._records) if record.cells)
        at = self._at(below)
        made = Record(below.line, self._written(cells), tuple(cells))
        self._records.insert(at + 1, made)
        return made

    def _at(self, record: Record) -> int:
        """Where a record is: by its line (rows that were added share one) and then itself."""
        at = bisect_left(self._records, record.line, key=lambda one: one.line)
        while self._records[at] is not record:
            at += 1
        return at

    def __str__(self) -> str:
        *others, last = self._records
        ended = (one.raw if one.raw.endswith(("\n", "\r")) else one.raw + self._break for one in others)
        return self._mark + "".join(ended) + last.raw

    def _written(self, cells: Sequence[str]) -> str:
        if cells[0].strip().startswith("#") or not any(cell.strip() for cell in cells):
            text = f"a row that begins with {cells[0]!r} would be no row but a comment"
            raise Misconfigured(text, hint="a code cannot begin with #")
        into = io.StringIO()
        csv.writer(into, lineterminator=self._break).writerow(cells)
        return into.getvalue()
