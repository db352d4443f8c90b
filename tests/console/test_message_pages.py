"""The pages of messages, over HTTP, on a store whose messages were really routed."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from console.console_kit import Console, running_console
from operations.duty_desk import Duty, duties

from engine.accounts.words import Role
from engine.model import Reason, ReasonCode, Refused

LOCKED = Reason(ReasonCode.CONFLICT, "the order is locked", "sale.order")


@pytest.fixture(scope="module")
def duty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Duty]:
    for made in duties(tmp_path_factory.mktemp("duty")):
        made.deploy()
        yield made


@pytest.fixture(scope="module")
def console(duty: Duty, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with running_console(
        tmp_path_factory.mktemp("console"), store=duty.store, environ=duty.desk.environ
    ) as found:
        yield found


@pytest.fixture(scope="module")
def operator(console: Console) -> httpx.Client:
    return console.client(Role.OPERATOR)


@pytest.fixture(scope="module")
def viewer(console: Console) -> httpx.Client:
    return console.client(Role.VIEWER)


def text(answer: httpx.Response, status: int = 200) -> str:
    assert answer.status_code == status, answer.text
    return answer.text


def test_the_list_shows_what_came_newest_first_and_searches(duty: Duty, viewer: httpx.Client) -> None:
    first, second, dead = duty.admit(), duty.admit("8", "V8"), duty.broken()
    shown = text(viewer.get("/messages", params={"since": "all"}))
    places = [shown.index(f'href="/messages/{number}"') for number in (dead, second, first)]
    assert places == sorted(places)
    found = text(viewer.get("/messages", params={"state": "dead", "since": "all"}))
    assert f'href="/messages/{dead}"' in found
    assert f'href="/messages/{first}"' not in found
    assert "No message matches" in text(viewer.get("/messages"))  # they are older than a day
    assert "is none of" in text(viewer.get("/messages", params={"state": "lost"}), 422)
    assert viewer.get("/messages", params={"before": "9" * 30, "since": "all"}).status_code == 200


def test_a_control_id_leads_to_its_message(duty: Duty, viewer: httpx.Client) -> None:
    number = duty.refused("C77")
    answer = viewer.get("/messages", params={"control_id": "C77"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/messages/{number}")
    shown = text(viewer.get(f"/messages/{number}"))
    assert "Required field missing" in shown
    assert "/manual/runbooks/missing-field" in shown
    assert "under 1 sender that sent lately" in text(viewer.get("/messages", params={"control_id": "C78"}))


def test_a_story_shows_documents_and_what_is_waited_for(duty: Duty, viewer: httpx.Client) -> None:
    number, behind = duty.admit("5", "V5"), duty.admit("5", "V6")
    assert f'waits for <a href="/messages/{number}"' in text(viewer.get(f"/messages/{behind}"))
    while duty.settle():
        pass
    shown = text(viewer.get(f"/messages/{number}"))
    assert "https://odoo.example/mail/view?model=sale.order&amp;res_id=42" in shown
    assert "Messages about" not in shown  # a viewer looks for nobody
    for missing in ("/messages/999999", f"/messages/{10**30}"):
        assert viewer.get(missing).status_code == 404


def test_a_refusal_of_a_destination_is_told_with_its_owner(duty: Duty, viewer: httpx.Client) -> None:
    number = duty.admit("6", "V60")
    duty.settle(Refused(LOCKED))
    shown = text(viewer.get(f"/messages/{number}"))
    assert "refused the encounter" in shown
    assert "the order is locked" in shown


def test_a_number_is_found_by_those_who_may(duty: Duty, operator: httpx.Client, viewer: httpx.Client) -> None:
    number = duty.admit("4711", "V4711")
    shown = text(operator.post("/messages/find", data={"kind": "mrn", "value": "4711", "why": "asked"}))
    assert f'href="/messages/{number}"' in shown
    assert "4711" not in shown.replace(f"/messages/{number}", "")
    assert 'action="/messages/find"' in text(operator.get("/messages"))
    assert 'action="/messages/find"' not in text(viewer.get("/messages"))
    text(viewer.post("/messages/find", data={"kind": "mrn", "value": "4711"}), 403)
    text(operator.post("/messages/find", data={"value": " "}), 422)


def test_content_is_masked_and_opened_with_a_reason(
    duty: Duty, console: Console, operator: httpx.Client, viewer: httpx.Client
) -> None:
    number = duty.admit()
    path = f"/messages/{number}/content"
    masked = text(viewer.get(path))
    assert "TESTMANN" not in masked
    assert "made a token of a person" in masked
    assert "Show it whole" not in masked
    text(viewer.post(path, data={"why": "curious"}), 403)
    text(operator.post(path, data={"why": " "}), 422)
    assert "TESTMANN" in text(operator.post(path, data={"why": "the ward asks"}))
    looks = [one.entry for one in console.audit(act="look", object=f"message:{number}")]
    assert [(one.detail["told"], one.why) for one in looks] == [
        ("masked", ""),
        ("identifying", "the ward asks"),
    ]


def test_a_page_shows_as_much_of_a_large_message_as_anybody_reads(duty: Duty, operator: httpx.Client) -> None:
    segments = ["MSH|^~\\&|HIS|GENERAL|||20261120||ORU^R01|L1|P|2.5.1", "PID|1||9^^^A1"]
    segments += [f"OBX|{number}|ED|1||{'QUJD' * 500}Z" for number in range(1, 1201)]
    number = duty.take("adt-encounters", "\r".join(segments).encode())
    path = f"/messages/{number}/content"
    masked = text(operator.get(path))
    assert masked.count('<th scope="row"><code>OBX[') > 1900
    assert f"more values: <code>wardline view --message {number}</code>" in masked
    opened = text(operator.post(path, data={"why": "the letter looks odd"}))
    assert "and 1 more characters</small>" in opened
    assert "too much for a page" in opened
    assert 'id="content"' not in opened
    assert len(opened) < 5_000_000
    assert f'href="/messages/{number}/edit"' in opened
