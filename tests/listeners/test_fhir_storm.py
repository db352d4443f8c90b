"""Requests that nobody would send: whatever comes, the answer is one of FHIR's, never a 5xx, and a refusal is
an OperationOutcome."""

from __future__ import annotations

import copy
import json
import os
import random
from pathlib import Path
from typing import Any

import httpx
from fhir_bodies import bundle, charge, delivery, entry, s1
from fhir_door import Door, open_door

ROUNDS = int(os.environ.get("WARDLINE_STORM", "600"))

_ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    "",
    "a",
    " ",
    "\u0000",
    "Patient/1",
    "#x",
    "urn:uuid:1",
    "2026-13-45",
    [],
    {},
    [None],
    [[]],
    {"a": 1},
    {"reference": 1},
    {"coding": 1},
    {"system": 1, "value": 2},
    "x" * 300,
    10**40,
    "http://[",
    {"resourceType": "Patient"},
    ["a", "a"],
    "\ud83d\ude00",
    {"extension": [{"url": 5}]},
    "Location?identifier=a",
]
_WORDS = [
    "SupplyRequest",
    "ChargeItem",
    "Location",
    "Task",
    "AuditEvent",
    "Provenance",
    "Bundle",
    "Wibble",
    "_search",
    "_history",
    "$validate",
    "$process-message",
    "metadata",
    "1",
    "2",
    "-",
    ".",
    "..",
    "%2e",
    "%00",
    "a" * 70,
    "",
]
_NAMES = [
    "_id",
    "_count",
    "_cursor",
    "_lastUpdated",
    "_summary",
    "_total",
    "_since",
    "_format",
    "identifier",
    "status",
    "date",
    "requester",
    "requester:Patient",
    "requester:identifier",
    "subject",
    "focus",
    "entity",
    "target",
    "x",
    "service",
    "context",
    "patient",
    "_sort",
    "identifier:of-type",
    "date:missing",
    ":",
    "",
]
_VALUES = [
    "",
    "a",
    "a|b",
    "|",
    "||",
    "a,b",
    ",",
    "\\",
    "\\,",
    "2026",
    "ge2026-01",
    "le2026-02-30",
    "9999-12-31T23:59:60Z",
    "0000",
    "0001-01-01T00:00:00+14:00",
    "-1",
    "0",
    "5",
    "99999999999999999999",
    "²",
    "SupplyRequest/1",
    "xml",
    "json",
    "Patient/7",
    "http://x/Patient/7",
    "\u0000",
    "é",
    "application/fhir+json; fhirVersion=5.0",
    "SupplyRequest-1-1",
]
_HEADERS = {
    "If-Match": ['W/"1"', '"1"', "*", "1", "", 'W/"x", "2"', "W/"],
    "If-None-Match": ['W/"1"', "*", "1", ""],
    "If-None-Exist": [
        "identifier=a",
        "identifier=urn:o|a",
        "x=1",
        "",
        "%",
        "_id=1",
        "date=2026",
        "?identifier=a",
    ],
    "If-Modified-Since": ["Sun, 22 Nov 2026 08:00:00 GMT", "yesterday", "Mon, 99 Foo 9999 99:99:99 GMT"],
    "Prefer": [
        "return=minimal",
        "return=representation",
        "return=OperationOutcome",
        "respond-async",
        "handling=strict",
        ",",
    ],
    "Accept": ["application/fhir+xml", "*/*", "text/html", ";q=x", "application/fhir+json;q=0"],
    "Content-Type": [
        "application/fhir+json",
        "application/json-patch+json",
        "application/fhir+xml",
        "text/plain",
        ";",
        "application/x-www-form-urlencoded",
    ],
    "Content-Encoding": ["gzip", "br", "identity"],
    "X-Provenance": ["{}", "x", '{"resourceType":"Provenance"}'],
    "X-Request-Id": ["a", "<"],
}


def _spoil(value: Any, dice: random.Random) -> Any:
    """The same with something somewhere replaced, added or taken away."""
    value = copy.deepcopy(value)
    for _ in range(dice.choice((0, 0, 0, 0, 1, 1, 2, 4))):
        parent, at = {"": value}, ""
        node: Any = value
        place: Any = (parent, at)
        while isinstance(node, dict | list) and node and dice.random() < 0.8:
            key = dice.choice(list(node) if isinstance(node, dict) else range(len(node)))
            place = (node, key)
            node = node[key]
        holder, key = place
        if dice.random() < 0.2 and isinstance(holder, dict) and key:
            del holder[key]
        else:
            holder[key] = copy.deepcopy(dice.choice(_ODD))
        value = parent[""]
    return value


def _body(dice: random.Random) -> Any:
    link = "urn:uuid:6f1e9d4c-9a61-4d1b-8d9c-0f6f6d3a3a11"
    some = dice.choice([s1, charge, delivery])
    entries = [
        entry(dice.choice(["POST", "PUT", "GET", "DELETE", "PATCH"]), _path(dice), some(), full_url=link),
        entry("POST", "SupplyRequest", s1(basedOn=[{"reference": link}]), ifNoneExist="identifier=a"),
        entry("GET", _path(dice)),
    ]
    header = {
        "resourceType": "MessageHeader",
        "eventCoding": {"code": "x"},
        "source": {"endpoint": "http://x"},
    }
    message = {**bundle("message", {"fullUrl": link, "resource": header}, {"resource": s1()})}
    patch = [
        {
            "op": dice.choice(["add", "copy", "move", "test", "remove", "replace"]),
            "path": "/status",
            "value": 1,
        }
    ]
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": some()}]}
    bodies = [some(), parameters, bundle("batch", *entries), bundle("transaction", *entries), message, patch]
    return _spoil(dice.choice(bodies), dice)


def _path(dice: random.Random) -> str:
    return "/".join(dice.choice(_WORDS) for _ in range(dice.choice((0, 1, 1, 2, 2, 3, 4))))


def _fitting(body: Any) -> str:
    """Where a body belongs."""
    kind = body.get("resourceType") if isinstance(body, dict) else None
    if kind == "Bundle":
        return "$process-message" if body.get("type") == "message" else ""
    return f"{kind}" if kind in ("SupplyRequest", "ChargeItem", "SupplyDelivery") else "$validate"


def _aim(body: Any, dice: random.Random, known: list[str]) -> tuple[str, str]:
    """A method and a path: often where the body belongs, or a resource that is there; else anything."""
    method = dice.choice(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
    chance = dice.random()
    if chance < 0.5:
        return "POST", _fitting(body)
    if not known or chance < 0.6:
        return method, _path(dice)
    path = dice.choice(known)
    if isinstance(body, dict):
        body["id"] = path.split("/")[1]
        body["resourceType"] = path.split("/")[0]
    tail = dice.choice(["", "", "", "", "/_history", "/_history/1", "/$validate"])
    return ("GET" if "_history" in tail else method), path + tail


def _send(client: httpx.Client, door: Door, dice: random.Random, known: list[str]) -> httpx.Response:
    body = _body(dice)
    method, path = _aim(body, dice, known)
    release = dice.choice(["R4", "R4", "R4", "R4", "R4B", "R5", "R6"])
    query = "&".join(
        f"{dice.choice(_NAMES)}={dice.choice(_VALUES)}" for _ in range(dice.choice((0, 0, 0, 1, 2)))
    )
    query = query.replace("\u0000", "%00").replace(" ", "%20")
    headers = {"Authorization": "Bearer tester", "Content-Type": "application/fhir+json"}
    if method == "PATCH":
        headers["Content-Type"] = "application/json-patch+json"
    for name in dice.sample(list(_HEADERS), dice.choice((0, 0, 0, 1, 2))):
        headers[name] = dice.choice(_HEADERS[name])
    content = json.dumps(body).encode() if method in ("POST", "PUT", "PATCH") else b""
    return client.request(
        method, f"{door.url}/fhir/{release}/{path}?{query}", headers=headers, content=content
    )


def test_whatever_comes(tmp_path: Path) -> None:
    dice = random.Random(int(os.environ.get("WARDLINE_SEED", "7")))
    with open_door(tmp_path) as door, httpx.Client(trust_env=False, timeout=20) as client:
        statuses: dict[int, int] = {}
        known: list[str] = []
        for number in range(ROUNDS):
            answer = _send(client, door, dice, known)
            statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
            if answer.status_code == 201:
                known.append("/".join(answer.headers["location"].split("/")[5:7]))
            said = f"{number}: {answer.request.method} {answer.request.url} {answer.request.headers}"
            assert answer.status_code < 500, f"{said}\n{answer.request.content!r}\n{answer.text}"
            if answer.status_code >= 400 and answer.request.method != "HEAD":
                assert "OperationOutcome" in answer.text, said
        assert {200, 201, 400, 404, 405, 422} <= statuses.keys()
