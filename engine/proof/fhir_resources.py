"""Resources of FHIR with a canary in every element that can hold one (spec: PHI, P01): what the models of
fhir.resources say there is, of each release, with extensions, narrative and contained resources.

Of elements that exclude each other (`occurrence[x]`) one resource has one; there are as many resources of a
type as it takes to have them all.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import Any, Final, NamedTuple

from engine.errors import Misconfigured
from engine.fhir import models
from engine.fhir.json_text import number
from engine.fhir.models import Element, Shape
from engine.fhir.path import Path
from engine.fhir.releases import Release
from engine.privacy.fhir_policy import FhirPolicy
from engine.proof.canaries import Canaries

__all__ = ["Made", "resources_of"]

_DEEPEST: Final = 5
"""Data types within data types: deeper there is nothing new."""

_SKIPPED: Final = frozenset({"modifierExtension", "contained", "fhir_comments", "implicitRules"})
_WITHIN: Final = frozenset({"extension", "id"})


class Made(NamedTuple):
    """A resource, and the elements that hold a canary (`SupplyRequest.identifier.value`)."""

    name: str
    body: dict[str, Any]
    places: frozenset[str]


def resources_of(type_: str, release: Release, canaries: Canaries) -> Iterator[Made]:
    """Resources of a type that together have every element of it."""
    shape = models.shape(release, type_)
    count = max(_choices(shape, release))
    for at in range(count):
        name = f"{type_} {release}" + (f" {at + 1}" if at else "")
        yield _Maker(name, release, at, canaries).resource(shape)


class _Maker:
    """Makes one resource; `number` chooses among what excludes each other."""

    def __init__(self, name: str, release: Release, number: int, canaries: Canaries) -> None:
        self._name, self._release, self._number, self._canaries = name, release, number, canaries
        self._places: set[str] = set()

    def resource(self, shape: Shape) -> Made:
        body = {"resourceType": shape.kind, **self._object(shape, shape.kind, 0)}
        body.pop("id", None)
        if "contained" not in shape.elements:
            return Made(self._name, body, frozenset(self._places))
        body["contained"] = [self._contained()]
        pointer = {"url": "urn:proof:contained", "valueReference": {"reference": "#p1"}}
        body["extension"] = [*body.get("extension", []), pointer]
        return Made(self._name, body, frozenset(self._places))

    def _contained(self) -> dict[str, Any]:
        shape = models.shape(self._release, "Patient")
        made = self._object(shape, "contained", _DEEPEST - 2)
        for name in ("meta", "extension", "contact", "link", "communication"):
            made.pop(name, None)
        return {"resourceType": "Patient", **made, "id": "p1"}

    def _object(self, shape: Shape, path: str, depth: int) -> dict[str, Any]:
        chosen = {group: self._choice(shape, group) for group in shape.choices}
        made: dict[str, Any] = {}
        for name, element in shape.elements.items():
            if name in _SKIPPED or (element.choice and chosen[element.choice] != name):
                continue
            if name in _WITHIN and depth > 1 and shape.kind != "Extension":
                continue
            value = self._value(element, f"{path}.{name}", depth)
            if value is not None:
                made[name] = [value] if element.many else value
        if isinstance(made.get("start"), str) and isinstance(made.get("end"), str):
            made["start"], made["end"] = sorted((made["start"], made["end"]))
        return made

    def _choice(self, shape: Shape, group: str) -> str:
        there = _alternatives(shape, group)
        if shape.kind == "Extension":
            return "valueString"
        return there[self._number % len(there)]

    def _value(self, element: Element, path: str, depth: int) -> Any:
        if element.primitive:
            return self._primitive(element, path)
        if element.kind == "Resource" or (depth >= _DEEPEST and not element.required):
            return None
        if element.kind == "Extension":
            return {"url": "urn:proof", "valueString": self._word(f"{path}.value")} if depth <= 1 else None
        made = self._object(models.shape(self._release, element.kind), path, depth + 1)
        if element.kind in ("Reference", "CodeableReference"):
            self._aim(made, element, path)
        if element.kind == "Meta":
            made = {name: made[name] for name in ("source", "profile", "tag") if name in made}
        return made or None

    def _aim(self, made: dict[str, Any], element: Element, path: str) -> None:
        """References point to somebody whose id is a canary."""
        target = min(element.targets or {"Patient"}, key=lambda type_: (type_ != "Patient", type_))
        at = made.get("reference") if element.kind == "CodeableReference" else made
        if isinstance(at, dict):
            at["reference"] = f"{target}/{self._word(f'{path}.reference')}"
            at.pop("type", None)

    def _primitive(self, element: Element, path: str) -> Any:
        make = getattr(self, f"_{element.kind}", None)
        if element.codes is not None:
            return min(element.codes) if element.codes else "x"
        return make(path) if make else self._word(path)

    def _boolean(self, _path: str) -> bool:
        return True

    def _whole(self, _path: str) -> int:
        return 7

    _integer = _positiveInt = _unsignedInt = _whole  # noqa: N815 - named as the types are

    def _integer64(self, path: str) -> str:
        return self._digits(path)

    def _decimal(self, path: str) -> Any:
        return number(self._digits(path))

    def _date(self, path: str) -> str:
        self._places.add(path)
        if path.startswith("contained.") or not _passes(path):
            return self._canaries.day(f"{self._name}: {path}").isoformat()
        return "2026-11-21"

    def _dateTime(self, path: str) -> str:
        return f"{self._date(path)}T08:09:10.{self._digits(path)}Z"

    def _instant(self, path: str) -> str:
        return self._dateTime(path)

    def _time(self, path: str) -> str:
        return f"08:09:10.{self._digits(path)}"

    def _uri(self, path: str) -> str:
        return f"urn:proof:{self._word(path)}"

    _url = _canonical = _uri

    def _oid(self, path: str) -> str:
        return f"urn:oid:2.{self._digits(path)}"

    def _uuid(self, path: str) -> str:
        digits = self._digits(path).zfill(32)
        return f"urn:uuid:{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    def _base64Binary(self, path: str) -> str:
        return base64.b64encode(self._word(path).encode()).decode()

    def _xhtml(self, path: str) -> str:
        return f'<div xmlns="http://www.w3.org/1999/xhtml">{self._word(path)}</div>'

    def _word(self, path: str) -> str:
        self._places.add(path)
        return self._canaries.word(f"{self._name}: {path}", passes=self._passes(path))

    def _digits(self, path: str) -> str:
        self._places.add(path)
        return self._canaries.digits(f"{self._name}: {path}", passes=self._passes(path))

    def _passes(self, path: str) -> bool:
        """Whether the policy lets a channel read what stands here."""
        return not path.startswith("contained.") and _passes(path)


def _choices(shape: Shape, release: Release) -> Iterator[int]:
    """How many alternatives there are, in the type and in the parts that are its own."""
    yield 1
    yield from (len(_alternatives(shape, group)) for group in shape.choices)
    for element in shape.elements.values():
        if not element.primitive and element.kind.startswith(shape.kind) and element.kind != shape.kind:
            yield from _choices(models.shape(release, element.kind), release)


@cache
def _passes(path: str) -> bool:
    with suppress(Misconfigured):
        return FhirPolicy().leaf(Path.parse(path)).rule.treatment in ("keep", "opdate")
    return False


def _alternatives(shape: Shape, group: str) -> list[str]:
    """The names of a choice that are there in this release, in their order."""
    names, _ = shape.choices[group]
    return [name for name in shape.elements if name in names]
