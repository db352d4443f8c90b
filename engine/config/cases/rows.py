"""The channel of a case that says rows of its own: "in a hospital whose table has this"."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from engine.config.build import build
from engine.config.finding import Place, Problem
from engine.config.loading import LoadedChannel
from engine.config.tables import Table
from engine.transforms.wording import meant

__all__ = ["Varied", "changed_table", "with_rows", "with_tables"]

Rows = Mapping[str, Mapping[str, str]]
"""Code → column → cell."""


def with_rows(
    channel: LoadedChannel, tables: Mapping[str, Rows], place: Place
) -> tuple[LoadedChannel, list[Problem]]:
    """`channel` with these rows in its tables, or what is wrong with them."""
    if not tables:
        return channel, []
    problems = list(_wrong(channel.tables, tables, place))
    if problems:
        return channel, problems
    changed = {name: changed_table(channel.tables[name], rows) for name, rows in tables.items()}
    return with_tables(channel, changed, place)


class Varied:
    """A channel, and what it is with the rows of its cases: each built once, for many cases have the same."""

    def __init__(self, channel: LoadedChannel) -> None:
        self.channel = channel
        self._built: dict[bytes, tuple[LoadedChannel, list[Problem]]] = {}

    def with_rows(self, tables: Mapping[str, Rows], place: Place) -> tuple[LoadedChannel, list[Problem]]:
        """As the function of this name."""
        if not tables:
            return self.channel, []
        key = msgspec.json.encode(tables)
        if key not in self._built:
            self._built[key] = with_rows(self.channel, tables, ())
        built, problems = self._built[key]
        return built, [msgspec.structs.replace(one, place=(*place, *one.place)) for one in problems]


def with_tables(
    channel: LoadedChannel, tables: Mapping[str, Table], place: Place = ()
) -> tuple[LoadedChannel, list[Problem]]:
    """`channel` built with these tables in place of its own of the same names."""
    changed = {**channel.tables, **tables}
    program, problems = build(channel.spec, changed, channel.functions)
    if program is None:
        return channel, [Problem(place, one.text, one.hint) for one in problems if one.severity == "error"]
    program = msgspec.structs.replace(program, profile=channel.program.profile)
    return channel._replace(tables=changed, program=program), []


def _wrong(known: Mapping[str, Table], tables: Mapping[str, Rows], place: Place) -> list[Problem]:
    problems = []
    for name, rows in tables.items():
        if name not in known:
            problems.append(
                Problem((*place, name), f"there is no table {name}", meant(name, known), on_key=True)
            )
            continue
        columns = known[name].columns
        problems += [
            Problem((*place, name, code, column), f"no column {column}", meant(column, columns), on_key=True)
            for code, row in rows.items()
            for column in row
            if column not in columns
        ]
    return problems


def changed_table(table: Table, rows: Rows) -> Table:
    """`table` with other cells in the rows of these codes (all of a code's rows), or with rows besides."""
    made = Table(table.name, table.columns, table.valid)
    for code in table.keys():  # noqa: SIM118 - no dict
        for row, line in zip(table.rows(code), table.lines[code], strict=True):
            made.add({**row, **rows.get(code, {})}, line)
    for code in rows.keys() - table.lines.keys():
        made.add({**dict.fromkeys(table.columns, ""), **rows[code], table.key: code}, 0)
    return made
