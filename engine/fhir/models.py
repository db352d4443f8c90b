"""What each resource and data type is made of, taken from the models of fhir.resources: element names
in their order, types, cardinality, choices, codes, reference targets. Loaded type by type, when first
asked for.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from typing import Any, Final

import msgspec
from fhir_core import types as core

from engine.fhir import bindings
from engine.fhir.releases import RELEASES, Release
from engine.fhir.resource_types import TYPES

__all__ = ["PRIMITIVES", "Element", "Shape", "bare", "elsewhere", "expression", "known", "prepare", "shape"]

_PACKAGE: Final[dict[Release, str]] = {
    "R4": "fhir.resources.R4B",
    "R4B": "fhir.resources.R4B",
    "R5": "fhir.resources",
}
_NOT_IN_R4: Final = frozenset({"CodeableReference", "RatioRange"})  # data types that R4B added
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}")

PRIMITIVES: Final = frozenset(
    {
        "base64Binary", "boolean", "canonical", "code", "date", "dateTime", "decimal", "id", "instant",
        "integer", "integer64", "markdown", "oid", "positiveInt", "string", "time", "unsignedInt", "uri",
        "url", "uuid", "xhtml",
    }
)  # fmt: skip
_OTHER_NAMES: Final = {
    "bool": "boolean",
    "bytes": "base64Binary",
    "str": "string",
    "int": "integer",
    "UUID": "uuid",
}
_MARKERS: Final = {name[0].upper() + name[1:]: name for name in PRIMITIVES} | {"DateTime": "dateTime"}


class Element(msgspec.Struct, frozen=True):
    """One element of a type. `kind` is a primitive (`code`) or what its own shape is asked for by
    (`Quantity`, `SupplyRequestParameter`; `Resource` for any resource). `choice` names its group (`item`
    for `itemReference`). `codes` is None when any will do, `targets` when any type may be referred to."""

    name: str
    kind: str
    primitive: bool
    many: bool
    required: bool
    choice: str = ""
    codes: frozenset[str] | None = None
    targets: frozenset[str] | None = None


class Shape(msgspec.Struct, frozen=True):
    """A resource or data type: its elements in the order of the standard (that of XML), the names of which
    must be there. `choices` has for each group (`item`) the names of its elements, those of the extensions
    beside them (`_valueString`), and whether one of them must be there; two never may."""

    kind: str
    elements: dict[str, Element]
    required: tuple[str, ...]
    choices: dict[str, tuple[frozenset[str], bool]]
    resource: bool


def known(release: Release, type_: str) -> bool:
    """Is there a resource of this type?"""
    return type_ in TYPES[release]


@cache
def shape(release: Release, kind: str) -> Shape:
    """What `kind` is made of. Raises `LookupError` for what is no type of this release."""
    model = _model(release, kind)
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    elements = {}
    for name in model.elements_sequence():
        made = _element(release, kind, name, fields[name])
        if release != "R4" or made.kind not in _NOT_IN_R4:
            elements[name] = made
    return Shape(
        kind,
        elements,
        tuple(name for name, element in elements.items() if element.required),
        _choices(elements, fields),
        model.has_resource_base(),
    )


def prepare(release: Release, types: Iterable[str]) -> None:
    """Load what these types are made of, those that this release has, so that no request has to wait for it
    (some 200 ms)."""
    waiting, seen = [type_ for type_ in types if known(release, type_)], {"Resource"}
    while waiting:
        kind = waiting.pop()
        if kind not in seen:
            seen.add(kind)
            parts = shape(release, kind).elements.values()
            waiting += [part.kind for part in parts if not part.primitive]


def bare(shape: Shape, element: Element) -> bool:
    """A value alone, without id or extensions: the id of anything, the URL of an extension."""
    return element.name == "id" or (element.name == "url" and shape.kind == "Extension")


def expression(release: Release, type_: str, steps: tuple[str | int, ...]) -> str:
    """A path of names and indices in FHIRPath's form (`SupplyRequest.identifier[1].system`), as far as
    the names are those of elements: what else a sender puts there is content and not repeated."""
    if not known(release, type_):
        return ""
    path, at = type_, shape(release, type_)
    for step in steps:
        if isinstance(step, int):
            path += f"[{step}]"
            continue
        element = at.elements.get(step.removeprefix("_"))
        if element is None:
            return path
        path += f".{element.name}"
        if element.primitive or element.kind == "Resource":
            return path
        at = shape(release, element.kind)
    return path


def elsewhere(release: Release, kind: str, name: str) -> Release | None:
    """The release in which `kind` has the element that this one lacks (R5 bodies sent to R4)."""
    for other in RELEASES:
        if other != release and _NAME.fullmatch(name):
            try:
                if name in shape(other, kind).elements:
                    return other
            except LookupError:
                continue
    return None


def _model(release: Release, kind: str) -> Any:
    types = import_module(f"{_PACKAGE[release]}.fhirtypes")
    model: Any = getattr(types, f"{kind}Type", None)
    if not hasattr(model, "get_model_klass"):
        raise LookupError("no type of this release")
    return model.get_model_klass()


def _choices(elements: dict[str, Element], fields: dict[str, Any]) -> dict[str, tuple[frozenset[str], bool]]:
    found: dict[str, tuple[frozenset[str], bool]] = {}
    for name, element in elements.items():
        if element.choice:
            names, _ = found.get(element.choice, (frozenset[str](), False))
            required = bool(fields[name].json_schema_extra["one_of_many_required"])
            found[element.choice] = names | {name, f"_{name}"}, required
    return found


def _element(release: Release, kind: str, name: str, field: Any) -> Element:
    extra = field.json_schema_extra
    type_ = _kind(field.annotation)
    targets = extra.get("enum_reference_types")
    return Element(
        name,
        type_,
        primitive=type_ in PRIMITIVES,
        many="List[" in str(field.annotation),
        required=bool(field.is_required() or extra.get("element_required")),
        choice=extra.get("one_of_many", ""),
        codes=bindings.codes(release, kind, name, extra.get("enum_values")) if type_ == "code" else None,
        targets=frozenset(targets) if targets and "Resource" not in targets else None,
    )


def _kind(annotation: Any) -> str:
    """The FHIR type in an annotation: `Optional[List[Annotated[str, Code()]]]` is a code."""
    if isinstance(annotation, type):
        if issubclass(annotation, core.FhirBase):
            return annotation.__name__.removesuffix("Type")
        return _OTHER_NAMES[annotation.__name__]
    for part in getattr(annotation, "__metadata__", ()):
        if marker := _MARKERS.get(type(part).__name__):
            return marker
    arguments = typing.get_args(annotation)
    return _kind(next(part for part in arguments if part is not type(None)))
