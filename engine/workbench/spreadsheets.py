"""Tables as Excel workbooks (`.xlsx`), and back: the one place that knows openpyxl.

Every cell goes out as text in a column formatted as text, so that Excel neither drops leading zeros nor makes
dates of codes nor runs what begins with `=`. What comes back otherwise (a number, a date, a formula) was made
by Excel or by hand: it is taken where it can only mean one thing, and said; refused where it may have lost
something.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
from openpyxl import Workbook, load_workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from engine.config.finding import Finding
from engine.config.spec.tables import ColumnSpec, TableSpec
from engine.config.table_text import TableText
from engine.errors import Misconfigured
from engine.transforms.wording import meant
from engine.workbench.table_changes import Row, key_of

__all__ = ["MAX_BYTES", "Sheet", "read_workbook", "workbook_of"]

MAX_BYTES = 32 * 1024 * 1024
_UNPACKED = 128 * 1024 * 1024
_DOCTYPES = tuple("<!DOCTYPE".encode(encoding) for encoding in ("utf-8", "utf-16-le", "utf-16-be"))
"""Only through one of these could XML name other files, or grow while it is read; no workbook has any."""

_SAVE = "save it from Excel as .xlsx"
_TEXT = "@"
_WIDEST = 60
_LIST = 255  # characters that Excel takes of a list of choices
_DIGITS = 15  # of a number that Excel keeps


class Sheet(msgspec.Struct, frozen=True):
    """A workbook's rows as text; `notes` say what Excel had made of cells, `findings` what cannot be taken:
    line and column are the sheet's."""

    rows: tuple[Row, ...]
    notes: tuple[Finding, ...] = ()
    findings: tuple[Finding, ...] = ()


def workbook_of(text: str, name: str, spec: TableSpec | None) -> bytes:
    """The table in `text` as a workbook with a sheet called `name`, and one that explains it. Raises
    `Misconfigured` for a cell that no workbook can hold."""
    table = TableText(text)
    book = Workbook()
    sheet: Any = book.active
    sheet.title = _title(name)
    rows = [table.cells(record) for record in table.rows]
    for number, column in enumerate(table.columns, 1):
        letter = get_column_letter(number)
        sheet.column_dimensions[letter].number_format = _TEXT
        cells = [column, *(row[column] for row in rows)]
        sheet.column_dimensions[letter].width = min(_WIDEST, 3 + max(map(len, cells)))
        for line, cell in enumerate(cells, 1):
            _write(sheet.cell(line, number), cell)
        sheet.cell(1, number).font = Font(bold=True)
        _choices(sheet, letter, spec.columns.get(column) if spec is not None else None)
    sheet.freeze_panes = "A2"
    if spec is not None:
        _explain(book.create_sheet("About"), spec)
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def read_workbook(raw: bytes, shown: str, text: str, spec: TableSpec | None) -> Sheet:
    """The rows of a workbook that findings call `shown`, for the table in `text`: of the first sheet. Raises
    `Misconfigured` for what is no workbook, or has other columns than the table."""
    sheet = _first_sheet(raw, shown)
    table = TableText(text)
    lines = list(sheet.iter_rows())
    order = _columns(lines[0] if lines else (), table.columns, shown)
    before = {_key(table.cells(one), table, spec): table.cells(one) for one in table.rows}
    work = _Reading(shown, spec)
    rows = []
    for cells in lines[1:]:
        given = {name: cells[index] for name, index in order.items() if index < len(cells)}
        if all(cell.value is None or not str(cell.value).strip() for cell in given.values()):
            continue
        rows.append(work.row(given, table, before))
    return Sheet(tuple(rows), tuple(work.notes), tuple(work.findings))


def _first_sheet(raw: bytes, shown: str) -> Any:
    if len(raw) > MAX_BYTES:
        raise Misconfigured(f"a workbook may have {MAX_BYTES // 1024 // 1024} MiB", where=shown)
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            if sum(one.file_size for one in packed.infolist()) > _UNPACKED:
                raise Misconfigured("the workbook unpacks to more than 128 MiB", where=shown)
            if any(mark in packed.read(one) for one in packed.infolist() for mark in _DOCTYPES):
                raise Misconfigured("the workbook declares document types", where=shown, hint=_SAVE)
        return load_workbook(io.BytesIO(raw)).worksheets[0]
    except Misconfigured:
        raise
    except Exception:  # whatever the library says of a broken file quotes it
        raise Misconfigured("this is no workbook that can be read", where=shown, hint=_SAVE) from None


def _columns(head: Sequence[Any], columns: Sequence[str], shown: str) -> dict[str, int]:
    """Where each column of the table is in the sheet."""
    given = ["" if cell.value is None else str(cell.value).strip() for cell in head]
    while given and not given[-1]:
        given.pop()
    for name in given:
        if name not in columns or given.count(name) > 1:
            said = "is there twice" if name in columns else "is none of the table's"
            hint = meant(name, columns) if name not in columns else "rename one"
            raise Misconfigured(f"column {name or 'without a name'} {said}", where=f"{shown}:1", hint=hint)
    lacking = [name for name in columns if name not in given]
    if lacking:
        hint = "a column is added or taken away in the CSV file itself"
        raise Misconfigured(f"column {lacking[0]} is missing", where=f"{shown}:1", hint=hint)
    return {name: given.index(name) for name in columns}


def _key(row: Row, table: TableText, spec: TableSpec | None) -> tuple[str, ...]:
    return tuple(row[column] for column in key_of(table.columns, spec))


class _Reading:
    """Cells on their way to text."""

    def __init__(self, shown: str, spec: TableSpec | None) -> None:
        self.notes: list[Finding] = []
        self.findings: list[Finding] = []
        self._shown, self._spec = shown, spec

    def row(self, given: Mapping[str, Any], table: TableText, before: Mapping[Any, Row]) -> Row:
        """A row as text: what means the same as it did is spelt as it was."""
        named = {column: str(cell.value or "").strip() for column, cell in given.items()}
        old = before.get(_key({column: "" for column in table.columns} | named, table, self._spec), {})
        return {
            column: self._cell(given[column], column, old.get(column, "")) if column in given else ""
            for column in table.columns
        }

    def _cell(self, cell: Any, column: str, old: str) -> str:
        value = cell.value
        if value is None:
            return ""
        if cell.data_type in ("f", "e"):
            what = "a formula" if cell.data_type == "f" else "an error"
            self._refuse(cell, column, f"the cell holds {what}", "put its value there")
            return old
        if isinstance(value, str):
            return value.strip()
        found = _converted(value, self._type(column), old)
        if found is None:
            text = f"Excel made {_WORDS[_kind(value)]} of what is text here, and may have lost some of it"
            self._refuse(cell, column, text, "format the cell as text and write it again")
            return old
        if found != old:
            text = f"{cell.coordinate} ({column}): Excel holds {_WORDS[_kind(value)]}; taken as {found}"
            self.notes.append(Finding(self._shown, cell.row, cell.column, text, "", "warning"))
        return found

    def _type(self, column: str) -> str:
        """What a column holds; one that names rows is never any text: 1 was 0001."""
        if self._spec is None or column not in self._spec.columns:
            return ""
        type_ = self._spec.columns[column].type
        names = column in key_of(tuple(self._spec.columns), self._spec)
        return "code" if names and type_ == "text" else type_

    def _refuse(self, cell: Any, column: str, text: str, hint: str) -> None:
        said = f"{cell.coordinate} ({column}): {text}"
        self.findings.append(Finding(self._shown, cell.row, cell.column, said, hint))


_WORDS: Mapping[str, str] = {
    "number": "a number",
    "day": "a date",
    "truth": "TRUE or FALSE",
    "other": "a time",
}


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, int | float):
        return "number"
    return "day" if isinstance(value, date) else "other"


def _converted(value: Any, type_: str, old: str) -> str | None:
    """What a cell that is no text means in a column of this type, None where nobody can know."""
    kind = _kind(value)
    if kind == "truth":
        return ("yes" if value else "no") if type_ == "yes-no" else None
    if kind == "day":
        midnight = not isinstance(value, datetime) or value.time() == time()
        return value.strftime("%Y-%m-%d") if type_ == "date" and midnight else None
    if kind != "number":
        return None
    text = _plain(value)
    if text is None:
        return None
    if type_ in ("number", "ratio", "text"):
        return old if _same(old, text) else text
    return text if text == old else None


def _plain(value: float) -> str | None:
    """A number as Excel shows it: no exponent, no more digits than it keeps."""
    written = format(Decimal(repr(value)).normalize(), "f")
    return written if len(written.strip("-").replace(".", "").lstrip("0")) <= _DIGITS else None


def _same(one: str, other: str) -> bool:
    try:
        return Decimal(one) == Decimal(other)
    except InvalidOperation:
        return False


def _write(cell: Any, text: str) -> None:
    if ILLEGAL_CHARACTERS_RE.search(text):
        hint = "take it out of the CSV file"
        raise Misconfigured(
            "a control character, which no workbook can hold", where=cell.coordinate, hint=hint
        )
    if text:
        cell.value = text
        cell.data_type = "s"  # whatever it looks like
    cell.number_format = _TEXT


def _choices(sheet: Any, letter: str, column: ColumnSpec | None) -> None:
    """A list to choose from, where the schema names one."""
    words = (column.one_of or (["yes", "no"] if column.type == "yes-no" else [])) if column else []
    listed = ",".join(words)
    if words and len(listed) <= _LIST and not any(sign in word for word in words for sign in ',"'):
        choice = DataValidation(type="list", formula1=f'"{listed}"', allow_blank=True)
        sheet.add_data_validation(choice)
        choice.add(f"{letter}2:{letter}10000")


def _explain(sheet: Any, spec: TableSpec) -> None:
    lines = [(spec.description,), (f"Owner: {spec.owner}",), (), ("Column", "Holds", "", "Description")]
    for number, cells in enumerate([*lines, *_described(spec)], 1):
        for at, cell in enumerate(cells, 1):
            _write(sheet.cell(number, at), cell)
    for letter in "ABCD":
        sheet.column_dimensions[letter].width = 24


def _described(spec: TableSpec) -> Iterator[tuple[str, ...]]:
    for name, column in spec.columns.items():
        holds = f"one of: {', '.join(column.one_of)}" if column.one_of else column.type
        yield name, holds, "required" if column.required else "", column.description


def _title(name: str) -> str:
    """The name of a sheet: Excel allows 31 characters, and not all."""
    return "".join("-" if sign in "[]:*?/\\" else sign for sign in name)[:31] or "table"
