"""HTTP/1.1 with bounds that a stranger cannot stretch: how long a head may take and be, how many connections
there are, and what becomes of a client that goes on sending after its answer (RFC 9112)."""

from __future__ import annotations

import asyncio
from asyncio.events import TimerHandle
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, NoReturn

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from engine.fhir import json_text, outcome
from engine.fhir.issues import Code, Issue

__all__ = ["Bounds", "bounded"]

_HEAD: Final = 32 * 1024
_HEADERS: Final = 100
_LINGER: Final = 2.0  # seconds in which a refused body is read away, so that its sender sees the answer
_SLOWEST: Final = 16 * 1024  # bytes of an answer that are read in the time that a head may take
_LEFTOVER: Final = 4 * 1024 * 1024


Refusal = Callable[[Code, str], tuple[str, bytes]]
"""How an address says what is wrong before its application is asked: media type and body."""


def _operation_outcome(code: Code, text: str) -> tuple[str, bytes]:
    return "application/fhir+json", json_text.dump(outcome.operation_outcome([Issue(code, text)]))


class Bounds:
    """What one address allows its connections; `peer` makes of a DER certificate what access wants."""

    def __init__(
        self,
        head_seconds: float,
        connections: int,
        peer: Any,
        names: frozenset[str],
        refusal: Refusal = _operation_outcome,
    ) -> None:
        self.head_seconds, self.connections = head_seconds, connections
        self.peer, self.names, self.refusal = peer, names, refusal
        self.counters: dict[str, int] = {}

    def count(self, what: str) -> None:
        """One more of an irregularity."""
        self.counters[what] = self.counters.get(what, 0) + 1


class _Stop(Exception):
    """Ends the parser; the answer is given by then."""


def bounded(bounds: Bounds) -> type[HttpToolsProtocol]:
    """The protocol class of an address."""

    class Bounded(_Bounded):
        limits = bounds

    return Bounded


class _Bounded(HttpToolsProtocol):
    """uvicorn's protocol, bounded."""

    limits: Bounds
    _timer: TimerHandle | None = None
    _reader: TimerHandle | None = None
    _head = 0
    _reading_head = False
    _left = 0
    _named = 0
    _peer: Any = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.access_log = False  # its lines hold queries, whatever the settings of loggers are
        if len(self.connections) > self.limits.connections:
            self.limits.count("turned_away")
            self._refuse(503, "transient", "too many connections")
            return
        tls = transport.get_extra_info("ssl_object")
        certificate = tls.getpeercert(binary_form=True) if tls is not None else None
        self._peer = self.limits.peer(certificate) if certificate else None
        if self.limits.names and not (self._peer and self.limits.names & self._peer.words):
            self.limits.count("unknown_certificate")
            transport.abort()
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel()
        if self._reader is not None:
            self._reader.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """More is to be sent than the client takes at once."""
        super().pause_writing()
        self._await_reader()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._reader is not None:
            self._reader.cancel()
            self._reader = None

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        before = self._reading_head
        super().data_received(data)
        if before and self._reading_head and not self.transport.is_closing():
            self._grow(len(data))

    def eof_received(self) -> bool:  # type: ignore[override]
        """The client says no more, and may still listen: if its request is not complete, that is told before
        the end; if it is, its answer is waited for. (TLS knows no half-closed connections.)"""
        if self.cycle is None or self.scheme != "http":
            return False
        if self.cycle.more_body and not self.cycle.response_started:
            self._refuse(400, "structure", "the body is shorter than its Content-Length says")
            return False
        self.cycle.keep_alive = False
        return not self.cycle.response_complete

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the parser's word stays here
        """What is no HTTP."""
        if self.transport.is_closing():
            return
        self.limits.count("malformed")
        self._refuse(400, "structure", "not a request of HTTP/1.1")

    # What the parser says

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._reading_head, self._left, self._named = True, 0, 0
        self.scope["peer"] = self._peer  # type: ignore[typeddict-unknown-key]
        if self._timer is None:
            self._await_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._named += len(name) + len(value)
        if len(self.headers) > _HEADERS or self._named + len(self.url) > _HEAD:
            self._too_large()

    def on_headers_complete(self) -> None:
        self._cancel()
        self._reading_head, self._head = False, 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self.cycle.response_complete:
            self._left += len(body)
            if self._left > _LEFTOVER:
                self.transport.close()
            return
        super().on_body(body)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.response_complete and self.cycle.more_body and not self.transport.is_closing():
            self._unset_keepalive_if_required()
            self._cancel()
            self._timer = self.loop.call_later(_LINGER, self.transport.close)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if self.cycle.response_complete and self._timer is not None:
            self._cancel()

    # Bounds

    def _await_head(self) -> None:
        self._timer = self.loop.call_later(self.limits.head_seconds, self._late)

    def _await_reader(self, before: int = 0) -> None:
        """A client that hardly reads its answer keeps it in memory: such a connection ends."""
        left = self.transport.get_write_buffer_size()
        if before and before - left < _SLOWEST:
            self.limits.count("slow_reader")
            self.transport.abort()
            return
        self._reader = self.loop.call_later(self.limits.head_seconds, self._await_reader, left)

    def _late(self) -> None:
        self._timer = None
        self.limits.count("slow")
        if not self.transport.is_closing():
            self._refuse(408, "timeout", "the head of the request did not arrive in time")

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _grow(self, size: int) -> None:
        self._head += size
        if self._head > _HEAD:
            self.limits.count("large_head")
            self._refuse(431, "too-long", "the head of the request is larger than this server takes")

    def _too_large(self) -> NoReturn:
        self._grow(_HEAD + 1)
        raise _Stop

    def _refuse(self, status: int, code: Code, text: str) -> None:
        """Answer without the application, and close."""
        media, body = self.limits.refusal(code, text)
        phrase = HTTPStatus(status).phrase
        head = (
            f"HTTP/1.1 {status} {phrase}\r\ncontent-type: {media}\r\n"
            f"cache-control: no-store\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
