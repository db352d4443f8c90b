"""Stopping and letting go as operations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.accounts.words import Caller, Role
from engine.auditing import Act, AuditQuery, Entry
from engine.editions.deploying import take_folder
from engine.errors import Misconfigured
from engine.operations.holding import HOLD, HOLDS, LET_GO, AskHold, AskHolds
from engine.operations.operation import Desk, Forbidden, perform
from engine.settings import Settings
from engine.store.contracts.holding import HoldKind
from engine.store.keys import KeyRing
from engine.store.sql import open_store

RING = KeyRing({"first": b"\x07" * 32})
DUTY = Caller(name="duty", roles=frozenset({Role.OPERATOR}))
CHANNEL = """\
channel: charges
description: Items charged leave the stock.
owner: {business: ward@hospital.example, technical: interfaces@hospital.example}
source:
  mllp: {listen: "tcp:0", message_types: [DFT^P03]}
sequence_by: PID-3
effects:
  - for_each: FT1
    consume: {key: "{FT1-2}", item: FT1-7.1, quantity: literal(1), location: literal(WH/Stock)}
destinations:
  - odoo: {connection: test}
"""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    folder = tmp_path / "channels"
    folder.mkdir()
    (folder / "charges.yaml").write_text(CHANNEL)
    store = open_store(f"sqlite:///{tmp_path}/wardline.db", RING)
    told = Entry(at=1.0, who="engine", role="engine", act=Act.DEPLOY, object="editions")
    take_folder(store, folder, (), told)
    yield Desk(store, RING, Settings(), lambda: 700.0)
    store.close()


@pytest.mark.parametrize(
    ("kind", "name", "object_"),
    [
        (HoldKind.DOOR, "charges", "channel:charges"),
        (HoldKind.ROUTING, "charges", "channel:charges"),
        (HoldKind.DELIVERY, "charges", "channel:charges"),
        (HoldKind.DESTINATION, "odoo:test", "destination:odoo:test"),
    ],
)
def test_what_is_stopped_is_shown_and_audited_and_let_go(
    desk: Desk, kind: HoldKind, name: str, object_: str
) -> None:
    asked = AskHold(kind=kind, name=name, why="recall", ticket="C-1")
    assert perform(desk, DUTY, HOLD, asked).done
    assert not perform(desk, DUTY, HOLD, asked).done
    (held,) = perform(desk, DUTY, HOLDS, AskHolds())
    assert (held.kind, held.name, held.since, held.who, held.why) == (kind, name, 700.0, "duty", "recall")
    assert perform(desk, DUTY, LET_GO, asked).done
    assert not perform(desk, DUTY, LET_GO, asked).done
    assert perform(desk, DUTY, HOLDS, AskHolds()) == []
    stopped, gone_on = (one.entry for one in desk.store.entries(AuditQuery(act=Act.HOLD)))
    assert (stopped.object, stopped.who, stopped.why, stopped.ticket) == (object_, "duty", "recall", "C-1")
    assert (stopped.detail["kind"], gone_on.detail["let go"]) == (kind.value, "yes")


@pytest.mark.parametrize("kind", HoldKind)
def test_a_name_that_nothing_has_stops_nothing(desk: Desk, kind: HoldKind) -> None:
    with pytest.raises(Misconfigured, match="there is no such") as error:
        perform(desk, DUTY, HOLD, AskHold(kind=kind, name="chargez", why="recall"))
    assert "charges" in error.value.hint or "odoo:test" in error.value.hint
    assert desk.store.holds() == []


def test_it_takes_a_reason_and_a_role(desk: Desk) -> None:
    asked = AskHold(kind=HoldKind.ROUTING, name="charges", why=" ")
    with pytest.raises(Misconfigured, match="reason"):
        perform(desk, DUTY, HOLD, asked)
    viewer = Caller(name="looker", roles=frozenset({Role.VIEWER}))
    with pytest.raises(Forbidden):
        perform(desk, viewer, HOLD, AskHold(kind=HoldKind.ROUTING, name="charges", why="recall"))
    assert desk.store.holds() == []
