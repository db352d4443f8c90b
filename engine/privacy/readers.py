"""Readers: the only way from a message to a value.

A channel's field paths are compiled once against the policy; a message then meets only closures.
What the policy forbids does not compile, so it cannot be read by accident.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from engine.errors import Misconfigured, Unacceptable
from engine.hl7.path import Path
from engine.hl7.reading import DELETE, Reading, Value
from engine.hl7.versions import older_places
from engine.privacy.authorities import Authorities
from engine.privacy.book import TokenBook
from engine.privacy.harvest import Harvester
from engine.privacy.identifiers import Identifier, layout_of
from engine.privacy.partial_readers import partial_reader, this_year
from engine.privacy.policy import Policy
from engine.privacy.rules import PARTIAL, Forbidden, Rule, Use
from engine.privacy.scanner import Scanner
from engine.privacy.table import v2_table

__all__ = ["Place", "Reader", "Readers"]

_SELECTOR = re.compile(r"\[(?P<type>[A-Z][A-Z0-9]{0,5})(?:@(?P<authority>[^\[\]]{1,80}))?\]")

Read = Callable[[Any, TokenBook], Value]


class Scoped(Protocol):
    """What is read, and who answers with tokens."""

    @property
    def view(self) -> Any: ...
    @property
    def book(self) -> TokenBook: ...


class Place(Protocol):
    """A parsed path."""

    @property
    def text(self) -> str: ...


class Reader:
    """One compiled path. `reader(view, book)` gives the value, `DELETE` for `""`, None for empty;
    a token's text where the policy says token. `rule` names the row of the allow-list, `segments` what
    is looked into, `at` is what the view names it by in an error (`view.place(at)`), `leads` the segment and
    the number of a field that it reads the first leaf of and nothing else."""

    __slots__ = ("at", "leads", "path", "read", "rule", "segments", "use")

    def __init__(
        self,
        path: str,
        use: Use,
        rule: Rule,
        read: Read,
        segments: frozenset[str],
        at: Place,
        leads: tuple[str, int] | None = None,
    ) -> None:
        self.path, self.use, self.rule, self.read, self.segments = path, use, rule, read, segments
        self.at, self.leads = at, leads

    def __call__(self, view: Any, book: TokenBook) -> Value:
        return self.read(view, book)

    def __repr__(self) -> str:
        return f"Reader({self.path!r}, {self.use!r})"

    def populated(self) -> Callable[[Scoped], str | None]:
        """Reads trimmed text, or a token; `None` for blanks and for `""`."""
        return _populated(self.read) if self.leads is None else _first_populated(self.read, *self.leads)


class Readers:
    """Compiles a channel's paths. Its readers may be shared between threads, a book may not.

    `numbers` are the places of identifiers that its paths name so far; `now` gives the year in which a
    birth is read."""

    def __init__(
        self, policy: Policy, authorities: Authorities | None = None, now: Callable[[], int] = this_year
    ) -> None:
        self.policy, self._now = policy, now
        self._scanner = Scanner(Harvester(policy))
        self.authorities = authorities or Authorities()
        self.numbers: set[str] = set()

    def reader(self, text: str, use: Use) -> Reader:
        """The reader of a path such as `FT1-7.1`, `PID-3` (the person's token), `PID-3[2]`,
        `PID-3[MR]` (by CX.5) or `PID-3[MR@HOSP]` (and assigning authority).

        Raises `Misconfigured` for what is no path, `Forbidden` for what may not be read for this use."""
        selector = _SELECTOR.search(text)
        path = Path.parse(text if selector is None else text.replace(selector[0], "", 1))
        rule = self.policy.permitted(path, use)
        identifier = self._identifier(text, path, selector)
        if identifier is not None:
            if rule.treatment == "token":
                self.numbers.add(_bare(path))
            read = _token(identifier, path, rule) if rule.treatment == "token" else _beside(identifier)
        else:
            read = self._part(path, rule) if rule.treatment in PARTIAL else _leaf(path)
        leads = _leads(path) if identifier is None and rule.treatment not in PARTIAL else None
        older = [place for place in older_places(path) if self._may_read(place, use)]
        if older:
            read = _or_older(path.segment, read, [_leaf(place) for place in older])
            leads = None
        segments = frozenset(place.segment for place in (path, *older))
        return Reader(text, use, rule, read, segments, path, leads)

    def _part(self, path: Path, rule: Rule) -> Read:
        part = partial_reader(path, rule, self._now, self._scanner)
        return lambda view, _: part(view)

    def _may_read(self, path: Path, use: Use) -> bool:
        try:
            self.policy.permitted(path, use)
        except Forbidden:
            return False
        return True

    def _identifier(self, text: str, path: Path, selector: re.Match[str] | None) -> Identifier | None:
        """The choice of a repetition, for a field that holds identifiers; None for any other."""
        field = self.policy.treatment(path.segment, path.field)
        row = v2_table().fields.get((path.segment, path.field))
        layout = layout_of(row.datatypes) if row is not None and field.treatment == "token" else None
        if selector is None:
            return None if layout is None else Identifier(path, layout, field.domain, self.authorities)
        if layout is None or not layout.type:
            raise Misconfigured("this field has no identifier type", hint="write the repetition's number")
        only = self.authorities.name(selector["authority"] or "", "")
        chosen = Identifier(path, layout, field.domain, self.authorities, kind=selector["type"], only=only)
        if not chosen.possible:
            raise Forbidden(text, "value", field, "a number of this type never becomes a token")
        return chosen


def _bare(path: Path) -> str:
    """The place that a path reads numbers from, whichever of them."""
    place = f"{path.segment}-{path.field}"
    return place if path.component == 1 else f"{place}.{path.component}"


def _token(identifier: Identifier, path: Path, rule: Rule) -> Read:
    domain, find = rule.domain, identifier.find

    def read(view: Reading, book: TokenBook) -> Value:
        found = find(view)
        if not isinstance(found, tuple):
            return found
        try:
            return book.token(domain, *found)
        except Unacceptable as error:
            raise Unacceptable(error.code, view.place(path), error.text) from None

    return read


def _beside(identifier: Identifier) -> Read:
    def read(view: Reading, _: TokenBook) -> Value:
        return identifier.beside(view)

    return read


def _leaf(path: Path) -> Read:
    if path.occurrence > 1:
        return lambda view, _: view.value(path)
    segment, number = path.segment, path.field
    at = (number, path.component, path.subcomponent, path.repetition)
    if _leads(path):
        return _first_leaf(segment, number)

    def read(view: Reading, _: TokenBook) -> Value:
        fields = view.first(segment)
        return None if fields is None else view.leaf(fields, *at)

    return read


def _leads(path: Path) -> tuple[str, int] | None:
    """The segment and the field whose first leaf is read; None when it is another."""
    first = path.occurrence == path.component == path.subcomponent == path.repetition == 1
    return (path.segment, path.field) if first else None


def _populated(read: Read) -> Callable[[Scoped], str | None]:
    def value(scope: Scoped) -> str | None:
        found = read(scope.view, scope.book)
        if found is None or found is DELETE:
            return None
        return found.strip() or None

    return value


def _first_populated(read: Read, segment: str, number: int) -> Callable[[Scoped], str | None]:
    """The same of a first leaf, by far the most often asked for: letters and digits alone are all of it."""
    other = _populated(read)

    def value(scope: Scoped) -> str | None:
        view = scope.view
        fields = view.first(segment)
        if fields is None or number >= len(fields):
            return None
        text: str = fields[number]
        if text.isalnum():
            return text
        if not text:
            return None
        text = text.partition(view.delimiters.component)[0]
        return text if text.isalnum() else other(scope)

    return value


def _first_leaf(segment: str, number: int) -> Read:
    """The first leaf of a field, by far the most often asked for. What stands before the first
    component separator and is letters and digits alone holds no other delimiter: it is the leaf."""

    def read(view: Reading, _: TokenBook) -> Value:
        fields = view.first(segment)
        if fields is None or number >= len(fields):
            return None
        text = fields[number]
        if text.isalnum():
            return text
        if not text:
            return None
        head = text.partition(view.delimiters.component)[0]
        return head if head.isalnum() else view.leaf(fields, number)

    return read


def _or_older(segment: str, read: Read, older: Sequence[Read]) -> Read:
    """What `read` reads, or where the message has no such segment, what older ones have elsewhere."""

    def found(view: Reading, book: TokenBook) -> Value:
        if view.first(segment) is not None:
            return read(view, book)
        return next((value for one in older if (value := one(view, book)) is not None), None)

    return found
