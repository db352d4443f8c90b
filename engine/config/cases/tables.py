"""Cases of a kind, written once: `rows:` is a table with a case for each row, `each:` a list of variants.

A test file is written out before anything else looks at it: what is one entry with ten rows becomes ten
cases, whose parts stand where the one entry has them.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from engine.config.finding import Place, Problem
from engine.config.positions import Positions, Spot
from engine.config.reading import MAX_BYTES, Node

__all__ = ["MAX_CASES", "WrittenOut", "written_out"]

MAX_CASES = 5_000
"""Of one test file, written out."""

_OWN = ("rows", "each")
_PATH = re.compile(r"[A-Z][A-Z0-9]{2}[-\[]|[A-Z]\w*\.")
_CELL = re.compile(r"\{([A-Za-z0-9_ .\-\[\]]+)\}")


class WrittenOut(NamedTuple):
    """A test file with every case for itself, where their parts stand, and what is wrong with the tables."""

    data: Node
    positions: Positions
    problems: list[Problem]


class _Made(NamedTuple):
    """One case: what it says, which of its parts a variant says, and where the variant or the row stands."""

    data: dict[str, Any]
    spot: Spot | None = None
    variant: Place = ()


def written_out(data: Node, positions: Positions, folder: Path) -> WrittenOut:
    """The test file that was read as `data`, which lies in `folder`, with its tables written out."""
    listed = data.get("cases") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(listed, list) or not any(map(_is_table, listed)):
        return WrittenOut(data, positions, [])
    cases: list[Any] = []
    placed, problems = _Placed(positions), list[Problem]()
    for number, case in enumerate(listed):
        try:
            found = list(_cases(case, ("cases", number), positions, folder))
        except _Wrong as wrong:
            problems.append(wrong.problem)
            continue
        for made in found:
            placed.put(number, len(cases), made)
            cases.append(made.data)
    if len(cases) > MAX_CASES:
        problems.append(Problem(("cases",), f"more than {MAX_CASES} cases", "split the file"))
    if problems:
        return WrittenOut(data, positions, problems)
    return WrittenOut({**data, "cases": cases}, placed.positions, [])


def _is_table(case: Any) -> bool:
    return isinstance(case, dict) and not case.keys().isdisjoint(_OWN)


class _Placed:
    """Where the parts of written out cases stand: case `at` where entry `number` of the file does, what a
    row or a variant says for itself where that does."""

    def __init__(self, old: Positions) -> None:
        self.positions = Positions(old.shown, old.rows)
        self._parts: dict[Place, list[tuple[bool, Place, Spot]]] = {}
        for is_key, kept, spots in (
            (True, self.positions.keys, old.keys),
            (False, self.positions.values, old.values),
        ):
            for place, spot in spots.items():
                if len(place) < 2 or place[0] != "cases":
                    kept[place] = spot
                    continue
                self._parts.setdefault(place[:2], []).append((is_key, place[2:], spot))
                if place[2:3] == ("each",):
                    self._parts.setdefault(place[:4], []).append((is_key, place[4:], spot))

    def put(self, number: int, at: int, made: _Made) -> None:
        """Case `at`, which comes of entry `number`."""
        keys, values = self.positions.keys, self.positions.values
        for of in (("cases", number), made.variant):
            for is_key, rest, spot in self._parts.get(of, ()):
                (keys if is_key else values)["cases", at, *rest] = spot
        if made.spot is not None:
            values["cases", at] = made.spot


class _Wrong(Exception):
    """A table that cannot be used."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.text)


def _cases(case: Any, place: Place, positions: Positions, folder: Path) -> Iterator[_Made]:
    if not _is_table(case):
        yield _Made(case)
        return
    base = {key: part for key, part in case.items() if key not in _OWN}
    if "rows" in case and "each" in case:
        raise _Wrong(
            Problem((*place, "each"), "each does not go with rows", "make them two cases", on_key=True)
        )
    if "each" in case:
        if not isinstance(case["each"], list) or not all(isinstance(one, dict) for one in case["each"]):
            raise _Wrong(Problem((*place, "each"), "not a list of cases", "each: [{name: …, with: {…}}]"))
        for at, variant in enumerate(case["each"]):
            here = (*place, "each", at)
            yield _Made(_varied(base, variant), positions.values.get(here), here)
        return
    rows = list(_rows(case["rows"], (*place, "rows"), positions, folder))
    _all_used(base, [row for row, _ in rows], (*place, "rows"))
    for row, spot in rows:
        made = _filled(base, row)
        if made.get("name") == base.get("name"):
            made["name"] = f"{base.get('name', '')}: {next(iter(row.values()), '')}"
        yield _Made(made, spot)


def _all_used(base: dict[str, Any], rows: Sequence[Mapping[str, str]], place: Place) -> None:
    """Raises `_Wrong` for a table that makes no case, or that has a column which nothing of the case uses:
    it would look as if it were tested. The first column may be there for the name, if it is no field path."""
    if not rows:
        raise _Wrong(Problem(place, "the table has no rows", "below the names of its columns"))
    used = set(_columns_of(base))
    labels: tuple[str, ...] = () if _CELL.search(str(base.get("name", ""))) else (next(iter(rows[0]), ""),)
    columns = (column for row in rows for column in row if column not in labels or _PATH.match(column))
    unused = next((column for column in columns if column not in used), None)
    if unused is not None:
        hint = f"such as with: {{FT1-7: '{{{unused}}}'}}"
        raise _Wrong(Problem(place, f"no part of the case uses the column {unused}", hint))


def _columns_of(node: Any) -> Iterator[str]:
    """The columns that a case names."""
    if isinstance(node, str):
        yield from _CELL.findall(node)
        return
    parts = [*node, *node.values()] if isinstance(node, dict) else node if isinstance(node, list) else ()
    for part in parts:
        yield from _columns_of(part)


def _varied(base: dict[str, Any], variant: Any) -> dict[str, Any]:
    """The case with what a variant says of its own."""
    made = {**base, **variant, "name": f"{base.get('name', '')}: {variant.get('name', '')}"}
    for key in ("with", "expect"):
        if isinstance(base.get(key), dict) and isinstance(variant.get(key), dict):
            made[key] = {**base[key], **variant[key]}
    return made


def _rows(
    rows: Any, place: Place, positions: Positions, folder: Path
) -> Iterator[tuple[dict[str, str], Spot | None]]:
    if not isinstance(rows, str):
        if not isinstance(rows, list) or not all(map(_is_row, rows)):
            raise _Wrong(
                Problem(place, "not rows of a table", "rows: [{code: '1', item: A}], or CSV after |")
            )
        yield from ((row, positions.values.get((*place, at))) for at, row in enumerate(rows))
        return
    spot = positions.values[place]
    if "\n" in rows:
        for row, line in _read(rows, place):
            yield row, Spot(spot.line + line if spot.inset < 0 else spot.line, spot.column)
        return
    try:
        with (folder / rows).open("rb") as file:
            text = file.read(MAX_BYTES).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        hint = "a CSV file in UTF-8 beside the test file, or the table itself after rows: |"
        raise _Wrong(Problem(place, "the rows cannot be read", hint)) from None
    yield from ((row, spot) for row, _ in _read(text, place))


def _is_row(row: Any) -> bool:
    return isinstance(row, dict) and all(isinstance(cell, str) for cell in row.values())


def _read(text: str, place: Place) -> Iterator[tuple[dict[str, str], int]]:
    """The rows of a CSV, each with its line in the text (from 1)."""
    reader = csv.reader(io.StringIO(text.strip("\n")), strict=True, skipinitialspace=True)
    columns: list[str] = []
    try:
        for cells in reader:
            cells = [cell.strip() for cell in cells]
            if not any(cells) or cells[0].startswith("#"):
                continue
            if not columns:
                columns = cells
                continue
            if len(cells) > len(columns):
                text = f"row {reader.line_num} has {len(cells)} cells, the table {len(columns)} columns"
                raise _Wrong(Problem(place, text, "a cell that holds a comma must be quoted"))
            padded = cells + [""] * (len(columns) - len(cells))
            yield dict(zip(columns, padded, strict=True)), reader.line_num
    except csv.Error:
        raise _Wrong(Problem(place, f"row {reader.line_num} cannot be read as CSV")) from None


def _filled(node: Any, row: Mapping[str, str]) -> Any:
    """`node` with cells in place of `{column}`."""
    if isinstance(node, str):
        return _CELL.sub(lambda found: row.get(found[1], found[0]), node)
    if isinstance(node, list):
        return [_filled(part, row) for part in node]
    return {_filled(key, row): _filled(part, row) for key, part in node.items()}
