"""What in a FHIR resource identifies somebody: as `engine.privacy.harvest`, by element and datatype.

The resource is walked with the table of elements; where the table stops (a contained resource of another
type, an extension) the datatypes are told by their shape: what has `family` is a name, what has `postalCode`
an address. The resources that it refers to are looked into as well, for channels read through references.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.fhir import references
from engine.fhir.document import Resource
from engine.privacy.fhir_table import OUR_OWN, PERSONS, THINGS, fhir_table
from engine.privacy.harvest import Kind, Seen
from engine.privacy.table import Row

__all__ = ["fhir_harvest"]

Place = tuple[str, ...]

_CLOSED = frozenset({"token", "drop", "scan", "deny", "recurse"})
_KINDS: dict[str, Kind] = {
    "name": "name", "id": "number", "order-id": "number", "txn-id": "number", "device-id": "number",
    "contact": "contact", "geo": "address", "text": "text", "value": "text",
}  # fmt: skip
_TEXTS = frozenset({"String", "Markdown"})
_DATES = frozenset({"birthDate", "deceasedDateTime"})
_NUMBERS_OF_PERSONS = frozenset({"Patient", "RelatedPerson", "Person", "Encounter", "Account"})
_NOBODY = THINGS | OUR_OWN
_ADDRESS = ("line", "city", "district", "postalCode", "text")
_ADDRESS_ONLY = frozenset({"line", "city", "postalCode"})


def fhir_harvest(resource: Resource) -> list[Seen]:
    """All identifying values of a resource and of those that it refers to, as far as they are at hand. The
    ids of those that are stored here were made up here: they identify nobody, but for ids of persons."""
    found = list(_resource(resource.body, resource.type))
    reached = _reached(resource)
    for linked in reached:
        found += _resource(linked.body, linked.type)
        if linked.id and linked.type in PERSONS:
            found.append(_number(linked.id, f"{linked.type}.id", linked.type))
    made_here = {one.id for one in (resource, *reached) if one.type not in PERSONS}
    return [one for one in found if not (one.row.endswith(".reference") and one.text in made_here)]


def _reached(resource: Resource) -> list[Resource]:
    """The resources at hand that it refers to, and those that they do, each once."""
    reached: list[Resource] = []
    ahead = [resource]
    while ahead:
        one = ahead.pop()
        for text in _references(one.body):
            linked = resource.linked(text) if text[:1] != "#" else None  # contained ones are in its body
            if linked is not None and all(linked is not other for other in (resource, *reached)):
                reached.append(linked)
                ahead.append(linked)
    return reached


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(text := node.get("reference"), str):
            yield text
        for one in node.values():
            yield from _references(one)
    elif isinstance(node, list):
        for one in node:
            yield from _references(one)


def _resource(body: dict[str, Any], type_: str) -> Iterator[Seen]:
    if isinstance(own := body.get("id"), str) and type_ in PERSONS:  # others' ids are made up here
        yield _number(own, f"{type_}.id", type_)
    for name, value in body.items():
        if name == "contained":
            for one in _listed(value):
                if isinstance(one, dict):
                    yield from _resource(one, str(one.get("resourceType", "")))
        elif name == "text" and isinstance(value, dict):
            yield from _narrative(value)
        elif name not in ("meta", "resourceType", "id", "implicitRules", "language"):
            yield from _element(value, (type_, name))


def _element(value: Any, place: Place) -> Iterator[Seen]:
    row = fhir_table().rows.get(place)
    for one in _listed(value):
        if isinstance(one, dict):
            yield from _complex(one, place)
        elif isinstance(one, str):
            yield from _primitive(one, place, row)


def _complex(node: dict[str, Any], place: Place) -> Iterator[Seen]:
    """What a datatype holds, told by its shape; any other is walked through."""
    path = ".".join(place)
    if _is_name(node, place):
        yield from _named(node, path)
    elif place[-1] in ("address", "valueAddress") or not _ADDRESS_ONLY.isdisjoint(node):
        for name in _ADDRESS:
            yield from (Seen("address", one, f"{path}.{name}") for one in _texts(node.get(name)))
    elif place[-1] in ("telecom", "contactPoint", "valueContactPoint"):
        yield from (Seen("contact", one, f"{path}.value") for one in _texts(node.get("value")))
    elif place[-1] in ("identifier", "valueIdentifier") or (
        "value" in node and place[-2:-1] == ("identifier",)
    ):
        yield from (_number(one, f"{path}.value", place[0]) for one in _texts(node.get("value")))
    elif isinstance(node.get("reference"), str) or isinstance(node.get("identifier"), dict):
        yield from _reference(node, path)
    else:
        for name, value in node.items():
            yield from _element(value, (*place, name))


def _is_name(node: dict[str, Any], place: Place) -> bool:
    return "family" in node or "given" in node or (place[-1] == "name" and "text" in node)


def _named(node: dict[str, Any], path: str) -> Iterator[Seen]:
    given, family = _texts(node.get("given")), _texts(node.get("family"))
    parts = [*given, *family]
    if parts:
        yield Seen("name", " ".join(parts), f"{path}.family")
    if len(given) > 1:
        yield Seen("name", " ".join((given[0], *family)), f"{path}.family")
    yield from (Seen("name", one, f"{path}.text") for one in _texts(node.get("text")))


def _reference(node: dict[str, Any], path: str) -> Iterator[Seen]:
    """The id that it points to and the words beside it, unless it points to a place or a thing."""
    text = node.get("reference")
    target = references.parse(text) if isinstance(text, str) else None
    type_ = (target.type if target else "") or str(node.get("type", ""))
    if type_ in THINGS:
        return
    if target is not None and target.kind in ("literal", "absolute") and target.id and type_ not in _NOBODY:
        yield _number(target.id, f"{path}.reference", type_)
    yield from (Seen("name", one, f"{path}.display") for one in _texts(node.get("display")))
    if isinstance(named := node.get("identifier"), dict):
        yield from (_number(one, f"{path}.identifier", type_) for one in _texts(named.get("value")))


def _primitive(text: str, place: Place, row: Row | None) -> Iterator[Seen]:
    path = ".".join(place)
    if place[-1] in _DATES:
        yield Seen("date", text, path)
    elif row is not None and row.treatment in _CLOSED and row.letter.strip("-"):
        kind = _KINDS.get(row.phi_class)
        if kind == "number":
            yield _number(text, path, place[0])
        elif kind == "text" and not _TEXTS.isdisjoint(row.datatypes):
            yield Seen("text", text, path)
        elif kind is not None and kind != "text":
            yield Seen(kind, text, path)
    elif place[-1] == "authorString":
        yield Seen("name", text, path)
    elif place[-1] in ("display", "text", "valueString", "valueMarkdown", "div"):
        yield Seen("text", text, path)


def _narrative(node: dict[str, Any]) -> Iterator[Seen]:
    yield from (Seen("text", one, "*.text.div") for one in _texts(node.get("div")))


def _number(text: str, path: str, type_: str) -> Seen:
    return Seen("number", text, path, short=type_ in _NUMBERS_OF_PERSONS)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _texts(value: Any) -> list[str]:
    return [one for one in _listed(value) if isinstance(one, str) and one]
