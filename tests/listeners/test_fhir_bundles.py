"""Batch, transaction and message over real HTTP (spec: FHIR, cases F34 to F41)."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fhir_bodies import bundle, charge, delivery, entry, outcome, s1
from fhir_door import Door, open_door

from engine.listeners.fhir import Limits


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with open_door(tmp_path_factory.mktemp("bundles"), limits=Limits(entries=20)) as opened:
        yield opened


def _wrong() -> dict[str, Any]:
    body = s1()
    del body["quantity"]
    return body


def test_F34_transaction_with_one_that_is_wrong(door: Door) -> None:
    entries = [entry("POST", "SupplyRequest", body) for body in (s1("F34"), _wrong(), s1("F34"))]
    before = len(door.units)
    with door.client() as client:
        refused = client.post("", json=bundle("transaction", *entries))
        assert refused.status_code == 400
        assert outcome(refused)["expression"] == ["Bundle.entry[1].resource.quantity"]
        assert client.get("/SupplyRequest?identifier=F34").json()["total"] == 0
    assert len(door.units) == before


@pytest.mark.parametrize("backwards", [False, True], ids=["F35", "F36"])
def test_transaction_with_links_between_its_entries(door: Door, backwards: bool) -> None:
    there, here = f"urn:uuid:{uuid.uuid4()}", f"urn:uuid:{uuid.uuid4()}"
    billed = charge(
        service=[{"reference": there}],
        extension=[{"url": "urn:x", "valueReference": {"reference": there}}],
        identifier=[{"system": "urn:ietf:rfc:3986", "value": there}],
    )
    entries = [
        entry("POST", "SupplyDelivery", delivery(), full_url=there),
        entry("POST", "ChargeItem", billed, full_url=here),
    ]
    with door.client(Prefer="return=representation") as client:
        done = client.post("", json=bundle("transaction", *(reversed(entries) if backwards else entries)))
        assert done.status_code == 200
        body = done.json()
        assert body["type"] == "transaction-response"
        assert [one["response"]["status"] for one in body["entry"]] == ["201 Created", "201 Created"]
        resources = {one["resource"]["resourceType"]: one["resource"] for one in body["entry"]}
        linked = f"SupplyDelivery/{resources['SupplyDelivery']['id']}"
        stored = client.get(f"/ChargeItem/{resources['ChargeItem']['id']}").json()
    assert stored["service"] == [{"reference": linked}]
    assert stored["extension"][0]["valueReference"] == {"reference": linked}
    assert stored["identifier"][0]["value"] == there
    assert len(door.units[-1].writes) == 2
    location = body["entry"][0]["response"]["location"]
    assert location.endswith("/_history/1")


def test_F37_conditional_references(door: Door) -> None:
    def place(value: str) -> dict[str, Any]:
        return {"resourceType": "Location", "identifier": [{"system": "urn:l", "value": value}]}

    def order(value: str) -> dict[str, Any]:
        body = s1(deliverTo={"reference": f"Location?identifier=urn:l|{value}"})
        return bundle("transaction", entry("POST", "SupplyRequest", body))

    with door.client() as client:
        ids = [client.post("/Location", json=place(value)).json()["id"] for value in ("one", "two", "two")]
        refused = client.post("", json=order("none"))
        assert refused.status_code == 412
        assert outcome(refused)["expression"] == ["Bundle.entry[0].resource.deliverTo.reference"]
        done = client.post("", json=order("one"), headers={"Prefer": "return=representation"})
        assert done.status_code == 200
        assert done.json()["entry"][0]["resource"]["deliverTo"]["reference"] == f"Location/{ids[0]}"
        assert client.post("", json=order("two")).status_code == 412
        alone = client.post("/SupplyRequest", json=s1(deliverTo={"reference": "Location?identifier=one"}))
        assert alone.status_code in (400, 422)


def test_F38_transaction_where_one_entry_is_not_allowed(door: Door) -> None:
    only = door.access.give("only", "SupplyRequest.create")
    entries = [entry("POST", "SupplyRequest", s1()), entry("POST", "ChargeItem", charge())]
    before = len(door.units)
    with door.client(**only) as client:
        assert client.post("", json=bundle("transaction", *entries)).status_code == 403
        for url in ("Patient/1", "Patient?_id=1", "Patient/1/_history/1", "AuditEvent?entity=Patient/1"):
            reading = bundle("transaction", entries[0], {"request": {"method": "GET", "url": url}})
            assert client.post("", json=reading).status_code == 403, url
        batch = client.post("", json=bundle("batch", *entries)).json()
    assert [one["response"]["status"][:3] for one in batch["entry"]] == ["201", "403"]
    assert len(door.units) == before + 1


def test_F39_batch_with_one_that_is_wrong(door: Door) -> None:
    entries = [entry("POST", "SupplyRequest", body) for body in (s1(), _wrong(), s1())]
    with door.client() as client:
        done = client.post("", json=bundle("batch", *entries)).json()
    assert done["type"] == "batch-response"
    assert [one["response"]["status"][:3] for one in done["entry"]] == ["201", "400", "201"]
    said = done["entry"][1]["response"]["outcome"]["issue"][0]
    assert said["expression"] == ["Bundle.entry[1].resource.quantity"]


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_F40_too_many_entries(door: Door, kind: str) -> None:
    with door.client() as client:
        refused = client.post("", json=bundle(kind, *[entry("POST", "SupplyRequest", s1())] * 21))
    assert (refused.status_code, outcome(refused)["code"]) == (413, "too-costly")


@pytest.mark.parametrize("kind", ["batch", "transaction"])
@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(entry("POST", "Bundle", bundle("batch")), id="bundle"),
        pytest.param({"resource": s1()}, id="no-request"),
        pytest.param(entry("FOO", "SupplyRequest", s1()), id="method"),
        pytest.param(entry("POST", "Wibble", {"resourceType": "Wibble"}), id="type"),
        pytest.param(entry("POST", "SupplyRequest", {"resourceType": "Wibble"}), id="other-type"),
        pytest.param(entry("POST", "SupplyRequest"), id="no-resource"),
        pytest.param(entry("POST", "SupplyRequest/1", s1()), id="post-to-instance"),
        pytest.param(entry("GET", "../Patient/1"), id="dots"),
        pytest.param(entry("GET", "http://elsewhere.example/Patient/1"), id="elsewhere"),
        pytest.param({"request": "GET"}, id="request-is-text"),
        pytest.param({"request": {"method": 1, "url": 2}}, id="request-of-numbers"),
        pytest.param("entry", id="text"),
        pytest.param(5, id="number"),
        pytest.param(None, id="null"),
        pytest.param([], id="list"),
        pytest.param(entry("PATCH", "SupplyRequest/1", s1()), id="patch"),
        pytest.param(entry("DELETE", "ChargeItem/1"), id="delete"),
    ],
)
def test_F41_entries_that_are_none(door: Door, kind: str, bad: Any) -> None:
    with door.client() as client:
        refused = client.post("", json=bundle(kind, bad))
    statuses = [refused.status_code]
    if refused.status_code == 200:
        statuses = [int(one["response"]["status"][:3]) for one in refused.json()["entry"]]
    assert all(400 <= status < 500 for status in statuses)
    if refused.status_code != 200:
        outcome(refused)


@pytest.mark.parametrize("body", [{"resourceType": "Bundle"}, bundle("searchset"), s1()])
def test_what_is_no_batch(door: Door, body: dict[str, Any]) -> None:
    with door.client() as client:
        assert client.post("", json=body).status_code == 400


def test_transaction_of_every_kind(door: Door) -> None:
    with door.client() as client:
        known = client.post("/SupplyRequest", json=s1("KIND")).json()
        address = f"SupplyRequest/{known['id']}"
        operations = json.dumps([{"op": "replace", "path": "/status", "value": "cancelled"}]).encode()
        binary = {
            "resourceType": "Binary",
            "contentType": "application/json-patch+json",
            "data": base64.b64encode(operations).decode(),
        }
        link = f"urn:uuid:{uuid.uuid4()}"
        entries = [
            entry("GET", address),
            entry("PATCH", address, binary, ifMatch='W/"1"'),
            entry("POST", "SupplyRequest", s1("KIND"), ifNoneExist="identifier=KIND", full_url=link),
            entry("PUT", "SupplyRequest?identifier=urn:o|KIND2", s1("KIND2")),
            entry("POST", "SupplyDelivery", delivery(basedOn=[{"reference": link}])),
            entry("GET", "SupplyRequest?identifier=KIND2"),
        ]
        done = client.post("", json=bundle("transaction", *entries)).json()["entry"]
        assert [one["response"]["status"][:3] for one in done] == ["200", "200", "200", "201", "201", "200"]
        assert done[0]["resource"]["status"] == "cancelled"
        assert done[5]["resource"]["total"] == 1
        based = client.get(done[4]["response"]["location"].replace(f"{door.url}/fhir/R4", "")).json()
        assert based["basedOn"] == [{"reference": address}]


def test_transaction_changes_a_resource_only_once(door: Door) -> None:
    with door.client() as client:
        known = client.post("/SupplyRequest", json=s1()).json()
        twice = [entry("PUT", f"SupplyRequest/{known['id']}", known)] * 2
        assert client.post("", json=bundle("transaction", *twice)).status_code == 400
        same = [entry("POST", "SupplyRequest", s1(), ifNoneExist="identifier=urn:o|SAME")] * 2
        assert client.post("", json=bundle("transaction", *same)).status_code == 400
        stale = entry("PUT", f"SupplyRequest/{known['id']}", known, ifMatch='W/"9"')
        assert client.post("", json=bundle("transaction", stale)).status_code == 412
        assert client.get(f"/SupplyRequest/{known['id']}").headers["etag"] == 'W/"1"'


def test_transaction_in_the_background(door: Door) -> None:
    entries = [entry("POST", "SupplyRequest", s1()), entry("POST", "ChargeItem", charge())]
    with door.client(Prefer="respond-async") as client:
        done = client.post("", json=bundle("transaction", *entries))
        assert done.status_code == 202
        task = client.get(done.headers["content-location"])
    assert task.status_code == 200
    body = task.json()
    assert (body["resourceType"], body["status"]) == ("Task", "accepted")
    assert body["focus"]["reference"].startswith("SupplyRequest/")
    assert len(body["input"]) == 1


def _message(*resources: dict[str, Any], **header: Any) -> dict[str, Any]:
    head = {
        "resourceType": "MessageHeader",
        "id": "m1",
        "eventCoding": {"system": "urn:e", "code": "supply"},
        "source": {"endpoint": "http://sender.example"},
        **header,
    }
    links = [f"urn:uuid:{uuid.uuid4()}" for _ in range(len(resources) + 1)]
    both = zip(links, (head, *resources), strict=True)
    return {
        "resourceType": "Bundle",
        "type": "message",
        "timestamp": "2026-11-22T08:00:00Z",
        "identifier": {"system": "urn:m", "value": "1"},
        "entry": [{"fullUrl": link, "resource": one} for link, one in both],
    }


def test_message(door: Door) -> None:
    with door.client() as client:
        for version in ("1", "2"):
            done = client.post("/$process-message", json=_message(s1("MSG")))
            assert done.status_code == 200
            reply = done.json()
            assert reply["type"] == "message"
            header = reply["entry"][0]["resource"]
            assert header["response"] == {"identifier": "m1", "code": "ok"}
            found = client.get("/SupplyRequest?identifier=urn:o|MSG").json()
            assert found["total"] == 1
            assert found["entry"][0]["resource"]["meta"]["versionId"] == version
        assert header["focus"][0]["reference"].endswith(found["entry"][0]["resource"]["id"])


def test_message_that_is_none(door: Door) -> None:
    nameless = s1()
    del nameless["identifier"]
    before = len(door.units)
    with door.client() as client:
        for body, status in (
            (bundle("transaction"), 400),
            (bundle("message", {"resource": s1()}), 400),
            (_message(), 422),
            (_message(nameless), 422),
            (_message(s1(), _wrong()), 400),
        ):
            assert client.post("/$process-message", json=body).status_code == status
    assert len(door.units) == before


@pytest.mark.parametrize("entries", [5, None, {"a": 1}, "x", [5], [None], [{"resource": 5}]])
@pytest.mark.parametrize("kind", ["batch", "transaction", "message"])
def test_entries_that_are_no_list(door: Door, kind: str, entries: Any) -> None:
    body = {"resourceType": "Bundle", "type": kind, "entry": entries}
    with door.client() as client:
        assert client.post("/$process-message" if kind == "message" else "", json=body).status_code == 400


@pytest.mark.parametrize("identifier", ["x", ["x"], 5, None, {}, [{"system": 1, "value": 2}]])
def test_message_with_identifiers_that_are_none(door: Door, identifier: Any) -> None:
    with door.client() as client:
        refused = client.post("/$process-message", json=_message(s1(identifier=identifier)))
    assert refused.status_code == 400


@pytest.mark.parametrize("parameter", [5, None, {}, "x", [5], [{"name": "resource", "resource": 5}]])
def test_parameters_that_are_none(door: Door, parameter: Any) -> None:
    with door.client() as client:
        body = {"resourceType": "Parameters", "parameter": parameter}
        assert client.post("/$validate", json=body).status_code == 400


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_a_small_bundle_has_no_endless_answer(tmp_path: Path, kind: str) -> None:
    """What is read is given as long as it is no larger than a bundle may be, the rest is refused."""
    with open_door(tmp_path, limits=Limits(bundle=20_000)) as door, door.client() as client:
        for _ in range(10):
            assert client.post("/SupplyRequest", json=s1(text=_narrative(1_000))).status_code == 201
        searches = [entry("GET", "SupplyRequest?status=active") for _ in range(6)]
        answered = client.post("", json=bundle(kind, *searches, entry("POST", "Location", _LOCATION)))
    said = [one["response"]["status"][:3] for one in answered.json()["entry"]]
    assert said == ["200", "200", "413", "413", "413", "413", "201"]
    assert answered.json()["entry"][2]["response"]["outcome"]["issue"][0]["code"] == "too-costly"
    assert len(answered.content) < 60_000


_LOCATION = {"resourceType": "Location", "status": "active"}


def _narrative(size: int) -> dict[str, str]:
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{"x" * size}</div>'}
