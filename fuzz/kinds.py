"""The kinds of requests that there are: method, path below the address of the release, headers, body."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from random import Random
from typing import Any, Final
from urllib.parse import quote

from engine.fhir.json_text import load
from engine.fhir.releases import Release
from engine.fhir.xml import to_xml
from fuzz.right import Node, resource_of
from fuzz.spoiling import CANARY, ODD, canary, spoil_markup, spoiled
from fuzz.words import BODY_KINDS, query

__all__ = ["KINDS", "Parts"]

TYPES: Final = ("SupplyRequest", "SupplyDelivery", "ChargeItem", "Location", "Patient", "Encounter")
Parts = tuple[str, str, dict[str, str], bytes]


def _create(dice: Random, release: Release, known: Sequence[str], samples: Sequence[Node]) -> Parts:
    resource = resource_of(dice, release, samples)
    headers, body = _written(dice, spoiled(dice, resource, 0.5), release)
    if dice.random() < 0.2:
        headers["If-None-Exist"] = query(dice)
    path = dice.choice(["", "", "", "/$validate"])
    return "POST", f"/{resource.get('resourceType', 'Location')}{path}", headers, body


def _update(dice: Random, release: Release, known: Sequence[str], samples: Sequence[Node]) -> Parts:
    place = _place(dice, known)
    resource = resource_of(dice, release, samples)
    resource["resourceType"], _, resource["id"] = place.partition("/")
    if dice.random() < 0.2:
        place = f"{place.partition('/')[0]}?{query(dice)}"
        resource.pop("id")
    headers, body = _written(dice, spoiled(dice, resource, 0.5), release)
    headers["If-Match"] = dice.choice(['W/"1"', 'W/"2"', 'W/"9999"', '"1"', "*", "W/", CANARY, 'W/"-1"'])
    if dice.random() < 0.5:
        del headers["If-Match"]
    return "PUT", f"/{place}", headers, body


def _patch(dice: Random, release: Release, known: Sequence[str], samples: Sequence[Node]) -> Parts:
    operations = [_operation(dice, release, samples) for _ in range(dice.choice([1, 1, 2, 8]))]
    kind = dice.choice(["application/json-patch+json"] * 9 + ["application/fhir+json", CANARY])
    body = json.dumps(spoiled(dice, operations)).encode()
    return "PATCH", f"/{_place(dice, known)}", {"Content-Type": kind}, body


def _operation(dice: Random, release: Release, samples: Sequence[Node]) -> Node:
    paths = [
        "",
        "/",
        "/status",
        "/quantity/value",
        "/identifier/-",
        "/identifier/0",
        "/extension",
        "/id",
        "/~2",
        f"/{canary(dice)}",
        "/identifier/999999999999",
        "/meta/versionId",
        "/contained/0/name",
    ]
    found: Node = {
        "op": dice.choice(["add", "remove", "replace", "move", "copy", "test", CANARY]),
        "path": dice.choice(paths),
        "from": dice.choice(paths),
        "value": deepcopy(dice.choice([*ODD, "cancelled", resource_of(dice, release), {"value": 3}])),
    }
    for name in ("from", "value", "path"):
        if dice.random() < 0.1:
            del found[name]
    return found


def _read(dice: Random, release: Release, known: Sequence[str], samples: Sequence[Node]) -> Parts:
    place = _place(dice, known)
    more = dice.choice(
        [
            "",
            "",
            "/_history",
            "/_history/1",
            "/_history/2",
            f"/_history/{CANARY}",
            "/_history/0",
            "/_history?_count=1",
            "/_history?_since=2026",
            "?_format=xml",
            "?_summary=true",
        ]
    )
    headers = {"If-None-Match": 'W/"1"'} if dice.random() < 0.2 else {}
    if dice.random() < 0.1:
        headers["If-Modified-Since"] = dice.choice(["Sat, 21 Nov 2026 10:00:00 GMT", "yesterday", CANARY])
    return dice.choice(["GET"] * 8 + ["DELETE", "HEAD"]), f"/{place}{more}", headers, b""


def _search(dice: Random, release: Release, known: Sequence[str], samples: Sequence[Node]) -> Parts:
    type_ = dice.choice([*TYPES, "Task", "AuditEvent", "Provenance"])
    if dice.random() < 0.3:
        kind = {"Content-Type": dice.choice(["application/x-www-form-urlencoded"] * 9 + ["text/plain"])}
        return "POST", f"/{type_}/_search", kind, query(dice).encode("latin-1", "replace")
    return dice.choice(["GET", "GET", "HEAD"]), f"/{type_}?{query(dice)}", {}, b""


def _bundle(dice: Random, release: Release, known: Sequence[str], samples: Sequence[Node]) -> Parts:
    entries = [_entry(dice, release, known, samples) for _ in range(dice.choice([0, 1, 2, 3, 3, 12]))]
    kinds = ["batch", "transaction"] * 4 + ["message", "searchset", CANARY]
    bundle = {"resourceType": "Bundle", "type": dice.choice(kinds), "entry": entries}
    headers, body = _written(dice, spoiled(dice, bundle, 0.3), release)
    return "POST", dice.choice(["", "", "", "/", "/$process-message"]), headers, body


def _message(dice: Random, release: Release, known: Sequence[str], samples: Sequence[Node]) -> Parts:
    source = {"endpointUrl" if release == "R5" else "endpoint": "urn:fuzz"}
    event = {"eventCoding": {"system": "urn:e", "code": canary(dice)}}
    header = {"resourceType": "MessageHeader", "id": canary(dice), **event, "source": source}
    resources = [
        spoiled(dice, resource_of(dice, release, samples), 0.3) for _ in range(dice.choice([0, 1, 2]))
    ]
    entries = [
        {"resource": header},
        *({"fullUrl": f"urn:{canary(dice)}", "resource": one} for one in resources),
    ]
    bundle = {"resourceType": "Bundle", "type": "message", "entry": entries}
    headers, body = _written(dice, spoiled(dice, bundle, 0.3), release)
    return "POST", "/$process-message", headers, body


def _parameters(dice: Random, release: Release, known: Sequence[str], samples: Sequence[Node]) -> Parts:
    resource = resource_of(dice, release, samples)
    given = [{"name": "resource", "resource": resource}, {"name": "mode", "valueCode": "create"}]
    asked = spoiled(dice, {"resourceType": "Parameters", "parameter": given})
    headers, body = _written(dice, asked, release)
    return (
        "POST",
        dice.choice(["/$validate", "/SupplyRequest/$validate", "/SupplyRequest/1/$validate"]),
        headers,
        body,
    )


def _entry(dice: Random, release: Release, known: Sequence[str], samples: Sequence[Node]) -> Node:
    resource = spoiled(dice, resource_of(dice, release, samples), 0.2)
    type_ = resource.get("resourceType", "Location") if isinstance(resource, dict) else "Location"
    place = _place(dice, known)
    request: Node = dice.choice(
        [
            {"method": "POST", "url": type_},
            {"method": "POST", "url": type_},
            {"method": "POST", "url": type_, "ifNoneExist": query(dice)},
            {"method": "PUT", "url": place, "ifMatch": 'W/"1"'},
            {"method": "PUT", "url": f"{type_}?{query(dice)}"},
            {"method": "GET", "url": place},
            {"method": "GET", "url": f"{type_}?{query(dice)}"},
            {"method": "DELETE", "url": place},
            {"method": "PATCH", "url": place},
            {"method": CANARY, "url": place},
            {"method": "GET", "url": dice.choice(["..", "http://127.0.0.1/", CANARY, "", "Patient/%00"])},
        ]
    )
    address = dice.choice(
        ["urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0", f"urn:uuid:{canary(dice)}", place]
    )
    return {"fullUrl": address, "resource": resource, "request": request}


def _token(dice: Random, release: Release, known: Sequence[str], samples: Sequence[Node]) -> Parts:
    scope = quote(dice.choice(["system/*.cruds", CANARY]))
    assertion = ".".join(canary(dice) for _ in range(3))
    body = f"grant_type=client_credentials&scope={scope}&client_assertion={assertion}"
    return "POST", "/auth/token", {"Content-Type": "application/x-www-form-urlencoded"}, body.encode()


def _smart(dice: Random, release: Release, known: Sequence[str], samples: Sequence[Node]) -> Parts:
    places = [
        "/.well-known/smart-configuration",
        f"/fhir/{release}/metadata",
        "/",
        f"/{canary(dice)}",
        "/metrics",
    ]
    return "GET", dice.choice(places), {}, b""


def _place(dice: Random, known: Sequence[str]) -> str:
    if known and dice.random() < 0.8:
        return dice.choice(known)
    return f"{dice.choice(TYPES)}/{dice.choice(['1', 'none', canary(dice), 'a' * 64, 'a' * 65, '-'])}"


def _written(dice: Random, value: Any, release: Release) -> tuple[dict[str, str], bytes]:
    """A resource as JSON or XML, with the Content-Type that says so (or something else)."""
    kind = "application/fhir+json"
    body = json.dumps(value, ensure_ascii=dice.random() < 0.5).encode("utf-8", "surrogatepass")
    if dice.random() < 0.2:
        try:
            body, kind = to_xml(load(body), release), "application/fhir+xml"
        except Exception:  # what is no FHIR any more stays JSON
            kind = dice.choice([kind, "application/fhir+xml"])
    if kind.endswith("xml") and dice.random() < 0.5:
        body = spoil_markup(dice, body)
    if dice.random() < 0.05:
        kind = dice.choice(BODY_KINDS)
    return {"Content-Type": kind}, body


KINDS: Final[dict[str, tuple[int, Callable[[Random, Release, Sequence[str], Sequence[Node]], Parts]]]] = {
    "create": (40, _create),
    "update": (15, _update),
    "patch": (10, _patch),
    "read": (12, _read),
    "search": (15, _search),
    "bundle": (15, _bundle),
    "message": (5, _message),
    "parameters": (2, _parameters),
    "token": (2, _token),
    "smart": (2, _smart),
}
