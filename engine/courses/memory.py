"""Courses kept in memory: for trials of a channel, where nothing is stored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from engine.model import CourseRow
from engine.tokens import TokenMerge

__all__ = ["CourseMemory"]


class CourseMemory:
    """Keeps courses as a store does (`MessageStore.courses`, `.survivors`), until it is let go of."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], CourseRow] = {}
        self._survivors: dict[str, str] = {}

    def courses(self, space: str, keys: Sequence[str]) -> list[CourseRow]:
        """`MessageStore.courses`."""
        wanted = {*keys, *(gone for gone, into in self._survivors.items() if into in keys)}
        return [row for (there, key), row in self._rows.items() if there == space and key in wanted]

    def survivors(self, tokens: Sequence[str]) -> dict[str, str]:
        """`MessageStore.survivors`."""
        return {token: self._survivors[token] for token in tokens if token in self._survivors}

    def keep(self, rows: Iterable[CourseRow], merges: Iterable[TokenMerge]) -> None:
        """What `MessageStore.route` does with courses and merges."""
        for merge in merges:
            into = self._survivors.get(merge.into, merge.into)
            if into != merge.gone:
                moved = {gone: into for gone, last in self._survivors.items() if last == merge.gone}
                self._survivors |= {**moved, merge.gone: into}
        for row in rows:
            if row.body:
                self._rows[row.space, row.key] = msgspec.structs.replace(row, version=row.version + 1)
            else:
                self._rows.pop((row.space, row.key), None)
