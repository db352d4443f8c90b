"""The API's routes, one for each operation, and its description."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.access.rates import Rates
from engine.accounts.words import Caller
from engine.console.api.asking import LARGEST, asked_by_body, asked_by_query
from engine.console.api.describing import described
from engine.console.api.problems import problem, problem_of
from engine.errors import WardlineError
from engine.operations.files import File
from engine.operations.operation import Desk, Operation, perform, permit

__all__ = ["RATE", "ROOT", "api_routes"]

ROOT: Final = "/api/v1"

RATE: Final = 20.0
"""Requests a second for each caller, and as many at once."""


def api_routes(desk: Desk, operations: Sequence[Operation[Any, Any]], rate: float = RATE) -> list[Route]:
    """`/api/v1/…` for each of the operations, and `/api/v1/openapi.json`, for whom the guard has let in."""
    rates, packed = Rates(rate), msgspec.json.encode(described(operations))

    async def description(_: Request) -> Response:
        return Response(packed, media_type="application/json")

    async def missing(_: Request) -> Response:
        return problem(404, "the API has no such operation", next=f"See {ROOT}/openapi.json.")

    served = [
        Route(ROOT + one.path, _endpoint(desk, one, rates), methods=[one.method])
        for one in _sorted(operations)
    ]
    return [
        Route(f"{ROOT}/openapi.json", description, methods=["GET"]),
        *served,
        Route(ROOT + "/{rest:path}", missing, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
    ]


def _sorted(operations: Sequence[Operation[Any, Any]]) -> list[Operation[Any, Any]]:
    """A path that is a word comes before one that has a field there (`/audit/verify`, `/audit/{id}`)."""
    return sorted(operations, key=lambda one: one.path.replace("{", "\x7f"))


def _endpoint(
    desk: Desk, operation: Operation[Any, Any], rates: Rates
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        caller: Caller = request.state.caller
        wait = rates.allow(caller.name, time.monotonic())
        if wait:
            retry = {"retry-after": str(max(1, round(wait)))}
            return problem(
                429, "more requests a second than are allowed", headers=retry, next="Wait, and go on."
            )
        try:
            body = await _body(request)
            if body is None:
                return problem(413, f"the body is larger than {LARGEST // 1024 // 1024} MB")
            given = await run_in_threadpool(_performed, desk, caller, operation, request, body)
        except WardlineError as error:
            return problem_of(error)
        return _given(given)

    return answer


async def _body(request: Request) -> bytes | None:
    if request.method == "GET":
        return b""
    held = bytearray()
    async for part in request.stream():
        held += part
        if len(held) > LARGEST:
            return None
    return bytes(held)


def _performed(
    desk: Desk, caller: Caller, operation: Operation[Any, Any], request: Request, body: bytes
) -> Any:
    permit(desk, caller, operation)  # who may not is not told what is wrong with what was asked
    if operation.method == "GET":
        asked = asked_by_query(operation, request.path_params, request.query_params.multi_items())
    else:
        media = request.headers.get("content-type", "application/json")
        asked = asked_by_body(operation, request.path_params, media, body)
    return perform(desk, caller, operation, asked)


def _given(given: Any) -> Response:
    if isinstance(given, File):
        name = {"content-disposition": f'attachment; filename="{given.name}"'}
        return Response(given.body, media_type=given.media, headers=name)
    if given is None:
        return Response(status_code=204)
    return Response(msgspec.json.encode(given, enc_hook=str), media_type="application/json")
