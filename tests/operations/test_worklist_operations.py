"""What stopped is listed by cause and owner; a code that is waited for gets its row by two persons."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from editions.edition_kit import charge, charges_in
from operations.duty_desk import Duty, caller, duties

from engine.accounts.words import Role
from engine.editions.opening import packed_of
from engine.errors import Misconfigured
from engine.model import Owner, Reason, ReasonCode, Refused
from engine.operations.deploying import APPROVE, Deciding
from engine.operations.operation import Forbidden, perform
from engine.operations.resolving import PREVIEW, RESOLVE, Resolving, Row
from engine.operations.worklist import CODES, LIST, Code, Filter, Worklist

ANALYST, APPROVER, VIEWER = (
    caller(Role.ANALYST, name="ann"),
    caller(Role.APPROVER, name="bob"),
    caller(Role.VIEWER),
)
LOCKED = Reason(ReasonCode.CONFLICT, "the order is locked", "sale.order", Owner.BUSINESS)


@pytest.fixture
def duty(tmp_path: Path) -> Iterator[Duty]:
    yield from duties(tmp_path, "adt-encounters", "dft-charges")


@pytest.fixture
def charges(duty: Duty, tmp_path: Path) -> Duty:
    """One whose active edition is the channel of charges."""
    duty.deploy(charges_in(tmp_path / "channels"))
    return duty


def listed(duty: Duty, **asked: str) -> Worklist:
    return perform(duty.desk, VIEWER, LIST, Filter(**asked))


def codes(duty: Duty) -> tuple[Code, ...]:
    return perform(duty.desk, VIEWER, CODES, Filter())


def test_nothing_is_listed_where_nothing_stopped(duty: Duty) -> None:
    duty.admit()
    nothing = {"business": 0, "technical": 0, "privacy": 0}
    assert listed(duty) == Worklist(causes=(), messages=nothing, dead=0)
    assert codes(duty) == ()


def test_causes_are_told_apart_and_say_whose_they_are(duty: Duty) -> None:
    duty.deploy()
    duty.broken("V1")
    newest = duty.broken("V2")
    refused, number = duty.refused(), duty.admit()
    duty.settle(Refused(LOCKED))
    found = listed(duty)
    assert [(one.code, one.messages, one.newest, one.quarantined) for one in found.causes] == [
        ("missing-field", 2, newest, False),
        ("missing-field", 1, refused, True),
        ("conflict", 1, number, False),
    ]
    assert [one.destination for one in found.causes] == ["", "", "odoo:hospital-odoo"]
    assert found.causes[0].first_at < found.causes[0].last_at
    assert found.messages == {"business": 1, "technical": 3, "privacy": 0}
    assert (found.dead, listed(duty, channel="dft-charges").dead) == (3, 0)
    assert all(one.contact for one in found.causes)
    assert len({one.contact for one in found.causes}) == 2
    assert [one.code for one in listed(duty, owner="business").causes] == ["conflict"]
    assert listed(duty, channel="dft-charges").causes == ()


def test_a_code_that_is_waited_for_is_listed_with_its_table(charges: Duty) -> None:
    for number in (1, 2):
        charges.take("dft-charges", charge(number, "999001"))
    (code,) = codes(charges)
    assert (code.code, code.messages, code.channels) == ("999001", 2, ("dft-charges",))
    assert code.file.startswith("tables/")
    assert code.columns
    assert listed(charges).causes[0].code == "unmapped-code"


def test_a_code_gets_its_row_and_the_messages_flow_when_another_approves(charges: Duty) -> None:
    charges.take("dft-charges", charge(1, "999001"))
    (code,) = codes(charges)
    row = {"file": code.file, "code": code.code, "like": "270001"}
    shown = perform(charges.desk, ANALYST, PREVIEW, Row(**row))  # type: ignore[arg-type]
    assert shown.row.startswith("999001,")
    assert (shown.edition, shown.onto, shown.messages) == (0, 1, 1)
    made = perform(charges.desk, ANALYST, RESOLVE, Resolving(**row, why="a new glove"))  # type: ignore[arg-type]
    assert (made.edition, made.row) == (2, shown.row)
    files = packed_of(charges.store, 2).files
    assert shown.row in files[code.file].decode()
    assert len(files) == len(packed_of(charges.store, 1).files)
    with pytest.raises(Forbidden):
        perform(charges.desk, ANALYST, APPROVE, Deciding(number=2, why="mine"))
    assert perform(charges.desk, APPROVER, APPROVE, Deciding(number=2, why="it is")).edition == 2
    assert [one.there for one in codes(charges)] == [True]


def test_what_one_person_resolves_in_a_row_is_one_edition(charges: Duty) -> None:
    for number, code in enumerate(("999001", "999002", "999003"), 1):
        charges.take("dft-charges", charge(number, code))
    file = codes(charges)[0].file
    asked = [Resolving(file=file, code=code, like="270001", why="new") for code in ("999001", "999002")]
    first, second = (perform(charges.desk, ANALYST, RESOLVE, one) for one in asked)
    assert (first.onto, second.onto, second.edition) == (1, 2, 3)
    states = {one.number: one.state for one in charges.store.editions()}
    assert states == {1: "approved", 2: "withdrawn", 3: "proposed"}
    other = Resolving(file=file, code="999003", like="270001", why="new")
    assert perform(charges.desk, caller(Role.ANALYST, name="eve"), RESOLVE, other).onto == 1
    text = packed_of(charges.store, 3).files[file].decode()
    assert "999001," in text
    assert "999002," in text
    assert "999003," not in text


@pytest.mark.parametrize(
    ("row", "where"),
    [
        ({"file": "../../etc/passwd"}, "file"),
        ({"file": "dft-charges.yaml"}, "file"),
        ({"cells": {"nothing": "x"}}, ""),
        ({"like": "nothing"}, ""),
        ({"code": "270001"}, ""),
    ],
)
def test_a_row_that_cannot_be_is_refused_and_says_no_path_of_this_machine(
    charges: Duty, row: dict[str, object], where: str
) -> None:
    charges.take("dft-charges", charge(1, "999001"))
    asked = {"file": codes(charges)[0].file, "code": "999001", "why": "new", **row}
    with pytest.raises(Misconfigured) as refusal:
        perform(charges.desk, ANALYST, RESOLVE, Resolving(**asked))  # type: ignore[arg-type]
    assert where in refusal.value.where
    assert "/tmp" not in str(refusal.value)
    assert len(charges.store.editions()) == 1


def test_without_an_edition_nothing_can_get_a_row(duty: Duty) -> None:
    with pytest.raises(Misconfigured):
        perform(duty.desk, ANALYST, PREVIEW, Row(file="tables/items.csv", code="1"))
