"""The tables a channel refers to: found, read, and held against the expressions that use them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from engine.config.finding import Finding, Place, Problem
from engine.config.positions import Positions
from engine.config.reading import Node
from engine.config.spec import ChannelSpec
from engine.config.tables import Table, read_table
from engine.transforms.wording import meant

__all__ = ["ambiguous", "calls_in", "tables_of", "unconverted", "undated", "unused"]

_CALLS = (
    re.compile(r"\b(lookup|find|kit)\(\s*([a-z][a-z0-9-]*)\s*[,)]"),
    re.compile(r"\b(convert)\([^(),]+,[^(),]+,\s*([a-z][a-z0-9-]*)\s*[,)]"),
)


def tables_of(
    spec: ChannelSpec, folder: Path, positions: Positions
) -> tuple[dict[str, Table], list[Finding]]:
    """A channel's tables that could be read, by name. Findings are about the channel's line that names
    a table, or about a line of the table."""
    tables: dict[str, Table] = {}
    findings: list[Finding] = []
    for name, file in spec.tables.items():
        problem = _misplaced(name, file, folder)
        if problem is not None:
            findings.append(positions.finding(problem))
            continue
        table, found = read_table(folder / file, str(folder / file))
        findings += found
        if table is not None:
            tables[name] = table
    return tables, findings


def _misplaced(name: str, file: str, folder: Path) -> Problem | None:
    place: Place = ("tables", name)
    if Path(file).is_absolute() or not (folder / file).resolve().is_relative_to(folder.resolve()):
        return Problem(place, "a table lies beside its channel", "write it like tables/items.csv")
    if not (folder / file).is_file():
        there = [str(found.relative_to(folder)) for found in sorted(folder.glob("**/*.csv"))]
        return Problem(place, f"there is no file {file}", meant(file, there))
    return None


def calls_in(data: Node) -> set[tuple[str, str]]:
    """The verbs that the file's expressions call on tables: verb and table."""
    return {(verb, name) for text in _texts(data) for call in _CALLS for verb, name in call.findall(text)}


def _texts(node: Node) -> Iterator[str]:
    """Every text of the file, keys included: a condition is a key."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, list):
        for part in node:
            yield from _texts(part)
    else:
        for key, part in node.items():
            yield key
            yield from _texts(part)


def unused(spec: ChannelSpec, calls: set[tuple[str, str]]) -> Iterator[Problem]:
    """Tables that no expression names."""
    used = {table for _, table in calls}
    for name in spec.tables:
        if name not in used:
            text = f"no expression uses the table {name}"
            yield Problem(("tables", name), text, "remove it", "warning", on_key=True)


def undated(spec: ChannelSpec, tables: dict[str, Table]) -> Iterator[Problem]:
    """Days given for tables that are not there, or whose rows hold on every day."""
    for name in spec.valid_on:
        place: Place = ("valid_on", name)
        if name not in spec.tables:
            yield Problem(place, f"there is no table {name}", meant(name, spec.tables), on_key=True)
        elif name in tables and not tables[name].dated:
            text = f"the rows of {name} hold on every day"
            hint = "say valid: in the schema beside it, or remove the line"
            yield Problem(place, text, hint, "warning", on_key=True)


def unconverted(tables: dict[str, Table], calls: set[tuple[str, str]]) -> Iterator[Problem]:
    """Tables that say how many of a unit something is, where only the unit is asked for."""
    for name, table in tables.items():
        asked = not {("lookup", name), ("find", name)}.isdisjoint(calls)
        if {"unit", "factor"} <= set(table.columns) and asked and ("convert", name) not in calls:
            text = f"{name} says how many of its unit a code is, and no quantity is converted by it"
            hint = f"such as RQD-5 | convert(RQD-6.1, unit, {name})"
            yield Problem(("tables", name), text, hint, "warning")


def ambiguous(
    spec: ChannelSpec, tables: dict[str, Table], calls: set[tuple[str, str]], folder: Path
) -> Iterator[Finding]:
    """Second rows of a code in tables of which one row is looked up."""
    for name, table in tables.items():
        if not {("lookup", name), ("find", name), ("convert", name)}.isdisjoint(calls):
            for key, line in table.repeated():
                days = " on the same days" if table.dated else ""
                text = f"{key} has a row on line {table.lines[key][0]} already{days}"
                yield Finding(str(folder / spec.tables[name]), line, 1, text, "one row per code")
