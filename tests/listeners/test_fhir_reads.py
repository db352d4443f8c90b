"""Search, history, Tasks and outcomes over real HTTP (spec: FHIR, cases F46 to F50)."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from fhir_bodies import charge, delivery, outcome, s1
from fhir_door import Door, open_door

from engine.effects import Item, Reserve
from engine.listeners.fhir import Limits
from engine.model import Delivered, Lane, Routed, Routing, Settlement
from engine.resources import ResourceKey
from engine.store.contracts.views import Query


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with open_door(tmp_path_factory.mktemp("reads")) as opened:
        yield opened


@pytest.fixture
def client(door: Door) -> Iterator[httpx.Client]:
    with door.client() as opened:
        yield opened


def _relations(body: dict[str, Any]) -> dict[str, str]:
    return {link["relation"]: link["url"] for link in body["link"]}


def _pages(client: httpx.Client, address: str) -> list[dict[str, Any]]:
    found = [client.get(address).json()]
    while following := _relations(found[-1]).get("next"):
        found.append(client.get(following).json())
    return found


def test_F46_paging(door: Door, client: httpx.Client) -> None:
    ids = [client.post("/SupplyDelivery", json=delivery(status="in-progress")).json()["id"] for _ in range(5)]
    first = client.get("/SupplyDelivery?status=in-progress&_count=2").json()
    assert _relations(first)["self"] == f"{door.url}/fhir/R4/SupplyDelivery?status=in-progress&_count=2"
    following = _relations(first)["next"]
    assert "in-progress" not in following
    late = client.post("/SupplyDelivery", json=delivery(status="in-progress")).json()["id"]
    pages = [first, *_pages(client, following)]
    seen = [one["resource"]["id"] for page in pages for one in page["entry"]]
    assert seen == [*ids, late]
    assert [len(page["entry"]) for page in pages] == [2, 2, 2]
    other = door.access.give("other", "*.*")
    assert client.get(following, headers=other).status_code == 400
    assert client.get(following[:-3] + "abc").status_code == 400


def test_F47_search_by_post(client: httpx.Client) -> None:
    client.post("/SupplyRequest", json=s1("F47"))
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    by_get = client.get("/SupplyRequest?identifier=urn:o|F47&_count=5").json()
    by_post = client.post(
        "/SupplyRequest/_search", data={"identifier": "urn:o|F47", "_count": "5"}, headers=form
    )
    assert by_post.json()["entry"] == by_get["entry"]
    both = client.post(
        "/SupplyRequest/_search?_count=5", data={"identifier": "urn:o|F47"}, headers=form
    ).json()
    assert both["total"] == 1
    assert client.post("/SupplyRequest/_search", content=b"{}").status_code == 415


def test_F48_parameters_that_are_not_known(client: httpx.Client) -> None:
    refused = client.get("/SupplyRequest?wibble=1", headers={"Prefer": "handling=strict"})
    assert (refused.status_code, outcome(refused)["code"]) == (400, "not-supported")
    lenient = client.get("/SupplyRequest?wibble=1&_count=1")
    assert lenient.status_code == 200
    entry = lenient.json()["entry"][-1]
    assert entry["search"]["mode"] == "outcome"
    assert entry["resource"]["issue"][0]["severity"] == "warning"
    assert "wibble" not in lenient.text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("identifier=urn:s|A", "a"),
        ("identifier=A", "a"),
        ("identifier=urn:s|", "ab"),
        ("identifier=urn:s|A,urn:s|B", "ab"),
        ("identifier=urn:s|A&identifier=urn:s|B", ""),
        ("identifier=urn:t|A", ""),
        ("identifier=|A", ""),
        ("identifier=|C", "c"),
        ("status=draft", "abc"),
        ("category=central", "a"),
        ("category=http://x|central", "a"),
        ("requester=Organization/9", "b"),
        ("requester=9", "b"),
        ("requester:Organization=9", "b"),
        ("requester:Practitioner=9", ""),
        ("requester:identifier=urn:n|1", "c"),
        ("subject=Patient/7", "b"),
        ("patient=7", "b"),
        ("patient=Patient/7", "b"),
        ("deliver-to=Location/L", "a"),
        ("date=2026-03-01", "a"),
        ("date=2026-03", "ab"),
        ("date=ge2026-03-02", "bc"),
        ("date=gt2026-03-01", "bc"),
        ("date=lt2026-03-01", ""),
        ("date=le2026-03-01", "a"),
        ("date=ge2026-03-01&date=lt2026-03-15", "a"),
        ("date=2026-03-01,2027", "ac"),
        ("status=draft&_count=2", "ab"),
    ],
)
def test_search(client: httpx.Client, drafts: dict[str, str], query: str, found: str) -> None:
    answer = client.get(f"/SupplyRequest?{query}{'' if 'status' in query else '&status=draft'}")
    assert answer.status_code == 200, answer.text
    assert [one["resource"]["id"] for one in answer.json().get("entry", ())] == [drafts[key] for key in found]


@pytest.fixture(scope="module")
def drafts(door: Door) -> dict[str, str]:
    """Three drafts that differ in everything that they can be found by."""
    bodies = {
        "a": s1(
            "A",
            category={"coding": [{"system": "http://x", "code": "central"}]},
            authoredOn="2026-03-01T10:00:00Z",
            deliverTo={"reference": "Location/L"},
        ),
        "b": s1(
            "B",
            requester={"reference": "Organization/9"},
            deliverTo={"reference": "Patient/7"},
            authoredOn="2026-03-20",
        ),
        "c": s1(
            "C",
            requester={"identifier": {"system": "urn:n", "value": "1"}},
            deliverTo={"display": "x"},
            authoredOn="2027",
        ),
    }
    for body in bodies.values():
        body["status"] = "draft"
        body["identifier"][0]["system"] = "urn:s"
    del bodies["c"]["identifier"][0]["system"]
    with door.client() as client:
        return {key: client.post("/SupplyRequest", json=body).json()["id"] for key, body in bodies.items()}


@pytest.mark.parametrize(
    "query",
    [
        "date=never",
        "date=sa2026",
        "date:missing=true",
        "identifier=",
        "identifier:text=x",
        "status=a|b|c",
        "_count=x",
        "patient=Location/1",
        "patient=http://there/Location/1",
    ],
)
def test_search_values_that_mean_nothing(client: httpx.Client, query: str) -> None:
    refused = client.get(f"/SupplyRequest?{query}")
    assert refused.status_code == 400
    assert outcome(refused)["expression"][0].startswith("http.")


def test_too_many_values(client: httpx.Client) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for query in ({"status": ",".join(["a"] * 101)}, {"date": ",".join(["2026"] * 600)}, {"_id": "a," * 200}):
        refused = client.post("/SupplyRequest/_search", data=query, headers=form)
        assert (refused.status_code, outcome(refused)["code"]) == (400, "too-costly")
    assert client.get(f"/SupplyRequest?status={','.join(['a'] * 100)}").status_code == 200
    assert client.get(f"/SupplyRequest?date={','.join(['2026'] * 100)}").status_code == 200


def test_search_by_id_and_time(client: httpx.Client) -> None:
    began = time.time()
    ids = [client.post("/ChargeItem", json=charge()).json()["id"] for _ in range(3)]
    found = client.get(f"/ChargeItem?_id={ids[2]},{ids[0]}").json()
    assert [one["resource"]["id"] for one in found["entry"]] == [ids[0], ids[2]]
    assert client.get(f"/ChargeItem?_id={ids[0]}&_id={ids[1]}").json()["total"] == 0
    past = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began - 5))
    assert client.get(f"/ChargeItem?_lastUpdated=ge{past}&_summary=count").json()["total"] == 3
    assert client.get(f"/ChargeItem?_lastUpdated=lt{past}").json()["total"] == 0
    counted = client.get("/ChargeItem?_summary=count").json()
    assert "entry" not in counted
    assert "total" not in client.get("/ChargeItem?_total=none").json()
    assert client.get("/ChargeItem?_count=0").json()["total"] == 3


def test_search_follows_updates(client: httpx.Client) -> None:
    created = client.post("/SupplyRequest", json=s1("MOVES")).json()
    created["identifier"][0]["value"] = "MOVED"
    client.put(f"/SupplyRequest/{created['id']}", json=created)
    assert client.get("/SupplyRequest?identifier=MOVES").json()["total"] == 0
    assert client.get("/SupplyRequest?identifier=MOVED").json()["total"] == 1


def test_history(door: Door, client: httpx.Client) -> None:
    place: dict[str, Any] = {"resourceType": "Location", "name": "H"}
    created = client.post("/Location", json=place).json()
    address = f"/Location/{created['id']}"
    for name in ("H2", "H3"):
        client.put(address, json={**created, "name": name})
    client.delete(address)
    whole = client.get(f"{address}/_history").json()
    assert (whole["type"], whole["total"]) == ("history", 4)
    assert [one["request"]["method"] for one in whole["entry"]] == ["DELETE", "PUT", "PUT", "POST"]
    assert [one["response"]["status"] for one in whole["entry"]] == ["204", "200", "200", "201"]
    assert [one.get("resource", {}).get("name") for one in whole["entry"]] == [None, "H3", "H2", "H"]
    pages = _pages(client, f"{address}/_history?_count=3")
    assert [len(page["entry"]) for page in pages] == [3, 1]
    of_type = client.get("/Location/_history?_count=2").json()
    assert of_type["entry"][0]["request"]["method"] == "DELETE"
    assert client.get("/Location/none/_history").status_code == 404
    assert client.get(f"{address}/_history?_since=2100-01-01T00:00:00Z").json()["total"] == 0
    assert client.get(f"{address}/_history?_since=never").status_code == 400


def test_what_became_of_it(door: Door, client: httpx.Client) -> None:
    created = client.post("/SupplyRequest", json=s1()).json()
    address = f"/SupplyRequest/{created['id']}"

    def said() -> list[dict[str, Any]]:
        (one,) = client.get(address).json()["extension"]
        assert one["url"] == "urn:wardline:fhir:outcome"
        return list(one["extension"])

    assert said() == [{"url": "state", "valueCode": "received"}]
    (view,) = [one for one in door.store.messages(Query(limit=1000)) if one.id == _last(door)]
    effect = Reserve(key="k", items=(Item(code="G100", quantity=Decimal(2)),), destination="WH")
    door.store.route([Routing(view.id, Routed((effect,)), Lane.NORMAL, ("odoo",))], [], time.time())
    task = client.get(f"/Task?focus=SupplyRequest/{created['id']}").json()["entry"][0]["resource"]
    assert (task["status"], task["id"]) == ("in-progress", f"SupplyRequest-{created['id']}-1")
    now = time.time()
    (taken,) = door.store.claim("odoo", Lane.NORMAL, 10, now=now, lease_until=now + 60, holder="me")
    done = Delivered({"stock.picking": "42"}, "short by 1")
    door.store.settle([Settlement(taken.id, done)], now=now, holder="me")
    assert said() == [
        {"url": "state", "valueCode": "delivered"},
        {
            "url": "effect",
            "extension": [
                {"url": "what", "valueCode": "short"},
                {"url": "document", "valueString": "stock.picking/42"},
                {"url": "note", "valueString": "short by 1"},
            ],
        },
    ]
    found = client.get(f"/SupplyRequest?_id={created['id']}").json()["entry"][0]["resource"]
    assert found["extension"][0]["extension"] == said()
    task = client.get(f"/Task/{task['id']}").json()
    assert task["status"] == "completed"
    assert "short stock.picking/42 short by 1" in str(task["output"])
    again = client.get(address).json()
    kept = client.put(address, json=again)
    assert kept.status_code == 200
    assert "extension" not in kept.json()


def _last(door: Door) -> int:
    return max(one.id for one in door.store.messages(Query(limit=1000)))


def test_tasks_are_seen_by_who_made_them(door: Door, client: httpx.Client) -> None:
    unit = f"SupplyRequest-{client.post('/SupplyRequest', json=s1()).json()['id']}-1"
    stranger = door.access.give("stranger", "SupplyRequest.read")
    assert client.get(f"/Task/{unit}").status_code == 200
    assert client.get(f"/Task/{unit}", headers=stranger).status_code == 404
    unknown = client.get(f"/Task?_id={unit}", headers=stranger).json()
    assert unknown["total"] == 0
    assert client.get("/Task/none").status_code == 404
    assert client.get("/Task?status=completed").status_code == 400
    assert client.get("/Task?focus=SupplyRequest/none").json()["total"] == 0
    assert client.post("/Task", json={"resourceType": "Task"}).status_code == 405


@pytest.mark.parametrize("release", ["R4", "R4B", "R5"])
def test_F50_capabilities(door: Door, release: str) -> None:
    address = f"{door.url}/fhir/{release}/metadata"
    answer = httpx.get(address, trust_env=False)
    assert answer.status_code == 200
    statement = answer.json()
    assert statement["fhirVersion"].startswith({"R4": "4.0", "R4B": "4.3", "R5": "5.0"}[release])
    types = {one["type"]: one for one in statement["rest"][0]["resource"]}
    assert set(types) == {"SupplyRequest", "ChargeItem", "SupplyDelivery", "Location", "Patient", *OURS}
    interactions = {one["code"] for one in types["ChargeItem"]["interaction"]}
    assert "delete" not in interactions
    assert {"create", "read", "vread", "update", "patch", "search-type", "history-instance"} <= interactions
    made = {type_: [param["name"] for param in types[type_]["searchParam"]] for type_ in OURS}
    assert made == {"AuditEvent": ["entity"], "Provenance": ["target"], "Task": ["_id", "focus"]}
    assert [one["code"] for one in types["Task"]["interaction"]] == ["read", "search-type"]
    again = httpx.get(address, headers={"If-None-Match": answer.headers["etag"]}, trust_env=False)
    assert again.status_code == 304
    with door.client(release) as client:
        checked = client.get("/metadata", headers={"Accept": "application/fhir+xml"})
    assert checked.headers["content-type"].startswith("application/fhir+xml")
    from engine.fhir.validation import check

    assert check(statement, release, "CapabilityStatement") == []  # type: ignore[arg-type]


@pytest.mark.parametrize("release", ["R4", "R4B", "R5"])
def test_what_is_given_out_is_valid(door: Door, release: Any) -> None:
    from engine.fhir.validation import check

    with door.client(release) as client:
        place = client.post("/Location", json={"resourceType": "Location", "name": "V"}).json()
        task = client.get(f"/Task?focus=Location/{place['id']}").json()
        said = client.get(f"/AuditEvent?entity=Location/{place['id']}").json()
        for body in (place, task, task["entry"][0]["resource"], said, client.get("/Location?a=b").json()):
            assert check(body, release, body["resourceType"]) == []


def test_validate(client: httpx.Client, door: Door) -> None:
    before = len(door.units)
    fine = client.post("/SupplyRequest/$validate", json=s1())
    assert (fine.status_code, outcome(fine)["severity"]) == (200, "information")
    wrong = client.post("/SupplyRequest/$validate", json=s1(status="wibble"))
    assert (wrong.status_code, outcome(wrong)["code"]) == (200, "code-invalid")
    wrapped = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": s1()}]}
    assert client.post("/$validate", json=wrapped).status_code == 200
    assert client.post("/$validate", json={"resourceType": "Parameters"}).status_code == 400
    nobody = door.access.give("nobody", "SupplyRequest.read")
    assert client.post("/$validate", json=s1(), headers=nobody).status_code == 403
    assert len(door.units) == before


def test_search_in_xml(client: httpx.Client) -> None:
    client.post("/SupplyRequest", json=s1("XML"))
    found = client.get("/SupplyRequest?identifier=XML&_format=xml")
    assert found.text.startswith("<?xml") or found.text.startswith("<Bundle")
    assert urlsplit(found.headers["content-type"]).path.startswith("application/fhir+xml")


OURS = ("Task", "AuditEvent", "Provenance")


def test_who_wrote_what(door: Door, client: httpx.Client) -> None:
    from engine.fhir.validation import check

    said = {
        "resourceType": "Provenance",
        "recorded": "2026-11-22T08:00:00Z",
        "agent": [{"who": {"display": "the ward"}}],
    }
    asked = "6f1c8f6e-3c6a-4b0e-9d0f-0a1b2c3d4e5f"
    told = {"X-Provenance": json.dumps(said), "X-Request-Id": asked}
    created = client.post("/SupplyRequest", json=s1(), headers=told)
    assert created.status_code == 201
    id_ = created.json()["id"]
    client.put(f"/SupplyRequest/{id_}", json={**created.json(), "status": "suspended"})
    for release_check, address, count in (
        ("AuditEvent", f"/AuditEvent?entity=SupplyRequest/{id_}", 2),
        ("Provenance", f"/Provenance?target=SupplyRequest/{id_}", 3),
    ):
        found = client.get(address).json()
        assert found["total"] == count
        assert {one["resource"]["resourceType"] for one in found["entry"]} == {release_check}
        for one in found["entry"]:
            assert check(one["resource"], "R4", release_check) == []
    asked_by = client.get(f"/AuditEvent?entity=SupplyRequest/{id_}").json()["entry"]
    assert sum(asked in json.dumps(one) for one in asked_by) == 1
    assert found["entry"][-1]["resource"]["target"] == [{"reference": f"SupplyRequest/{id_}/_history/1"}]
    assert found["entry"][-1]["resource"]["agent"] == said["agent"]
    assert client.get(f"/AuditEvent?entity=SupplyRequest/{id_}&agent=x").status_code == 400
    blind = door.access.give("blind", "SupplyRequest.read")
    assert client.get(f"/AuditEvent?entity=SupplyRequest/{id_}", headers=blind).status_code == 403
    for bad in ("{", "[]", json.dumps({**said, "agent": []}), '{"resourceType": "Patient"}', "x" * 17_000):
        refused = client.post("/SupplyRequest", json=s1(), headers={"X-Provenance": bad})
        assert refused.status_code == 400


@pytest.mark.parametrize("named", ["MRN-4711", "4711001", "6f1c8f6e-3c6a-4b0e-9d0f-0a1b2c3d4e5", "müller"])
def test_what_a_client_calls_his_request_is_not_kept(door: Door, client: httpx.Client, named: str) -> None:
    sent = client.post("/SupplyRequest", json=s1(), headers={"X-Request-Id": named.encode()})
    assert (sent.headers["x-request-id"] == named) == named.isascii()
    key = ResourceKey("R4", "SupplyRequest", sent.json()["id"])
    written = door.store.version(key, 1)
    assert written is not None
    assert uuid.UUID(written.request_id).version == 4
    assert named not in json.dumps(client.get(f"/AuditEvent?entity=SupplyRequest/{key.id}").json())


def test_what_no_id_can_be_is_not_asked_for(tmp_path: Path, postgres_url: str) -> None:
    """A text of PostgreSQL cannot hold every character that an address can."""
    with open_door(tmp_path, store=postgres_url) as door, door.client() as client:
        id_ = client.post("/SupplyRequest", json=s1()).json()["id"]
        for query, found in (
            (f"SupplyRequest?_id={id_},a%00b", 1),
            ("SupplyRequest?_id=%00", 0),
            ("SupplyRequest?identifier=%00", 0),
            (f"Task?focus=SupplyRequest/{id_}", 1),
            ("Task?focus=SupplyRequest/%00", 0),
            ("Task?_id=%00", 0),
            (f"AuditEvent?entity=SupplyRequest/{id_}", 1),
        ):
            answer = client.get(f"/{query}")
            assert (answer.status_code, answer.json().get("total")) == (200, found), query
        for query in (
            "AuditEvent?entity=SupplyRequest/%00",
            "Provenance?target=SupplyRequest/",
            "Task?x=%00",
        ):
            assert client.get(f"/{query}").status_code == 400, query
        assert (
            client.post("/SupplyRequest", json=s1(), headers={"If-None-Exist": "_id=%00"}).status_code == 201
        )


@pytest.mark.parametrize("place", ["/SupplyRequest?_count=100", "/SupplyRequest/_history?_count=100"])
def test_pages_are_no_larger_than_a_bundle_may_be(tmp_path: Path, place: str) -> None:
    with open_door(tmp_path, limits=Limits(bundle=2_000)) as door, door.client() as client:
        sizes = (10, 10, 10, 5_000, 10, 1_900)
        narratives = ["x" * size for size in sizes]
        for text in narratives:
            div = f'<div xmlns="http://www.w3.org/1999/xhtml">{text}</div>'
            made = client.post("/SupplyRequest", json=s1(text={"status": "generated", "div": div}))
            assert made.status_code == 201
        pages = _pages(client, place)
    seen = [len(one["resource"]["text"]["div"]) for page in pages for one in page["entry"]]
    assert len(pages) > 3
    assert sorted(seen) == sorted(size + 48 for size in sizes)
