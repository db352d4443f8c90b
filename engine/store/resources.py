"""Writing resources: units of versions that are messages, all or nothing, on what their writer has seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from engine.errors import Unavailable
from engine.model import Receipt
from engine.resources import Expect, Find, Moved, ResourceKey, Unit, Write, Written
from engine.store.chain import START, Link, chained
from engine.store.database import Work, insert, rows_of
from engine.store.finding import candidates, is_wide, matches, rarest_first
from engine.store.part import Part
from engine.store.rows import keep_messages, message_row, seal_content

__all__ = ["Resources"]

_CURRENT: Final = "SELECT id, type, release, created, version, terms FROM resources WHERE id IN ({})"
_NEWEST: Final = (
    "SELECT coalesce(max(id), 0), (SELECT chain FROM versions ORDER BY message_id DESC LIMIT 1) FROM messages"
)
_RESOURCE: Final = (
    "INSERT INTO resources (created, id, type, release, version, at, deleted, message_id, terms) VALUES "
)
_AGAIN: Final = (
    " ON CONFLICT (created) DO UPDATE SET version = excluded.version, at = excluded.at,"
    " deleted = excluded.deleted, message_id = excluded.message_id, terms = excluded.terms"
)
_VERSION: Final = (
    "INSERT INTO versions (message_id, created, release, type, id, version, at, deleted, unit, client,"
    " request_id, body_hash, chain) VALUES "
)
_TERM: Final = "INSERT INTO terms (digest, created) VALUES "
_SPAN: Final = "INSERT INTO spans (created, param, low, high, release, type, wide) VALUES "
_NO_TERM: Final = "DELETE FROM terms WHERE digest = ? AND created = ?"
_NO_SPANS: Final = "DELETE FROM spans WHERE created = ?"

_TERM_BYTES: Final = 16
_QUESTIONS: Final = 16
"""Expectations asked in one statement."""


class Resources(Part):
    """The verb between the FHIR listener and the router."""

    def write(self, units: Sequence[Unit]) -> list[Written | Moved]:
        """`ResourceStore.write`. Ids of messages are given out in the turn of `accept`, so that whoever
        writes units is alone on every node: what is read here holds until the commit."""
        if not units:
            return []
        if self._database.refusing:
            raise Unavailable(self._database.refusing)
        sealed = [[seal_content(self._contents, one.arrival) for one in unit.writes] for unit in units]
        with self._database.write("accept") as work:
            batch = _Batch(work, units, self._database.looked_up)
            results = [batch.take(unit, contents) for unit, contents in zip(units, sealed, strict=True)]
            batch.save(work)
        return results


class _Current(NamedTuple):
    """What a resource is before a write."""

    created: int
    version: int
    terms: frozenset[bytes] = frozenset()


class _Pending(NamedTuple):
    """The newest version of a resource in a batch."""

    message_id: int
    write: Write
    at: float


class _Batch:
    """Units on their way into one commit: what stands, with what earlier units changed laid over it."""

    def __init__(self, work: Work, units: Sequence[Unit], looked_up: str) -> None:
        ((newest, chain),) = work.rows(_NEWEST)
        self._newest: int = newest
        self._chain: bytes = chain or START
        self._before = _currents(work, units)
        self._now = dict(self._before)
        self._matched = _matched(work, units, looked_up)
        self._pending: dict[ResourceKey, _Pending] = {}
        self._written: dict[bytes, list[ResourceKey]] = {}  # by term, those of older versions too
        self._messages: list[Any] = []
        self._contents: list[Any] = []
        self._versions: list[Any] = []

    def take(self, unit: Unit, contents: list[tuple[str, bytes]]) -> Written | Moved:
        """Take a unit in, unless what it goes on from has moved."""
        if not (self._goes_on(unit) and all(self._holds(expect) for expect in unit.expects)):
            return Moved()
        at = max((float(write.arrival.received_at) for write in unit.writes), default=0.0)
        ids = [
            self._add(unit.id, write, at, sealed) for write, sealed in zip(unit.writes, contents, strict=True)
        ]
        return Written(tuple(ids), at)

    def save(self, work: Work) -> None:
        """Write all that was taken in."""
        keep_messages(work, self._messages, self._contents)
        insert(work, _VERSION, 13, self._versions)
        resources: list[Any] = []
        found_by = _FoundBy()
        for key, (message_id, write, at) in self._pending.items():
            created, _, terms = self._now[key]
            packed, deleted = b"".join(sorted(terms)), int(write.deleted)
            resources += (
                created,
                key.id,
                key.type,
                key.release,
                write.version,
                at,
                deleted,
                message_id,
                packed,
            )
            found_by.change(created, self._before.get(key), terms, write)
        insert(work, _RESOURCE, 9, resources, _AGAIN)
        found_by.save(work)

    def _goes_on(self, unit: Unit) -> bool:
        seen: dict[ResourceKey, int] = {}
        for write in unit.writes:
            current = self._now.get(write.key)
            if write.version != seen.get(write.key, current.version if current else 0) + 1:
                return False
            seen[write.key] = write.version
        return True

    def _holds(self, expect: Expect) -> bool:
        """Whether exactly the expected resources match, earlier units of the batch included."""
        find, pending = expect.find, self._pending
        found = {
            id_ for id_ in self._matched[find] if ResourceKey(find.release, find.type, id_) not in pending
        }
        written: Iterable[ResourceKey] = pending
        if find.terms:
            written = [key for digest in find.terms[0] for key in self._written.get(digest, ())]
        found.update(key.id for key in written if matches(find, pending[key].write, pending[key].at))
        return found == set(expect.ids)

    def _add(self, unit: str, write: Write, at: float, sealed: tuple[str, bytes]) -> int:
        self._newest = message_id = self._newest + 1
        arrival, key = write.arrival, write.key
        current = self._now.get(key)
        created = current.created if current else message_id
        self._messages += message_row(Receipt(message_id), arrival, original=False)
        self._contents += (message_id, *sealed)
        link = Link(
            message_id, created, key.release, key.type, key.id, write.version, at, int(write.deleted),
            unit, write.client, write.request_id, write.body_hash, arrival.digest,
        )  # fmt: skip
        self._chain = chained(self._chain, link)
        self._versions += (*link[:-1], self._chain)
        terms = frozenset() if write.deleted else frozenset(write.terms)
        self._now[key] = _Current(created, write.version, terms)
        self._pending[key] = _Pending(message_id, write, at)
        if self._matched:
            for digest in terms:
                self._written.setdefault(digest, []).append(key)
        return message_id


class _FoundBy:
    """Rows that come and go in what resources are found by."""

    def __init__(self) -> None:
        self._terms: list[tuple[bytes, int]] = []
        self._spans: list[Any] = []
        self._no_terms: list[tuple[bytes, int]] = []
        self._no_spans: list[tuple[int]] = []

    def change(self, created: int, before: _Current | None, terms: frozenset[bytes], write: Write) -> None:
        """A resource is found by this from now on."""
        old = before.terms if before else frozenset()
        self._terms += [(digest, created) for digest in terms - old]
        self._no_terms += [(digest, created) for digest in old - terms]
        if before:
            self._no_spans.append((created,))
        if not write.deleted:
            for span in dict.fromkeys(write.spans):
                self._spans += (created, span.param, span.low, span.high)
                self._spans += (write.key.release, write.key.type, int(is_wide(span)))

    def save(self, work: Work) -> None:
        """In the order of the index: neighbours share a page."""
        if self._no_terms:
            work.run_many(_NO_TERM, sorted(self._no_terms))
        if self._no_spans:
            work.run_many(_NO_SPANS, self._no_spans)
        insert(work, _TERM, 2, [value for row in sorted(self._terms) for value in row])
        insert(work, _SPAN, 7, self._spans)


def _currents(work: Work, units: Sequence[Unit]) -> dict[ResourceKey, _Current]:
    """What stands of the resources that are to be written."""
    ids = sorted({write.key.id for unit in units for write in unit.writes})
    return {
        ResourceKey(release, type_, id_): _Current(created, version, _unpacked(terms))
        for id_, type_, release, created, version, terms in rows_of(work, _CURRENT, ids)
    }


def _unpacked(terms: bytes) -> frozenset[bytes]:
    return frozenset(terms[start : start + _TERM_BYTES] for start in range(0, len(terms), _TERM_BYTES))


def _matched(work: Work, units: Sequence[Unit], looked_up: str) -> dict[Find, set[str]]:
    """What stands of what is expected: each query once, with as many matches as can matter (those that
    the batch itself changes may fall out)."""
    changed = sum(write.version > 1 for unit in units for write in unit.writes)
    most: dict[Find, int] = {}
    for unit in units:
        for find, ids in ((one.find, one.ids) for one in unit.expects):
            most[find] = max(most.get(find, 0), len(ids) + changed + 1)
    matched: dict[Find, set[str]] = {find: set() for find in most}
    asked = list(most)
    for start in range(0, len(asked), _QUESTIONS):
        part = asked[start : start + _QUESTIONS]
        for number, id_ in _ask(work, [(find, most[find]) for find in part], looked_up):
            matched[part[number]].add(id_)
    return matched


def _ask(work: Work, questions: list[tuple[Find, int]], looked_up: str) -> list[tuple[Any, ...]]:
    """The ids that match, each with the number of its question."""
    arms, given = list[str](), list[Any]()
    for number, (find, most) in enumerate(questions):
        if where := candidates(rarest_first(work, find), looked_up):
            arms.append(f"SELECT {number}, id FROM (SELECT r.id {where.sql} LIMIT ?) AS found")
            given += (*where.parameters, most)
    return work.rows(" UNION ALL ".join(arms), given) if arms else []
