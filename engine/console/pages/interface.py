"""The page that documents the API: the same description that programs read, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.accounts.matrix import MATRIX
from engine.console.api.describing import described
from engine.console.api.routes import RATE
from engine.console.pages.rendering import page
from engine.operations.operation import Operation

__all__ = ["interface_routes"]


class _Shown(msgspec.Struct, frozen=True, kw_only=True):
    """An operation as the page has it: `fields` are (name, JSON schema, required), `gives` (name, schema)."""

    name: str
    subject: str
    method: str
    path: str
    text: str
    needs: str
    roles: list[str]
    reasoned: bool
    fields: list[tuple[str, dict[str, Any], bool]]
    gives_name: str
    gives: list[tuple[str, dict[str, Any]]]


def interface_routes(operations: Sequence[Operation[Any, Any]]) -> list[Route]:
    """`GET /api` shows every operation with what it asks and gives."""
    shown = list(_shown(operations))

    async def show(_: Request) -> Response:
        return page("api.html", operations=shown, rate=round(RATE))

    return [Route("/api", show, methods=["GET"])]


def _shown(operations: Sequence[Operation[Any, Any]]) -> Iterator[_Shown]:
    whole = described(operations)
    for one in operations:
        told = whole["paths"][f"/api/v1{one.path}"][one.method.lower()]
        given = told["responses"]["200"].get("content", {}).get("application/json", {}).get("schema", {})
        name = given.get("$ref", "").rpartition("/")[2]
        fields = whole["components"]["schemas"].get(name, {}).get("properties", {})
        yield _Shown(
            name=one.name, subject=one.name.partition(".")[0], method=one.method, path=one.path,
            text=one.text, needs=one.needs,
            roles=sorted(role for role, has in MATRIX.items() if one.needs in has),
            reasoned=one.reasoned, fields=_fields(told), gives_name=name, gives=list(fields.items()),
        )  # fmt: skip


def _fields(told: dict[str, Any]) -> list[tuple[str, dict[str, Any], bool]]:
    """What an operation asks, in its path, its query or its body."""
    parameters = [
        (one["name"], one["schema"] | {"description": one.get("description", "")}, one["required"])
        for one in told.get("parameters", ())
    ]
    body = told.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    required = body.get("required", ())
    return parameters + [
        (name, shape, name in required) for name, shape in body.get("properties", {}).items()
    ]
