"""Tables: CSV files that turn the hospital's codes into Odoo's.

The first row names the columns; the first column is the key. A table may be asked for the one row of
a code (`items.csv`: charge code → item) or for all of them (`procedure-kits.csv`: procedure → several
items); only the latter may repeat a key. Blank lines and lines that start with `#` are skipped, cells
are trimmed, everything stays text (`0123` keeps its zero). RFC 4180 quoting, UTF-8. A schema beside it
(`engine.config.table_schema`) says what the columns hold, and on which days a row does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import combinations
from pathlib import Path

from engine.config.finding import Finding
from engine.config.lint.tables import check_table, day_of
from engine.config.spec.tables import TableSpec
from engine.config.table_schema import schema_beside
from engine.config.table_text import Record, cell_at, records

__all__ = ["MAX_BYTES", "MAX_ROWS", "Table", "parse_table", "read_table", "read_text"]

MAX_BYTES = 16 * 1024 * 1024
MAX_ROWS = 200_000
MAX_COLUMNS = 100


class Table:
    """Rows of text by key, looked up in constant time.

    `lines[key]` are the file's line numbers of the key's rows. Keys compare exactly, case included. `valid`
    names the columns with the first and the last day of a row: then one key may have several, one after
    the other."""

    __slots__ = ("_count", "_rows", "_spans", "columns", "key", "lines", "name", "valid")

    def __init__(self, name: str, columns: tuple[str, ...], valid: tuple[str, str] | None = None) -> None:
        self.name = name
        self.columns = columns
        self.key = columns[0]
        self.valid = valid
        self.lines: dict[str, list[int]] = {}
        self._rows: dict[str, list[dict[str, str]]] = {}
        self._spans: dict[str, list[tuple[date, date]]] = {}
        self._count = 0

    def add(self, row: dict[str, str], line: int) -> None:
        """One more row, as it stands on `line` of the file."""
        key = row[self.key]
        self._rows.setdefault(key, []).append(row)
        self.lines.setdefault(key, []).append(line)
        self._count += 1
        if self.valid is not None:
            first, last = (row[column] for column in self.valid)
            span = (day_of(first) or date.min, day_of(last) or date.max)
            self._spans.setdefault(key, []).append(span)

    @property
    def dated(self) -> bool:
        """Whether its rows hold on certain days alone."""
        return self.valid is not None

    def spans(self, key: str) -> Sequence[tuple[date, date]]:
        """The first and the last day of each of the key's rows, both included, of a dated table."""
        return self._spans.get(key, ())

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
        """Keys with more than one row (on the same day), each with the line of its second."""
        for key, lines in self.lines.items():
            for one, other in combinations(range(len(lines)), 2) if len(lines) > 1 else ():
                if not self.dated or _meet(self._spans[key][one], self._spans[key][other]):
                    yield key, lines[other]
                    break

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        return f"Table({self.name!r}, {len(self)} rows)"


def _meet(one: tuple[date, date], other: tuple[date, date]) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]


def read_table(path: Path, shown: str) -> tuple[Table | None, list[Finding]]:
    """Read the CSV file at `path`, which findings call `shown`, and hold it against the schema beside it; no
    table when it has no usable header."""
    text, findings = _text_of(path, shown)
    if findings:
        return None, findings
    return read_text(text, path, shown)


def read_text(text: str, path: Path, shown: str) -> tuple[Table | None, list[Finding]]:
    """The same for `text`, as if the file at `path` held it."""
    spec, findings = schema_beside(path, shown)
    text = text.removeprefix("\ufeff")
    table, found = parse_table(text, shown, spec)
    if spec is not None and table is not None:
        found += check_table(text, spec, path, shown)
    return table, findings + found


def parse_table(text: str, shown: str, spec: TableSpec | None = None) -> tuple[Table | None, list[Finding]]:
    """The table in `text`, and what is wrong with it, each finding with its line and column."""
    findings: list[Finding] = []
    table: Table | None = None
    for record in records(text):
        if record.broken:
            hint = 'a quoted cell ends with ", and a quote within it is written twice'
            findings.append(Finding(shown, record.line, 1, "this row cannot be read as CSV", hint))
        elif record.cells is None:
            continue
        elif table is None:
            table = _header(record, shown, findings, spec)
            if table is None:
                return None, findings
        elif len(table) >= MAX_ROWS:
            findings.append(Finding(shown, record.line, 1, f"a table may have {MAX_ROWS} rows"))
            break
        else:
            _row(table, record, shown, findings)
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


def _header(record: Record, shown: str, findings: list[Finding], spec: TableSpec | None) -> Table | None:
    cells, found = record.cells or (), len(findings)
    if len(cells) > MAX_COLUMNS:
        findings.append(Finding(shown, record.line, 1, f"a table may have {MAX_COLUMNS} columns"))
    if len(cells) == 1 and ";" in cells[0]:
        hint = "separate the columns with commas, not semicolons"
        findings.append(Finding(shown, record.line, 1, "the table has a single column", hint))
    for number, cell in enumerate(cells):
        said, hint = f"column {number + 1} has no name", "the first line names all"
        if cell:
            said, hint = f"column {cell} is named twice", "rename one"
        if not cell or cell in cells[:number]:
            findings.append(Finding(shown, *cell_at(record, number), said, hint))
    if len(findings) > found:
        return None
    valid = (spec.valid.since, spec.valid.until) if spec is not None and spec.valid is not None else None
    return Table(Path(shown).stem, cells, valid if valid and set(valid) <= set(cells) else None)


def _row(table: Table, record: Record, shown: str, findings: list[Finding]) -> None:
    cells, width = record.cells or (), len(table.columns)
    if len(cells) > width and any(cells[width:]):
        hint = "a cell that holds a comma must be quoted"
        text = f"the row has {len(cells)} cells, the table {width} columns"
        findings.append(Finding(shown, *cell_at(record, width), text, hint))
        return
    cells = cells[:width] + ("",) * (width - len(cells))
    if not cells[0]:
        text = f"the key column {table.key} is empty"
        findings.append(Finding(shown, *cell_at(record, 0), text, "every row has a code"))
        return
    table.add(dict(zip(table.columns, cells, strict=True)), record.line)
