"""JSON Patch on a resource (RFC 6902, pointers RFC 6901). FHIR allows it for `PATCH` (http.html, 3.1.0.8)."""

from __future__ import annotations

import copy
import re
from typing import Any, Final

from engine.fhir import json_text
from engine.fhir.issues import Issue, Rejected

__all__ = ["LARGEST", "MOST", "patch", "read_operations"]

MOST: Final = 1000
"""Operations of one patch, at most."""

LARGEST: Final = 1024 * 1024
"""Bytes that one patch may copy, as JSON."""

_INDEX: Final = re.compile("0|[1-9][0-9]{0,5}")
_GONE: Final = object()


def read_operations(body: bytes) -> list[Any]:
    """The operations of a JSON Patch. Raises `Rejected` (400)."""
    found = json_text.load(b'{"operations":' + body + b"}")
    operations = found.get("operations")
    if len(found) != 1 or not isinstance(operations, list) or len(operations) > MOST:
        raise Rejected(400, Issue("structure", "a JSON Patch is a list of operations"))
    return operations


def patch(resource: dict[str, Any], operations: list[Any]) -> dict[str, Any]:
    """The resource after all operations; the given one stays as it is. Raises `Rejected`: 400 for what is
    no patch, 422 for one that does not fit this resource (its `test` fails, its path leads nowhere)."""
    document: Any = copy.deepcopy(resource)
    copied = 0
    for number, operation in enumerate(operations):
        at = f"Patch[{number}]"
        if isinstance(operation, dict) and operation.get("op") == "copy":
            copied += len(json_text.dump(_look(document, _pointer(operation.get("from"), at), at)))
        if copied > LARGEST:
            raise Rejected(413, Issue("too-costly", "more is copied than a resource can hold", at))
        document = _apply(document, operation, at)
    if not isinstance(document, dict):
        raise Rejected(422, Issue("business-rule", "what is left is no resource", "Patch"))
    return document


def _apply(document: Any, operation: Any, at: str) -> Any:
    if not isinstance(operation, dict):
        raise _malformed(at)
    verb, path = operation.get("op"), _pointer(operation.get("path"), at)
    if verb == "remove":
        return _change(document, path, _GONE, at, replaces=True)
    if verb in ("copy", "move"):
        return _carry(document, _pointer(operation.get("from"), at), path, at, leaves=verb == "move")
    if verb not in ("add", "replace", "test") or "value" not in operation:
        raise _malformed(at)
    value = copy.deepcopy(operation["value"])
    if verb != "test":
        return _change(document, path, value, at, replaces=verb == "replace")
    if not _equal(_look(document, path, at), value):
        raise _misfit(at, "its test does not hold")
    return document


def _carry(document: Any, source: list[str], path: list[str], at: str, *, leaves: bool) -> Any:
    value = copy.deepcopy(_look(document, source, at))
    if leaves:
        if path[: len(source)] == source and path != source:
            raise _misfit(at, "a part cannot move into itself")
        document = _change(document, source, _GONE, at, replaces=True)
    return _change(document, path, value, at, replaces=False)


def _pointer(text: Any, at: str) -> list[str]:
    if not isinstance(text, str) or (text and not text.startswith("/")) or re.search("~(?![01])", text):
        raise _malformed(at)
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _look(document: Any, path: list[str], at: str) -> Any:
    for step in path:
        document = (
            document[_index(document, step, at)]
            if isinstance(document, list)
            else _member(document, step, at)
        )
    return document


def _member(document: Any, step: str, at: str) -> Any:
    if not isinstance(document, dict) or step not in document:
        raise _misfit(at, "its path leads nowhere")
    return document[step]


def _index(document: list[Any], step: str, at: str, *, room: int = 0) -> int:
    if not _INDEX.fullmatch(step) or int(step) >= len(document) + room:
        raise _misfit(at, "its path leads nowhere")
    return int(step)


def _change(document: Any, path: list[str], value: Any, at: str, *, replaces: bool) -> Any:
    """Put (or with `_GONE` take away) the value at a path."""
    if len(path) + _depth(value) > json_text.MAX_DEPTH:
        raise _misfit(at, "it would be nested too deep")
    if not path:
        return {} if value is _GONE else value
    parent, step = _look(document, path[:-1], at), path[-1]
    if isinstance(parent, list):
        _change_list(parent, step, value, at, replaces=replaces)
    elif isinstance(parent, dict):
        if replaces:
            _member(parent, step, at)
        if value is _GONE:
            del parent[step]
        else:
            parent[step] = value
    else:
        raise _misfit(at, "its path leads nowhere")
    return document


def _change_list(parent: list[Any], step: str, value: Any, at: str, *, replaces: bool) -> None:
    if value is _GONE:
        del parent[_index(parent, step, at)]
    elif replaces:
        parent[_index(parent, step, at)] = value
    elif step == "-":
        parent.append(value)
    else:
        parent.insert(_index(parent, step, at, room=1), value)


def _depth(value: Any) -> int:
    """How many levels of objects and lists there are."""
    depth, level = 0, [value]
    while level := [one for one in level if isinstance(one, dict | list)]:
        depth += 1
        level = [part for one in level for part in (one.values() if isinstance(one, dict) else one)]
    return depth


def _equal(one: Any, other: Any) -> bool:
    """As JSON: `1` is not `true`."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return bool(one == other)


def _malformed(at: str) -> Rejected:
    return Rejected(400, Issue("structure", "not an operation of JSON Patch", at))


def _misfit(at: str, why: str) -> Rejected:
    return Rejected(422, Issue("business-rule", f"the operation does not fit the resource: {why}", at))
