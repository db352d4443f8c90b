"""A collector of traces: OTLP over HTTP, as its specification has it
(https://opentelemetry.io/docs/specs/otlp/, OTLP/HTTP), that keeps what it is told."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


class Span(NamedTuple):
    """A span as it was told."""

    trace: int
    id: int
    parent: int
    name: str
    process: str
    began: int
    ended: int
    failed: str
    words: dict[str, str | int]
    links: list[tuple[int, int]]


class Collector:
    """Listens at `url` until it is closed. `refuses` makes it answer 503."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.bodies: list[bytes] = []
        self.refuses = False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                assert (self.path, self.headers["Content-Type"]) == ("/v1/traces", "application/x-protobuf")
                if outer.refuses:
                    self.send_error(400)
                    return
                outer.take(body)
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self, body: bytes) -> None:
        self.bodies.append(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            process = {one.key: one.value.string_value for one in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans += [_span(one, process["service.instance.id"]) for one in scope.spans]

    def of(self, trace: int) -> dict[str, Span]:
        """The spans of a trace by their names."""
        return {one.name: one for one in list(self.spans) if one.trace == trace}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def collector() -> Iterator[Collector]:
    made = Collector()
    try:
        yield made
    finally:
        made.close()


def _span(one: Any, process: str) -> Span:
    number = int.from_bytes
    words = {
        word.key.removeprefix("wardline."): word.value.string_value or word.value.int_value
        for word in one.attributes
    }
    links = [(number(link.trace_id, "big"), number(link.span_id, "big")) for link in one.links]
    return Span(
        number(one.trace_id, "big"), number(one.span_id, "big"), number(one.parent_span_id, "big"), one.name,
        process, one.start_time_unix_nano, one.end_time_unix_nano, one.status.message, words, links,
    )  # fmt: skip
