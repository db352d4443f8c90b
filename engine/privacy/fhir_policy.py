"""The allow-list for FHIR: what becomes of every element of a resource (spec: PHI, sections 1 and 2).

Precedence: the element's own row, then how its treatment spreads over its datatype, where the generic rows
(Identifier, Reference, Coding …) speak; nothing found: denied. Narrative, contained resources and extensions
are never read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from typing import NamedTuple, cast

import msgspec

from engine.errors import Misconfigured
from engine.fhir.path import Path
from engine.fhir.resource_types import TYPES
from engine.privacy.fhir_datatypes import Inside, Names, Shape, inside, parts_of
from engine.privacy.fhir_table import OUR_OWN, PERSONS, THINGS, domain_of, domain_of_row, fhir_table
from engine.privacy.policy import MAY_READ, Change
from engine.privacy.rules import NARROWED, OFFERED, Forbidden, Rule, Treatment, Use, not_offered, widening
from engine.privacy.table import Row

__all__ = ["FhirPolicy", "Leaf"]


class Leaf(NamedTuple):
    """What becomes of one place, and how it is read (`engine.privacy.fhir_datatypes.Inside`) after the first
    `depth` elements; `chosen` is the word in brackets that chooses among codes, numbers or targets."""

    rule: Rule
    shape: Shape = "text"
    depth: int = 0
    walk: Names = ()
    of: str = ""
    chosen: str = ""


class FhirPolicy:
    """The table with a channel's changes. Immutable; safe to share between threads.

    Raises `Forbidden` for a change that the table does not offer, `Misconfigured` for no path."""

    def __init__(self, changes: Sequence[Change] = ()) -> None:
        self._table = fhir_table()
        self._changes: dict[tuple[str, ...], Change] = {}
        for change in changes:
            path = Path.parse(change.path)
            place = (path.type, *path.names)
            self._permit(change, FhirPolicy().leaf(path))
            self._changes[place] = change

    @property
    def changed(self) -> list[tuple[str, ...]]:
        """The places that the channel has otherwise than the table."""
        return list(self._changes)

    def permitted(self, path: Path, use: Use) -> Leaf:
        """What is read at a place that may be read for this use; `path.then` is not looked at. Raises
        `Forbidden`, and `Misconfigured` for an element that there is not."""
        leaf = self.leaf(path)
        if leaf.rule.treatment in MAY_READ[use]:
            return leaf
        raise Forbidden(path.text, use, leaf.rule, _advice(leaf.rule, path, use))

    def leaf(self, path: Path) -> Leaf:
        """What becomes of a place. Raises `Misconfigured` for an element that the type does not have."""
        generic = self._generic(path)
        if generic is not None:
            return generic
        if (path.type,) not in self._table.elements:
            types = [key[0] for key in self._table.elements if len(key) == 1]
            text = f"no resource that is read here is called {path.type}"
            raise Misconfigured(text, hint=_meant(path.type, types))
        depth, row = 1, self._row(path, 1)
        while row.treatment == "recurse" and depth < len(path.names):
            depth += 1
            row = self._row(path, depth)
        return Leaf(_rule(row, "deny")) if row.treatment == "recurse" else self._spread(row, path, depth)

    def exists(self, path: Path, releases: Collection[str]) -> bool:
        """Whether one of these releases has the element. The table knows R4 as R4B."""
        places = [(path.type, *path.names[:depth]) for depth in range(len(path.names), 0, -1)]
        row = next((self._table.rows[place] for place in places if place in self._table.rows), None)
        meant = {"R4B" if release == "R4" else release for release in releases}
        return row is None or not meant.isdisjoint(row.since.split("/"))

    def _row(self, path: Path, depth: int) -> Row:
        """The row of the element that the first `depth` names lead to."""
        above, name = (path.type, *path.names[: depth - 1]), path.names[depth - 1]
        row = self._table.rows.get((*above, name))
        if row is None:
            there = self._table.elements.get(above, ())
            raise Misconfigured(f"{'.'.join(above)} has no element {name}", hint=_meant(name, there))
        return row

    def _spread(self, row: Row, path: Path, depth: int) -> Leaf:
        """How the treatment of an element spreads over what lies in it."""
        place = (path.type, *path.names)
        changed = self._changes.get(place[: depth + 1])
        found = inside(row.datatypes, changed.treatment if changed else row.treatment, place[depth + 1 :])
        change = self._changes.get(place)
        if change is not None and changed is None:
            walk = place[depth + 1 :] if change.treatment != "zip3" else ()  # read beside its country
            found = Inside(change.treatment, walk=walk)
        chosen = _chosen(path, depth)
        if found.shape == "code" and chosen[:1].isupper():  # of a CodeableReference, the reference
            linked = inside(row.datatypes, row.treatment, (*place[depth + 1 :], "reference"))
            found = found if linked.treatment == "deny" else linked
        rule = _rule(row, found.treatment, domain_of_row(row, path.type), found.row)
        if "drop" in {one.treatment for one in (change, changed) if one is not None}:
            rule = msgspec.structs.replace(rule, narrowed=True)
        leaf = Leaf(rule, found.shape, depth, found.walk, found.of, chosen)
        return _to_one_type(leaf) if found.shape in ("reference", "id") and chosen else leaf

    def _generic(self, path: Path) -> Leaf | None:
        """What is the same of every type; None for an element of the type's own."""
        first, rows = path.names[0], self._table.rows
        place = (path.type, *path.names)
        if place[-1] == "number" and place not in rows and place[:-1] in rows:
            return Leaf(_ours(_rule(rows["*", "id"], "keep")), "nth")
        hidden = next((name for name in path.names if name in ("extension", "modifierExtension")), "")
        if hidden:
            return Leaf(_rule(rows["*", hidden], "deny"))
        if (path.type, first) in rows or (path.type,) not in self._table.elements:
            return None
        if path.names in (("id",), ("version",)):
            return _itself(rows["*", "id"], path)
        if first == "meta" and ("*", *path.names[:2]) in rows:
            row = rows["*", *path.names[:2]]
            found = inside(row.datatypes, row.treatment, path.names[2:])
            return Leaf(_rule(row, found.treatment), found.shape, 2, found.walk, found.of, _chosen(path, 2))
        general = next((place for place in (("*", first), ("*", first, "div")) if place in rows), None)
        return Leaf(_rule(rows[general], "drop")) if general else None

    def _permit(self, change: Change, leaf: Leaf) -> None:
        rule = leaf.rule
        if change.treatment == "drop":
            return
        offered = _offered(rule.option, change.path)
        if offered != change.treatment:
            text = "free text of a resource never passes" if rule.treatment == "scan" else not_offered(rule)
            raise Forbidden(change.path, "change", rule, text)
        if not (change.reason.strip() and change.reviewer.strip()):
            raise Forbidden(change.path, "change", rule, "to widen it, give a reason and a reviewer")


_TYPES = frozenset[str]().union(*TYPES.values())
_DI = "keep deviceIdentifier (DI) only"
_ADDRESS = "state+zip3"
_OF_ADDRESS: dict[str, Treatment] = {"state": "keep", "country": "keep", "postalCode": "zip3"}


def _itself(row: Row, path: Path) -> Leaf:
    """The id, which this server made up, and its own count of versions; of a person a token."""
    if path.type in PERSONS and path.names == ("id",):
        return Leaf(_rule(row, "token", domain_of(path.type)), "self")
    return Leaf(_ours(_rule(row, "keep")), "own", of=path.names[0])


def _ours(rule: Rule) -> Rule:
    """Of a number that this server made up or counted, or the id of a place or a thing: it identifies
    nobody, whatever the row says of those that are sent."""
    return msgspec.structs.replace(rule, letter="")


def _to_one_type(leaf: Leaf) -> Leaf:
    """A reference of which only one type of target is read (`[Location]`). Raises `Misconfigured` for what is
    no type."""
    if leaf.chosen not in _TYPES:
        text = f"no resource is called {leaf.chosen}"
        raise Misconfigured(text, hint=_meant(leaf.chosen, _TYPES))
    if leaf.rule.treatment not in ("keep", "token"):
        return leaf
    if leaf.chosen in THINGS or leaf.chosen in OUR_OWN:
        kept = msgspec.structs.replace(_ours(leaf.rule), treatment="keep")
        return leaf._replace(rule=kept, shape="id")
    domain = domain_of(leaf.chosen)
    rule = msgspec.structs.replace(leaf.rule, treatment="token", domain=domain)
    return leaf._replace(rule=rule, shape="reference")


def _offered(option: str, path: str) -> Treatment | None:
    last = path.rpartition(".")[2]
    if option == _DI:
        return "keep" if last == "deviceIdentifier" else None
    if option == _ADDRESS:
        return _OF_ADDRESS.get(last)
    return OFFERED.get(option)


def _rule(row: Row, treatment: str, domain: str = "", generic: str = "") -> Rule:
    """The rule of a row, or of the generic row that speaks of a part of it."""
    if generic:
        row = fhir_table().rows[tuple(generic.split("."))]
    known = "deny" if treatment in ("recurse", "reject") else treatment
    return Rule(cast(Treatment, known), row.option, domain, row.path, row.path, row.letter, row.phi_class)


def _advice(rule: Rule, path: Path, use: Use) -> str:
    """What to use instead."""
    if rule.narrowed:
        return NARROWED
    if rule.treatment == "token":
        return "a token has no place in a condition or a date; use it as a value or to order by"
    if rule.treatment == "opdate":
        return "use it where a date goes out (needed_at, date)"
    if rule.treatment == "engine":
        return "it can be tested in `when:`"
    if hint := widening(rule, use):
        return hint
    place = (path.type, *path.names)
    row = fhir_table().rows.get(place)
    parts = fhir_table().elements.get(place, ()) or (parts_of(row.datatypes) if row else ())
    if parts:
        return f"name one of its elements: {', '.join(parts[:8])}"
    if path.type in PERSONS:
        return f"use {path.type}.identifier for a token"
    return "use a code, a date, an identifier or a reference that the table lets pass"


def _chosen(path: Path, depth: int) -> str:
    """The word in brackets of the `depth`-th element or behind it."""
    return next((step.chosen for step in path.steps[depth - 1 :] if step.chosen and not step.number), "")


def _meant(word: str, there: Iterable[str]) -> str:
    known = sorted(there)
    close = get_close_matches(word, known, 1)
    return f"did you mean {close[0]}?" if close else f"one of: {', '.join(known[:12])}"
