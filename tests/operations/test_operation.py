"""The one way to call an operation: permission, reason, and what is recorded of a refusal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from engine.accounts.words import Caller, Permission, Role
from engine.auditing import AuditQuery
from engine.errors import Misconfigured
from engine.operations.operation import Desk, Forbidden, Operation, perform, tell_refused
from engine.settings import Settings
from engine.store.keys import KeyRing
from engine.store.sql import open_store


class Asked(msgspec.Struct, frozen=True):
    why: str = ""


STOP = Operation(
    name="door.pause",
    method="POST",
    path="/doors/pause",
    text="Pause a door.",
    needs=Permission.HOLD,
    asks=Asked,
    gives=str,
    call=lambda desk, caller, asked: f"{caller.name} at {desk.clock():g}: {asked.why}",
    reasoned=True,
)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    ring = KeyRing({"first": b"\x07" * 32})
    return Desk(open_store(f"sqlite:///{tmp_path}/s.db", ring), ring, Settings(), lambda: 7.0)


def caller(role: Role) -> Caller:
    return Caller(name="ann", roles=frozenset({role}), address="127.0.0.1")


def test_who_may_does(desk: Desk) -> None:
    assert perform(desk, caller(Role.OPERATOR), STOP, Asked("night")) == "ann at 7: night"


def test_who_may_not_is_recorded(desk: Desk) -> None:
    with pytest.raises(Forbidden):
        perform(desk, caller(Role.VIEWER), STOP, Asked("night"))
    (refused,) = desk.store.entries(AuditQuery(act="forbid"))
    assert (refused.entry.who, refused.entry.object, refused.entry.outcome) == (
        "ann", "operation:door.pause", "refused",
    )  # fmt: skip
    assert refused.entry.detail == {"via": "session", "roles": "viewer", "address": "127.0.0.1"}


def test_asking_again_and_again_does_not_fill_the_audit(desk: Desk) -> None:
    now = [7.0]
    desk = replace(desk, clock=lambda: now[0])
    for _ in range(120):
        with pytest.raises(Forbidden):
            perform(desk, caller(Role.VIEWER), STOP, Asked("night"))
    tell_refused(desk, caller(Role.VIEWER), "page:/audit")
    now[0] += 901
    tell_refused(desk, caller(Role.VIEWER), "page:/audit")
    told = [one.entry for one in desk.store.entries(AuditQuery(act="forbid"))]
    assert sorted((one.at, one.object, one.detail.get("times", "1")) for one in told) == [
        (7.0, "operation:door.pause", "1"),
        (7.0, "operation:door.pause", "10"),
        (7.0, "operation:door.pause", "100"),
        (7.0, "page:/audit", "1"),
        (908.0, "page:/audit", "1"),
    ]


@pytest.mark.parametrize("why", ["", "  ", " x "])
def test_a_reason_is_due(desk: Desk, why: str) -> None:
    with pytest.raises(Misconfigured, match="reason"):
        perform(desk, caller(Role.OPERATOR), STOP, Asked(why))


class Numbered(msgspec.Struct, frozen=True):
    number: int = 0
    name: str = ""
    ids: tuple[int, ...] = ()


@pytest.mark.parametrize("asked", [Numbered(2**63), Numbered(-(2**70)), Numbered(ids=(1, 2**53))])
def test_a_number_that_no_store_has_is_refused(desk: Desk, asked: Numbered) -> None:
    show = Operation("x.show", "GET", "/x", "Show.", Permission.SEE, Numbered, int, lambda *_: 1)
    with pytest.raises(Misconfigured, match="out of bounds"):
        perform(desk, caller(Role.VIEWER), show, asked)
    assert perform(desk, caller(Role.VIEWER), show, Numbered(2**53 - 1, ids=(1,))) == 1
    with pytest.raises(Misconfigured, match="NUL"):  # which PostgreSQL does not take
        perform(desk, caller(Role.VIEWER), show, Numbered(name="a\0b"))


def test_a_reason_is_a_line_that_a_terminal_shows_as_it_is(desk: Desk) -> None:
    said = perform(desk, caller(Role.OPERATOR), STOP, Asked("night\x1b[2J\r\nshift\u202e\0 "))
    assert said == "ann at 7: night [2J shift"
    with pytest.raises(Misconfigured, match="say the reason"):
        perform(desk, caller(Role.OPERATOR), STOP, Asked("\x1b\x1b\x1b\x1b"))
    with pytest.raises(Misconfigured, match="longer than 1000"):
        perform(desk, caller(Role.OPERATOR), STOP, Asked("x" * 1001))
