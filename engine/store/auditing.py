"""Whether the versions of resources are those that were written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from engine.store.chain import START, Link, chained
from engine.store.cipher import Damaged
from engine.store.contents import Gone
from engine.store.database import Work
from engine.store.part import Part
from engine.store.rows import open_content

__all__ = ["Auditing"]

_AT_ONCE: Final = 1000

_ROWS: Final = (
    "SELECT v.message_id, v.created, v.release, v.type, v.id, v.version, v.at, v.deleted, v.unit, v.client,"
    " v.request_id, v.body_hash, m.digest, v.chain, m.channel, m.fingerprint, c.key_id, {sealed}"
    " FROM versions v LEFT JOIN messages m ON m.id = v.message_id"
    " LEFT JOIN contents c ON c.message_id = v.message_id"
    " WHERE v.message_id > ? ORDER BY v.message_id LIMIT ?"
)
_LINKED: Final = len(Link._fields)

# What the chain cannot tell: the end of it is cut off, a resource points elsewhere.
_MISSING: Final = (
    "SELECT r.release, r.type, r.id, r.version FROM resources r"
    " LEFT JOIN versions v ON v.message_id = r.message_id AND v.created = r.created AND v.version = r.version"
    " AND v.release = r.release AND v.type = r.type AND v.id = r.id AND v.deleted = r.deleted"
    " WHERE v.message_id IS NULL"
    " OR r.version <> (SELECT count(*) FROM versions o WHERE o.created = r.created)"
)
_ORPHANS: Final = (
    "SELECT v.release, v.type, v.id, v.version FROM versions v LEFT JOIN resources r ON r.created = v.created"
    " WHERE r.created IS NULL"
)


class Auditing(Part):
    """The verb of an auditor."""

    def verify_versions(self) -> list[str]:
        """`ResourceStore.verify_versions`. Content that is kept is opened too: it says itself when it was
        changed."""
        found = list[str]()
        chain, after = START, 0
        while rows := self._rows(after):
            for row in rows:
                found += [f"{_name(row[2:6])}: {text}" for text in self._wrong(chain, row)]
                chain = row[_LINKED] if isinstance(row[_LINKED], bytes) else START
            after = rows[-1][0]
        with self._database.read() as work:
            return found + list(_unmatched(work))

    def _rows(self, after: int) -> list[tuple[Any, ...]]:
        query = _ROWS.format(sealed=self._database.as_bytes.format("c.sealed"))
        with self._database.read() as work:
            return work.rows(query, (after, _AT_ONCE))

    def _wrong(self, chain: bytes, row: tuple[Any, ...]) -> Iterator[str]:
        if row[_LINKED] != chained(chain, Link(*row[:_LINKED])):
            yield "it was changed, or what was written before it is missing"
        channel, fingerprint, key_id, sealed = row[_LINKED + 1 :]
        if sealed is not None:
            try:
                open_content(
                    self._database,
                    self._contents,
                    row[0],
                    channel,
                    fingerprint,
                    row[_LINKED - 1],
                    key_id,
                    sealed,
                )
            except Gone:
                return  # destroyed on purpose: the key's row tells why
            except Damaged:
                yield "its content was changed"


def _unmatched(work: Work) -> Iterator[str]:
    for row in work.rows(_MISSING):
        yield f"{_name(row)}: a version of it is missing, or not the one that is current"
    for row in work.rows(_ORPHANS):
        yield f"{_name(row)}: there is no resource that it is a version of"


def _name(row: tuple[Any, ...]) -> str:
    release, type_, id_, version = row
    return f"{release} {type_}/{id_}, version {version}"
