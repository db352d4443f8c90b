"""The pages of traffic, the worklist, channels and editions, over HTTP, on a store with real messages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from console.console_kit import Console, running_console
from editions.edition_kit import charge, charges_in
from operations.duty_desk import Duty, duties

from engine.accounts.words import Role
from engine.store.contracts.holding import HoldKind


@pytest.fixture(scope="module")
def duty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Duty]:
    folder = tmp_path_factory.mktemp("duty")
    for made in duties(folder, "dft-charges", "adt-encounters"):
        made.deploy(charges_in(folder / "channels"))
        yield made


@pytest.fixture(scope="module")
def console(duty: Duty, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with running_console(tmp_path_factory.mktemp("console"), store=duty.store) as found:
        yield found


@pytest.fixture(scope="module")
def viewer(console: Console) -> httpx.Client:
    return console.client(Role.VIEWER)


@pytest.fixture(scope="module")
def operator(console: Console) -> httpx.Client:
    return console.client(Role.OPERATOR)


@pytest.fixture(scope="module")
def analyst(console: Console) -> httpx.Client:
    return console.client(Role.ANALYST)


@pytest.fixture(scope="module")
def approver(console: Console) -> httpx.Client:
    return console.client(Role.APPROVER)


def text(answer: httpx.Response, status: int = 200) -> str:
    assert answer.status_code == status, answer.text
    return answer.text


def code_row(duty: Duty, number: int, code: str) -> dict[str, str]:
    duty.take("dft-charges", charge(number, code))
    (parked,) = [one for one in duty.store.parked() if one.code == code]
    return {"file": f"tables/{parked.table}.csv", "code": code, "like": "270001"}


def test_traffic_names_what_is_stuck_and_that_no_engine_is_there(duty: Duty, viewer: httpx.Client) -> None:
    duty.admit()
    shown = text(viewer.get("/traffic"))
    assert "No engine was heard of in the last minute" in shown
    assert "its oldest waits for long" in shown
    assert shown.index("/channels/adt-encounters") < shown.index("/channels/dft-charges")
    assert "not in the active edition" in shown
    assert "/channels/adt-encounters" not in text(viewer.get("/traffic", params={"criticality": "bulk"}))


def test_a_destination_is_held_and_let_go(duty: Duty, viewer: httpx.Client, operator: httpx.Client) -> None:
    given = {
        "kind": "destination",
        "name": "odoo:hospital-odoo",
        "why": "Odoo is upgraded",
        "back": "/traffic",
    }
    text(viewer.post("/holds", data=given), 403)
    text(operator.post("/holds", data={**given, "why": ""}), 422)
    answer = operator.post("/holds", data=given)
    assert (answer.status_code, answer.headers["location"]) == (303, "/traffic")
    assert [one.kind for one in duty.store.holds()] == [HoldKind.DESTINATION]
    shown = text(operator.get("/traffic"))
    assert "Odoo is upgraded" in shown
    assert "Let go" in shown
    assert operator.post("/holds/let-go", data=given).status_code == 303
    assert duty.store.holds() == []


def test_a_channel_is_paused_where_it_is_shown(
    duty: Duty, viewer: httpx.Client, operator: httpx.Client
) -> None:
    given = {"kind": "routing", "name": "dft-charges", "why": "prices are wrong"}
    answer = operator.post("/holds", data=given)
    assert answer.headers["location"] == "/channels/dft-charges"
    shown = text(viewer.get("/channels/dft-charges"))
    assert "It is paused" in shown
    assert "prices are wrong" in shown
    assert "/holds/let-go" not in shown  # a viewer is offered nothing
    assert "paused" in text(viewer.get("/channels"))
    assert operator.post("/holds/let-go", data=given).status_code == 303
    text(operator.post("/holds", data={**given, "kind": "everything"}), 422)
    text(operator.post("/holds", data={**given, "name": "nothing"}), 422)


def test_the_worklist_leads_to_the_messages_of_a_cause(duty: Duty, viewer: httpx.Client) -> None:
    number = duty.take("dft-charges", charge(50, "555000"))
    shown = text(viewer.get("/worklist"))
    assert "unmapped-code" in shown
    assert "/manual/runbooks/unmapped-code" in shown
    assert "Resolve" not in shown  # a viewer puts nothing forward
    link = shown[shown.index("/messages?channel=dft-charges") :].split('"')[0].replace("&amp;", "&")
    assert f'href="/messages/{number}"' in text(viewer.get(link))
    assert "No message matches" not in text(viewer.get(link))
    assert "unmapped-code" not in text(viewer.get("/worklist", params={"channel": "adt-encounters"}))


def test_a_code_is_resolved_by_one_and_approved_by_another(
    duty: Duty, viewer: httpx.Client, analyst: httpx.Client, approver: httpx.Client
) -> None:
    row = code_row(duty, 1, "999001")
    page = text(analyst.get("/worklist/code", params=row))
    assert 'name="cell-' in page
    assert "999001," in text(analyst.post("/worklist/code", data=row))
    assert "no row of the code to be like" in text(
        analyst.post("/worklist/code", data={**row, "like": "?"}), 422
    )
    text(viewer.post("/worklist/code", data={**row, "why": "new"}), 403)
    answer = analyst.post("/worklist/code", data={**row, "why": "a new glove"})
    assert answer.status_code == 303
    path = answer.headers["location"]
    shown = text(analyst.get(path))
    assert "You put it forward" in shown
    assert "/approve" not in shown
    assert "999001" in text(approver.get(path))
    impact = text(approver.get(f"{path}/impact"))
    assert "now passes" in impact
    assert approver.post(f"{path}/approve", data={"why": "it is right", "seen": "1"}).status_code == 303
    active = duty.store.active()
    assert active is not None
    assert path == f"/editions/{active.edition}"
    assert "Go back to it" in text(approver.get("/editions/1"))
    assert approver.post("/editions/1/back", data={"why": "it was not"}).status_code == 303


def test_a_stale_approval_and_unknown_things_are_refused(
    duty: Duty, analyst: httpx.Client, approver: httpx.Client
) -> None:
    row = code_row(duty, 2, "999002")
    path = analyst.post("/worklist/code", data={**row, "why": "new"}).headers["location"]
    assert "meanwhile" in text(approver.post(f"{path}/approve", data={"why": "late", "seen": "999"}), 422)
    assert approver.post(f"{path}/decline", data={"why": "too early"}).status_code == 303
    for missing in ("/editions/99", f"/editions/{10**30}", "/channels/nothing", "/channels/nothing/shadow"):
        assert approver.get(missing).status_code == 404, missing
    assert approver.post(f"{path}/burn", data={"why": "fun"}).status_code == 404
    text(analyst.get("/worklist/code", params={"file": "tables/items.csv", "code": "never"}), 404)


def test_a_shadow_report_is_told(viewer: httpx.Client) -> None:
    assert "messages compared" in text(viewer.get("/channels/dft-charges/shadow"))


def test_nothing_is_an_empty_page(tmp_path: Path) -> None:
    with running_console(tmp_path) as console:
        client = console.client(Role.VIEWER)
        for path in ("/traffic", "/worklist", "/channels", "/messages"):
            text(client.get(path))


def test_a_cause_is_sent_again_after_a_look_at_what_would_come_of_it(
    duty: Duty, viewer: httpx.Client, operator: httpx.Client
) -> None:
    number = duty.take("dft-charges", charge(60, "600600"))
    shown = text(operator.get("/worklist"))
    link = shown[shown.index("/fixes/redeliver?channel=dft-charges") :].split('"')[0].replace("&amp;", "&")
    assert "Redeliver them" in text(operator.get(link))
    assert "Redeliver them" not in text(viewer.get(link))
    assert "/fixes/" not in text(viewer.get("/worklist"))
    given = {"channel": "dft-charges", "code": "unmapped-code", "place": "FT1[1]-7", "why": "to be sure"}
    text(viewer.post("/fixes/redeliver", data=given), 403)
    text(operator.post("/fixes/redeliver", data={**given, "why": ""}), 422)
    answer = operator.post("/fixes/redeliver", data=given)
    assert (answer.status_code, answer.headers["location"]) == (303, "/worklist?channel=dft-charges")
    assert duty.hospital.view(number).state == "received"
    duty.hospital.route()
    assert duty.hospital.view(number).state == "dead"


def test_one_is_skipped_and_taken_up_again(duty: Duty, operator: httpx.Client) -> None:
    number = duty.take("dft-charges", charge(61, "600601"))
    assert f"/fixes/skip?ids={number}" in text(operator.get(f"/messages/{number}"))
    assert "Skip them" in text(operator.get("/fixes/skip", params={"ids": number}))
    answer = operator.post("/fixes/skip", data={"ids": number, "why": "a test message"})
    assert answer.headers["location"] == f"/messages/{number}"
    shown = text(operator.get(f"/messages/{number}"))
    assert "Redeliver" in shown
    assert duty.hospital.view(number).state == "skipped"
    assert "No message matches any more" in text(operator.get("/fixes/skip", params={"ids": number}))
    operator.post("/fixes/redeliver", data={"ids": number, "skipped": "yes", "why": "it was none"})
    assert duty.hospital.view(number).state == "received"
    duty.hospital.route()
    assert operator.get("/fixes/burn").status_code == 404
    text(operator.get("/fixes/skip"), 422)


def test_messages_are_replayed_after_a_look_at_what_would_change(
    duty: Duty, viewer: httpx.Client, operator: httpx.Client
) -> None:
    number = duty.take("dft-charges", charge(70))
    duty.settle()
    assert f"/fixes/replay?ids={number}" in text(operator.get(f"/messages/{number}"))
    shown = text(operator.get("/fixes/replay", params={"ids": number}))
    assert "Effects that stay" in shown
    assert "would stop" not in shown
    unknown = duty.take("dft-charges", charge(71, "600602"))
    assert "would stop, again" in text(operator.get("/fixes/replay", params={"ids": unknown}))
    assert "For 1 of 1 nothing would be otherwise" in shown
    text(viewer.get("/fixes/replay", params={"ids": number}), 403)
    answer = operator.post("/fixes/replay", data={"ids": number, "why": "to be sure"})
    assert answer.headers["location"] == f"/messages/{number}"
    duty.hospital.route()
    assert duty.hospital.view(number).state == "delivered"
    assert "Routed again" in text(operator.get(f"/messages/{number}"))
    listed = text(operator.get("/messages", params={"state": "delivered", "since": "all"}))
    assert "/fixes/replay?state=delivered" in listed
    assert "Replay all that match" not in text(viewer.get("/messages", params={"since": "all"}))


def test_a_message_is_corrected_at_a_place_that_nobody_else_sees(
    duty: Duty, viewer: httpx.Client, operator: httpx.Client
) -> None:
    number = duty.take("dft-charges", charge(71, "710710"))
    path = f"/messages/{number}/edit"
    assert 'value="FT1[1]-7"' in text(operator.get(path, params={"place": "FT1[1]-7"}))
    text(viewer.get(path), 403)
    given = {"place-1": "FT1-7.1", "value-1": "270001"}
    shown = text(operator.post(path, data=given))
    assert "now passes" in shown
    assert "TESTMANN" not in shown
    assert duty.store.revisions(number) == []
    text(operator.post(path, data={"place-1": "MSH-10", "value-1": "X"}), 422)
    text(operator.post(path, data={**given, "why": ""}), 422)
    answer = operator.post(path, data={**given, "why": "the sender's table was old"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/messages/{number}")
    duty.hospital.route()
    duty.settle()
    assert duty.hospital.view(number).state == "delivered"
    assert "the sender&#39;s table was old" in text(viewer.get(f"/messages/{number}"))
    assert "as it came" in text(viewer.get(f"/messages/{number}/content", params={"revision": 0}))


def test_a_message_is_corrected_as_a_whole_once_it_was_opened(duty: Duty, operator: httpx.Client) -> None:
    number = duty.take("dft-charges", charge(72, "720720"))
    opened = text(operator.post(f"/messages/{number}/content", data={"why": "its code is wrong"}))
    assert f'action="/messages/{number}/edit"' in opened
    content = duty.store.content(number).decode().replace("720720", "270001").replace("\r", "\r\n")
    assert "now passes" in text(operator.post(f"/messages/{number}/edit", data={"content": content}))
    answer = operator.post(f"/messages/{number}/edit", data={"content": content, "why": "a wrong code"})
    assert answer.status_code == 303
    duty.hospital.route()
    duty.settle()
