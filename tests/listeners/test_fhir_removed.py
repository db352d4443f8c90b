"""What a client is told of a resource whose content is gone for good."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from conformance.purge_contract import DAY
from fhir_bodies import delivery
from fhir_door import Door, open_door

from engine.auditing import Act, Entry
from engine.model import Filtered, Retention, Routing
from engine.tokens import Erasure, Lookup, NewToken

JANE = "t1p_00000000000000000000000000xx"


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with open_door(tmp_path) as opened:
        yield opened


def test_a_resource_about_somebody_erased_is_gone_and_may_come_again(door: Door) -> None:
    lookup = bytes(range(16))
    term = int.from_bytes(lookup[:8], "big", signed=True)
    with door.client() as client:
        ids = [client.post("/SupplyDelivery", json=delivery()).json()["id"] for _ in range(2)]
        jane = NewToken(
            token=JANE, domain="p", lookups=(Lookup(lookup, "k"),), key_id="k", sealed=b"x", subject=JANE
        )
        routings = [Routing(1, Filtered("x"), mentions=(term,)), Routing(2, Filtered("x"))]
        door.store.route(routings, [jane], 1.0)
        planned = door.store.erasable(JANE)
        assert planned.messages == (1,)
        told = Entry(at=5.0, who="officer", role="operator", act=Act.ERASE, object=JANE)
        door.store.erase(Erasure(JANE, 5.0, "why", "", "officer"), planned, told)

        for path in (f"/SupplyDelivery/{ids[0]}", f"/SupplyDelivery/{ids[0]}/_history/1"):
            answer = client.get(path)
            assert (answer.status_code, answer.json()["issue"][0]["code"]) == (410, "deleted")
        assert client.get(f"/SupplyDelivery/{ids[1]}").status_code == 200
        found = client.get("/SupplyDelivery").json()
        assert [one["resource"]["id"] for one in found["entry"]] == [ids[1]]
        assert found["total"] == 1
        (entry,) = client.get("/SupplyDelivery?_count=1").json()["entry"]
        assert entry["resource"]["id"] == ids[1]
        again = client.put(f"/SupplyDelivery/{ids[0]}", json=delivery(id=ids[0]))
        assert again.status_code == 200
        assert client.get(f"/SupplyDelivery/{ids[0]}").status_code == 200
        assert client.get(f"/SupplyDelivery/{ids[0]}/_history/1").status_code == 410
    assert door.store.verify_versions() == []
    assert door.store.gaps() == []


def test_a_search_goes_on_behind_what_was_erased(door: Door) -> None:
    lookup = bytes(range(16))
    term = int.from_bytes(lookup[:8], "big", signed=True)
    with door.client() as client:
        ids = [client.post("/SupplyDelivery", json=delivery()).json()["id"] for _ in range(5)]
        jane = NewToken(
            token=JANE, domain="p", lookups=(Lookup(lookup, "k"),), key_id="k", sealed=b"x", subject=JANE
        )
        routings = [Routing(at, Filtered("x"), mentions=(term,) * (at == 2)) for at in range(1, 6)]
        door.store.route(routings, [jane], 1.0)
        told = Entry(at=5.0, who="officer", role="operator", act=Act.ERASE, object=JANE)
        door.store.erase(Erasure(JANE, 5.0, "why", "", "officer"), door.store.erasable(JANE), told)
        found, address = [], "/SupplyDelivery?_count=2"
        while address:
            page = client.get(address).json()
            found += [one["resource"]["id"] for one in page["entry"]]
            address = next((one["url"] for one in page["link"] if one["relation"] == "next"), "")
        assert found == [ids[0], *ids[2:]]


def test_an_older_version_is_gone_after_its_time_and_the_current_one_stays(door: Door) -> None:
    with door.client() as client:
        id_ = client.post("/SupplyDelivery", json=delivery()).json()["id"]
        assert client.put(f"/SupplyDelivery/{id_}", json=delivery(id=id_)).status_code == 200
        door.store.route([Routing(number, Filtered("x")) for number in (1, 2)], [], 1.0)
        (row,) = door.store.cabinet.keys("day")
        door.store.purge(Retention(), {}, row.made_at + 32 * DAY)
        assert client.get(f"/SupplyDelivery/{id_}/_history/1").status_code == 410
        assert client.get(f"/SupplyDelivery/{id_}/_history/2").status_code == 200
        assert client.get(f"/SupplyDelivery/{id_}").status_code == 200
    assert door.store.verify_versions() == []
