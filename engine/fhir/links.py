"""What the references of one resource point to, and what it contains (FHIR R4/R5, Reference and 2.3.5
contained resources: ref-1, dom-3). Nothing outside the resource is looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.fhir import models, references
from engine.fhir.issues import Code
from engine.fhir.places import At
from engine.fhir.releases import Release

__all__ = ["Links", "Say"]

Say = Callable[[Code, str, At | str], None]
"""Takes a finding: code, fixed phrase, place."""


class Links:
    """The links of one resource while it is walked; `say` takes the findings. `inside` is the id of the
    contained resource that is walked, empty outside of any."""

    __slots__ = ("_conditional", "_contained", "_pointed", "_release", "_say", "inside")

    def __init__(self, resource: dict[str, Any], release: Release, say: Say, *, conditional: bool) -> None:
        self._release, self._say, self._conditional = release, say, conditional
        self._contained = _ids(resource.get("contained"))
        self._pointed: set[str] = set()
        self.inside = ""

    def pointed(self, text: str) -> None:
        """A URI that may be one to something contained (`#p1`)."""
        if text.startswith("#"):
            self._pointed.add(text[1:])

    def reference(self, value: dict[str, Any], targets: frozenset[str] | None, at: At) -> None:
        """A Reference, which may point to these types (None: to any)."""
        text = value.get("reference")
        if isinstance(text, str):
            self._form(text, (at, "reference"))
        self.target(value, targets, at)

    def target(self, value: dict[str, Any], targets: frozenset[str] | None, at: At) -> None:
        """Does a Reference point to a type that it may point to?"""
        type_ = self._type(value.get("reference"))
        for name, place in ((type_, "reference"), (value.get("type"), "type")):
            known = isinstance(name, str) and models.known(self._release, name)
            if known and targets is not None and name not in targets:
                self._say("invariant", "refers to a type that is not allowed here", (at, place))
            elif known and type_ and name != type_ and models.known(self._release, type_):
                self._say("invariant", "names another type than it refers to", (at, place))

    def unused(self, contained: Any, at: At | str) -> None:
        """After the walk: what is contained is referred to, by an id of its own."""
        seen: set[str] = set()
        for index, part in enumerate(contained if self._contained else ()):
            id_, place = part.get("id") if isinstance(part, dict) else None, ((at, "contained"), index)
            if not isinstance(id_, str):
                continue
            if id_ in seen:
                self._say("invariant", "an id that another contained resource has", (place, "id"))
            elif id_ not in self._pointed:
                self._say("invariant", "a contained resource must be referred to (dom-3)", place)
            seen.add(id_)

    def _form(self, text: str, at: At) -> None:
        found = references.parse(text)
        if found is None or (found.kind == "conditional" and not self._conditional):
            self._say("invariant", "is no reference to a resource", at)
        elif found.kind == "contained":
            self._pointed.add(found.id or self.inside)  # `#` alone is the resource around it
            if found.id and found.id not in self._contained:
                self._say("invariant", "refers to nothing that is contained (ref-1)", at)
        elif found.kind != "absolute" and found.type and not models.known(self._release, found.type):
            self._say("invariant", f"refers to no type of resource in {self._release}", at)

    def _type(self, text: Any) -> str:
        """The type that a reference says, or has where it is contained; empty when it cannot be told."""
        found = references.parse(text) if isinstance(text, str) else None
        if found is None:
            return ""
        return self._contained.get(found.id, "") if found.kind == "contained" else found.type


def _ids(contained: Any) -> dict[str, str]:
    """Id → type of the resources in `contained`, as far as they are any."""
    parts = contained if isinstance(contained, list) else []
    ids = ((part.get("id"), part.get("resourceType")) for part in parts if isinstance(part, dict))
    return {id_: type_ for id_, type_ in ids if isinstance(id_, str) and isinstance(type_, str)}
