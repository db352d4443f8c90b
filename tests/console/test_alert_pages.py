"""The pages of alerts over a real console: what is shown, and what people do there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alerting.receivers import Hooks, hooks
from console.console_kit import Console, running_console

from engine.accounts.words import Role
from engine.auditing import Act
from engine.settings import Settings
from engine.watching import Found, Kind, Opening


@pytest.fixture(scope="module")
def hook() -> Iterator[Hooks]:
    with hooks() as server:
        yield server


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory, hook: Hooks) -> Iterator[Console]:
    env = {"WARDLINE_NOTIFY_CHAT_URL": f"{hook.url}/secret-path"}
    settings = Settings(node="test", notify=("chat", "gone"))
    folder: Path = tmp_path_factory.mktemp("console")
    with running_console(folder, settings=settings, environ=env) as found:
        yield found


def raised(console: Console, name: str) -> int:
    found = Found(
        kind=Kind.SILENT, subject=f"channel:{name}", value=1000.0, limit=900.0, channel=name, to=("chat",),
        said={"expected": "every 15m, mon-fri 07-19"},
    )  # fmt: skip
    (alert,) = console.store.change_alerts([Opening(found)], [], [], now=console.clock())
    return alert.id


def test_nothing_is_open(console: Console) -> None:
    text = console.client(Role.VIEWER).get("/alerts").text
    assert "Nothing is open." in text
    assert "WARDLINE_NOTIFY_GONE_URL" in text
    assert "secret-path" not in text
    assert "Send a test" not in text


def test_an_alert_is_listed_shown_taken_on_and_made_quiet(console: Console) -> None:
    number = raised(console, "charges")
    client = console.client(Role.OPERATOR)
    assert (
        "charges: nothing heard for 17 min, expected every 15m, mon-fri 07-19" in client.get("/alerts").text
    )
    page = client.get(f"/alerts/{number}").text
    assert "/manual/runbooks/alert-silent" in page
    assert client.get("/manual/runbooks/alert-silent").status_code == 200
    assert "nobody" in page
    taken = client.post(f"/alerts/{number}/take", data={"why": "on my way"}, follow_redirects=True)
    assert "You look after it." in taken.text
    assert "user-operator" in taken.text
    quiet = client.post(
        f"/alerts/{number}/quiet", data={"why": "maintenance", "minutes": "60"}, follow_redirects=True
    )
    assert "maintenance" in quiet.text
    assert [one.entry.object for one in console.audit(act=Act.ALERT)] == [f"alert:{number}"] * 2
    assert client.post(f"/alerts/{number}/quiet", data={"why": "x y z", "minutes": "soon"}).status_code == 422


def test_a_viewer_sees_and_does_nothing(console: Console) -> None:
    number = raised(console, "viewed")
    client = console.client(Role.VIEWER)
    assert "Take it on" not in client.get(f"/alerts/{number}").text
    assert client.post(f"/alerts/{number}/take", data={"why": "on my way"}).status_code == 403
    assert client.get("/alerts/9999").status_code == 404


def test_what_is_over_is_shown_when_asked_for_and_not_acted_on(console: Console) -> None:
    number = raised(console, "over")
    console.store.change_alerts([], [number], [], now=console.clock() + 60)
    client = console.client(Role.OPERATOR)
    assert f'href="/alerts/{number}"' not in client.get("/alerts?channel=over").text
    assert f'href="/alerts/{number}"' in client.get("/alerts?channel=over&state=all").text
    assert "Take it on" not in client.get(f"/alerts/{number}").text
    assert client.post(f"/alerts/{number}/take", data={"why": "on my way"}).status_code == 422


def test_an_administrator_tries_a_route(console: Console, hook: Hooks) -> None:
    client = console.client(Role.ADMINISTRATOR)
    assert "Send a test" in client.get("/alerts").text
    assert "took a test" in client.post("/alerts/routes/chat/test", follow_redirects=True).text
    assert len(hook.asked) == 1


def test_the_api_does_the_same(console: Console) -> None:
    number = raised(console, "by-api")
    client = console.client(Role.OPERATOR)
    listed = client.get("/api/v1/alerts", params={"channel": "by-api"}).json()
    assert [one["id"] for one in listed["alerts"]] == [number]
    taken = client.post(f"/api/v1/alerts/{number}/take", json={"why": "on my way"}).json()
    assert taken["taken_by"] == "user-operator"
