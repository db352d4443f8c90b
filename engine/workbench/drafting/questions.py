"""What a draft has to ask, and who answers: flags, a sheet that somebody filled, the tables that are there
already, a person at the terminal, or (if that is wanted) the suggestion."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from engine.config.tables import read_table
from engine.errors import Misconfigured
from engine.workbench.spreadsheets import read_workbook, workbook_of

__all__ = ["MESSAGE", "Answers", "Question", "known_cells", "read_sheet", "sheet", "written"]

MESSAGE = "message"
"""Stands for the name of a table in questions about the messages themselves."""

HEAD = ("table", "code", "column", "answer", "about")
_PATTERN = "tables/*.csv"
_FORMULA = ("=", "+", "-", "@")
"""What a spreadsheet runs when it opens a CSV file. A sender's code that begins so gets a ' in front."""

Key = tuple[str, str, str]
Ask = Callable[["Question"], str]
Known = Callable[[str, str], str]


def _unknown(_code: str, _column: str) -> str:
    return ""


class Question(NamedTuple):
    """One cell of a table."""

    table: str
    code: str
    column: str
    about: str
    suggestion: str
    choices: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        """What an answer is found by."""
        return self.table, self.code, self.column


class Answers:
    """`given` by a sheet; otherwise `ask` is asked, which may be None: then the question is kept in
    `unanswered`, and the suggestion stands meanwhile. `known` gives what is suggested before anything else
    (by code and column); with `everything`, questions that depend on others are asked too. `asked` are all
    questions with their answers."""

    def __init__(
        self, given: Mapping[Key, str], ask: Ask | None, known: Known = _unknown, *, everything: bool = False
    ) -> None:
        self._given, self._ask = given, ask
        self.known, self.everything = known, everything
        self.asked: dict[Key, tuple[Question, str]] = {}
        self.unanswered: list[Question] = []

    def to(self, question: Question) -> str:
        """The answer to one question. Raises `Misconfigured` for one that is no choice."""
        if question.key in self._given:
            answer = self._given[question.key]
        elif self._ask is not None:
            answer = self._ask(question)
        else:
            self.unanswered.append(question)
            answer = question.suggestion
        if question.choices and answer not in question.choices:
            place = f"{question.table} {question.code} {question.column}"
            raise Misconfigured(
                f"{place}: one of {', '.join(question.choices)}", hint="see the column answer"
            )
        self.asked[question.key] = question, answer
        return answer


def sheet(answers: Answers) -> str:
    """All questions as a CSV file to be filled in, with the answers so far."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEAD)
    for question, answer in answers.asked.values():
        choices = f" ({' or '.join(question.choices)})" if question.choices else ""
        writer.writerow((*question.key, answer, question.about + choices))
    return out.getvalue()


def written(answers: Answers, path: Path) -> bytes:
    """The same as the file that `path` names: a workbook for `.xlsx`, else CSV that no spreadsheet runs."""
    text = sheet(answers)
    if path.suffix == ".xlsx":
        return workbook_of(text, "questions", None)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for row in csv.reader(io.StringIO(text, newline="")):
        writer.writerow(f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in row)
    return out.getvalue().encode()


def read_sheet(path: Path) -> dict[Key, str]:
    """The answers in a sheet, CSV or `.xlsx`. Raises `Misconfigured` with file and line."""
    given: dict[Key, str] = {}
    for line, row in _workbook(path) if path.suffix == ".xlsx" else _csv(path):
        key = tuple((row.get(name) or "").strip() for name in ("table", "code", "column"))
        if any(key):
            answer = row["answer"]
            if answer is None:
                raise Misconfigured("the row has no answer", where=f"{path}:{line}")
            given[key[0], key[1], key[2]] = answer.strip()
    return given


def _csv(path: Path) -> Iterator[tuple[int, Mapping[str, str | None]]]:
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        hint = "a CSV file in UTF-8, or .xlsx"
        raise Misconfigured("the answers cannot be read", where=str(path), hint=hint) from None
    delimiter = ";" if ";" in text.split("\n")[0] else ","  # as spreadsheets save it in half of Europe
    lines = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    if not {"table", "code", "column", "answer"} <= set(lines.fieldnames or ()):
        hint = f"its first line is {','.join(HEAD)}; wardline new --ask writes one"
        raise Misconfigured("no sheet of answers", where=str(path), hint=hint)
    for row in lines:
        yield lines.line_num, {name: _said(cell) for name, cell in row.items() if name is not None}


def _said(cell: str | None) -> str | None:
    """A cell without the sign that kept a spreadsheet from running it."""
    return cell[1:] if cell is not None and cell.startswith("'") and cell[1:2] in _FORMULA else cell


def _workbook(path: Path) -> Iterator[tuple[int, Mapping[str, str | None]]]:
    try:
        raw = path.read_bytes()
    except OSError:
        raise Misconfigured("the answers cannot be read", where=str(path)) from None
    found = read_workbook(raw, str(path), f"{','.join(HEAD)}\n", None)
    if found.findings:
        raise Misconfigured("\n".join(map(str, found.findings)))
    yield from enumerate(found.rows, 2)


def known_cells(folder: Path) -> Callable[[str, str], str]:
    """What the tables of a folder of channels say already: code and column → the cell, or nothing."""
    known: dict[tuple[str, str], str] = {}
    for file in sorted(folder.glob(_PATTERN)):
        table, _ = read_table(file, file.name)
        if table is not None:
            cells = ((code, *cell) for code in table.keys() for cell in table.rows(code)[0].items())  # noqa: SIM118
            for code, column, cell in cells:
                if cell and column != table.key:
                    known.setdefault((code, column), cell)
    return lambda code, column: known.get((code, column), "")
