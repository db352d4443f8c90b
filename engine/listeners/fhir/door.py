"""The ASGI application of one address: every request through the same checks, in the order of the
specification (FHIR, 2.1), and every answer with the same headers."""

from __future__ import annotations

import asyncio
from typing import Any, Final, NamedTuple

from engine.fhir import reading
from engine.fhir.audit import read_provenance
from engine.fhir.issues import Issue, Rejected
from engine.fhir.negotiation import Wire, accepted_wire, body_wire, patch_wire
from engine.fhir.patch import read_operations
from engine.fhir.preference import read_preference
from engine.fhir.releases import Release
from engine.listeners.fhir.asking import LARGE, Answer, Ask
from engine.listeners.fhir.bundles import answer_bundle
from engine.listeners.fhir.checks import declared_size, inflate, read_body, wait_for_rate
from engine.listeners.fhir.conditions import query_pairs
from engine.listeners.fhir.interactions import INTERACTIONS, Interact
from engine.listeners.fhir.methods import allow, method_of
from engine.listeners.fhir.operations import process_message, validate
from engine.listeners.fhir.refusals import unavailable
from engine.listeners.fhir.request import Request
from engine.listeners.fhir.routes import PUBLIC, Route, parse_path
from engine.listeners.fhir.service import Caller, Service
from engine.listeners.fhir.statement import capabilities, smart, token

__all__ = ["Reply", "handle"]

_ALL: Final[dict[str, Interact]] = {
    **INTERACTIONS,
    "search-form": INTERACTIONS["search"],
    "bundle": answer_bundle,
    "process-message": process_message,
    "validate": validate,
}
_CONDITIONS: Final[tuple[str, ...]] = ("if-match", "if-none-match", "if-none-exist", "if-modified-since")


class Reply(NamedTuple):
    """An answer, and the form that it takes."""

    answer: Answer
    wire: Wire = "json"
    release: Release = "R4"
    interaction: str = ""
    channel: str = ""


async def handle(service: Service, request: Request, *, accepting: bool) -> Reply:
    """Answer a request. Raises `Rejected`."""
    route = _try_route(request)
    limit = _limit(service, route)
    declared_size(request.headers, limit)  # size
    if isinstance(route, Route) and _public(route, request.method):
        return await _answer_public(service, request, route, limit)
    caller = await _authenticate(service, request)  # auth
    wait_for_rate(service.rates.allow(caller.id, service.clock(), caller.rate))  # rate
    if isinstance(route, Rejected):
        raise route
    interaction = method_of(service, route, request.method)  # method and route
    if interaction == "":
        return Reply(Answer(204, headers=[("Allow", allow(service, route))]))
    if not accepting:
        raise unavailable()
    sent = _content_type(request, route, interaction, service)  # Content-Type
    wire = _accept(request, route, service)  # Accept
    body = await _body(service, request, route.release, sent, limit)  # parse
    ask = _ask(service, request, route, interaction, caller, body)
    done = await _ALL[interaction](ask)  # structure, scope, preconditions, rules
    if ask.seen and not await service.doors.record(ask.seen):
        raise unavailable()  # what cannot be recorded is not shown
    offer = service.offer(route.release, route.type)
    return Reply(done, wire, route.release, interaction, offer.channel if offer else "")


# In the order of the checks


def _try_route(request: Request) -> Route | Rejected:
    """The route, or its refusal, which is told when it is its turn."""
    try:
        return parse_path(request.path)
    except Rejected as error:
        return error


def _limit(service: Service, route: Route | Rejected) -> int:
    asked = set(route.methods.values()) if isinstance(route, Route) else set[str]()
    if "token" in asked:  # of which nobody knows yet who sends it
        return service.limits.form
    return service.limits.bundle if {"bundle", "process-message"} & asked else service.limits.body


def _public(route: Route, method: str) -> bool:
    method = "GET" if method == "HEAD" else method
    return route.methods.get(method) in PUBLIC


async def _authenticate(service: Service, request: Request) -> Caller:
    now = service.clock()
    caller = service.access.known(request.headers, request.peer, now)
    if caller is None:
        caller = await service.doors.judge(service.access.authenticate, request.headers, request.peer, now)
    assert caller is not None  # noqa: S101 - authenticate says who it is, or refuses
    return caller


def _content_type(request: Request, route: Route, interaction: str, service: Service) -> str:
    """The form of the body: `json`, `xml`, `json-patch`, `form`, or empty for none."""
    if interaction == "search-form":
        media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media not in ("application/x-www-form-urlencoded", ""):
            raise Rejected(415, Issue("not-supported", "a search is application/x-www-form-urlencoded"))
        return "form"
    if interaction == "patch":
        if patch_wire(request.headers.get("content-type"), route.release) != "json-patch":
            raise Rejected(
                415,
                Issue("not-supported", "a patch is application/json-patch+json"),
                headers=(("Accept-Patch", "application/json-patch+json"),),
            )
        return "json-patch"
    if request.method in ("POST", "PUT"):
        return body_wire(request.headers.get("content-type"), route.release, xml=service.xml)
    return ""


def _accept(request: Request, route: Route, service: Service) -> Wire:
    format_ = next((value for name, value in query_pairs(request.query) if name == "_format"), None)
    return accepted_wire(request.headers.get("accept"), format_, route.release, xml=service.xml)


async def _body(service: Service, request: Request, release: Release, sent: str, limit: int) -> Any:
    """The body, read; for a search its parameters. Raises `Rejected` (400, 408, 413, 415)."""
    if not sent:
        return None
    raw = await _raw(service, request, limit)
    request.size, request.body = len(raw), raw
    request.digest = service.doors.keys.digest(raw)
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if len(raw) < LARGE and not encoding:
        return _parsed(raw, sent, release, encoding, limit)
    return await service.doors.look(_parsed, raw, sent, release, encoding, limit)


async def _raw(service: Service, request: Request, limit: int) -> bytes:
    try:
        async with asyncio.timeout(service.limits.body_seconds):
            return await read_body(request.receive, limit)
    except TimeoutError:
        raise Rejected(408, Issue("timeout", "the body did not arrive in time")) from None


def _parsed(raw: bytes, sent: str, release: Release, encoding: str, limit: int) -> Any:
    plain = inflate(raw, encoding, limit)
    if sent == "form":
        return query_pairs(plain.decode("ascii", "replace"))
    if sent == "json-patch":
        return read_operations(plain)
    return reading.read(plain, "xml" if sent == "xml" else "json", release)


def _ask(
    service: Service, request: Request, route: Route, interaction: str, caller: Caller, body: Any
) -> Ask:
    headers = request.headers
    query = query_pairs(request.query)
    conditions = {name: headers[name] for name in _CONDITIONS if name in headers}
    return Ask(
        service=service,
        caller=caller,
        release=route.release,
        interaction=interaction,
        base=f"{service.base}/fhir/{route.release}",
        request_id=request.id,
        type=route.type,
        id=route.id,
        version=route.version,
        new_id=service.new_id(),
        query=[*query, *body] if interaction == "search-form" else query,
        conditions=conditions,
        prefer=read_preference(headers.get("prefer", "")),
        body=None if interaction == "search-form" else body,
        body_hash=request.digest,
        size=request.size,
        provenance=read_provenance(headers["x-provenance"]) if "x-provenance" in headers else None,
    )


async def _answer_public(service: Service, request: Request, route: Route, limit: int) -> Reply:
    interaction = route.methods["GET" if request.method == "HEAD" else request.method]
    if interaction == "token":
        wait_for_rate(
            service.rates.allow(f"address {request.address}", service.clock(), service.limits.tokens)
        )
        return Reply(await token(service, request, await _raw(service, request, limit)), interaction="token")
    if route.release not in service.releases and interaction == "capabilities":
        raise Rejected(404, Issue("not-supported", "this release of FHIR is not served here"))
    if interaction == "smart":
        return Reply(smart(service), interaction="smart")
    wire = _accept(request, route, service)
    done = capabilities(service, route.release, request.headers)
    return Reply(done, wire, route.release, "capabilities")
