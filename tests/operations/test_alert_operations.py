"""Alerts and routes as operations: listed, shown, taken on, made quiet, tried."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from alerting.receivers import Hooks, hooks

from engine.accounts.words import Caller, Role
from engine.auditing import Act, AuditQuery, Entry
from engine.editions.deploying import take_folder
from engine.errors import Misconfigured
from engine.model import Owner
from engine.operations import alerts, routes
from engine.operations.alerts import AskAlerts, AskOne, AskQuiet, AskTake
from engine.operations.operation import Desk, Forbidden, NotThere, perform
from engine.operations.routes import AskRoutes, AskTest
from engine.settings import Settings
from engine.store.keys import KeyRing
from engine.store.sql import open_store
from engine.watching import Found, Kind, Opening

RING = KeyRing({"first": b"\x07" * 32})
DUTY = Caller(name="duty", roles=frozenset({Role.OPERATOR}))
VIEWER = Caller(name="viewer", roles=frozenset({Role.VIEWER}))
ADMIN = Caller(name="admin", roles=frozenset({Role.ADMINISTRATOR}))
CHANNEL = """\
channel: charges
description: Items charged leave the stock.
owner: {business: ward@hospital.example, technical: interfaces@hospital.example}
source:
  mllp: {listen: "tcp:0", message_types: [DFT^P03]}
sequence_by: PID-3
alerts: {to: [chat], business: [stores]}
effects:
  - for_each: FT1
    consume: {key: "{FT1-2}", item: FT1-7.1, quantity: literal(1), location: literal(WH/Stock)}
destinations:
  - odoo: {connection: test}
"""


@pytest.fixture(scope="module")
def hook() -> Iterator[Hooks]:
    with hooks() as server:
        yield server


@pytest.fixture
def desk(tmp_path: Path, hook: Hooks) -> Iterator[Desk]:
    folder = tmp_path / "channels"
    folder.mkdir()
    (folder / "charges.yaml").write_text(CHANNEL)
    store = open_store(f"sqlite:///{tmp_path}/wardline.db", RING)
    take_folder(
        store, folder, (), Entry(at=1.0, who="engine", role="engine", act=Act.DEPLOY, object="editions")
    )
    env = {"WARDLINE_NOTIFY_CHAT_URL": f"{hook.url}/secret-path", "WARDLINE_NOTIFY_ON_DUTY_URL": "nonsense"}
    yield Desk(store, RING, Settings(notify=("on-duty",), environment="north"), lambda: 700.0, env)
    store.close()


def raised(desk: Desk, *names: str, kind: Kind = Kind.SILENT) -> list[int]:
    said = {"expected": "every 15m"}
    every = [
        Found(
            kind=kind, subject=f"channel:{name}", value=1000.0, limit=900.0, channel=name, to=("chat",),
            said=said,
        )
        for name in names
    ]  # fmt: skip
    return [one.id for one in desk.store.change_alerts([Opening(one) for one in every], [], [], now=600.0)]


def test_alerts_are_listed_newest_first_in_pages(desk: Desk) -> None:
    first, second, third = raised(desk, "a", "b", "c")
    desk.store.change_alerts([], [first], [], now=650.0)
    listed = perform(desk, VIEWER, alerts.LIST, AskAlerts(limit=1))
    assert ([one.id for one in listed.alerts], listed.next) == ([third], third)
    assert (listed.open, listed.critical) == (2, 2)
    more = perform(desk, VIEWER, alerts.LIST, AskAlerts(limit=1, before=listed.next))
    assert ([one.id for one in more.alerts], more.next) == ([second], 0)
    every = perform(desk, VIEWER, alerts.LIST, AskAlerts(state="all")).alerts
    assert [(one.id, one.state) for one in every] == [(third, "open"), (second, "open"), (first, "closed")]
    (closed,) = perform(desk, VIEWER, alerts.LIST, AskAlerts(state="closed")).alerts
    assert closed.title == "a: nothing heard for 17 min, expected every 15m"
    with pytest.raises(Misconfigured, match="is no kind of alert"):
        perform(desk, VIEWER, alerts.LIST, AskAlerts(kind="noise"))


def test_one_is_shown_with_what_was_told_and_what_was_before(desk: Desk) -> None:
    (first,) = raised(desk, "charges")
    desk.store.change_alerts([], [first], [], now=610.0)
    raised(desk, "other")
    (second,) = raised(desk, "charges")
    told = perform(desk, VIEWER, alerts.SHOW, AskOne(second))
    assert told.text == "charges: nothing heard for 17 min, expected every 15m"
    assert told.contact == "interfaces@hospital.example"
    assert (told.runbook, [one.id for one in told.earlier]) == ("runbooks/alert-silent", [first])
    assert [(one.event, one.route, one.state) for one in told.notices] == [("opened", "chat", "due")]
    with pytest.raises(NotThere):
        perform(desk, VIEWER, alerts.SHOW, AskOne(99))


def test_somebody_takes_it_on(desk: Desk) -> None:
    (number,) = raised(desk, "charges")
    asked = AskTake(id=number, why="on my way", ticket="C-1")
    with pytest.raises(Forbidden):
        perform(desk, VIEWER, alerts.TAKE, asked)
    with pytest.raises(Misconfigured, match="reason"):
        perform(desk, DUTY, alerts.TAKE, AskTake(id=number, why=" "))
    shown = perform(desk, DUTY, alerts.TAKE, asked)
    assert (shown.taken_by, shown.taken_at) == ("duty", 700.0)
    (entry,) = [one.entry for one in desk.store.entries(AuditQuery(act=Act.ALERT))]
    assert (entry.object, entry.who, entry.why, entry.ticket) == (
        f"alert:{number}",
        "duty",
        "on my way",
        "C-1",
    )
    desk.store.change_alerts([], [number], [], now=650.0)
    with pytest.raises(Misconfigured, match="it is over"):
        perform(desk, DUTY, alerts.TAKE, asked)


def test_its_cause_keeps_quiet_for_a_while(desk: Desk) -> None:
    (number,) = raised(desk, "charges")
    quiet = perform(desk, DUTY, alerts.QUIET, AskQuiet(id=number, minutes=60, why="maintenance"))
    assert (quiet.state, quiet.quiet_until, quiet.why) == ("quiet", 700.0 + 3600, "maintenance")
    ended = perform(desk, DUTY, alerts.QUIET, AskQuiet(id=number, minutes=0, why="done early"))
    assert (ended.state, ended.quiet_until) == ("open", 0.0)
    with pytest.raises(Misconfigured, match="too long"):
        perform(desk, DUTY, alerts.QUIET, AskQuiet(id=number, minutes=20_000, why="for ever"))
    with pytest.raises(NotThere):
        perform(desk, DUTY, alerts.QUIET, AskQuiet(id=99, minutes=5, why="nothing"))


def test_routes_are_shown_without_their_secrets(desk: Desk, hook: Hooks) -> None:
    chat, duty, stores = perform(desk, VIEWER, routes.LIST, AskRoutes())
    assert (chat.name, chat.kind, chat.node, chat.channels) == ("chat", "webhook", False, ("charges",))
    assert chat.host == hook.url.removeprefix("http://")
    assert (duty.name, duty.node, duty.wrong.startswith("WARDLINE_NOTIFY_ON_DUTY_URL: is no address")) == (
        "on-duty", True, True,
    )  # fmt: skip
    assert "WARDLINE_NOTIFY_STORES_URL: is not set" in stores.wrong
    assert "secret-path" not in repr((chat, duty, stores))


def test_a_route_is_tried_by_an_administrator_and_only_one_that_is_named(desk: Desk, hook: Hooks) -> None:
    with pytest.raises(Forbidden):
        perform(desk, DUTY, routes.TEST, AskTest("chat"))
    with pytest.raises(NotThere):
        perform(desk, ADMIN, routes.TEST, AskTest("elsewhere"))
    with pytest.raises(Misconfigured, match="is no address"):
        perform(desk, ADMIN, routes.TEST, AskTest("on-duty"))
    hook.asked.clear()
    hook.status = 200
    assert perform(desk, ADMIN, routes.TEST, AskTest("chat")).sent
    said = json.loads(hook.asked[0].body)
    assert (said["place"], said["alerts"][0]["owner"]) == ("north, a test", Owner.TECHNICAL)
    hook.status = 403
    failed = perform(desk, ADMIN, routes.TEST, AskTest("chat"))
    assert (failed.sent, failed.why) == (False, "it answered 403")
    assert len(desk.store.entries(AuditQuery(act=Act.ALERT, object="route:chat"))) == 2
