"""Every order, dispense and administration of the public sample corpus through the shipped channels: each
ends in a state that a person can see, by a name or with a place, and nothing of it is told.

`pytest -s` prints the table of what became of them.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from corpus_messages import CORPUS, Found, all_messages

from engine.config.cases.rehearsal import Rehearsal, trial_of
from engine.config.loading import LoadedChannel, load_channel
from engine.model import ReasonCode

ROOT = Path(__file__).parents[2]
CHANNELS = {
    **dict.fromkeys(("OMS", "OMN", "OMP", "ORM"), "ward-orders"),
    **dict.fromkeys(("RDS", "RAS", "RDE"), "pharmacy-dispense"),
}

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not CORPUS.is_dir(), reason="the sample corpus is not beside the checkout"),
]


@pytest.fixture(scope="module")
def rehearsed() -> list[tuple[Found, Rehearsal]]:
    loaded: dict[str, LoadedChannel] = {
        name: load_channel(ROOT / f"channels/{name}.yaml") for name in set(CHANNELS.values())
    }
    return [
        (found, trial_of(loaded[CHANNELS[found.type]]).say(found.raw))
        for found in all_messages()
        if found.type in CHANNELS
    ]


def test_each_ends_by_a_name_or_at_a_place(rehearsed: list[tuple[Found, Rehearsal]]) -> None:
    for found, one in rehearsed:
        if one.state == "filtered":
            assert one.step, found.name
            assert one.step != "no-effect-rule", found.name
        elif one.state in ("dead", "quarantined"):
            assert one.reason is not None
            assert one.reason.code is not ReasonCode.INTERNAL, found.name
            assert one.reason.place, found.name


def test_codes_that_the_hospital_does_not_have_are_what_stops_them(
    rehearsed: list[tuple[Found, Rehearsal]],
) -> None:
    """None of the samples was written for our tables, so each supply message ends at a code of its own."""
    stopped = [(f, one) for f, one in rehearsed if one.state == "dead"]
    assert {found.type for found, _ in stopped} == {"OMS", "OMN", "RDS", "RAS", "RDE"}
    assert {one.reason.code for _, one in stopped if one.reason} == {ReasonCode.UNMAPPED_CODE}


def test_the_table(rehearsed: list[tuple[Found, Rehearsal]]) -> None:
    table = Counter(
        (
            found.event,
            one.state,
            one.step or (f"{one.reason.code.value} {one.reason.place}" if one.reason else ""),
        )
        for found, one in rehearsed
    )
    print()
    for (event, state, why), count in sorted(table.items()):
        print(f"{count:4} {event:8} {state:12} {why}")
    assert len(rehearsed) > 60
