"""FHIR's XML form (FHIR R4/R5, 2.6.1) to and from the dict that JSON gives: which elements repeat, what is a
number, what an attribute, the models say. Comments and the order of elements are not kept.
"""

from __future__ import annotations

import re
from typing import Any, Final, NoReturn

from lxml import etree

from engine.fhir import json_text, models
from engine.fhir.issues import Code, Issue, Rejected
from engine.fhir.models import Element, Shape
from engine.fhir.places import At, path
from engine.fhir.releases import Release
from engine.fhir.xml_parser import FHIR, XHTML, narrative, parse

__all__ = ["from_xml", "to_xml"]

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_INTEGERS: Final = frozenset({"integer", "unsignedInt", "positiveInt"})
_SCHEMA: Final = "{http://www.w3.org/2001/XMLSchema-instance}"


def from_xml(body: bytes, release: Release) -> dict[str, Any]:
    """The resource in an XML body. Raises `Rejected` (400, `structure`) with the place."""
    root = parse(body)
    for name in [name for name in root.attrib if str(name).startswith(_SCHEMA)]:
        del root.attrib[name]  # says where a schema is, which is not asked
    return _Reader(release).resource(root, "", 1)


def to_xml(resource: dict[str, Any], release: Release) -> bytes:
    """A resource that was checked, as XML in UTF-8."""
    root = _write_resource(resource, release, None)
    return bytes(etree.tostring(root, encoding="utf-8", xml_declaration=True))


class _Reader:
    def __init__(self, release: Release) -> None:
        self.release = release

    def resource(self, node: etree._Element, at: At | str, depth: int) -> dict[str, Any]:
        type_ = _local(node, FHIR, at)
        if not models.known(self.release, type_):
            _refuse("not-supported", f"no type of resource in {self.release}", at)
        shape = models.shape(self.release, type_)
        if node.attrib:
            _refuse("structure", "an attribute that is not allowed", at or type_)
        return {"resourceType": type_} | self.object(node, shape, at or type_, depth)

    def object(self, node: etree._Element, shape: Shape, at: At | str, depth: int) -> dict[str, Any]:
        if depth > json_text.MAX_DEPTH:
            _refuse("structure", f"nested deeper than {json_text.MAX_DEPTH}", at)
        found: dict[str, list[tuple[Any, Any]]] = {}
        for number, child in enumerate(_children(node, at), 1):
            element = self.element(child, number, shape, at)
            pairs = found.setdefault(element.name, [])
            place = ((at, element.name), len(pairs)) if element.many else (at, element.name)
            if pairs and not element.many:
                _refuse("structure", "must not be repeated", place)
            pairs.append(self.value(child, element, place, depth + 1 + element.many))
        return _assembled(found, shape)

    def element(self, child: etree._Element, number: int, shape: Shape, at: At | str) -> Element:
        name = _local(child, XHTML if child.tag == f"{{{XHTML}}}div" else FHIR, at)
        element = shape.elements.get(name)
        if element is None or _is_attribute(element, shape):
            if home := models.elsewhere(self.release, shape.kind, name):
                _refuse("structure", f"is no element in {self.release}, but in {home}", (at, name))
            _refuse("structure", f"unknown element (number {number} here)", at)
        if (element.kind == "xhtml") != child.tag.startswith(f"{{{XHTML}}}"):
            _refuse("structure", "not in its namespace", (at, name))
        return element

    def value(self, node: etree._Element, element: Element, at: At, depth: int) -> tuple[Any, Any]:
        """What JSON has under the name, and what it has under `_name`."""
        if element.kind == "xhtml":
            return etree.tostring(node, encoding="unicode", with_tail=False), None
        if element.primitive:
            return self.primitive(node, element, at, depth)
        if element.kind == "Resource":
            inner = list(_children(node, at))
            if len(inner) != 1 or node.attrib:
                _refuse("structure", "must hold one resource", at)
            return self.resource(inner[0], at, depth), None
        shape = models.shape(self.release, element.kind)
        made = _attributes(node, shape, at) | self.object(node, shape, at, depth)
        return made, None

    def primitive(self, node: etree._Element, element: Element, at: At, depth: int) -> tuple[Any, Any]:
        text = node.attrib.pop("value", None)
        extras = models.shape(self.release, "Element")
        extra = _attributes(node, extras, at) | self.object(node, extras, at, depth)
        if text is None and not extra:
            _refuse("structure", "must not be empty", at)
        return None if text is None else _typed(element.kind, str(text)), extra or None


def _assembled(found: dict[str, list[tuple[Any, Any]]], shape: Shape) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, pairs in found.items():
        mains, extras = ([pair[side] for pair in pairs] for side in (0, 1))
        many = shape.elements[name].many
        if any(main is not None for main in mains):
            made[name] = mains if many else mains[0]
        if any(extra is not None for extra in extras):
            made[f"_{name}"] = extras if many else extras[0]
    return made


def _is_attribute(element: Element, shape: Shape) -> bool:
    return not shape.resource and models.bare(shape, element)


def _attributes(node: etree._Element, shape: Shape, at: At) -> dict[str, Any]:
    for name in node.attrib:
        element = shape.elements.get(str(name))
        if element is None or not _is_attribute(element, shape):
            _refuse("structure", "an attribute that is not allowed", at)
    return {str(name): str(value) for name, value in node.attrib.items()}


def _children(node: etree._Element, at: At | str) -> list[etree._Element]:
    children = list(node)
    if any(text and not text.isspace() for text in (node.text, *(child.tail for child in children))):
        _refuse("structure", "text between elements", at)
    return children


def _local(node: etree._Element, namespace: str, at: At | str) -> str:
    name = etree.QName(node)
    if name.namespace != namespace:
        _refuse("structure", "not in its namespace", at)
    return str(name.localname)


def _typed(kind: str, text: str) -> Any:
    """As JSON has it; what has not the form of its type stays text, and is told when it is checked."""
    if kind == "boolean":
        return {"true": True, "false": False}.get(text, text)
    if kind in _INTEGERS:
        return int(text) if _INTEGER.fullmatch(text) and text != "-0" else text
    if kind == "decimal" and _DECIMAL.fullmatch(text):
        return int(text) if _INTEGER.fullmatch(text) and text != "-0" else json_text.number(text)
    return text


def _refuse(code: Code, text: str, at: At | str) -> NoReturn:
    status = 422 if code == "not-supported" else 400
    raise Rejected(status, Issue(code, text, path(at)))


def _write_resource(
    resource: dict[str, Any], release: Release, parent: etree._Element | None
) -> etree._Element:
    type_ = resource["resourceType"]
    tag = f"{{{FHIR}}}{type_}"
    node = etree.Element(tag, nsmap={None: FHIR}) if parent is None else etree.SubElement(parent, tag)
    _write_object(node, resource, models.shape(release, type_), release)
    return node


def _write_object(node: etree._Element, value: dict[str, Any], shape: Shape, release: Release) -> None:
    for name, element in shape.elements.items():
        item, extra = value.get(name), value.get(f"_{name}")
        if item is None and extra is None:
            continue
        if _is_attribute(element, shape):
            node.set(name, item)
        elif element.many:
            _write_many(node, element, item or [], extra or [], release)
        else:
            _write_one(node, element, item, extra, release)


def _write_many(
    node: etree._Element, element: Element, items: list[Any], extras: list[Any], release: Release
) -> None:
    for index in range(max(len(items), len(extras))):
        item = items[index] if index < len(items) else None
        _write_one(node, element, item, extras[index] if index < len(extras) else None, release)


def _write_one(node: etree._Element, element: Element, item: Any, extra: Any, release: Release) -> None:
    if element.kind == "xhtml" and item is not None:
        node.append(narrative(item))
        return
    child = etree.SubElement(node, f"{{{FHIR}}}{element.name}")
    if element.kind == "Resource":
        _write_resource(item, release, child)
    elif not element.primitive:
        _write_object(child, item, models.shape(release, element.kind), release)
    else:
        if item is not None:
            child.set("value", str(item).lower() if isinstance(item, bool) else str(item))
        if extra is not None:
            _write_object(child, extra, models.shape(release, "Element"), release)
