"""From ASGI to the door and back: what is answered when something fails, and how answers are written."""

from __future__ import annotations

import gzip
import re
from collections.abc import Awaitable, Callable, MutableMapping
from time import perf_counter, time
from typing import Any, Final
from urllib.parse import parse_qsl

from engine import tracing
from engine.errors import Unacceptable, Unavailable
from engine.fhir import json_text, outcome, xml
from engine.fhir.document import Resource
from engine.fhir.etag import etag, http_date
from engine.fhir.issues import Issue, Rejected
from engine.fhir.negotiation import Wire, accepted_wire, media_type
from engine.fhir.preference import read_preference
from engine.fhir.reading import read
from engine.fhir.releases import RELEASES, Release
from engine.listeners.fhir.asking import LARGE, Answer
from engine.listeners.fhir.checks import request_ids_of
from engine.listeners.fhir.door import Reply, handle
from engine.listeners.fhir.refusals import broken, unavailable
from engine.listeners.fhir.request import Receive, Request
from engine.listeners.fhir.service import Service
from engine.privacy.fhir_harvest import fhir_harvest
from engine.privacy.matching import Identities
from engine.privacy.wording import Wording
from engine.telemetry import FhirAnswered, PrivacyIncident, RequestFailed, signal

__all__ = ["Application"]

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Send = Callable[[Event], Awaitable[None]]

_WORTH_GZIP: Final = 1024
_RELEASE: Final = re.compile(rb"/fhir/(R4B?|R5)(?:/|$)")


class Application:
    """The ASGI application of one address. `accepting` is whether the store takes anything; another `service`
    is served from the next request on."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.accepting = True
        self._wording = Wording()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever it is. Nothing is raised: the server would log it."""
        if scope["type"] != "http":
            return
        started, began = perf_counter(), time() if tracing.on() else 0.0
        service = self.service
        request = Request(scope, receive, "")
        request.id, request.echo = request_ids_of(request.headers, service.new_id)
        try:
            reply, response = await self._respond(service, request)
        except ConnectionError:
            return  # the client went before its body was here
        for event in response:
            await send(event)
        status = f"{reply.answer.status // 100}xx"
        signal(FhirAnswered(reply.channel, reply.interaction, status, perf_counter() - started))
        if began:
            _trace(request, reply, began)

    async def _respond(self, service: Service, request: Request) -> tuple[Reply, list[Event]]:
        """The answer, written. A bug has a fixed text and the request's id, which stands in the log too."""
        release = _release(request)
        try:
            reply = await self._reply(service, request, release)
            if max(reply.answer.size, request.size) < LARGE:
                return reply, written(request, reply)
            return reply, await service.doors.look(written, request, reply)
        except ConnectionError:
            raise
        except Exception as error:
            signal(RequestFailed(request.id, type(error).__name__))
            reply = _refused(broken(request.id), release, "json", "failed")
            return reply, written(request, reply)

    async def _reply(self, service: Service, request: Request, release: Release) -> Reply:
        try:
            return await handle(service, request, accepting=self.accepting)
        except Rejected as error:
            return _refused(self._worded(error, request, release), release, _wire(request, release))
        except Unavailable:
            return _refused(unavailable(), release, _wire(request, release))

    def _worded(self, error: Rejected, request: Request, release: Release) -> Rejected:
        """A refusal, without its words and places if those would say who somebody is."""
        said = [phrase for issue in error.issues for phrase in (issue.text, issue.expression)]
        row = self._wording.row_in(said, lambda: _identities(request, release))
        if not row:
            return error
        self.service.doors.told(PrivacyIncident("fhir", "answer", 0, "OperationOutcome", row))
        issues = [Issue(issue.code, "refused", severity=issue.severity) for issue in error.issues]
        return Rejected(error.status, *issues, headers=error.headers)


def _identities(request: Request, release: Release) -> Identities:
    """What identifies in the resource that was sent; nothing where none can be read."""
    wire: Wire = "xml" if "xml" in request.headers.get("content-type", "") else "json"
    try:
        body = read(request.body, wire, release)
    except Unacceptable:
        return Identities(())
    return Identities(fhir_harvest(Resource(release, str(body.get("resourceType", "")), "", 0, body)))


def _release(request: Request) -> Release:
    """Whose OperationOutcome it is when nothing else is known of the request yet."""
    found = _RELEASE.match(request.path)
    name = found[1].decode() if found else ""
    return next((release for release in RELEASES if release == name), "R4")


def _refused(error: Rejected, release: Release, wire: Wire, interaction: str = "refused") -> Reply:
    said = outcome.operation_outcome(error.issues)
    return Reply(Answer(error.status, said, list(error.headers)), wire, release, interaction)


def _wire(request: Request, release: Release) -> Wire:
    """The form of a refusal: what the client accepts, else JSON."""
    format_ = next((value for name, value in parse_qsl(request.query) if name == "_format"), None)
    try:
        return accepted_wire(request.headers.get("accept"), format_, release)
    except Rejected:
        return "json"


def _trace(request: Request, reply: Reply, began: float) -> None:
    """The first span of the message that a write became, linked with the client's own."""
    called = dict(reply.answer.headers).get("X-Correlation-Id", "")
    if called and tracing.traced(called):
        tracing.tell(
            called, "message", began, time(), first=True, parent=request.headers.get("traceparent", ""),
            channel=reply.channel, interaction=reply.interaction, status=reply.answer.status,
        )  # fmt: skip


def written(request: Request, reply: Reply) -> list[Event]:
    """An answer as ASGI sends it."""
    answer = reply.answer
    body = _body(answer, reply.wire, reply.release)
    headers = _headers(request, reply, has_body=bool(body))
    if len(body) >= _WORTH_GZIP and "gzip" in request.headers.get("accept-encoding", ""):
        body = gzip.compress(body, 1, mtime=0)
        headers.append(("Content-Encoding", "gzip"))
    if answer.status not in (204, 304):
        headers.append(("Content-Length", str(len(body))))
    encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    return [
        {"type": "http.response.start", "status": answer.status, "headers": encoded},
        {"type": "http.response.body", "body": b"" if request.method == "HEAD" else body},
    ]


def _body(answer: Answer, wire: Wire, release: Release) -> bytes:
    if answer.body is None:
        return b""
    return xml.to_xml(answer.body, release) if wire == "xml" else json_text.dump(answer.body)


def _headers(request: Request, reply: Reply, *, has_body: bool) -> list[tuple[str, str]]:
    answer = reply.answer
    named = {name.lower() for name, _ in answer.headers}
    headers = [
        ("X-Request-Id", request.echo), ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"),
        ("Vary", "Accept, Accept-Encoding, Authorization"), *answer.headers,
    ]  # fmt: skip
    if has_body and "content-type" not in named:
        headers.append(("Content-Type", media_type(reply.wire, reply.release)))
    if answer.version:
        headers += [("ETag", etag(answer.version)), ("Last-Modified", http_date(answer.at))]
    if answer.location and reply.interaction in ("create", "update", "conditional-update", "patch"):
        headers.append(("Location", answer.location))
    applied = read_preference(request.headers.get("prefer", "")).applied
    if applied and answer.status < 300:
        headers.append(("Preference-Applied", applied))
    return headers
