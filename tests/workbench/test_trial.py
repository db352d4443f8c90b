"""Trials: the steps tell the story that the rehearsal decides, of every case of every shipped channel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.config.cases.reading import message_of, read_cases
from engine.config.cases.running import tests_of as cases_beside
from engine.config.loading import LoadedChannel, channel_files, load_channel
from engine.workbench.trial import Attempt, try_message, with_plan

ROOT = Path(__file__).parents[2]
SHIPPED = channel_files([ROOT / "channels"])
CHARGE = ROOT / "tests/fixtures/hl7/dft-p03-charge.hl7"
GIVES_NOTHING = {"nothing-to-do", "privacy-flag"}
"""Steps of messages whose rules applied all the same."""


def _tried(channel: LoadedChannel) -> Iterator[tuple[str, Attempt]]:
    """The cases that stand alone, tried."""
    file = read_cases(cases_beside(channel.path)).cases
    assert file is not None
    for number, case in enumerate(file.cases):
        if case.after or case.links:
            continue
        raw, problem = message_of(file, channel.path.parent, number, channel.spec.source.fhir)
        assert problem is None
        yield case.name, try_message(channel, raw)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_steps_come_to_what_the_message_becomes(path: Path) -> None:
    channel = load_channel(path)
    seen = 0
    for name, attempt in _tried(channel):
        tried, made = attempt.tried, attempt.made
        seen += 1
        plan = with_plan(attempt).plan
        assert plan is None or "unavailable" not in {one.verdict for one in plan.effects}, name
        ends = [step for step in tried.steps if step.told.startswith("refused")]
        if tried.state == "effects":
            assert not ends, name
            rules = [step.effect for step in tried.steps if step.kind == "rule" and step.held]
            if channel.program.course is None:
                assert set(rules) >= {word for effect in tried.effects for word in effect}, name
            assert len(made) == len(tried.effects), name
        elif tried.state == "dead" and tried.reason is not None and tried.reason.code != "privacy":
            told = f"refused: {tried.reason.code} at {tried.reason.place or '-'}"
            assert [one for one in ends if one.told.startswith(told)], name
        elif tried.state == "filtered" and tried.step not in GIVES_NOTHING and channel.program.course is None:
            filters = {step.name for step in tried.steps if step.kind == "filter" and step.held}
            rules = [step.name for step in tried.steps if step.kind == "rule" and step.held]
            assert tried.step in filters or (tried.step == "no-effect-rule" and not rules), name
    assert seen


def test_every_value_of_an_effect_is_worked_out_from_its_places() -> None:
    channel = load_channel(ROOT / "channels/dft-charges.yaml")
    tried = try_message(channel, CHARGE.read_bytes()).tried
    (rule,) = [step for step in tried.steps if step.name == "charge"]
    item = next(look for look in rule.made if look.field == "item")
    assert [(one.said, one.gave) for one in item.changes if one.gave] == [
        ("FT1-7", "270001"),
        ("code(CDM, L)", "270001"),
        ("lookup(items, charge_as)", "CHG-GLV-M"),
    ]
    assert (item.gave, rule.group, rule.effect) == ("CHG-GLV-M", "FT1[1]", "charge")
    rows = channel.path.read_text().splitlines()
    assert rows[rule.line - 1].strip() == "- name: charge"


def test_the_tree_says_what_privacy_does_by_which_row() -> None:
    tried = try_message(load_channel(ROOT / "channels/dft-charges.yaml"), CHARGE.read_bytes()).tried
    found = {line.path: (line.treatment, line.row, line.masked) for line in tried.tree}
    assert found["PID-5.1"] == ("drop", "PID-5", True)
    assert found["PID-3.1"] == ("token:person", "PID-3.1", True)
    assert found["FT1-10"] == ("keep", "FT1-10", False)


def test_a_message_that_nobody_may_know_is_shown_with_numbered_tokens() -> None:
    raw = CHARGE.read_bytes()
    channel = load_channel(ROOT / "channels/dft-charges.yaml")
    attempt = try_message(channel, raw, numbered=True)
    shown = repr([getattr(attempt.tried, name) for name in attempt.tried.__struct_fields__])
    for word in ("TESTMANN", "TESSA", "50001", "V-7001", "T-1001", "19700131"):
        assert word not in shown
    assert attempt.tried.sequence_key.startswith("visit:#")
    assert "50001" not in repr(attempt.tried)


def test_what_cannot_be_read_is_answered_and_has_no_steps() -> None:
    tried = try_message(load_channel(ROOT / "channels/dft-charges.yaml"), b"MSH|^~\\&|\r").tried
    assert (tried.state, tried.acknowledgement, tried.steps) == ("quarantined", "AR", ())


def test_the_plan_names_what_is_new_and_shows_aliases() -> None:
    attempt = try_message(load_channel(ROOT / "channels/dft-charges.yaml"), CHARGE.read_bytes())
    plan = with_plan(attempt).plan
    assert plan is not None
    line = next(call for call in plan.calls if call.model == "sale.order.line")
    row = dict(zip(line.body["fields"], line.body["data"][0], strict=True))
    assert row["order_id/.id"] == "<new sale.order 1>"
    assert row["id"] == "wardline.charge_dft-charges/txn:T-1001/270001"
    assert (row["price_unit"], row["product_uom_qty"]) == ("3.50", "2")
    assert "t1v_" not in repr(plan)
    assert [one.verdict for one in plan.effects] == ["create", "create"]


def test_nothing_is_planned_where_no_odoo_is_meant() -> None:
    attempt = try_message(load_channel(ROOT / "channels/dft-charges.yaml"), b"MSH|^~\\&|\r")
    assert with_plan(attempt).plan is None


def test_a_message_is_tried_after_those_that_were_sent_before() -> None:
    channel = load_channel(ROOT / "channels/theatre-schedule.yaml")
    file = read_cases(cases_beside(channel.path)).cases
    assert file is not None
    booked, cancelled = (
        str(file.messages[name]).replace("\n", "\r").encode() for name in ("booking", "called-off")
    )
    attempt = try_message(channel, cancelled, after=[booked])
    assert [list(effect) for effect in attempt.tried.effects] == [["release"]]
    plan = with_plan(attempt).plan
    assert plan is not None
    assert [call.method for call in plan.calls] == ["action_cancel"]
    alone = with_plan(try_message(channel, cancelled)).plan
    assert alone is None or not alone.calls
