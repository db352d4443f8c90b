"""Building a channel: everything wrong is found, each with its place in the file."""

from __future__ import annotations

from typing import Any

import pytest

from engine.config.build import build
from engine.config.finding import Problem
from engine.config.spec import ChannelSpec
from engine.config.tables import parse_table
from engine.model import Routed, StoredMessage
from engine.pipeline import route
from engine.privacy.book import TokenBook
from engine.privacy.vault import Vault

CHANNEL: dict[str, Any] = {
    "channel": "charges",
    "description": "Charges.",
    "owner": {"business": "b@x.example", "technical": "t@x.example"},
    "source": {"mllp": {"listen": "tcp:2575", "message_types": ["DFT^P03"], "timezone": "Europe/Berlin"}},
    "sequence_by": "PV1-19",
    "effects": [
        {
            "for_each": "FT1",
            "charge": {"key": "{FT1-2}", "encounter": "PV1-19", "item": "FT1-7.1", "quantity": "FT1-10"},
        }
    ],
    "destinations": [{"odoo": {"connection": "hospital"}}],
}


def problems(**changes: Any) -> list[Problem]:
    table, findings = parse_table("code,item\nA,B\n", "items.csv")
    assert table is not None, findings
    program, found = build(ChannelSpec.model_validate({**CHANNEL, **changes}), {"items": table})
    assert (program is None) == bool(found)
    return found


def test_a_sound_channel_builds() -> None:
    assert problems() == []


def effect(**charge: str) -> dict[str, Any]:
    return {"for_each": "FT1", "charge": {**CHANNEL["effects"][0]["charge"], **charge}}


def widened(path: str) -> dict[str, str]:
    reason = "single rooms are cost centres here"
    return {"path": path, "to": "keep", "reason": reason, "reviewer": "privacy office"}


@pytest.mark.parametrize(
    ("changes", "place", "offset"),
    [
        ({"sequence_by": "PV1-19 or"}, ("sequence_by",), 7),
        ({"sequence_by": "PID-5"}, ("sequence_by",), 0),
        ({"required": ["PID-3", "NTE-3"]}, ("required", 1), 0),
        ({"effects": [effect(item="FT1-7.1 | lookup(itms, item)")]}, ("effects", 0, "charge", "item"), 17),
        ({"effects": [effect(item="FT1-7.1 | lookup(items, itm)")]}, ("effects", 0, "charge", "item"), 24),
        ({"effects": [effect(key="{FT1-2}/{PID-5}")]}, ("effects", 0, "charge", "key"), 9),
        ({"effects": [effect(encounter="PV1-3.1")]}, ("effects", 0, "charge", "encounter"), 0),
        ({"effects": [effect(date="PID-7")]}, ("effects", 0, "charge", "date"), 0),
        ({"effects": [effect(quantity="FT1-10 | nmber")]}, ("effects", 0, "charge", "quantity"), 9),
        ({"widen": [widened("PID-5")]}, ("widen", 0, "path"), 0),
        ({"widen": [widened("PID5")]}, ("widen", 0, "path"), 0),
        ({"authorities": {"A": ["X"], "B": ["X"]}}, ("authorities",), 0),
    ],
)  # fmt: skip
def test_a_problem_has_its_place(changes: dict[str, Any], place: tuple[str | int, ...], offset: int) -> None:
    (problem,) = problems(**changes)
    assert (problem.place, problem.offset) == (place, offset)
    assert problem.text


def test_a_problem_of_a_condition_is_on_its_key() -> None:
    rule = {**effect(), "when": {"PV1-19": "V1"}}
    (problem,) = problems(effects=[rule], filters=[])
    assert problem.place == ("effects", 0, "when", "PV1-19")
    assert problem.on_key
    (problem,) = problems(filters=[{"name": "no-visit", "when": {"PID-8 | nope": "F"}}])
    assert problem.place == ("filters", 0, "when", "PID-8 | nope")


def test_all_problems_are_found_at_once() -> None:
    rules = [effect(item="PID-5", quantity="FT1-10 |", key="x"), {**effect(), "when": {"MSH-9.2 |": "P03"}}]
    found = problems(
        effects=rules, sequence_by="x", required=["y"], filters=[{"name": "no-z", "when": {"z": "1"}}]
    )
    assert [problem.place for problem in found] == [
        ("required", 0),
        ("filters", 0, "when", "z"),
        ("effects", 0, "charge", "key"),
        ("effects", 0, "charge", "item"),
        ("effects", 0, "charge", "quantity"),
        ("effects", 1, "when", "MSH-9.2 |"),
        ("sequence_by",),
    ]


def test_a_widened_field_can_be_read() -> None:
    rule = effect(cost_centre="PV1-3.2")
    assert problems(effects=[rule])[0].place == ("effects", 0, "charge", "cost_centre")
    assert problems(effects=[rule], widen=[widened("PV1-3.2")]) == []


def test_numbers_without_an_authority_get_the_channels() -> None:
    def token(facility: str, **changes: Any) -> str:
        program, _ = build(ChannelSpec.model_validate({**CHANNEL, **changes}), {})
        assert program is not None
        raw = (
            f"MSH|^~\\&|A|{facility}|W|H|20261121||DFT^P03|1|P|2.5\rPV1|1|I|||||||||||||||||V1\r"
            "FT1|1|T1||20261121||CG|X|||1\r"
        ).encode()
        (routing,) = route([StoredMessage(1, "charges", raw, 0.0)], program, book)
        assert isinstance(routing.result, Routed)
        return routing.result.sequence_key

    vault = Vault(tenant="", index_keys={"k": bytes(32)})
    book = TokenBook(vault, lambda _: {})
    assert token("NORTH") != token("SOUTH")
    assert token("NORTH", authority="HOSP") == token("SOUTH", authority="HOSP")
    assert token("NORTH", tenant="clinic") != token("NORTH")
    assert token("NORTH", tenant="clinic") == token("NORTH", tenant="clinic")
