"""From ASGI to the service and back: one request read within bounds, one answer that nobody keeps."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

import msgspec

from engine.listeners.fhir.serving import whole_body
from engine.reidentify.service import MAX_BODY, Answer, Call, said
from engine.telemetry import LoopFailed, signal

__all__ = ["Door", "refusal"]

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]

BODY_SECONDS: Final = 10.0

_ALWAYS: Final = (
    ("Content-Type", "application/json"),
    ("Cache-Control", "no-store"),
    ("Pragma", "no-cache"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
)


class Door:
    """The ASGI application. `judge` takes a call to the service's thread and brings its answer."""

    def __init__(self, judge: Callable[[Call], Awaitable[Answer]]) -> None:
        self._judge = judge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever it is. Nothing is raised: the server would log it."""
        if scope["type"] != "http":
            return
        try:
            answer = await self._answer(scope, receive)
        except ConnectionError:
            return  # the client went before its body was here
        except Exception as error:
            signal(LoopFailed("reidentify", type(error).__name__))
            answer = said(
                500, "error", "an error of this server: nothing is known of its end but what is logged"
            )
        for event in _written(answer):
            await send(event)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await whole_body(receive, MAX_BODY)
        except TimeoutError:
            return said(408, "timeout", "the body did not arrive in time", ("Connection", "close"))
        if body is None:
            return said(413, "size", f"a body has at most {MAX_BODY} bytes", ("Connection", "close"))
        headers: dict[str, tuple[str, ...]] = {}
        for name, value in scope["headers"]:
            key = name.decode("latin-1")
            headers[key] = (*headers.get(key, ()), value.decode("latin-1"))
        call = Call(
            scope["method"], scope["raw_path"], scope["query_string"], headers, body, scope.get("peer")
        )
        return await self._judge(call)


def refusal(code: str, text: str) -> tuple[str, bytes]:
    """What is said to a request that is none (`engine.listeners.fhir.wire.Refusal`)."""
    return "application/json", msgspec.json.encode({"error": code, "text": text})


def _written(answer: Answer) -> list[Event]:
    body = msgspec.json.encode(answer.body)
    headers = [*_ALWAYS, ("Content-Length", str(len(body))), *answer.headers]
    return [
        {
            "type": "http.response.start",
            "status": answer.status,
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
        },
        {"type": "http.response.body", "body": body},
    ]
