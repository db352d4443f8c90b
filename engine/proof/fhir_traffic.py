"""What is sent over FHIR: every element in every release, and canaries in headers, addresses, queries,
bundles, broken bodies; as a client that may do everything, one that may do little, and nobody."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import httpx

from engine.fhir import json_text
from engine.fhir.releases import Release
from engine.proof.canaries import Canaries
from engine.proof.fhir_resources import Made

__all__ = ["Answered", "Client", "Request", "around", "creates", "later", "named_by_whom"]

Word = Callable[[str], str]
"""A place → a new canary for it."""

_PARAMETERS: Final = (
    "identifier", "subject:identifier", "_id", "name", "patient", "birthdate", "_lastUpdated",
)  # fmt: skip
_HEADERS: Final = ("If-None-Exist", "If-None-Match", "Prefer", "Accept", "Content-Type", "Cookie")
_JSON: Final = {"Content-Type": "application/fhir+json"}


class Request(NamedTuple):
    """One request; `path` is below the address of its release."""

    name: str
    release: Release
    method: str
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = {}
    who: str = "ward"


class Answered(NamedTuple):
    """What came back. `own`: a body that gives the client back what clients wrote, which it may read."""

    name: str
    status: int
    head: bytes
    body: bytes
    own: bool


class Client:
    """Speaks to a door; `keys` are the static keys of the clients."""

    def __init__(self, port: int, keys: Mapping[str, str]) -> None:
        self._keys = keys
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120, trust_env=False)

    def ask(self, request: Request) -> Answered:
        """Send a request; an answer of status 0 when the door closed."""
        headers = {**_JSON, **request.headers}
        if request.who:
            headers.setdefault("Authorization", f"Bearer {self._keys[request.who]}")
        path = f"/fhir/{request.release}{request.path}"
        try:
            answer = self._client.request(request.method, path, content=request.body, headers=headers)
        except httpx.HTTPError:
            return Answered(request.name, 0, b"", b"", own=False)
        head = "\n".join(f"{name}: {value}" for name, value in answer.headers.items()).encode()
        return Answered(request.name, answer.status_code, head, answer.content, own=_is_own(answer, request))

    def close(self) -> None:
        """Hang up."""
        self._client.close()


def creates(made: Made, release: Release) -> Request:
    """The request that writes a resource."""
    return Request(made.name, release, "POST", f"/{made.body['resourceType']}", json_text.dump(made.body))


def later(created: Request, address: str, canaries: Canaries) -> Iterator[Request]:
    """What follows a create: read, history, update, patch, conditions that do not hold. `address` is the
    resource's.
    """
    name, body = created.name, json.loads(created.body)
    path = address.partition(f"/fhir/{created.release}")[2].partition("/_history")[0]
    word = canaries.word(f"{name}: If-Match")
    yield created._replace(name=f"{name}: read", method="GET", path=path, body=b"")
    yield created._replace(name=f"{name}: history", method="GET", path=f"{path}/_history", body=b"")
    yield created._replace(
        name=f"{name}: stale", method="PUT", path=path, headers={"If-Match": f'W/"{word}"'}
    )
    patch = [{"op": "test", "path": "/status", "value": canaries.word(f"{name}: patch")}]
    patches = {"Content-Type": "application/json-patch+json"}
    yield created._replace(
        name=f"{name}: patch", method="PATCH", path=path, body=_dump(patch), headers=patches
    )
    body |= {"id": path.rpartition("/")[2]}
    yield created._replace(
        name=f"{name}: update",
        method="PUT",
        path=path,
        body=_dump(body),
        headers={"Prefer": "return=minimal"},
    )
    yield created._replace(name=f"{name}: read by another", method="GET", path=path, body=b"", who="narrow")


def named_by_whom(canaries: Canaries, type_: str, release: Release) -> Iterator[Request]:
    """Requests that name people where they should not: in addresses, queries, headers, by nobody known."""
    at = f"{type_} {release}"

    def word(place: str) -> str:
        return canaries.word(f"{at}: {place}")

    yield Request(f"{at}: address", release, "GET", f"/{type_}/{word('HTTP.request-line id')}")
    yield Request(f"{at}: no type", release, "GET", f"/{word('HTTP.request-line type')}/1")
    for parameter in _PARAMETERS:
        number, name = word(f"HTTP.request-line {parameter}"), word("HTTP.request-line name")
        query = f"?{parameter}=urn:proof|{number}&{name}=1"
        yield Request(f"{at}: search by {parameter}", release, "GET", f"/{type_}{query}")
    strict = {"Prefer": "handling=strict"}
    query = f"?{word('HTTP.request-line strict')}=1"
    yield Request(f"{at}: strict", release, "GET", f"/{type_}{query}", headers=strict)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    searched = f"identifier={word('HTTP.request-line _search')}".encode()
    yield Request(f"{at}: _search", release, "POST", f"/{type_}/_search", searched, form)
    headers = {name: f"identifier=urn:proof|{word(f'HTTP.header.{name}')}" for name in _HEADERS}
    headers["X-Provenance"] = json.dumps(_provenance(word("Provenance.agent.who.display")))
    for name, value in headers.items():
        body = _small(type_, word("identifier.value"))
        yield Request(f"{at}: {name}", release, "POST", f"/{type_}", body, {name: value})
    for scheme in ("Bearer", "Basic", ""):
        nobody = {"Authorization": f"{scheme} {word('HTTP.header.Authorization')}".strip()}
        yield Request(f"{at}: nobody, {scheme}", release, "GET", f"/{type_}", headers=nobody, who="")


def around(canaries: Canaries, type_: str, release: Release) -> Iterator[Request]:
    """Bodies that are broken or wrapped: what cannot be read is not repeated, neither values nor names."""
    at = f"{type_} {release}"

    def word(place: str) -> str:
        return canaries.word(f"{at}: {place}")

    def small() -> dict[str, Any]:
        return dict(json.loads(_small(type_, word("identifier.value"))))

    for name, more in _broken(word).items():
        yield Request(f"{at}: {name}", release, "POST", f"/{type_}", _dump({**small(), **more}))
    for name, text in _unreadable(type_, word).items():
        yield Request(f"{at}: {name}", release, "POST", f"/{type_}", text.encode())
    xml = f'<{word("xml element")} value="{word("xml value")}"/></{type_}>'
    forms = {"Content-Type": "application/fhir+xml", "Accept": "application/fhir+xml"}
    for name, text in (("XML", xml), ("XML cut", xml[:-9])):
        body = f'<{type_} xmlns="http://hl7.org/fhir">{text}'
        yield Request(f"{at}: {name}", release, "POST", f"/{type_}", body.encode(), forms)
    named = {
        "name": word("Parameters.parameter.name"),
        "valueString": word("Parameters.parameter.valueString"),
    }
    parameters = {
        "resourceType": "Parameters",
        "parameter": [{"name": "resource", "resource": small()}, named],
    }
    yield Request(f"{at}: $validate", release, "POST", f"/{type_}/$validate", _dump(parameters))
    for kind in ("transaction", "batch"):
        yield Request(f"{at}: {kind}", release, "POST", "", _dump(_bundle(kind, type_, small(), word)))
    yield Request(f"{at}: message", release, "POST", "/$process-message", _dump(_message(small(), word)))


def _broken(word: Word) -> dict[str, dict[str, Any]]:
    """What is laid over a good resource."""
    extension = [{"url": "urn:x", "valueString": word("modifierExtension")}]
    patient = {"resourceType": "Patient", "id": "x", "name": [{"family": word("contained.name.family")}]}
    return {
        "unknown element": {word("the name of an element"): word("the value of an unknown element")},
        "another type": {"resourceType": word("resourceType")},
        "wrong type": {"status": {"value": word("status")}, "identifier": word("identifier as text")},
        "wrong code": {"status": word("status as a code")},
        "modifier": {"modifierExtension": extension},
        "rules": {"implicitRules": f"urn:{word('implicitRules')}"},
        "primitive extension": {
            "_status": {"extension": [{"url": "urn:x", "valueString": word("_element")}]}
        },
        "contained alone": {"contained": [patient]},
        "bad reference": {
            "subject": {"reference": word("no reference"), "display": word("Reference.display")}
        },
        "bad date": {"occurrenceDateTime": word("no date")},
    }


def _unreadable(type_: str, word: Word) -> dict[str, str]:
    twice = f'"{word("a name twice")}": 1, "id": "{word("id")}", "id": "2"'
    return {
        "no JSON": f'{{"resourceType": "{word("no JSON")}", "x": {word("no JSON")}',
        "a text": f'"{word("a text")}"',
        "twice": f'{{"resourceType": "{type_}", {twice}}}',
    }


def _bundle(kind: str, type_: str, small: dict[str, Any], word: Word) -> dict[str, Any]:
    none_exists = f"identifier=urn:proof|{word('Bundle.entry.request.ifNoneExist')}"
    wrong = {"method": "PUT", "url": f"{type_}/{word('Bundle.entry.request.url')}"}
    entries: list[dict[str, Any]] = [
        {
            "fullUrl": f"urn:proof:{word('Bundle.entry.fullUrl')}",
            "resource": small,
            "request": {"method": "POST", "url": type_, "ifNoneExist": none_exists},
        },
        {"request": {"method": "GET", "url": f"{type_}?identifier={word('Bundle.entry.request.url')}"}},
    ]
    if kind == "batch":
        stale = {**wrong, "ifMatch": f'W/"{word("Bundle.entry.request.ifMatch")}"'}
        entries.append({"resource": small, "request": stale})
    link = [{"relation": "self", "url": f"urn:{word('Bundle.link.url')}"}]
    bundle = {"resourceType": "Bundle", "type": kind, "entry": entries, "link": link}
    return {**bundle, "identifier": {"value": word("Bundle.identifier.value")}}


def _message(small: dict[str, Any], word: Word) -> dict[str, Any]:
    source = {
        "name": word("MessageHeader.source.name"),
        "endpoint": f"urn:{word('MessageHeader.source.endpoint')}",
    }
    event = f"urn:{word('MessageHeader.eventUri')}"
    header = {"resourceType": "MessageHeader", "eventUri": event, "source": source}
    entries = [
        {"fullUrl": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520", "resource": header},
        {"fullUrl": f"urn:proof:{word('Bundle.entry.fullUrl')}", "resource": small},
    ]
    return {"resourceType": "Bundle", "type": "message", "entry": entries}


def _provenance(word: str) -> dict[str, Any]:
    agent = [{"who": {"display": word, "identifier": {"value": word}}}]
    target = [{"reference": "#"}]
    return {
        "resourceType": "Provenance",
        "target": target,
        "recorded": "2026-11-21T10:00:00Z",
        "agent": agent,
    }


def _small(type_: str, number: str) -> bytes:
    return _dump({"resourceType": type_, "identifier": [{"system": "urn:proof", "value": number}]})


def _dump(value: Any) -> bytes:
    return json.dumps(value).encode()


def _is_own(answer: httpx.Response, request: Request) -> bool:
    """Resources that are given back to a client that may read them; an OperationOutcome never is."""
    if answer.status_code >= 300 or request.who != "ward":
        return False
    return re.search(rb'"resourceType"\s*:\s*"OperationOutcome"', answer.content[:200]) is None
