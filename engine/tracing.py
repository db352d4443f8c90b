"""Traces of messages from the frame to the document in Odoo, told to a collector over OTLP/HTTP.

A message's trace follows from its correlation (`engine.correlation`), and so does its first span: each
process tells its part of it without a word from another, and the same share of messages is traced by all.
What is told are names that we made, ids, counts and times; a message's content never. While tracing is off,
asking costs a look at a variable.

Opentelemetry's home (https://opentelemetry.io/docs/specs/otel/trace/).
"""

from __future__ import annotations

import logging
import random
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import time
from typing import Any, Final, NamedTuple

from engine.correlation import trace_of
from engine.errors import Misconfigured
from engine.telemetry import SpansTold, signal

__all__ = ["Call", "Told", "called", "calls", "on", "start", "stop", "tell", "traced"]

_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")
_HINT: Final = "pip install 'wardline[tracing]', or leave WARDLINE_TRACES empty"

Told = Any
"""A span that was told: others may be within it."""


class Call(NamedTuple):
    """A call to another system: when it began and ended (seconds since the epoch), the type of its error."""

    name: str
    began: float
    ended: float
    failed: str


class _Tracer:
    """`share` of all messages are traced (0 to 1)."""

    def __init__(self, provider: Any, share: float, ids: _Ids) -> None:
        from opentelemetry import trace

        self._api, self._provider, self._ids = trace, provider, ids
        self._tracer = provider.get_tracer("wardline")
        self._below = round(share * 2**64)

    def takes(self, correlation: str) -> bool:
        """By the trace alone: every process decides alike."""
        return trace_of(correlation) % 2**64 < self._below

    def tell(
        self, correlation: str, name: str, began: float, ended: float, *,
        within: Told, first: bool, failed: str, parent: str, words: dict[str, str | int],
    ) -> Told:  # fmt: skip
        api, trace = self._api, trace_of(correlation)
        root = api.SpanContext(trace, _first(trace), is_remote=True, trace_flags=api.TraceFlags(1))
        around = within.get_span_context() if within is not None else root
        context = None if first else api.set_span_in_context(api.NonRecordingSpan(around))
        links = [api.Link(sent)] if (sent := self._sent(parent)) else []
        self._ids.next = (trace, root.span_id) if first else None
        span = self._tracer.start_span(
            name, context, attributes={"wardline.correlation": correlation, **words},
            start_time=int(began * 1e9), links=links,
        )  # fmt: skip
        if failed:
            span.set_status(api.StatusCode.ERROR, failed)
        span.end(int(ended * 1e9))
        return span

    def stop(self) -> None:
        self._provider.shutdown()

    def _sent(self, parent: str) -> Any:
        """What a client's `traceparent` names (https://www.w3.org/TR/trace-context/, 3.2), or None."""
        found = _TRACEPARENT.fullmatch(parent)
        if not found or not int(found[1], 16) or not int(found[2], 16):
            return None
        return self._api.SpanContext(int(found[1], 16), int(found[2], 16), is_remote=True)


class _Ids:
    """Ids of traces and spans: those that follow from a correlation, else any (`IdGenerator` of the SDK)."""

    def __init__(self) -> None:
        self._given = threading.local()

    @property
    def next(self) -> tuple[int, int] | None:
        """Trace and span of the span that is begun next in this thread."""
        return getattr(self._given, "next", None)

    @next.setter
    def next(self, ids: tuple[int, int] | None) -> None:
        self._given.next = ids

    def generate_trace_id(self) -> int:
        return self.next[0] if self.next else random.getrandbits(128) | 1

    def generate_span_id(self) -> int:
        return self.next[1] if self.next else random.getrandbits(64) | 1

    def is_trace_id_random(self) -> bool:
        return True  # a digest is as good


_tracer: _Tracer | None = None
_calls = threading.local()


def on() -> bool:
    """Whether anything is traced."""
    return _tracer is not None


def traced(correlation: str) -> bool:
    """Whether this message is one of those that are traced."""
    return _tracer is not None and _tracer.takes(correlation)


def tell(
    correlation: str,
    name: str,
    began: float,
    ended: float,
    *,
    within: Told = None,
    first: bool = False,
    failed: str = "",
    parent: str = "",
    **words: str | int,
) -> Told:
    """Tell a span of a message: from when to when (seconds since the epoch), `within` another or else within
    the `first`, which whoever took the message tells. `failed` is a fixed word, `parent` a client's
    `traceparent`. Without effect while tracing is off."""
    if _tracer is None:
        return None
    named = {f"wardline.{word}": value for word, value in words.items() if value != ""}
    return _tracer.tell(
        correlation, name, began, ended, within=within, first=first, failed=failed, parent=parent, words=named
    )


@contextmanager
def calls() -> Iterator[Sequence[Call]]:
    """The calls to other systems that this thread makes within the block; none while tracing is off."""
    if _tracer is None:
        yield ()
        return
    made: list[Call] = []
    _calls.made = made
    try:
        yield made
    finally:
        del _calls.made


@contextmanager
def called(name: str) -> Iterator[None]:
    """A call to another system is made within the block."""
    made = getattr(_calls, "made", None)
    if made is None:
        yield
        return
    began, failed = time(), ""
    try:
        yield
    except BaseException as error:
        failed = type(error).__name__
        raise
    finally:
        made.append(Call(name, began, time(), failed))


def start(endpoint: str, share: float, *, name: str, version: str, environment: str) -> None:
    """Trace from now on: to the collector at `endpoint` (`http://127.0.0.1:4318`), as the process `name`.
    Raises `Misconfigured` when what it takes is not installed."""
    global _tracer
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
    except ImportError:
        raise Misconfigured("tracing is not installed", where="WARDLINE_TRACES", hint=_HINT) from None

    class Exporter(SpanExporter):
        """Counts what was told and what was lost: whoever follows a trace has to know."""

        def __init__(self) -> None:
            self._to: Any = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=5)

        def export(self, spans: Sequence[Any]) -> Any:
            result = self._to.export(spans)
            told = "sent" if result is SpanExportResult.SUCCESS else "lost"
            signal(SpansTold(told, len(spans)))
            return result

        def shutdown(self) -> None:
            self._to.shutdown()

    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # it says what the collector said
    told = {"service.name": "wardline", "service.version": version, "service.instance.id": name}
    ids: Any = _Ids()
    provider = TracerProvider(
        resource=Resource({**told, "deployment.environment.name": environment}),
        id_generator=ids, shutdown_on_exit=False,
    )  # fmt: skip
    provider.add_span_processor(BatchSpanProcessor(Exporter()))
    _tracer = _Tracer(provider, share, ids)


def stop() -> None:
    """Tell what is left, and no more."""
    global _tracer
    if _tracer is not None:
        _tracer.stop()
        _tracer = None


def _first(trace: int) -> int:
    """The id of a trace's first span."""
    return (trace >> 32) % 2**64 or 1
