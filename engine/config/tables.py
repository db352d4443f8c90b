"""Tables: CSV files that turn the hospital's codes into the ERP's.

The first row names the columns; the first column is the key. A table may be asked for the one row of
a code (`items.csv`: charge code → item) or for all of them (`procedure-kits.csv`: procedure → several
items); only the latter may repeat a key. Blank lines and lines that start with `#` are skipped, cells
are trimmed, everything stays text (`0123` keeps its zero). RFC 4180 quoting, UTF-8.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from engine.config.finding import Finding

__all__ = ["MAX_BYTES", "MAX_ROWS", "Table", "parse_table", "read_table"]

MAX_BYTES = 16 * 1024 * 1024
MAX_ROWS = 200_000
MAX_COLUMNS = 100


class Table:
    """Rows of text by key, looked up in constant time.

    `lines[key]` are the file's line numbers of the key's rows. Keys compare exactly, case included.
    """

    __slots__ = ("_count", "_rows", "columns", "key", "lines", "name")

    def __init__(self, name: str, columns: tuple[str, ...]) -> None:
        self.name = name
        self.columns = columns
        self.key = columns[0]
        self.lines: dict[str, list[int]] = {}
        self._rows: dict[str, list[dict[str, str]]] = {}
        self._count = 0

    def add(self, row: dict[str, str], line: int) -> None:
        """One more row, as it stands on `line` of the file."""
        key = row[self.key]
        self._rows.setdefault(key, []).append(row)
        self.lines.setdefault(key, []).append(line)
        self._count += 1

    def get(self, key: str) -> dict[str, str] | None:
        """The row of `key` (the first, when there are several), or None."""
        rows = self._rows.get(key)
        return rows[0] if rows else None

    def rows(self, key: str) -> Sequence[dict[str, str]]:
        """All rows of `key`, in the file's order; empty when it is unknown."""
        return self._rows.get(key, ())

    def keys(self) -> Iterator[str]:
        """The keys, in the file's order."""
        return iter(self._rows)

    def repeated(self) -> Iterator[tuple[str, int]]:
        """Keys with more than one row, each with the line of its second."""
        return ((key, lines[1]) for key, lines in self.lines.items() if len(lines) > 1)

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        return f"Table({self.name!r}, {len(self)} rows)"


def read_table(path: Path, shown: str) -> tuple[Table | None, list[Finding]]:
    """Read the CSV file at `path`, which findings call `shown`; no table when it has no usable header."""
    text, findings = _text_of(path, shown)
    if findings:
        return None, findings
    return parse_table(text, shown)


def parse_table(text: str, shown: str) -> tuple[Table | None, list[Finding]]:
    """The table in `text`, and what is wrong with it, each finding with its line and column."""
    findings: list[Finding] = []
    table: Table | None = None
    for line, cells in _lines(text, shown, findings):
        if table is None:
            table = _header(cells, line, shown, findings)
            if table is None:
                return None, findings
        elif len(table) >= MAX_ROWS:
            findings.append(Finding(shown, line, 1, f"a table may have {MAX_ROWS} rows"))
            break
        else:
            _row(table, cells, line, shown, findings)
    if table is None and not findings:
        findings.append(Finding(shown, 1, 1, "the table is empty", "the first line names the columns"))
    return table, findings


def _text_of(path: Path, shown: str) -> tuple[str, list[Finding]]:
    try:
        if path.stat().st_size > MAX_BYTES:
            return "", [Finding(shown, 1, 1, f"a table may have {MAX_BYTES // 1024 // 1024} MiB")]
        raw = path.read_bytes()
    except OSError:
        return "", [Finding(shown, 1, 1, "the file cannot be read", "is it there, and readable?")]
    if b"\0" in raw:
        return "", [_spot(raw, raw.index(b"\0"), shown, "a NUL byte", "save the file as CSV in UTF-8")]
    try:
        return raw.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        return "", [_spot(raw, error.start, shown, "this byte is not UTF-8", "save the file as CSV in UTF-8")]


def _spot(raw: bytes, at: int, shown: str, text: str, hint: str) -> Finding:
    before = raw[:at]
    return Finding(shown, before.count(b"\n") + 1, at - (before.rfind(b"\n") + 1) + 1, text, hint)


def _lines(text: str, shown: str, findings: list[Finding]) -> Iterator[tuple[int, list[str]]]:
    """Rows with cells trimmed, blank and comment lines skipped, each with the line it starts on."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    start = 1
    try:
        for cells in reader:
            trimmed = [cell.strip() for cell in cells]
            if any(trimmed) and not trimmed[0].startswith("#"):
                yield start, trimmed
            start = reader.line_num + 1
    except csv.Error:
        hint = 'a quoted cell ends with ", and a quote within it is written twice'
        findings.append(Finding(shown, start, 1, "this row cannot be read as CSV", hint))


def _header(cells: list[str], line: int, shown: str, findings: list[Finding]) -> Table | None:
    found = len(findings)
    if len(cells) > MAX_COLUMNS:
        findings.append(Finding(shown, line, 1, f"a table may have {MAX_COLUMNS} columns"))
    if len(cells) == 1 and ";" in cells[0]:
        hint = "separate the columns with commas, not semicolons"
        findings.append(Finding(shown, line, 1, "the table has a single column", hint))
    for number, cell in enumerate(cells):
        if not cell:
            findings.append(
                Finding(
                    shown, line, number + 1, f"column {number + 1} has no name", "the first line names all"
                )
            )
        elif cell in cells[:number]:
            findings.append(Finding(shown, line, number + 1, f"column {cell} is named twice", "rename one"))
    return Table(Path(shown).stem, tuple(cells)) if len(findings) == found else None


def _row(table: Table, cells: list[str], line: int, shown: str, findings: list[Finding]) -> None:
    width = len(table.columns)
    if len(cells) > width and any(cells[width:]):
        hint = "a cell that holds a comma must be quoted"
        text = f"the row has {len(cells)} cells, the table {width} columns"
        findings.append(Finding(shown, line, width + 1, text, hint))
        return
    cells = cells[:width] + [""] * (width - len(cells))
    if not cells[0]:
        findings.append(
            Finding(shown, line, 1, f"the key column {table.key} is empty", "every row has a code")
        )
        return
    table.add(dict(zip(table.columns, cells, strict=True)), line)
