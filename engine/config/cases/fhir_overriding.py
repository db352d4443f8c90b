"""Resources of test cases: from YAML, and changed at single places.

Everything in a YAML file is text; what the standard says is a number or a truth value becomes one here.
"""

from __future__ import annotations

from typing import Any

from engine.config.cases.overriding import Unplaced
from engine.errors import Misconfigured
from engine.fhir import json_text, models
from engine.fhir.issues import Rejected
from engine.fhir.path import Path, Step
from engine.fhir.releases import Release

__all__ = ["override_resource", "remove_element", "typed"]

_NUMBERS = frozenset({"decimal", "integer", "integer64", "positiveInt", "unsignedInt"})


def typed(node: Any, release: Release, kind: str = "") -> Any:
    """A resource (or a part of one, of this `kind`) as JSON has it, from texts alone. What the standard does
    not know stays text, to be refused as a sender's would be."""
    if isinstance(node, list):
        return [typed(one, release, kind) for one in node]
    if not isinstance(node, dict):
        return _simple(node, kind) if isinstance(node, str) else node
    if kind in ("", "Resource"):
        kind = str(node.get("resourceType", ""))
    return {
        name: typed(part, release, _kind_of(release, kind, name) or "unknown") for name, part in node.items()
    }


def override_resource(resource: dict[str, Any], text: str, value: Any, release: Release) -> None:
    """Put `value` at the path `text`; what is missing on the way is made. Raises `Unplaced`."""
    path = _path(resource, text)
    node, kind = resource, path.type
    for step in path.steps[:-1]:
        node, kind = _below(node, kind, step, release)
    last = path.steps[-1]
    element = _element(release, kind, last.name)
    made = typed(value, release, element.kind)
    if element.many and not isinstance(made, list):
        listed = node.setdefault(last.name, [])
        _put(listed, (last.number or 1) - 1, made)
    else:
        node[last.name] = made


def remove_element(resource: dict[str, Any], text: str) -> None:
    """Take away what stands at the path `text`. Raises `Unplaced` when nothing does."""
    path = _path(resource, text)
    node: Any = resource
    for step in path.steps[:-1]:
        node = _chosen(node.get(step.name), step) if isinstance(node, dict) else None
    last = path.steps[-1]
    if not isinstance(node, dict) or last.name not in node:
        raise Unplaced(f"the resource has no {text}")
    if last.number and isinstance(node[last.name], list):
        del node[last.name][last.number - 1 : last.number]
    else:
        del node[last.name]


def _path(resource: dict[str, Any], text: str) -> Path:
    try:
        path = Path.parse(text)
    except Misconfigured as error:
        raise Unplaced(f"{error.text}: {error.hint}") from None
    if path.then is not None or any(step.chosen and not step.number for step in path.steps):
        raise Unplaced("a place is written with elements and numbers alone")
    if path.type != resource.get("resourceType"):
        raise Unplaced(f"the resource is no {path.type}")
    return path


def _below(node: dict[str, Any], kind: str, step: Step, release: Release) -> tuple[dict[str, Any], str]:
    """The element that a step leads to, made if need be, and its kind."""
    element = _element(release, kind, step.name)
    if element.primitive:
        raise Unplaced(f"{step.name} has no parts")
    if node.get(step.name) is None:
        node[step.name] = [{}] if element.many else {}
    elif isinstance(node[step.name], list) and step.number == len(node[step.name]) + 1:
        node[step.name].append({})
    found = _chosen(node[step.name], step)
    if not isinstance(found, dict):
        raise Unplaced(f"there is no {step.name}[{step.number}]")
    return found, element.kind


def _chosen(found: Any, step: Step) -> Any:
    """What a step means of what stands there: the first of a list, or the one that its number names."""
    if not isinstance(found, list):
        return found
    return found[(step.number or 1) - 1] if len(found) >= (step.number or 1) else None


def _put(listed: list[Any], at: int, value: Any) -> None:
    if at > len(listed):
        raise Unplaced(f"there are only {len(listed)} of them")
    listed[at : at + 1] = [value]


def _element(release: Release, kind: str, name: str) -> models.Element:
    try:
        element = models.shape(release, kind).elements.get(name)
    except LookupError:
        element = None
    if element is None:
        raise Unplaced(f"{kind} has no element {name} in {release}")
    return element


def _kind_of(release: Release, kind: str, name: str) -> str:
    try:
        return _element(release, kind, name).kind
    except Unplaced:
        return ""


def _simple(text: str, kind: str) -> Any:
    """A text as the value that the standard wants there, if it can be one."""
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    if kind in _NUMBERS:
        try:
            return json_text.load(b'{"value":%s}' % text.encode())["value"]
        except Rejected:
            return text
    return text
