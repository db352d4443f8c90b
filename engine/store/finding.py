"""What finds resources: as SQL, and asked of one that is about to be written.

A query starts from what leaves the fewest: ids, then the rarest of its terms, then a span of time, then all
of a type in the order of creation; whatever else it asks is looked up for each candidate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from engine.resources import Find, Span, Write
from engine.store.database import Work, marks

__all__ = ["NARROW", "Candidates", "candidates", "is_wide", "matches", "rarest_first"]

NARROW: Final = 31 * 86400.0
"""Seconds. What lasts no longer is looked for among what begins so little before; what lasts longer (a
period without an end) stands apart."""

_COUNTED: Final = 1000
"""Terms are told apart up to so many resources."""

_SPAN: Final = "s.param = ? AND s.low <= ? AND s.high >= ?"


class Candidates(NamedTuple):
    """`FROM … WHERE …` with its parameters; `by` is the column of creation to page and order by (with a plus
    where SQLite is not to walk it: what the rest of the query leaves is few)."""

    sql: str
    parameters: tuple[Any, ...]
    by: str


class _Clause(NamedTuple):
    sql: str
    parameters: tuple[Any, ...]


def is_wide(span: Span) -> bool:
    """Whether it lasts longer than `NARROW`."""
    return span.high - span.low > NARROW


def rarest_first(work: Work, find: Find) -> Find:
    """The same query with the rarest of its terms in front."""
    if len(find.terms) < 2 or find.ids:
        return find
    counts = ", ".join(
        f"(SELECT count(*) FROM (SELECT 1 FROM terms WHERE digest IN ({marks(len(group))}) LIMIT {_COUNTED})"
        " AS few)"
        for group in find.terms
    )
    (found,) = work.rows(f"SELECT {counts}", tuple(digest for group in find.terms for digest in group))
    order = sorted(range(len(found)), key=found.__getitem__)
    return replace(find, terms=tuple(find.terms[number] for number in order))


def candidates(find: Find, looked_up: str) -> Candidates | None:
    """Where its matches are, alias `r` of `resources`; None when nothing can match. `after` and `limit`
    are the caller's, `looked_up` is `Database.looked_up`."""
    if not all((*find.terms, *find.spans)):
        return None
    terms, spans = list(find.terms), list(find.spans)
    source: _Clause | None = None
    if not find.ids and terms:
        source = _of_terms(terms.pop(0))
    elif not find.ids and spans:
        source = _of_spans(find, spans.pop(0))
    clauses = [_of_type(find), *map(_has_term, terms), *map(_has_span, spans)]
    asked = " AND ".join(clause.sql for clause in clauses)
    given = tuple(value for clause in clauses for value in clause.parameters)
    if source is None:
        few = find.ids or find.since or find.until
        return Candidates(f"FROM resources r WHERE {asked}", given, "+r.created" if few else "r.created")
    right = looked_up.format(table="resources", key="created", value="d.created")
    joined = f"FROM ({source.sql}) AS d CROSS JOIN {right} AS r WHERE r.created = d.created AND {asked}"
    return Candidates(joined, (*source.parameters, *given), "d.created")


def matches(find: Find, write: Write, at: float) -> bool:
    """Whether a resource is found once this is written."""
    key, terms = write.key, write.terms
    return (
        not write.deleted
        and (key.release, key.type) == (find.release, find.type)
        and (not find.ids or key.id in find.ids)
        and at >= find.since
        and (not find.until or at < find.until)
        and all(any(digest in terms for digest in group) for group in find.terms)
        and all(any(_overlap(one, span) for one in group for span in write.spans) for group in find.spans)
    )


def _overlap(one: Span, other: Span) -> bool:
    return one.param == other.param and one.low <= other.high and one.high >= other.low


def _of_type(find: Find) -> _Clause:
    sql, given = "r.release = ? AND r.type = ? AND r.deleted = 0", [find.release, find.type]
    if find.ids:
        sql, given = f"r.id IN ({marks(len(find.ids))}) AND {sql}", [*find.ids, *given]
    times: list[float] = []
    if find.since:
        sql, times = f"{sql} AND r.at >= ?", [find.since]
    if find.until:
        sql, times = f"{sql} AND r.at < ?", [*times, find.until]
    return _Clause(sql, (*given, *times))


def _of_terms(group: Sequence[bytes]) -> _Clause:
    if len(group) == 1:
        return _Clause("SELECT created FROM terms WHERE digest = ?", tuple(group))
    return _Clause(f"SELECT DISTINCT created FROM terms WHERE digest IN ({marks(len(group))})", tuple(group))


def _of_spans(find: Find, group: Sequence[Span]) -> _Clause:
    """UNION: one resource may have several spans that overlap."""
    kind = "SELECT s.created FROM spans s WHERE s.release = ? AND s.type = ?"
    narrow, wide = f"{kind} AND s.wide = 0 AND s.low >= ? AND {_SPAN}", f"{kind} AND s.wide = 1 AND {_SPAN}"
    given: list[Any] = []
    for one in group:
        asked = (one.param, one.high, one.low)
        given += (find.release, find.type, one.low - NARROW - 1, *asked, find.release, find.type, *asked)
    return _Clause(" UNION ".join((narrow, wide) * len(group)), tuple(given))


def _has_term(group: Sequence[bytes]) -> _Clause:
    held = f"t.digest IN ({marks(len(group))}) AND t.created = r.created"
    return _Clause(f"EXISTS (SELECT 1 FROM terms t WHERE {held})", tuple(group))


def _has_span(group: Sequence[Span]) -> _Clause:
    held = " OR ".join([f"({_SPAN})"] * len(group))
    given = tuple(value for one in group for value in (one.param, one.high, one.low))
    return _Clause(f"EXISTS (SELECT 1 FROM spans s WHERE s.created = r.created AND ({held}))", given)
