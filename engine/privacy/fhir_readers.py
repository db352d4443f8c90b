"""Readers of FHIR resources: the only way from a resource to a value.

A channel's field paths are compiled once against the policy; a resource then meets only closures. What the
policy forbids does not compile. `follows` are the references that the paths lead through or to: what they
point to is to be at hand when a resource is read (`engine.gathering`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from typing import Any

import msgspec

from engine.errors import Misconfigured, Unacceptable
from engine.fhir.document import Element, Resource
from engine.fhir.path import Path, Step
from engine.fhir.releases import RELEASES
from engine.privacy.authorities import Authorities
from engine.privacy.book import TokenBook
from engine.privacy.fhir_numbers import Choice, Numbers, tellable
from engine.privacy.fhir_policy import FhirPolicy, Leaf
from engine.privacy.fhir_reading import (
    code_of,
    id_of,
    literal_of,
    stand_in,
    text_of,
    token_of,
    token_of_itself,
)
from engine.privacy.fhir_table import THINGS
from engine.privacy.partial import year, zip3
from engine.privacy.partial_readers import born, this_year
from engine.privacy.readers import Reader
from engine.privacy.rules import Forbidden, Rule, Use

__all__ = ["FhirReaders"]

View = Resource | Element
Find = Callable[[View, TokenBook], str | None]

_TYPED = re.compile(r"(?P<kind>[A-Z][A-Z0-9]{0,5})(?:@(?P<authority>.{1,80}))?")
_CHOOSES = frozenset({"code", "identifier", "reference", "id"})


class FhirReaders:
    """Compiles a channel's paths. `systems` are its short names of coding and identifier systems, `types`
    the resources that come to it, `releases` those it speaks. Its readers may be shared between threads, a
    book may not.

    `named` are the types that its paths name so far, `used_systems` the systems, `nowhere` the elements that
    none of the releases has."""

    def __init__(
        self,
        policy: FhirPolicy,
        authorities: Authorities | None = None,
        systems: Mapping[str, str] | None = None,
        *,
        types: Collection[str] = (),
        releases: Collection[str] = RELEASES,
        now: Callable[[], int] = this_year,
    ) -> None:
        self.policy, self._now = policy, now
        self.follows: set[Path] = set()
        self.named: set[str] = set()
        self.used_systems: set[str] = set()
        self.nowhere: set[str] = set()
        self._types, self._releases = types, releases
        self.authorities = authorities or Authorities()
        self._numbers = Numbers(self.authorities)
        self._systems = systems or {}

    def reader(self, text: str, use: Use) -> Reader:
        """The reader of a path such as `ChargeItem.code[cdm]`, `ChargeItem.subject` (the person's token),
        `SupplyRequest.deliverTo[Location]` (the place's id) or `ChargeItem.subject->Patient.identifier[MR]`.

        Raises `Misconfigured` for what is no path, `Forbidden` for what may not be read for this use."""
        path = Path.parse(text)
        if self._types and path.type not in self._types:
            close = get_close_matches(path.type, self._types, 1)
            hint = f"did you mean {close[0]}?" if close else "name it under resources:"
            raise Misconfigured(f"no {path.type} comes to this channel", hint=hint)
        find, rule = self._path(path, use, ())

        def read(view: View, book: TokenBook) -> str | None:
            try:
                return find(view, book)
            except Unacceptable as error:
                raise Unacceptable(error.code, view.place(path), error.text) from None

        return Reader(text, use, rule, read, path.elements, path)

    def _path(self, path: Path, use: Use, before: tuple[Path, ...]) -> tuple[Find, Rule]:
        """How a path is read that goes on from where `before` led to."""
        own = msgspec.structs.replace(path, then=None)
        self.named |= {path.type, *(step.chosen for step in path.steps)}
        if not self.policy.exists(own, self._releases):
            self.nowhere.add(".".join((path.type, *path.names)))
        if path.then is not None:
            self.follows.add(_chain((*before, own)))
            inner, rule = self._path(path.then, use, (*before, own))
            return self._through(own, path.then.type, inner), rule
        leaf = self.policy.permitted(own, use)
        if leaf.shape in ("reference", "id") and leaf.chosen not in THINGS:
            self.follows.add(_chain((*before, own)))
        return self._leaf(own, leaf), leaf.rule

    def _through(self, path: Path, type_: str, inner: Find) -> Find:
        """What `inner` finds in the resources of this type that a reference points to."""
        leaf = self._link(path)
        if leaf.rule.treatment not in ("keep", "token") or leaf.shape not in ("reference", "id"):
            raise Forbidden(path.text, "value", leaf.rule, "only references that may be read are followed")
        steps = _steps(path, leaf)

        def find(view: View, book: TokenBook) -> str | None:
            for node in view.nodes(path, steps):
                linked = view.whole.linked(literal_of(node)) or stand_in(view, node, type_)
                if linked is not None and linked.type == type_:
                    found = inner(linked, book)
                    if found is not None:
                        return found
            return None

        return find

    def _link(self, path: Path) -> Leaf:
        """The reference that a path leads to; that of a CodeableReference is its `reference`."""
        leaf = self.policy.leaf(path)
        if leaf.shape != "code":
            return leaf
        return self.policy.leaf(msgspec.structs.replace(path, steps=(*path.steps, Step("reference"))))

    def _leaf(self, path: Path, leaf: Leaf) -> Find:
        """How a place is read where it stands."""
        if leaf.chosen and leaf.shape not in _CHOOSES:
            raise Misconfigured(
                f"nothing to choose from by {leaf.chosen} here", hint="a list is chosen from by [2]"
            )
        if leaf.shape in ("own", "nth"):
            return lambda view, _: _ours(view, path, leaf)
        if leaf.shape == "self":
            return lambda view, book: (
                token_of_itself(view.whole, leaf.rule.domain, self._numbers, book)
                if view.whole.type == path.type
                else None
            )
        one, steps = self._one(leaf), _steps(path, leaf)
        if leaf.shape == "identifier":
            return self._identifier(path, leaf, steps)

        def find(view: View, book: TokenBook) -> str | None:
            for node in view.nodes(path, steps):
                found = one(view, node, book)
                if found is not None:
                    return found
            return None

        return find

    def _one(self, leaf: Leaf) -> Callable[[View, Any, TokenBook], str | None]:
        """How one node is read."""
        domain, wanted, numbers = leaf.rule.domain, leaf.chosen, self._numbers
        if leaf.shape == "code":
            system = self._system(wanted) if wanted else ""
            return lambda _view, node, _book: code_of(node, system, leaf.of)
        if leaf.shape == "reference":
            return lambda view, node, book: token_of(view, node, domain, wanted, numbers, book)
        if leaf.shape == "id":
            return lambda view, node, _book: id_of(view, node, wanted)
        if leaf.rule.treatment == "token":
            return lambda _view, node, book: _plain_token(node, domain, book)
        if leaf.rule.treatment == "year":
            now = self._now if born(leaf.rule) else None
            return lambda _view, node, _book: year(text_of(node) or "", now() if now else None)
        if leaf.rule.treatment == "zip3":
            return lambda _view, node, _book: _zip3(node)
        return lambda _view, node, _book: text_of(node)

    def _identifier(self, path: Path, leaf: Leaf, steps: tuple[Step, ...]) -> Find:
        """The number that is meant, of all that stand there: its token, its value or its system."""
        choice = self._choice(leaf.chosen)
        domain, numbers, known = leaf.rule.domain, self._numbers, frozenset(self._systems.values())
        if not numbers.possible(choice, domain):
            raise Forbidden(path.text, "value", leaf.rule, "a number of this kind never leaves")

        def token(view: View, book: TokenBook) -> str | None:
            found = numbers.find(view.nodes(path, steps), domain, choice)
            return None if found is None else book.token(domain, found.authority, found.kind, found.value)

        def part(view: View, _: TokenBook) -> str | None:
            chosen = filter(tellable, numbers.chosen(view.nodes(path, steps), choice))
            found = next((text for one in chosen if (text := text_of(one.get(leaf.of)))), None)
            return found if leaf.of == "value" or found in known else None

        return token if leaf.rule.treatment == "token" else part

    def _choice(self, chosen: str) -> Choice:
        typed = _TYPED.fullmatch(chosen)
        if typed is not None:
            return Choice(kind=typed["kind"], authority=typed["authority"] or "")
        return Choice(system=self._system(chosen)) if chosen else Choice()

    def _system(self, name: str) -> str:
        """The system that a short name stands for. Raises `Misconfigured`."""
        system = self._systems.get(name)
        if system is None:
            close = get_close_matches(name, self._systems, 1)
            hint = f"did you mean {close[0]}?" if close else "name it under systems:"
            raise Misconfigured(f"there is no system {name}", hint=hint)
        self.used_systems.add(name)
        return system


def _chain(parts: tuple[Path, ...]) -> Path:
    """Parts of a path as one."""
    path: Path | None = None
    for part in reversed(parts):
        path = msgspec.structs.replace(part, then=path)
    assert path is not None  # noqa: S101 - there is at least one part
    return path


def _steps(path: Path, leaf: Leaf) -> tuple[Step, ...]:
    """The steps to the nodes that are read."""
    below = path.steps[leaf.depth : leaf.depth + len(leaf.walk)]
    named = tuple(step.name for step in below) == leaf.walk
    return (*path.steps[: leaf.depth], *(below if named else map(Step, leaf.walk)))


def _own(whole: Resource, path: Path, of: str) -> str | None:
    if whole.type != path.type:
        return None
    return (whole.id if of == "id" else str(whole.version)) or None


def _ours(view: View, path: Path, leaf: Leaf) -> str | None:
    """What this server knows of a resource or an element, and nobody sent."""
    return _own(view.whole, path, leaf.of) if leaf.shape == "own" else _nth(view, path)


def _nth(view: View, path: Path) -> str | None:
    """Which of its like an element is, from 1: `SupplyDelivery.suppliedItem.number` under its `for_each`."""
    if isinstance(view, Element) and view.anchor == ".".join((path.type, *path.names[:-1])):
        return str(view.number)
    return None


def _plain_token(node: Any, domain: str, book: TokenBook) -> str | None:
    text = text_of(node)
    return book.token(domain, "", "", text) if text and text.strip() else None


def _zip3(address: Any) -> str | None:
    code, country = (text_of(address.get(name)) or "" for name in ("postalCode", "country"))
    return zip3(code, country)
