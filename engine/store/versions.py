"""Reading resources back: current versions, older ones, what matches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from engine.errors import Unacceptable
from engine.fhir.stored import unpack
from engine.resources import Find, Found, ResourceKey, Version
from engine.store.cipher import Damaged
from engine.store.database import Work, rows_of
from engine.store.finding import candidates, rarest_first
from engine.store.part import Part
from engine.store.rows import open_content

__all__ = ["Versions"]

_ROW: Final = (
    "v.release, v.type, v.id, v.version, v.at, v.deleted, v.message_id, v.created, v.unit, v.client,"
    " v.request_id, v.body_hash"
)
_COLUMNS: Final = 12
_WITH_BODY: Final = (
    f"SELECT {_ROW}, m.channel, m.fingerprint, m.digest, c.key_id, {{sealed}} FROM {{versions}}"
    " JOIN messages m ON m.id = v.message_id LEFT JOIN contents c ON c.message_id = v.message_id "
)
_BY_ID: Final = "resources r JOIN versions v ON v.message_id = r.message_id"
_BY_NUMBER: Final = "resources r JOIN versions v ON v.created = r.created"
_OF_RESOURCE: Final = (
    "FROM versions v WHERE v.created ="
    " (SELECT r.created FROM resources r WHERE r.release = ? AND r.type = ? AND r.id = ?)"
)
_KEPT: Final = " AND EXISTS (SELECT 1 FROM contents k WHERE k.message_id = r.message_id)"
_OF_TYPE: Final = "FROM versions v WHERE v.release = ? AND v.type = ?"


class Versions(Part):
    """The verbs of those who read."""

    def resources(self, keys: Sequence[ResourceKey]) -> dict[ResourceKey, Version]:
        """`ResourceStore.resources`."""
        wanted = set(keys)
        query = self._with_body(_BY_ID) + "WHERE r.id IN ({})"
        with self._database.read() as work:
            rows = rows_of(work, query, sorted({key.id for key in wanted}))
        return {version.key: version for version in map(self._version, rows) if version.key in wanted}

    def version(self, key: ResourceKey, version: int) -> Version | None:
        """`ResourceStore.version`."""
        query = (
            self._with_body(_BY_NUMBER) + "WHERE r.id = ? AND r.type = ? AND r.release = ? AND v.version = ?"
        )
        with self._database.read() as work:
            rows = work.rows(query, (key.id, key.type, key.release, version))
        return self._version(rows[0]) if rows else None

    def history(self, release: str, type_: str, id_: str, *, before: int, since: float, limit: int) -> Found:
        """`ResourceStore.history`. How many there are in all does not depend on `before`."""
        where = _OF_RESOURCE if id_ else _OF_TYPE
        given: tuple[Any, ...] = (release, type_, id_) if id_ else (release, type_)
        by = "v.message_id"
        if since:  # few are so new: found by their time, not by walking all of a type
            where, given, by = f"{where} AND v.at >= ?", (*given, since), "+v.message_id"
        page, paged = (f"{where} AND {by} < ?", (*given, before)) if before else (where, given)
        with self._database.read(snapshot=True) as work:
            rows = self._page(work, f"SELECT v.message_id {page} ORDER BY {by} DESC LIMIT ?", paged, limit)
            total = _total(work, where, given, len(rows), limit, first=not before)
        rows.reverse()
        return Found(tuple(map(self._version, rows)), total)

    def find(self, find: Find) -> Found:
        """`ResourceStore.find`. How many there are in all does not depend on `after`."""
        with self._database.read(snapshot=True) as work:
            where = candidates(rarest_first(work, find), self._database.looked_up)
            if where is None:
                return Found((), 0)
            sql, given, by = where
            rows = self._matching(work, find, sql, given, by)
            if any(row[-1] is None for row in rows):  # of somebody erased: the page is filled with others
                sql += _KEPT
                rows = self._matching(work, find, sql, given, by)
            total = _total(work, sql, given, len(rows), find.limit, first=not find.after)
        rows.sort(key=lambda row: row[7])
        return Found(tuple(map(self._version, rows)), total)

    def _matching(
        self, work: Work, find: Find, sql: str, given: tuple[Any, ...], by: str
    ) -> list[tuple[Any, ...]]:
        page = f"SELECT r.message_id {sql} AND {by} > ? ORDER BY {by} LIMIT ?"
        return self._page(work, page, (*given, find.after), find.limit)

    def unit(self, id_: str) -> list[Version]:
        """`ResourceStore.unit`."""
        query = f"SELECT {_ROW} FROM versions v WHERE v.unit = ? AND v.unit <> '' ORDER BY v.message_id"
        with self._database.read() as work:
            return [_bodiless(row) for row in work.rows(query, (id_,))]

    def _with_body(self, versions: str) -> str:
        return _WITH_BODY.format(versions=versions, sealed=self._database.as_bytes.format("c.sealed"))

    def _page(self, work: Work, ids: str, given: tuple[Any, ...], limit: int) -> list[tuple[Any, ...]]:
        """The rows of the versions whose message ids a query gives, in their order: sorted and cut while
        they are small."""
        if limit < 1:
            return []
        query = (
            f"{self._with_body('versions v')} WHERE v.message_id IN (SELECT message_id FROM ({ids}) AS page)"
        )
        return work.rows(f"{query} ORDER BY v.message_id", (*given, limit))

    def _version(self, row: tuple[Any, ...]) -> Version:
        return _bodiless(row, self._body(row[6], row[_COLUMNS:]))

    def _body(self, message_id: int, sealed: tuple[Any, ...]) -> bytes | None:
        if sealed[-1] is None:
            return None
        try:
            return unpack(open_content(self._database, self._contents, message_id, *sealed)).body
        except (Damaged, Unacceptable):
            return None


def _bodiless(row: tuple[Any, ...], body: bytes | None = None) -> Version:
    release, type_, id_, version, at, deleted, message_id, *rest = row[:_COLUMNS]
    created, unit, client, request_id, body_hash = rest
    return Version(
        ResourceKey(release, type_, id_), version, at, bool(deleted), message_id, created, unit, client,
        request_id, body_hash, body,
    )  # fmt: skip


def _total(work: Work, where: str, given: tuple[Any, ...], found: int, limit: int, *, first: bool) -> int:
    """How many rows there are: known when the first page is not full."""
    if first and found < limit:
        return found
    return int(work.rows(f"SELECT count(*) {where}", given)[0][0])
