"""What is sent: the same for the same seed, valid where it should be, in every row that there is room in."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config.loading import load_channels
from engine.fhir import json_text
from engine.fhir.validation import check
from engine.privacy.table import v2_rows
from engine.proof.channels import SERVED, Folders, write_channels
from engine.proof.plan import Plan, make_plan
from engine.proof.rows import covered, row_of
from engine.proof.search import Search

SHIPPED = Path(__file__).parents[2] / "channels"


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(7, (), 20)


def test_the_same_seed_sends_the_same_and_another_other() -> None:
    one, same, other = (make_plan(seed, (), 5, "PID-*") for seed in (7, 7, 8))
    assert one.hash == same.hash
    assert one.hash != other.hash


def test_P01_every_row_that_has_room_is_tried(plan: Plan) -> None:
    found = covered(plan.canaries.all_places())
    missing = [row for why, rows in found.reasons.items() if why.startswith("not sent") for row in rows]
    given = [row for row in missing if row.partition(".")[0] in GIVEN]
    assert sorted(set(missing) - set(given)) == []
    assert found.tried["v2field"] > 2_980
    assert found.tried["v2comp"] > 1_820
    assert found.tried["fhir"] > 1_600
    assert sum(found.rows.values()) == sum(found.tried.values()) + sum(map(len, found.reasons.values()))
    assert {row.path for row in v2_rows() if row.kind == "v2field" and row.letter == "A"} <= _stems(plan)


GIVEN = {
    "AIL-3", "AIS-1", "AIS-2", "AIS-3", "AIS-4", "BHS-1", "BHS-2", "BTS-1", "EVN-2", "FHS-1", "FHS-2",
    "FT1-1", "FT1-4", "FT1-6", "FT1-7", "FT1-10", "FT1-12", "FT1-16", "FTS-1", "MSH-1", "MSH-2", "MSH-7",
    "MSH-9", "MSH-11", "MSH-12", "PID-3", "PV1-2", "PV1-3",
}  # fmt: skip
"""Fields that hold what a channel needs to go on."""


def _stems(plan: Plan) -> set[str]:
    return {row_of(place).partition(".")[0].partition(" ")[0] for place in plan.canaries.all_places()}


def test_P02_the_odd_places_are_tried(plan: Plan) -> None:
    places = set(plan.canaries.places())
    assert "proof-forwards 2.9.1: PID-5[5].1" in places  # the fifth repetition
    assert any(place.endswith("PID-41 beyond the table") for place in places)
    assert any(place.endswith("NTE-3 in hex") for place in places)
    assert any(": ADD-1" in place for place in places)
    assert any(": ZPI-1" in place for place in places)
    assert any(place.startswith("file of a batch: BHS-") for place in places)


def test_resources_are_valid(plan: Plan) -> None:
    """What is refused at the door never reaches what is to be proved."""
    for request in (one for one in plan.creates if one.path[1:] in SERVED):
        resource = json_text.load(request.body)
        wrong = [issue for issue in check(resource, request.release) if issue.severity in ("error", "fatal")]
        assert wrong == [], request.name


def test_every_canary_of_a_message_is_found_in_it(plan: Plan) -> None:
    sent = next(one for one in plan.messages if one.name == "proof-forwards 2.1")
    expected = {place for place in plan.canaries.all_places() if place.startswith("proof-forwards 2.1: ")}
    assert expected <= Search(plan.canaries).places_in(sent.raw)


def test_the_cases_of_the_shipped_channels_are_sent(tmp_path) -> None:
    folders = Folders(tmp_path)
    names = write_channels(SHIPPED, folders, receiver="proof-receiver", odoo=False)
    channels = [one for one in load_channels(folders.channels) if one.spec.channel in names]
    made = make_plan(7, channels, 0, "NOTHING-*")
    assert {one.channel for one in made.messages} >= {"adt-encounters", "dft-charges", "ward-orders"}
    assert any(request.path == "/SupplyRequest" for request in made.creates)
    left = {one.name for one in made.messages if b"|TESTMANN^" in one.raw}
    assert left == set()
