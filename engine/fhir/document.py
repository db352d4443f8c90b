"""A stored version of a resource as channels see it: addressed by field paths, with what it refers to.

Whatever is read is text: numbers as they were sent, `true` and `false`. A deletion reads as the last
version with the status `entered-in-error`: what it stood for was a mistake. `links` are the resources that
it refers to, as far as they are stored here (`engine.gathering`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from engine.errors import Unacceptable
from engine.fhir import references
from engine.fhir.path import Path, Step, element_of
from engine.fhir.stored import unpack
from engine.model import Reason, ReasonCode
from engine.resources import ResourceKey

__all__ = ["Element", "Links", "Resource"]

MAX_WARNINGS = 100  # that a message keeps
MAX_DIGITS = 30  # of a number that is written with an exponent

Node = Any
"""A part of a resource: text, a list or a mapping."""


def _as_sent(number: str) -> str:
    """A decimal as it was sent; one with an exponent is written out, if it is of a size that is meant."""
    if "e" not in number.lower() or abs(Decimal(number).adjusted()) > MAX_DIGITS:
        return number
    return format(Decimal(number), "f")


_DECODER = msgspec.json.Decoder(float_hook=_as_sent)


class Resource:
    """A resource addressed by field paths. Never shows content in its `repr`."""

    __slots__ = ("body", "deleted", "id", "links", "more_warnings", "release", "type", "version", "warnings")

    def __init__(
        self,
        release: str,
        type_: str,
        id_: str,
        version: int,
        body: dict[str, Node],
        *,
        deleted: bool = False,
    ) -> None:
        self.release, self.type, self.id, self.version = release, type_, id_, version
        self.body, self.deleted = body, deleted
        self.warnings: list[Reason] = []
        self.links: Links = {}
        if deleted:
            body["status"] = "entered-in-error"

    @classmethod
    def parse(cls, raw: bytes) -> Resource:
        """The resource in `raw` (`engine.fhir.stored`). Raises `Unacceptable` (`structure`)."""
        stored = unpack(raw)
        return cls(
            stored.release,
            stored.type,
            stored.id,
            stored.version,
            _body(stored.body),
            deleted=stored.deleted,
        )

    @classmethod
    def of(cls, key: ResourceKey, version: int, body: bytes, *, deleted: bool = False) -> Resource:
        """The resource of a stored version. Raises `Unacceptable` (`structure`)."""
        return cls(key.release, key.type, key.id, version, _body(body), deleted=deleted)

    def __repr__(self) -> str:
        return f"Resource({self.type}/{self.id}/{self.version})"

    def place(self, path: Path) -> str:
        """The path as an error names it."""
        return path.text

    def warn(self, code: ReasonCode, place: str, text: str) -> None:
        """Say what a person should know although the resource can be used: a place and a fixed phrase."""
        reason = Reason(code, text, place)
        if len(self.warnings) < MAX_WARNINGS and reason not in self.warnings:
            self.warnings.append(reason)

    def nodes(self, path: Path, steps: Sequence[Step]) -> list[Node]:
        """What stands at the end of `steps` of `path`, of all repetitions on the way; nothing when the
        path is about another type."""
        return list(_reached([self.body], steps)) if path.type == self.type else []

    @property
    def whole(self) -> Resource:
        """The resource itself."""
        return self

    def groups(self, anchor: str) -> list[Element]:
        """The elements that `anchor` names (`SupplyDelivery.suppliedItem`), each read on its own."""
        type_, names = element_of(anchor)
        if type_ != self.type:
            return []
        found = _reached([self.body], [Step(name) for name in names])
        known: dict[frozenset[str], bool] = {}
        return [Element(self, anchor, names, number, node, known) for number, node in enumerate(found, 1)]

    def linked(self, reference: Node) -> Resource | None:
        """The resource that the text of a reference points to: contained, or stored here."""
        target = references.parse(reference) if isinstance(reference, str) else None
        if target is None or target.kind not in ("contained", "literal"):
            return None
        if target.kind == "contained":
            return self._contained(target.id)
        return self.links.get(ResourceKey(self.release, target.type, target.id))

    def _contained(self, id_: str) -> Resource | None:
        listed = self.body.get("contained")
        for one in listed if isinstance(listed, list) else ():
            if isinstance(one, dict) and one.get("id") == id_ and isinstance(one.get("resourceType"), str):
                found = Resource(self.release, one["resourceType"], "", 0, one)
                found.links, found.warnings = self.links, self.warnings
                return found
        return None


class Element:
    """The `number`-th (from 1) element that `anchor` names, read as if it were the only one."""

    __slots__ = ("_names", "_node", "anchor", "known", "number", "warnings", "whole")

    def __init__(
        self,
        whole: Resource,
        anchor: str,
        names: tuple[str, ...],
        number: int,
        node: Node,
        known: dict[frozenset[str], bool],
    ) -> None:
        self.known = known
        self.whole, self.anchor, self.number, self.warnings = whole, anchor, number, whole.warnings
        self._names, self._node = names, node

    def __repr__(self) -> str:
        return f"Element({self.anchor}[{self.number}])"

    def common(self, element: str) -> bool:
        """Whether an element of the resource is none of this one's."""
        return element != self.anchor

    def place(self, path: Path) -> str:
        """The path as an error names it: `SupplyDelivery.suppliedItem[2].quantity`."""
        own = self._own(path, path.steps)
        if own is None:
            return path.text
        behind = path.text[len(self.anchor) :]
        return f"{self.anchor}[{self.number}]{behind}"

    def warn(self, code: ReasonCode, place: str, text: str) -> None:
        """As `Resource.warn`."""
        self.whole.warn(code, place, text)

    def nodes(self, path: Path, steps: Sequence[Step]) -> list[Node]:
        """As `Resource.nodes`, of this element where the path is about it."""
        own = self._own(path, steps)
        return self.whole.nodes(path, steps) if own is None else list(_reached([self._node], own))

    def _own(self, path: Path, steps: Sequence[Step]) -> Sequence[Step] | None:
        """The steps that lead on from this element; None for a path beside it."""
        depth = len(self._names)
        above = tuple(step.name for step in steps[:depth])
        chosen = any(step.number for step in steps[:depth])
        return None if chosen or path.type != self.whole.type or above != self._names else steps[depth:]


Links = Mapping[ResourceKey, Resource]
"""Stored resources by their keys."""


def _body(raw: bytes) -> dict[str, Node]:
    try:
        body = _DECODER.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Unacceptable("structure", "", "not the JSON of a resource", hl7=100)
    return body


def _reached(nodes: Sequence[Node], steps: Sequence[Step]) -> Iterator[Node]:
    """What stands at the end of the steps, in document order."""
    if not steps:
        yield from nodes
        return
    step, *rest = steps
    for node in nodes:
        found = node.get(step.name) if isinstance(node, dict) else None
        if found is None:
            continue
        listed = found if isinstance(found, list) else [found]
        if step.number:
            listed = listed[step.number - 1 : step.number]
        yield from _reached(listed, rest)
