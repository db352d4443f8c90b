"""Writes over real HTTP (spec: FHIR, cases F01 to F27)."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from fhir_bodies import bundle, entry, outcome, s1
from fhir_door import OFFER, Door, open_door
from msgspec.structs import replace

from engine.fhir.stored import unpack
from engine.resources import ResourceKey
from engine.store.cipher import Fingerprints
from engine.store.keys import KeyRing


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with open_door(tmp_path_factory.mktemp("writes")) as opened:
        yield opened


def test_F01_create(door: Door) -> None:
    with door.client() as client:
        created = client.post("/SupplyRequest", json=s1())
    assert created.status_code == 201
    body = created.json()
    assert created.headers["location"] == f"{door.url}/fhir/R4/SupplyRequest/{body['id']}/_history/1"
    assert created.headers["etag"] == 'W/"1"'
    assert created.headers["last-modified"].endswith("GMT")
    assert created.headers["cache-control"] == "no-store"
    assert body["meta"]["versionId"] == "1"
    (message,) = [one for one in door.store.unrouted(["supply"], 0, 1000) if body["id"].encode() in one.raw]
    stored = unpack(message.raw)
    assert created.headers["x-correlation-id"] == message.correlation
    assert (stored.release, stored.type, stored.version, stored.deleted) == ("R4", "SupplyRequest", 1, False)
    assert "versionId" not in stored.body.decode()


def test_F02_what_the_client_says_of_id_and_version_is_ignored(door: Door) -> None:
    meta = {"versionId": "77", "lastUpdated": "2001-01-01T00:00:00Z", "profile": ["http://example.org/p"]}
    with door.client() as client:
        created = client.post("/SupplyRequest", json=s1(id="mine", meta=meta)).json()
        assert created["id"] != "mine"
        assert created["meta"]["versionId"] == "1"
        assert not created["meta"]["lastUpdated"].startswith("2001")
        assert created["meta"]["profile"] == ["http://example.org/p"]
        assert client.get("/SupplyRequest/mine").status_code == 404


def test_F03_conditional_create(door: Door) -> None:
    body = s1("F03,|\\")
    condition = {"If-None-Exist": "identifier=urn%3Ao%7CF03%5C%2C%5C%7C%5C%5C"}
    with door.client() as client:
        first = client.post("/SupplyRequest", json=body, headers=condition)
        second = client.post("/SupplyRequest", json=body, headers=condition)
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.headers["location"] == first.headers["location"]
    assert second.json()["id"] == first.json()["id"]


def test_F04_parallel_conditional_creates(door: Door) -> None:
    body, condition = s1("F04"), {"If-None-Exist": "identifier=urn:o|F04"}
    with door.client() as client, ThreadPoolExecutor(20) as many:
        answers = list(
            many.map(lambda _: client.post("/SupplyRequest", json=body, headers=condition), range(20))
        )
        found = client.get("/SupplyRequest", params={"identifier": "urn:o|F04"}).json()
    assert sorted(one.status_code for one in answers) == [200] * 19 + [201]
    assert len({one.json()["id"] for one in answers}) == 1
    assert found["total"] == 1


def test_F05_condition_that_matches_two(door: Door) -> None:
    with door.client() as client:
        for _ in range(2):
            assert client.post("/SupplyRequest", json=s1("F05")).status_code == 201
        refused = client.post("/SupplyRequest", json=s1(), headers={"If-None-Exist": "identifier=urn:o|F05"})
    assert refused.status_code == 412
    assert outcome(refused)["code"] == "multiple-matches"


@pytest.mark.parametrize("condition", ["wibble=1", "identifier:text=a", "", "_count=1", "identifier="])
def test_F06_condition_that_is_not_understood(door: Door, condition: str) -> None:
    before = len(door.units)
    with door.client() as client:
        refused = client.post("/SupplyRequest", json=s1(), headers={"If-None-Exist": condition})
    assert refused.status_code in (400, 412)
    assert len(door.units) == before


def test_F07_read_again_only_when_changed(door: Door) -> None:
    with door.client() as client:
        created = client.post("/SupplyRequest", json=s1())
        address = f"/SupplyRequest/{created.json()['id']}"
        read = client.get(address)
        assert read.status_code == 200
        assert read.headers["etag"] == 'W/"1"'
        same = client.get(address, headers={"If-None-Match": read.headers["etag"]})
        assert (same.status_code, same.content) == (304, b"")
        since = client.get(address, headers={"If-Modified-Since": read.headers["last-modified"]})
        assert since.status_code == 304
        assert client.get(address, headers={"If-None-Match": 'W/"2"'}).status_code == 200


def test_F08_unknown_and_deleted(door: Door) -> None:
    place = {"resourceType": "Location", "name": "OR 1", "status": "active"}
    with door.client() as client:
        assert client.get("/Location/none").status_code == 404
        id_ = client.post("/Location", json=place).json()["id"]
        assert client.delete(f"/Location/{id_}").status_code == 204
        assert client.delete(f"/Location/{id_}").status_code == 204
        gone = client.get(f"/Location/{id_}")
        assert (gone.status_code, outcome(gone)["code"]) == (410, "deleted")
        assert client.get(f"/Location/{id_}/_history/1").status_code == 200
        assert client.get(f"/Location/{id_}/_history/2").status_code == 410
        assert client.get(f"/Location/{id_}/_history/3").status_code == 404
        assert client.put(f"/Location/{id_}", json={**place, "id": id_}).status_code == 410


def test_F09_F10_F11_update(door: Door) -> None:
    with door.client() as client:
        created = client.post("/SupplyRequest", json=s1()).json()
        address = f"/SupplyRequest/{created['id']}"
        assert client.put(address, json=s1()).status_code == 400
        assert client.put(address, json=s1(id="other")).status_code == 400
        unknown = client.put("/SupplyRequest/unknown", json=s1(id="unknown"))
        assert (unknown.status_code, "allow" in unknown.headers) == (405, True)
        changed = {**created, "quantity": {"value": 3}}
        updated = client.put(address, json=changed, headers={"If-Match": 'W/"1"'})
        assert (updated.status_code, updated.headers["etag"]) == (200, 'W/"2"')
        stale = client.put(address, json=changed, headers={"If-Match": 'W/"1"'})
        assert (stale.status_code, outcome(stale)["code"]) == (412, "conflict")
        nobody = client.put("/SupplyRequest/unknown", json=s1(id="unknown"), headers={"If-Match": 'W/"1"'})
        assert nobody.status_code == 412
        assert client.get(f"{address}/_history/1").json()["quantity"] == {"value": 2}
        assert client.get(address).json()["quantity"] == {"value": 3}


def test_F12_two_updates_of_one_version(door: Door) -> None:
    with door.client() as client, ThreadPoolExecutor(2) as both:
        for _ in range(5):
            created = client.post("/SupplyRequest", json=s1()).json()
            send = lambda _, body=created: client.put(  # noqa: E731
                f"/SupplyRequest/{body['id']}", json=body, headers={"If-Match": 'W/"1"'}
            )
            assert sorted(one.status_code for one in both.map(send, range(2))) == [200, 412]


def test_F13_F14_status(door: Door) -> None:
    with door.client() as client:
        created = client.post("/SupplyRequest", json=s1()).json()
        address = f"/SupplyRequest/{created['id']}"
        assert client.put(address, json={**created, "status": "completed"}).status_code == 200
        back = client.put(address, json={**created, "status": "active"})
        assert (back.status_code, outcome(back)["code"]) == (422, "business-rule")


def _without(body: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}


_BOTH = {"itemReference": {"reference": "Medication/1"}}


@pytest.mark.parametrize(
    ("body", "status", "code", "place"),
    [
        pytest.param(_without(s1(), "quantity"), 400, "required", "SupplyRequest.quantity", id="F15"),
        pytest.param(s1(**_BOTH), 400, None, "SupplyRequest.item", id="F16-both"),
        pytest.param(_without(s1(), "itemCodeableConcept"), 400, None, "SupplyRequest.item", id="F16-none"),
        pytest.param(s1(status="wibble"), 422, "code-invalid", "SupplyRequest.status", id="F17"),
        pytest.param(
            s1(requester={"reference": "Medication/1"}), 422, None, "SupplyRequest.requester", id="F18"
        ),
        pytest.param(s1(quantity={"value": "2"}), 400, None, "SupplyRequest.quantity.value", id="F19-text"),
        pytest.param(s1(quantity={"value": -1}), 422, "business-rule", "SupplyRequest.quantity", id="F19-1"),
        pytest.param(s1(quantity={"value": 0}), 422, "business-rule", "SupplyRequest.quantity", id="F19-0"),
        pytest.param(
            s1(modifierExtension=[{"url": "urn:x", "valueString": "y"}]), 422, "extension",
            "SupplyRequest.modifierExtension", id="F23",
        ),
    ],
)  # fmt: skip
def test_resource_that_is_wrong(
    door: Door, body: dict[str, Any], status: int, code: str | None, place: str
) -> None:
    before = len(door.units)
    with door.client() as client:
        refused = client.post("/SupplyRequest", json=body)
    assert refused.status_code == status
    issue = outcome(refused)
    assert code in (None, issue["code"])
    assert issue["expression"][0].startswith(place)
    assert len(door.units) == before


@pytest.mark.parametrize("number", ["2e400", "NaN", "Infinity", "01"])
def test_F19_numbers_that_are_none(door: Door, number: str) -> None:
    text = json.dumps(s1()).replace('{"value": 2}', f'{{"value": {number}}}')
    with door.client() as client:
        assert client.post("/SupplyRequest", content=text).status_code == 400


def test_F20_decimals_stay_as_sent(door: Door) -> None:
    text = json.dumps(s1()).replace('{"value": 2}', '{"value": 1.10}')
    with door.client() as client:
        created = client.post("/SupplyRequest", content=text)
        assert '"value":1.10' in created.text
        assert '"value":1.10' in client.get(f"/SupplyRequest/{created.json()['id']}").text


def test_F21_key_that_stands_twice(door: Door) -> None:
    text = json.dumps(s1())[:-1] + ', "quantity": {"value": 9}}'
    with door.client() as client:
        assert client.post("/SupplyRequest", content=text).status_code == 400


def test_F22_other_release(door: Door) -> None:
    body = _without(s1(), "itemCodeableConcept")
    body["item"] = {"concept": {"coding": [{"system": "urn:i", "code": "G100"}]}}
    with door.client() as r4, door.client("R5") as r5:
        refused = r4.post("/SupplyRequest", json=body)
        assert refused.status_code == 400
        assert any("SupplyRequest.item" in str(one.get("expression")) for one in refused.json()["issue"])
        created = r5.post("/SupplyRequest", json=body)
        assert created.status_code == 201
        assert r4.get(f"/SupplyRequest/{created.json()['id']}").status_code == 404


def test_F24_unknown_extension_is_taken(door: Door) -> None:
    with door.client() as client:
        created = client.post("/SupplyRequest", json=s1(extension=[{"url": "urn:x", "valueString": "y"}]))
    assert created.status_code == 201


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("text/plain", 415),
        (None, 415),
        ("application/json", 201),
        ("application/json+fhir", 201),
        ("application/fhir+json; charset=utf-16", 415),
        ("application/fhir+json; charset=UTF-8; fhirVersion=4.0", 201),
        ("application/fhir+json; fhirVersion=5.0", 415),
    ],
)
def test_F25_content_type(door: Door, kind: str | None, status: int) -> None:
    headers = {"Authorization": "Bearer tester"} | ({"Content-Type": kind} if kind else {})
    content = json.dumps(s1()).encode()
    sent = httpx.post(f"{door.url}/fhir/R4/SupplyRequest", content=content, headers=headers, trust_env=False)
    assert sent.status_code == status


@pytest.mark.parametrize(
    ("accept", "query", "status", "kind"),
    [
        ("text/html", "", 406, "json"),
        ("application/fhir+xml", "", 201, "xml"),
        ("application/fhir+xml", "?_format=json", 201, "json"),
        ("text/html", "?_format=application/fhir%2Bxml", 201, "xml"),
        ("application/fhir+json; fhirVersion=5.0", "", 406, "json"),
        ("text/html, */*;q=0.1", "", 201, "json"),
        ("application/fhir+json;q=0.5, application/fhir+xml", "", 201, "xml"),
    ],
)
def test_F26_accept(door: Door, accept: str, query: str, status: int, kind: str) -> None:
    with door.client(Accept=accept) as client:
        sent = client.post(f"/SupplyRequest{query}", json=s1())
    assert sent.status_code == status
    assert sent.headers["content-type"].startswith(f"application/fhir+{kind}")


def test_F49_prefer(door: Door) -> None:
    with door.client() as client:
        minimal = client.post("/SupplyRequest", json=s1(), headers={"Prefer": "return=minimal"})
        assert (minimal.status_code, minimal.content) == (201, b"")
        assert minimal.headers["preference-applied"] == "return=minimal"
        whole = client.post("/SupplyRequest", json=s1(), headers={"Prefer": "return=representation"})
        assert whole.json()["resourceType"] == "SupplyRequest"
        said = client.post("/SupplyRequest", json=s1(), headers={"Prefer": "return=OperationOutcome"})
        assert said.json()["resourceType"] == "OperationOutcome"
        assert said.headers["location"]


def test_F53_delete_that_is_not_allowed(door: Door) -> None:
    with door.client() as client:
        refused = client.delete("/ChargeItem/1")
    assert refused.status_code == 405
    assert "DELETE" not in refused.headers["allow"]
    assert "PUT" in refused.headers["allow"]


def test_conditional_update(door: Door) -> None:
    with door.client() as client:
        created = client.put("/SupplyRequest?identifier=urn:o|CU", json=s1("CU"))
        assert created.status_code == 201
        updated = client.put("/SupplyRequest?identifier=urn:o|CU", json=s1("CU", priority="urgent"))
        assert (updated.status_code, updated.headers["etag"]) == (200, 'W/"2"')
        assert updated.json()["id"] == created.json()["id"]
        other = client.put("/SupplyRequest?identifier=urn:o|CU", json=s1("CU", id="another"))
        assert (other.status_code, outcome(other)["code"]) == (409, "conflict")
        client.post("/SupplyRequest", json=s1("CU"))
        assert client.put("/SupplyRequest?identifier=urn:o|CU", json=s1("CU")).status_code == 412
        assert client.put("/SupplyRequest", json=s1("CU")).status_code == 400


def test_patch(door: Door) -> None:
    kind = {"Content-Type": "application/json-patch+json"}
    with door.client() as client:
        created = client.post("/SupplyRequest", json=s1()).json()
        address = f"/SupplyRequest/{created['id']}"
        operations = [
            {"op": "test", "path": "/status", "value": "active"},
            {"op": "replace", "path": "/status", "value": "cancelled"},
        ]
        patched = client.patch(address, json=operations, headers=kind)
        assert (patched.status_code, patched.json()["status"]) == (200, "cancelled")
        again = client.patch(address, json=operations, headers=kind)
        assert again.status_code == 422
        wrong = client.patch(address, json=[{"op": "remove", "path": "/quantity"}], headers=kind)
        assert wrong.status_code == 400
        assert client.patch(address, json=operations).status_code == 415
        assert client.patch("/SupplyRequest/none", json=operations, headers=kind).status_code == 404


def test_unique_identifiers(tmp_path: Path) -> None:
    """No way of writing makes a second resource with an identifier that is there."""
    with open_door(tmp_path, replace(OFFER, unique=True)) as door, door.client() as client:
        body = s1("U")
        first = client.post("/SupplyRequest", json=body)
        again = client.post("/SupplyRequest", json=body)
        other = client.post("/SupplyRequest", json={**body, "quantity": {"value": 5}})
        assert (first.status_code, again.status_code, other.status_code) == (201, 200, 409)
        assert again.headers["location"] == first.headers["location"]
        assert outcome(other)["code"] == "duplicate"
        kept = door.store.version(ResourceKey("R4", "SupplyRequest", first.json()["id"]), 1)
        assert kept is not None
        raw = first.request.content
        assert len(kept.body_hash) == 16
        assert sha256(raw).digest()[:16] != kept.body_hash  # nobody can try bodies
        assert Fingerprints(KeyRing.load({}, tmp_path / "test.key")).digest(raw) == kept.body_hash
        assert client.put(f"/SupplyRequest/{first.json()['id']}", json=first.json()).status_code == 200
        second = client.post("/SupplyRequest", json=s1("V")).json()
        address = f"/SupplyRequest/{second['id']}"
        assert client.put(address, json={**second, "identifier": body["identifier"]}).status_code == 409
        operations = [{"op": "replace", "path": "/identifier/0/value", "value": "U"}]
        kind = {"Content-Type": "application/json-patch+json"}
        assert client.patch(address, json=operations, headers=kind).status_code == 409
        condition = {"If-None-Exist": "identifier=urn:o|W"}
        assert (
            client.post("/SupplyRequest", json=s1("U", priority="stat"), headers=condition).status_code == 409
        )
        assert client.put("/SupplyRequest?identifier=urn:o|W", json=s1("U")).status_code == 409
        twice = [entry("POST", "SupplyRequest", s1("X", priority=word)) for word in ("stat", "asap")]
        assert client.post("", json=bundle("transaction", *twice)).status_code == 400
        moved = entry("PUT", address.lstrip("/"), {**second, "identifier": s1("Y")["identifier"]})
        both = bundle("transaction", moved, entry("POST", "SupplyRequest", s1("Y")))
        assert client.post("", json=both).status_code == 400
        assert client.get("/SupplyRequest?identifier=U,W,X,Y").json()["total"] == 1


def test_too_much_to_be_found_by(door: Door) -> None:
    many = [{"system": "urn:o", "value": str(number)} for number in range(600)]
    with door.client() as client:
        refused = client.post("/SupplyRequest", json=s1(identifier=many))
    assert (refused.status_code, outcome(refused)["code"]) == (413, "too-costly")


def test_gzip_in_and_out(door: Door) -> None:
    body = gzip.compress(json.dumps(s1(note=[{"text": "x" * 2000}])).encode())
    with door.client(**{"Content-Encoding": "gzip"}) as client:
        created = client.post("/SupplyRequest", content=body)
        assert (created.status_code, created.headers.get("content-encoding")) == (
            400,
            None,
        )  # no element note
        created = client.post("/SupplyRequest", content=gzip.compress(json.dumps(s1()).encode()))
        assert created.status_code == 201
        assert client.post("/SupplyRequest", content=b"no gzip").status_code == 400
        bomb = gzip.compress(b" " * (64 * 1024 * 1024))
        assert client.post("/SupplyRequest", content=bomb).status_code == 413
        assert client.post("/SupplyRequest", content=body[:-4]).status_code == 400


def test_xml_in_and_out(door: Door) -> None:
    xml = (
        '<SupplyRequest xmlns="http://hl7.org/fhir"><status value="active"/><itemCodeableConcept><coding>'
        '<code value="G100"/></coding></itemCodeableConcept><quantity><value value="1.10"/></quantity>'
        "</SupplyRequest>"
    )
    with door.client(**{"Content-Type": "application/fhir+xml", "Accept": "application/fhir+xml"}) as client:
        created = client.post("/SupplyRequest", content=xml)
        assert created.status_code == 201
        assert '<value value="1.10"/>' in created.text


def test_refusals_in_xml(door: Door) -> None:
    with door.client(Accept="application/fhir+xml") as client:
        refused = client.post("/SupplyRequest", json=s1(status="wibble"))
    assert refused.status_code == 422
    assert refused.headers["content-type"].startswith("application/fhir+xml")
    assert "<OperationOutcome" in refused.text
