"""Courses as rows: read for a batch, written with it, and only over the version that was read."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, Final

from engine.model import CourseRow
from engine.store.base import CoursesMoved
from engine.store.database import Work, rows_of
from engine.store.part import Part

__all__ = ["Courses", "keep_courses"]

_READ: Final = (
    "SELECT course, version, {body}, checksum, stands FROM courses WHERE space = ? AND course IN ({{}})"
)
_MERGED: Final = "SELECT token FROM tokens WHERE merged_into IS NOT NULL AND merged_into IN ({})"
_NEW: Final = (
    "INSERT INTO courses (version, stands, touched_at, body, checksum, space, course)"
    " VALUES (1, ?, ?, ?, ?, ?, ?) ON CONFLICT (space, course) DO NOTHING"
)
_AGAIN: Final = (
    "UPDATE courses SET version = version + 1, stands = ?, touched_at = ?, body = ?, checksum = ?"
    " WHERE space = ? AND course = ? AND version = ?"
)
_GONE: Final = "DELETE FROM courses WHERE space = ? AND course = ? AND version = ?"


class Courses(Part):
    """The verb that reads courses."""

    def courses(self, space: str, keys: Sequence[str]) -> list[CourseRow]:
        """`MessageStore.courses`."""
        query = _READ.format(body=self._database.as_bytes.format("body"))
        with self._database.read() as work:
            merged = [token for (token,) in rows_of(work, _MERGED, keys)]
            rows = rows_of(work, query, sorted({*keys, *merged}), space)
        return [
            CourseRow(space, key, version, body if _checksum(space, key, body) == sum_ else b"", bool(stands))
            for key, version, body, sum_, stands in rows
        ]


def keep_courses(work: Work, courses: Sequence[CourseRow], now: float) -> None:
    """Write courses, all or none. Raises `CoursesMoved` when one was written since it was read."""
    for row in sorted(courses, key=lambda row: (row.space, row.key)):  # two routers wait in one order only
        if _write(work, row, now) == 0:
            raise CoursesMoved


def _write(work: Work, row: CourseRow, now: float) -> int:
    if not row.body:
        return work.run(_GONE, (row.space, row.key, row.version))
    checksum = _checksum(row.space, row.key, row.body)
    values: tuple[Any, ...] = (int(row.stands), now, row.body, checksum, row.space, row.key)
    return work.run(_AGAIN, (*values, row.version)) if row.version else work.run(_NEW, values)


def _checksum(space: str, key: str, body: bytes) -> int:
    """CRC-32: a flipped bit on the disk must not become another reservation."""
    return zlib.crc32(body, zlib.crc32(f"{space}\x1f{key}".encode()))
