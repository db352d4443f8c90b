"""The worklist of codes: what messages wait for, which row of which table lets them go, and adding it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

import msgspec

from engine.config.finding import Finding
from engine.config.loading import LoadedChannel
from engine.config.table_schema import schema_beside
from engine.config.table_text import TableText
from engine.config.tables import read_table
from engine.errors import Misconfigured
from engine.store.contracts.parking import Parked
from engine.transforms.wording import meant
from engine.workbench.suggesting import Suggestion, suggest
from engine.workbench.table_changes import new_findings

__all__ = ["Addition", "Wanted", "row_for", "tables_by_name", "worklist"]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A code that messages wait for. `file` is the table as the folder of channels has it (empty: the folder
    has no such channel or table), `there` says that it has the code by now: then the folder is to be
    deployed. `listed` are cells of its row that lists out of Odoo suggest: `item=GLV-M`."""

    table: str
    code: str
    channels: tuple[str, ...]
    place: str
    messages: int
    first_at: float
    last_at: float
    file: str = ""
    there: bool = False
    suggestions: tuple[Suggestion, ...] = ()
    listed: tuple[str, ...] = ()


class Addition(msgspec.Struct, frozen=True):
    """A table with one row more: `row` as it is written, `text` the whole file, and what is wrong with it
    because of the row."""

    path: Path
    row: str
    text: str
    findings: tuple[Finding, ...]


def worklist(parked: Sequence[Parked], channels: Sequence[LoadedChannel] = ()) -> list[Wanted]:
    """What is waited for, the most wanted first. One code of one file is one line, whatever the channels."""
    files = tables_by_name(channels)
    known = {(one.spec.channel, name): table for one in channels for name, table in one.tables.items()}
    wanted_in = {files[_at(one)] for one in parked if _at(one) in files}
    lists = {str(path): _lists(path) for path in wanted_in}

    def key(one: Parked) -> tuple[str, str, str]:
        return str(files.get(_at(one), "")), one.table, one.code

    found = []
    for (file, table, code), several in groupby(sorted(parked, key=key), key):
        group = list(several)
        rows = known.get((group[0].channel, table))
        there = rows is not None and not rows.dated and bool(rows.rows(code))
        found.append(
            Wanted(
                table=table,
                code=code,
                channels=tuple(sorted({one.channel for one in group})),
                place=group[0].place,
                messages=sum(one.messages for one in group),
                first_at=min(one.first_at for one in group),
                last_at=max(one.last_at for one in group),
                file=file,
                there=there,
                suggestions=() if there or rows is None else tuple(suggest(code, rows.keys())),
                listed=() if there or not file else tuple(_listed(lists[file], code)),
            )
        )
    return sorted(found, key=lambda one: (-one.messages, one.first_at, one.code))


def _at(parked: Parked) -> tuple[str, str]:
    return parked.channel, parked.table


def _lists(path: Path) -> dict[str, list[str]]:
    """The columns of a table whose cells are codes of another one, with the codes of that. Of several columns
    on one list the first: what is billed for an item is not the item."""
    spec, _ = schema_beside(path, str(path))
    columns: dict[str, str] = {}  # by list
    for name, column in (spec.columns if spec else {}).items():
        if column.within is not None:
            columns.setdefault(column.within, name)
    found: dict[str, list[str]] = {}
    for within, name in columns.items():
        table, _ = read_table(path.with_name(f"{within}.csv"), within)
        found[name] = list(table.keys()) if table else []
    return found


def _listed(lists: Mapping[str, Sequence[str]], code: str) -> Iterator[str]:
    """The cells that may be meant: the list of a column has this code, or the same written otherwise."""
    for name, codes in lists.items():
        yield from (f"{name}={one.code}" for one in suggest(code, codes, alike=False))


def tables_by_name(channels: Sequence[LoadedChannel]) -> dict[tuple[str, str], Path]:
    """The CSV file of each channel's table, by channel and table."""
    return {
        (one.spec.channel, name): one.path.parent / file
        for one in channels
        for name, file in one.spec.tables.items()
    }


def row_for(path: Path, code: str, cells: Mapping[str, str], like: str = "") -> Addition:
    """The table at `path` with a row for `code`: its cells are those of the row of `like`, if given, but for
    what `cells` says. Nothing is written. Raises `Misconfigured` for a column that is not there, a code that
    is, or one that it should be like and is not."""
    text = path.read_bytes().decode()
    table = TableText(text)
    key = table.columns[0]
    for column in cells:
        if column not in table.columns or column == key:
            raise Misconfigured(
                f"the table has no column {column}" if column != key else f"{key} is the code itself",
                where=path.name,
                hint=meant(column, table.columns[1:]),
            )
    rows = {table.cells(record)[key]: record for record in table.rows}
    spec, _ = schema_beside(path, path.name)
    if code in rows and (spec is None or spec.valid is None):
        raise Misconfigured("the table has this code already", where=path.name, hint="deploy the folder")
    if like and like not in rows:
        raise Misconfigured("the table has no row of the code to be like", where=path.name)
    filled = (table.cells(rows[like]) if like else {}) | dict(cells) | {key: code}
    made = table.add([filled.get(column, "") for column in table.columns])
    return Addition(path, made.raw, str(table), tuple(new_findings(path, text, str(table))))
