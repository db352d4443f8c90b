"""The API described (OpenAPI 3.1): made of the operations, so that it cannot say anything else. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from engine.accounts.matrix import MATRIX
from engine.console.api.problems import MEDIA, Problem
from engine.operations.files import File
from engine.operations.operation import Operation

__all__ = ["described"]

_TEMPLATE: Final = "#/components/schemas/{name}"

_ABOUT: Final = """What people on duty see and do, for programs. Each operation takes a permission, which
roles have; a token has at most the roles of its owner. An act that somebody has to answer for takes
a reason (`why`) for the audit. Errors are problem details (RFC 9457) and never repeat what was sent."""


def described(operations: Sequence[Operation[Any, Any]]) -> dict[str, Any]:
    """The description as JSON."""
    kinds = [kind for one in operations for kind in (one.asks, one.gives) if kind not in (File, None)]
    shapes, components = msgspec.json.schema_components([*kinds, Problem], ref_template=_TEMPLATE)
    by_kind = dict(zip([id(kind) for kind in [*kinds, Problem]], shapes, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        paths.setdefault(f"/api/v1{one.path}", {})[one.method.lower()] = _operation(one, by_kind, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Wardline", "version": "1", "description": " ".join(_ABOUT.split()),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": [{"name": name} for name in sorted({_subject(one) for one in operations})],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "A token, `wrt1_…`."},
                "session": {
                    "type": "apiKey", "in": "cookie", "name": "__Host-wardline",
                    "description": "A session of the console; acts take its header X-CSRF-Token too.",
                },
            },
        },
        "security": [{"token": []}, {"session": []}],
    }  # fmt: skip


def _subject(one: Operation[Any, Any]) -> str:
    return one.name.partition(".")[0]


def _operation(
    one: Operation[Any, Any], shapes: Mapping[int, Any], components: Mapping[str, Any]
) -> dict[str, Any]:
    roles = sorted(role.value for role, permissions in MATRIX.items() if one.needs in permissions)
    fields = _fields(shapes[id(one.asks)], components)
    in_path = {name: shape for name, shape in fields["properties"].items() if f"{{{name}}}" in one.path}
    made: dict[str, Any] = {
        "operationId": one.name,
        "tags": [_subject(one)],
        "summary": one.text,
        "description": f"Permission: {one.needs.value} ({', '.join(roles)}).",
        "responses": {"200": _answer(one, shapes), "default": _problem(shapes)},
    }
    parameters = [_parameter(name, shape, "path", True) for name, shape in in_path.items()]
    rest = {name: shape for name, shape in fields["properties"].items() if name not in in_path}
    required = [name for name in fields["required"] if name in rest]
    if one.method == "GET":
        parameters += [_parameter(name, shape, "query", name in required) for name, shape in rest.items()]
    elif rest:
        body = {"type": "object", "properties": rest} | ({"required": required} if required else {})
        made["requestBody"] = {"required": bool(required), "content": {"application/json": {"schema": body}}}
    if parameters:
        made["parameters"] = parameters
    return made


def _fields(shape: Mapping[str, Any], components: Mapping[str, Any]) -> dict[str, Any]:
    """The object that a shape is, behind its reference."""
    reference = shape.get("$ref", "")
    found = components[reference.rpartition("/")[2]] if reference else shape
    return {"properties": found.get("properties", {}), "required": found.get("required", [])}


def _parameter(name: str, shape: Mapping[str, Any], place: str, required: bool) -> dict[str, Any]:
    schema = {key: value for key, value in shape.items() if key != "description"}
    made: dict[str, Any] = {"name": name, "in": place, "required": required, "schema": schema}
    return made | ({"description": shape["description"]} if "description" in shape else {})


def _answer(one: Operation[Any, Any], shapes: Mapping[int, Any]) -> dict[str, Any]:
    if one.gives is File:
        return {"description": "The file.", "content": {"application/octet-stream": {"schema": {}}}}
    if one.gives is None:
        return {"description": "Done."}
    return {"description": "Done.", "content": {"application/json": {"schema": shapes[id(one.gives)]}}}


def _problem(shapes: Mapping[int, Any]) -> dict[str, Any]:
    return {"description": "It was not done.", "content": {MEDIA: {"schema": shapes[id(Problem)]}}}
