"""What FHIR clients are shown is in the audit before they have it, by message, never by value."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from fhir_bodies import s1
from fhir_door import Door, open_door

from engine.auditing import Act, AuditQuery, Entry
from engine.errors import Unavailable
from engine.store.sql import SqlStore


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with open_door(tmp_path_factory.mktemp("audited")) as opened:
        yield opened


@pytest.fixture
def client(door: Door) -> Iterator[httpx.Client]:
    with door.client() as opened:
        yield opened


def told(door: Door, do: Callable[[], object]) -> list[Entry]:
    """What the audit says of what is done."""
    before = len(door.store.entries(AuditQuery(limit=100_000)))
    do()
    return [one.entry for one in door.store.entries(AuditQuery(after=before, limit=100_000))]


def made(client: httpx.Client, **given: Any) -> tuple[str, dict[str, Any]]:
    answer = client.post("/SupplyRequest", json=s1(**given))
    assert answer.status_code == 201
    body = client.get(answer.headers["location"]).json()
    return body["id"], body


def message_of(door: Door, id_: str) -> int:
    versions = door.store.history("R4", "SupplyRequest", id_, before=0, since=0, limit=10).versions
    return versions[0].message_id


def test_a_read_a_vread_and_one_that_was_not_modified(door: Door, client: httpx.Client) -> None:
    id_, _ = made(client)
    number = message_of(door, id_)
    entries = told(door, lambda: client.get(f"/SupplyRequest/{id_}"))
    assert [(one.who, one.role, one.act, one.object) for one in entries] == [
        ("tester", "client", "look", f"message:{number}")
    ]
    assert entries[0].detail == {"interaction": "read", "resource": "R4 SupplyRequest", "version": "1"}
    for path, headers in (
        (f"/SupplyRequest/{id_}/_history/1", {}),
        (f"/SupplyRequest/{id_}", {"If-None-Match": 'W/"1"'}),
    ):
        (entry,) = told(door, lambda p=path, h=headers: client.get(p, headers=h))
        assert entry.object == f"message:{number}"
    (entry,) = told(door, lambda: client.head(f"/SupplyRequest/{id_}"))
    assert entry.object == f"message:{number}"


def test_a_search_tells_what_it_was_by_and_what_was_found(door: Door, client: httpx.Client) -> None:
    made(client, value="MRN-4711-secret")
    id_, _ = made(client, value="other")
    query = "identifier=urn:o|MRN-4711-secret,urn:o|other&status=active&_count=1"
    (first,) = told(door, lambda: client.get(f"/SupplyRequest?{query}"))
    assert (first.act, first.object) == ("search", "messages")
    assert first.detail["by"] == "_count identifier status"
    assert len(first.detail["shown"].split()) == 1
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    by_form = {"content": "identifier=urn:o|other", "headers": form}
    everything = told(door, lambda: client.post("/SupplyRequest/_search", **by_form))
    assert everything[0].detail["shown"] == str(message_of(door, id_))
    (nothing,) = told(door, lambda: client.get("/SupplyRequest?identifier=urn:o|nobody"))
    assert "shown" not in nothing.detail
    following = client.get(f"/SupplyRequest?{query}").json()["link"][-1]["url"]
    (second,) = told(door, lambda: client.get(following))
    assert second.detail["by"] == "_count identifier status"
    assert second.detail["shown"] != first.detail["shown"]
    said = json.dumps([one.detail for one in (first, second, nothing, *everything)])
    assert "4711" not in said
    assert "nobody" not in said


def test_histories_tasks_and_who_wrote_what(door: Door, client: httpx.Client) -> None:
    id_, body = made(client)
    assert client.put(f"/SupplyRequest/{id_}", json={**body, "status": "completed"}).status_code == 200
    for path, shown in (
        (f"/SupplyRequest/{id_}/_history", 2),
        (f"/AuditEvent?entity=SupplyRequest/{id_}", 2),
        (f"/Provenance?target=SupplyRequest/{id_}", 2),
        (f"/Task?focus=SupplyRequest/{id_}", 1),
        (f"/Task/SupplyRequest-{id_}-1", 1),
    ):
        (entry,) = told(door, lambda p=path: client.get(p))
        named = entry.detail.get("shown", entry.object.removeprefix("message:")).split()
        assert len(named) == shown, path
        assert entry.act == "look"


def test_what_a_write_shows_of_what_was_there_is_a_look(door: Door, client: httpx.Client) -> None:
    id_, _ = made(client, value="standing")
    assert told(door, lambda: client.post("/SupplyRequest", json=s1())) == []
    condition = {"If-None-Exist": "identifier=urn:o|standing"}
    (entry,) = told(door, lambda: client.post("/SupplyRequest", json=s1(), headers=condition))
    assert entry.object == f"message:{message_of(door, id_)}"
    assert entry.detail["interaction"] == "create"
    minimal = {**condition, "Prefer": "return=minimal"}
    assert told(door, lambda: client.post("/SupplyRequest", json=s1(), headers=minimal)) == []


def test_reads_inside_a_bundle_are_one_commit(
    door: Door, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [made(client)[0] for _ in range(5)]
    commits: list[int] = []
    record = door.store.record

    def counted(entries: Sequence[Entry]) -> list[int]:
        commits.append(len(entries))
        return record(entries)

    monkeypatch.setattr(door.store, "record", counted)
    entry = [{"request": {"method": "GET", "url": f"SupplyRequest/{id_}"}} for id_ in ids]
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": entry}
    entries = told(door, lambda: client.post("", json=bundle))
    assert [one.object for one in entries] == [f"message:{message_of(door, id_)}" for id_ in ids]
    assert commits == [5]


def test_what_is_not_shown_is_not_told(door: Door, client: httpx.Client) -> None:
    nobody = door.access.give("nobody", "SupplyRequest.create")
    id_, _ = made(client)
    for path, headers in (("/SupplyRequest/none", {}), (f"/SupplyRequest/{id_}", nobody), ("/metadata", {})):
        assert told(door, lambda p=path, h=headers: client.get(p, headers=h)) == []


@contextmanager
def locked(folder: Path, door: Door) -> Iterator[None]:
    """Another process holds the store longer than anybody waits."""
    assert isinstance(door.store, SqlStore)
    database: Any = door.store._database
    database._work.run("PRAGMA busy_timeout = 50")
    holder = sqlite3.connect(folder / "test.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    yield
    holder.close()


@contextmanager
def full(_: Path, door: Door) -> Iterator[None]:
    """The store's file may not grow, and is full."""
    assert isinstance(door.store, SqlStore)
    database: Any = door.store._database
    (pages,) = database._work.rows("PRAGMA page_count")
    database._work.rows(f"PRAGMA max_page_count = {pages[0]}")
    one = Entry(at=1.0, who="x", role="engine", act=Act.LOOK, object="x")
    for count in (100, 1):
        with suppress(Unavailable):
            while True:
                door.store.record([one] * count)
    yield


@pytest.mark.parametrize("spoiled", [locked, full])
def test_what_cannot_be_recorded_is_not_shown(
    tmp_path: Path, spoiled: Callable[[Path, Door], AbstractContextManager[None]]
) -> None:
    with open_door(tmp_path) as door, door.client() as client, ExitStack() as stack:
        id_, _ = made(client)
        stack.enter_context(spoiled(tmp_path, door))
        answer = client.get(f"/SupplyRequest/{id_}")
        assert answer.status_code == 503
        assert answer.json()["resourceType"] == "OperationOutcome"
        assert "G100" not in answer.text
        entry = [{"request": {"method": "GET", "url": f"SupplyRequest/{id_}"}}]
        batch = client.post("", json={"resourceType": "Bundle", "type": "batch", "entry": entry})
        assert batch.status_code == 503
        assert "G100" not in batch.text


def test_many_readers_at_once_are_all_there(door: Door, client: httpx.Client) -> None:
    """Group commit: all in one chain, which holds."""
    id_, _ = made(client)
    number = message_of(door, id_)

    def read_all() -> None:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: client.get(f"/SupplyRequest/{id_}").status_code, range(160)))
        assert answers == [200] * 160

    entries = told(door, read_all)
    assert [one.object for one in entries] == [f"message:{number}"] * 160
    assert isinstance(door.store, SqlStore)
    assert door.store.verify_audit() == []
