"""What FHIR clients send to the whole engine over real HTTP, and what becomes of it, once (spec: FHIR, F01
to F04, F12, F13, F43 to F46)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from typing import Any

import httpx
import pytest
from fhir_engine import FhirEngine, billed, delivered, outcome_of, wanted
from running import at_once


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FhirEngine]:
    running = FhirEngine(tmp_path_factory.mktemp("effects"))
    running.start()
    try:
        yield running
        assert running.stop() == 0
    finally:
        if running.runs:
            running.kill()


@pytest.fixture
def client(engine: FhirEngine) -> Iterator[httpx.Client]:
    with engine.client() as opened:
        yield opened


def _of(engine: FhirEngine, id_: str) -> list[dict[str, Any]]:
    """The effects of a resource, in order."""
    return [one for one in engine.effects() if f"/{id_}" in one["key"]]


def _kinds(engine: FhirEngine, id_: str) -> list[str]:
    return [one["effect"] for one in _of(engine, id_)]


def test_F01_a_request_is_one_reservation(engine: FhirEngine, client: httpx.Client) -> None:
    made = client.post("/SupplyRequest", json=wanted())
    assert made.status_code == 201
    assert made.headers["location"].endswith("/_history/1")
    assert made.headers["etag"] == 'W/"1"'
    assert made.headers["last-modified"].endswith(" GMT")
    [reserved] = _of(engine, made.json()["id"])
    assert (reserved["effect"], reserved["items"][0]["code"]) == ("reserve", "GLV-M")


def test_F03_F04_of_many_conditional_creates_one_is_done(engine: FhirEngine, client: httpx.Client) -> None:
    condition = {"If-None-Exist": "identifier=urn:o|F04"}
    answers = at_once(
        *[lambda: client.post("/SupplyRequest", json=wanted("F04"), headers=condition) for _ in range(20)]
    )
    assert Counter(one.status_code for one in answers) == {201: 1, 200: 19}
    assert len({one.json()["id"] for one in answers}) == 1
    again = client.post("/SupplyRequest", json=wanted("F04"), headers=condition)
    assert (again.status_code, again.headers["etag"]) == (200, 'W/"1"')
    assert _kinds(engine, again.json()["id"]) == ["reserve"]


def test_F04_of_many_transactions_that_create_the_same_one_does(
    engine: FhirEngine, client: httpx.Client
) -> None:
    """Each in another order, each with a charge of its own that refers to what is there in the end."""

    def ask(number: int) -> httpx.Response:
        entries = [_once(one) for one in range(5)]
        service = [{"reference": entries[0]["fullUrl"]}]
        charge = {"resource": billed(service=service), "request": {"method": "POST", "url": "ChargeItem"}}
        turned = entries[number % 5 :] + entries[: number % 5]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [charge, *turned]}
        return client.post("", json=bundle)

    answers = at_once(*[partial(ask, number) for number in range(15)])
    assert {one.status_code for one in answers} == {200}
    said = [[entry["response"]["status"][:3] for entry in one.json()["entry"]] for one in answers]
    assert sorted(said) == [["201", *["200"] * 5]] * 14 + [["201"] * 6]
    found = client.get("/SupplyRequest?identifier=urn:once|").json()
    assert found["total"] == 5
    first = next(
        one["resource"] for one in found["entry"] if one["resource"]["identifier"][0]["value"] == "0"
    )
    services = client.get(f"/ChargeItem?service=SupplyRequest/{first['id']}&_summary=count").json()
    assert services["total"] == 15
    assert [_kinds(engine, one["resource"]["id"]) for one in found["entry"]] == [["reserve"]] * 5


def _once(number: int) -> dict[str, Any]:
    """A conditional create inside a transaction."""
    named = [{"system": "urn:once", "value": str(number)}]
    condition = f"identifier=urn:once|{number}"
    return {
        "fullUrl": f"urn:uuid:0000000{number}-1cbf-4d64-b04d-cd9187a4c6e0",
        "resource": wanted(identifier=named),
        "request": {"method": "POST", "url": "SupplyRequest", "ifNoneExist": condition},
    }


def test_F12_F13_of_two_updates_one_is_done_and_a_cancelled_request_is_released(
    engine: FhirEngine, client: httpx.Client
) -> None:
    made = client.post("/SupplyRequest", json=wanted()).json()
    cancelled = {**made, "status": "cancelled"}
    place, match = f"/SupplyRequest/{made['id']}", {"If-Match": 'W/"1"'}
    answers = at_once(*[lambda: client.put(place, json=cancelled, headers=match) for _ in range(2)])
    assert sorted(one.status_code for one in answers) == [200, 412]
    assert _kinds(engine, made["id"]) == ["reserve", "release"]


def test_F43_a_charge_item_is_charged_when_billable_and_reversed_once(
    engine: FhirEngine, client: httpx.Client
) -> None:
    made = client.post("/ChargeItem", json=billed(status="planned")).json()
    place = f"/ChargeItem/{made['id']}"
    assert _kinds(engine, made["id"]) == []
    for status, kinds in (("billable", ["charge"]), ("entered-in-error", ["charge", "credit"])):
        assert client.put(place, json=billed(id=made["id"], status=status)).status_code == 200
        assert _kinds(engine, made["id"]) == kinds
    refused = client.put(place, json=billed(id=made["id"]))
    assert (refused.status_code, outcome_of(refused)["code"]) == (422, "business-rule")
    charge, credit = _of(engine, made["id"])
    assert (credit["reverses"], credit["whole"]) == (charge["key"], True)


def test_F44_a_price_of_r4_and_of_r5_is_the_same_charge(engine: FhirEngine, client: httpx.Client) -> None:
    money = {"value": 12.50, "currency": "EUR"}
    old = client.post("/ChargeItem", json=billed(priceOverride=money))
    new = billed(encounter={"reference": "Encounter/9"}, unitPriceComponent={"type": "base", "amount": money})
    del new["context"]
    with engine.client("R5") as r5:
        answers = old, r5.post("/ChargeItem", json=new)
    assert [one.status_code for one in answers] == [201, 201]
    charges = [_of(engine, one.json()["id"])[0] for one in answers]
    assert [one["price"]["currency"] for one in charges] == ["EUR", "EUR"]
    assert [Decimal(one["price"]["amount"]) for one in charges] == [Decimal("12.50")] * 2
    assert charges[0]["item"] == charges[1]["item"]


def test_F45_a_delivery_uses_up_its_request(engine: FhirEngine, client: httpx.Client) -> None:
    request = client.post("/SupplyRequest", json=wanted()).json()["id"]
    made = client.post("/SupplyDelivery", json=delivered(request))
    assert made.status_code == 201
    [used] = _of(engine, made.json()["id"])
    assert (used["effect"], used["against"]) == ("consume", f"supply-requests/{request}")
    assert Decimal(used["items"][0]["quantity"]) == 1


def test_F46_pages_hold_still_while_others_write(engine: FhirEngine, client: httpx.Client) -> None:
    mine = [
        client.post("/SupplyRequest", json=wanted(requester={"reference": "Device/F46"})).json()["id"]
        for _ in range(5)
    ]
    page = client.get("/SupplyRequest?requester=Device/F46&status=active&_count=2").json()
    seen = []
    while True:
        seen += [entry["resource"]["id"] for entry in page["entry"]]
        links = {one["relation"]: one["url"] for one in page["link"]}
        assert "self" in links
        client.post("/SupplyRequest", json=wanted())
        if "next" not in links:
            break
        page = client.get(links["next"]).json()
    assert sorted(seen) == sorted(mine)
