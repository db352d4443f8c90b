"""Editions are shown against what runs, put forward by one and approved by another; channels are shown."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from editions.edition_kit import charge, charges_in
from operations.duty_desk import Duty, caller, duties

from engine.accounts.words import Role
from engine.auditing import Act
from engine.errors import Misconfigured
from engine.operations.channels import LIST as CHANNELS
from engine.operations.channels import SHADOW, Shadowing, Whole
from engine.operations.channels import SHOW as CHANNEL
from engine.operations.deploying import APPROVE, BACK, DECLINE, PROPOSE, WITHDRAW, Deciding, Proposing
from engine.operations.editions import IMPACT, LIST, SHOW, Compared, Listing, Numbered
from engine.operations.loading import loaded
from engine.operations.operation import NotThere, perform
from engine.operations.traffic import Named

ANALYST, APPROVER, VIEWER = (
    caller(Role.ANALYST, name="ann"),
    caller(Role.APPROVER, name="bob"),
    caller(Role.VIEWER),
)


@pytest.fixture
def duty(tmp_path: Path) -> Iterator[Duty]:
    for made in duties(tmp_path, "dft-charges"):
        made.deploy(charges_in(tmp_path / "channels"))
        yield made


def files(tmp_path: Path) -> dict[str, str]:
    folder = tmp_path / "channels"
    return {
        path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()
    }


def moved(tmp_path: Path) -> dict[str, str]:
    """The channel with every charge from another place."""
    made = files(tmp_path)
    made["dft-charges.yaml"] = made["dft-charges.yaml"].replace("description: ", "description: Now ")
    return made


def propose(duty: Duty, given: dict[str, str], why: str = "another ward") -> int:
    return perform(duty.desk, ANALYST, PROPOSE, Proposing(files=given, why=why)).number


def test_an_edition_is_put_forward_compared_and_approved_by_another(duty: Duty, tmp_path: Path) -> None:
    number = propose(duty, moved(tmp_path))
    shown = perform(duty.desk, VIEWER, SHOW, Numbered(number))
    assert (shown.state, shown.against, shown.mine, shown.code) == ("proposed", 1, False, False)
    assert [(one.file, one.what, one.places) for one in shown.changes] == [
        ("dft-charges.yaml", "changed", ("description",))
    ]
    assert perform(duty.desk, ANALYST, SHOW, Numbered(number)).mine
    activation = perform(
        duty.desk, APPROVER, APPROVE, Deciding(number=number, why="looked at", seen=shown.seen)
    )
    assert activation.edition == number
    states = [(one.number, state) for one, state in perform(duty.desk, VIEWER, LIST, Listing()).editions]
    assert states == [(2, "active"), (1, "replaced")]
    entry = duty.audited(Act.DEPLOY)[-1]
    assert (entry.who, entry.role, entry.object, entry.why) == ("bob", "user", "edition:2", "looked at")


def test_nobody_approves_what_they_put_forward_whatever_their_roles(duty: Duty, tmp_path: Path) -> None:
    number = propose(duty, moved(tmp_path))
    with pytest.raises(Misconfigured, match="never one's own"):
        perform(duty.desk, caller(Role.APPROVER, name="ann"), APPROVE, Deciding(number=number, why="mine"))
    refused = duty.audited(Act.DEPLOY)[-1]
    assert (refused.outcome, refused.who) == ("refused", "ann")
    active = duty.store.active()
    assert active is not None
    assert active.edition == 1


def test_what_was_looked_at_against_another_edition_is_not_approved(duty: Duty, tmp_path: Path) -> None:
    number = propose(duty, moved(tmp_path))
    with pytest.raises(Misconfigured, match="meanwhile"):
        perform(duty.desk, APPROVER, APPROVE, Deciding(number=number, why="late", seen=99))


def test_it_is_taken_back_by_its_author_and_declined_by_an_approver(duty: Duty, tmp_path: Path) -> None:
    number = propose(duty, moved(tmp_path))
    with pytest.raises(Misconfigured, match="somebody else"):
        perform(
            duty.desk, caller(Role.ANALYST, name="eve"), WITHDRAW, Deciding(number=number, why="not mine")
        )
    assert perform(duty.desk, ANALYST, WITHDRAW, Deciding(number=number, why="wrong")).state == "withdrawn"
    assert propose(duty, moved(tmp_path), "again") == number
    assert (
        perform(duty.desk, APPROVER, DECLINE, Deciding(number=number, why="too early")).state == "withdrawn"
    )


def test_one_goes_back_to_what_was_active(duty: Duty, tmp_path: Path) -> None:
    number = propose(duty, moved(tmp_path))
    with pytest.raises(Misconfigured, match="never active"):
        perform(duty.desk, APPROVER, BACK, Deciding(number=number, why="better"))
    perform(duty.desk, APPROVER, APPROVE, Deciding(number=number, why="good"))
    assert perform(duty.desk, APPROVER, BACK, Deciding(number=1, why="it was not")).edition == 1


def test_channels_that_cannot_run_are_not_put_forward(duty: Duty, tmp_path: Path) -> None:
    broken = files(tmp_path)
    broken["dft-charges.yaml"] += "\nnothing: at all\n"
    with pytest.raises(Misconfigured, match=r"dft-charges\.yaml") as refusal:
        propose(duty, broken)
    assert "/tmp" not in str(refusal.value)
    with pytest.raises(Misconfigured):
        propose(duty, {"../outside.yaml": "x"})
    assert len(duty.store.editions()) == 1


def test_code_is_not_put_forward_here(duty: Duty, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="code"):
        propose(duty, {**files(tmp_path), "functions/bad.py": "raise SystemExit"})
    # names that another file has on the disk: code would be loaded that nobody took for code
    for name in (
        "functions/bad.py/",
        "functions/bad.py/.",
        "functions//bad.py/",
        "./tables/a.csv",
        "a\0.csv",
    ):
        with pytest.raises(Misconfigured, match="plain name"):
            propose(duty, {**files(tmp_path), name: "raise SystemExit"})


def test_an_impact_is_told_in_words_and_the_look_is_audited(duty: Duty, tmp_path: Path) -> None:
    ids = []
    for number in (1, 2):
        ids.append(duty.take("dft-charges", charge(number)))
    given = files(tmp_path)
    table = next(name for name in given if name.startswith("tables/") and "270001" in given[name])
    given[table] = "".join(line for line in given[table].splitlines(True) if not line.startswith("270001"))
    number = propose(duty, given)
    found = perform(duty.desk, VIEWER, IMPACT, Compared(number=number))
    (channel,) = found.channels
    assert channel.name == "dft-charges"
    assert "2 of 2 messages" in channel.headline
    assert any("dead letter" in sentence for sentence, _, _ in channel.groups)
    (look,) = duty.audited(Act.LOOK)
    assert (look.object, look.detail["shown"]) == ("impact", f"{ids[0]} {ids[1]}")


def test_channels_are_shown_as_the_active_edition_has_them(duty: Duty) -> None:
    found = perform(duty.desk, VIEWER, CHANNELS, Whole())
    assert (found.edition, [one.channel for one in found.channels], found.wrong) == (1, ["dft-charges"], "")
    shown = perform(duty.desk, VIEWER, CHANNEL, Named("dft-charges"))
    assert shown.entry.business
    assert shown.text.startswith("#") or "channel: dft-charges" in shown.text
    assert shown.flow.runs
    with pytest.raises(NotThere):
        perform(duty.desk, VIEWER, CHANNEL, Named("nothing"))


def test_nothing_deployed_is_no_error(tmp_path: Path) -> None:
    for made in duties(tmp_path, "dft-charges"):
        assert perform(made.desk, VIEWER, CHANNELS, Whole()).edition == 0


def test_an_edition_that_is_damaged_says_so_and_breaks_nothing(duty: Duty, tmp_path: Path) -> None:
    duty.store.close()
    with sqlite3.connect(tmp_path / "wardline.db") as base:
        base.execute("UPDATE editions SET packed = x'00', digest = x'1122'")
    assert "edition 1" in loaded(duty.desk).wrong
    assert perform(duty.desk, VIEWER, CHANNELS, Whole()).wrong
    with pytest.raises(NotThere):
        loaded(duty.desk, 7)


def test_the_report_of_a_channel_is_told_in_lines(duty: Duty) -> None:
    told = perform(duty.desk, VIEWER, SHADOW, Shadowing(name="dft-charges"))
    assert told.whole
    assert "0 messages compared" in told.lines[0]
