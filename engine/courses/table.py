"""State machines as tables: a row per event, a column per state."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

__all__ = ["STAYS", "Table", "read"]

STAYS = "="
"""A cell of a table: the event is legal and the state stays."""


class Table(msgspec.Struct, frozen=True):
    """`cells[event][state]` is the state after, `=`, or `!` and the reason why the event changes nothing.

    `rank` orders events that happened at the same time; `begins` are those by which a course begins."""

    cells: Mapping[str, Mapping[str, str]]
    rank: Mapping[str, int]
    begins: frozenset[str]


def read(text: str, begins: str) -> Table:
    """The table that `text` writes: a head of states (`-` for none yet), then a line for each group of
    events with one cell per state. The order of lines is the order of events of the same time."""
    head, *lines = (line.split() for line in text.strip().splitlines() if line.strip())
    states = ["" if state == "-" else state for state in head]
    cells: dict[str, dict[str, str]] = {}
    rank: dict[str, int] = {}
    for number, line in enumerate(lines):
        events, row = line[0].split(","), line[1:]
        for event in events:
            cells[event] = dict(zip(states, row, strict=True))
            rank[event] = number
    return Table(cells, rank, frozenset(begins.split()))
