"""Batch and transaction (FHIR, http.html, 3.1.0.11): every entry is an interaction of its own, authorised
for itself; those of a transaction are written together or not at all."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec.structs import replace

from engine.errors import Unavailable
from engine.fhir import json_text, outcome, validation
from engine.fhir.bundle import Entry, bounded, read_entries
from engine.fhir.etag import etag
from engine.fhir.issues import Issue, Rejected
from engine.fhir.negotiation import JSON_PATCH
from engine.fhir.patch import read_operations
from engine.fhir.searching import COUNT
from engine.listeners.fhir.asking import LARGE, Answer, Ask
from engine.listeners.fhir.conditions import query_pairs
from engine.listeners.fhir.interactions import INTERACTIONS
from engine.listeners.fhir.methods import method_of
from engine.listeners.fhir.refusals import broken, placed, unavailable
from engine.listeners.fhir.rendering import instant
from engine.listeners.fhir.room import Room
from engine.listeners.fhir.routes import parse_path, routes_of
from engine.listeners.fhir.transactions import transact
from engine.telemetry import RequestFailed, signal

__all__ = ["answer_bundle"]

_AT_ONCE: Final = 64
"""Entries of a batch in work at a time: they share commits."""

_READS: Final = ("GET", "HEAD")

_CONDITIONS: Final = {
    "ifMatch": "if-match", "ifNoneMatch": "if-none-match", "ifNoneExist": "if-none-exist",
    "ifModifiedSince": "if-modified-since",
}  # fmt: skip


async def answer_bundle(ask: Ask) -> Answer:
    """What a client posts to the address of a release."""
    bundle = ask.body
    if bundle.get("resourceType") != "Bundle":
        raise Rejected(400, Issue("invalid", "only a Bundle can be sent here", "resourceType"))
    kind = bundle.get("type")
    bounded(bundle, ask.service.limits.entries)
    _check_envelope(ask, bundle)
    entries = read_entries(bundle) if kind in ("batch", "transaction") else []
    if kind == "batch":
        body = {"resourceType": "Bundle", "type": "batch-response", **await _batch(ask, entries)}
        return Answer(200, body, size=LARGE)  # written in a thread, however much its entries give
    if kind == "transaction":
        responses, unit = await transact(ask, [(entry, _entry_ask(ask, entry)) for entry in entries])
        if ask.prefer.asynchronous and unit:
            return Answer(202, headers=[("Content-Location", f"{ask.base}/Task/{unit}")])
        body = {"resourceType": "Bundle", "type": "transaction-response"}
        return Answer(200, {**body, **_entries(_response(one) for one in responses)}, size=LARGE)
    raise Rejected(400, Issue("invalid", "the type must be batch or transaction", "Bundle.type"))


def _check_envelope(ask: Ask, bundle: dict[str, Any]) -> None:
    issues = [
        one for one in validation.check(bundle, ask.release, "Bundle") if one.severity in ("error", "fatal")
    ]
    if issues:
        raise Rejected(validation.status_of(issues), *issues)


def _entries(entries: Iterable[dict[str, Any]]) -> dict[str, Any]:
    found = list(entries)
    return {"entry": found} if found else {}


def _entry_ask(ask: Ask, entry: Entry) -> Ask:
    """What an entry asks for. Raises `Rejected` with the entry's place."""
    try:
        path, query = _address(ask, entry.url)
        route = routes_of(ask.release, [part for part in path.split("/") if part])
        method = "GET" if entry.method == "HEAD" else entry.method
        interaction = method_of(ask.service, route, method)
        if interaction not in INTERACTIONS:
            raise Rejected(405, Issue("not-supported", "not something that an entry of a bundle can ask for"))
        resource = entry.resource
        body = _patch(entry) if method == "PATCH" else resource
        sent = json_text.dump(resource) if resource else b""
        return replace(
            ask,
            interaction=interaction, type=route.type, id=route.id, version=route.version,
            query=query_pairs(query) if query else (), new_id=ask.service.new_id(),
            conditions={_CONDITIONS[name]: value for name, value in entry.conditions.items()},
            body=body, body_hash=ask.service.doors.keys.digest(sent), size=len(sent), most=COUNT,
            place=f"{entry.place}.resource",
        )  # fmt: skip
    except Rejected as error:
        raise placed(error, f"{entry.place}.request.url") from None


def _patch(entry: Entry) -> Any:
    """The operations of a patch, which come in a Binary (http.html, 3.1.0.8)."""
    resource = entry.resource or {}
    if resource.get("resourceType") != "Binary" or resource.get("contentType") != JSON_PATCH:
        raise Rejected(415, Issue("not-supported", "a patch is a Binary of application/json-patch+json"))
    try:
        return read_operations(base64.b64decode(str(resource.get("data", "")), validate=True))
    except ValueError:
        raise Rejected(400, Issue("value", "the data of a Binary must be base64")) from None


def _address(ask: Ask, url: str) -> tuple[str, str]:
    """Path below the release's address, and query. The rules for paths of requests hold here too."""
    path, _, query = url.removeprefix(f"{ask.base}/").removeprefix("/").partition("?")
    if urlsplit(path).scheme or not path.isascii():
        raise Rejected(400, Issue("invalid", "the address is not one of this server"))
    parse_path(f"/fhir/{ask.release}/{path}".encode())
    return path, query


async def _batch(ask: Ask, entries: list[Entry]) -> dict[str, Any]:
    """Writes many at a time, reads one after the other as long as there is room for what they give."""
    room = Room(ask)
    found: dict[int, dict[str, Any]] = {}
    for start in range(0, len(entries), _AT_ONCE):
        part = entries[start : start + _AT_ONCE]
        writes = [entry for entry in part if entry.method not in _READS]
        done = await asyncio.gather(*(_alone(ask, entry, room) for entry in writes))
        found.update(zip((entry.number for entry in writes), done, strict=True))
        for entry in part:
            if entry.method in _READS:
                found[entry.number] = await _alone(ask, entry, room)
    return _entries(found[entry.number] for entry in entries)


async def _alone(ask: Ask, entry: Entry, room: Room) -> dict[str, Any]:
    """One entry's own answer, whatever becomes of the others."""
    try:
        asked = _entry_ask(ask, entry)
        interact = INTERACTIONS[asked.interaction]
        if entry.method in _READS:
            return _response(await room.read(interact, asked))
        if asked.prefer.asynchronous or not asked.prefer.returns:
            returns = asked.prefer.returns or "minimal"
            asked = replace(asked, prefer=asked.prefer._replace(asynchronous=False, returns=returns))
        return _response(await interact(asked))
    except Rejected as error:
        return _refusal(placed(error, entry.place))
    except Unavailable:
        return _refusal(placed(unavailable(), entry.place))
    except Exception as error:
        signal(RequestFailed(ask.request_id, type(error).__name__))
        return _refusal(placed(broken(ask.request_id), entry.place))


def _refusal(error: Rejected) -> dict[str, Any]:
    said = outcome.operation_outcome(error.issues)
    return {"response": {"status": _status(error.status), "outcome": said}}


def _response(done: Answer) -> dict[str, Any]:
    response: dict[str, Any] = {"status": _status(done.status)}
    if done.location:
        response["location"] = done.location
    if done.version:
        response.update(etag=etag(done.version), lastModified=instant(done.at))
    entry: dict[str, Any] = {"response": response}
    if done.body is not None and done.body["resourceType"] == "OperationOutcome":
        response["outcome"] = done.body
    elif done.body is not None:
        entry = {"resource": done.body, **entry}
    if done.location:
        entry = {"fullUrl": done.location.partition("/_history/")[0], **entry}
    return entry


def _status(status: int) -> str:
    return f"{status} {HTTPStatus(status).phrase}"
