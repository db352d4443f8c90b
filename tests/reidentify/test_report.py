"""The report of a day, from steps; and steps as entries of the audit."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.auditing import Act, Entry, Recorded, checked
from engine.reidentify.report import day_of, report_of
from engine.reidentify.trail import entry_of, step_of
from engine.reidentify.words import Purpose, Step, Steps

NOW = 1_790_000_000.0  # 2026-09-21 14:13:20 UTC
BERLIN = ZoneInfo("Europe/Berlin")
WORDS = st.text("abcdefghijklmnop-", min_size=1, max_size=20)


STEPS = st.builds(
    Step, at=st.floats(0, 4e9), step=st.sampled_from([one for one in Steps if one is not Steps.PEOPLE]),
    who=WORDS, role=st.sampled_from(["asker", "approver"]), token=WORDS | st.just(""),
    purpose=st.sampled_from([one.value for one in Purpose]), ticket=WORDS | st.just(""),
    request=WORDS | st.just(""), why=WORDS | st.just(""), other=WORDS | st.just(""),
)  # fmt: skip


@given(STEPS)
def test_a_step_is_read_back_from_the_audit_as_it_was(step: Step) -> None:
    entry = checked(entry_of(step))
    assert step_of(Recorded(1, entry, b"")) == step


@pytest.mark.parametrize("detail", [{}, {"step": "invented"}, {"damaged": "yes"}])
def test_what_somebody_else_wrote_is_no_step(detail: dict[str, str]) -> None:
    entry = Entry(at=NOW, who="x", role="engine", act=Act.REIDENTIFY, object="y", detail=detail)
    assert step_of(Recorded(1, entry, b"")) is None


def test_days() -> None:
    assert day_of("today", BERLIN, NOW).name == "2026-09-21"
    yesterday = day_of("yesterday", BERLIN, NOW)
    assert (yesterday.name, yesterday.until - yesterday.since) == ("2026-09-20", 86_400)
    change = day_of("2026-10-25", BERLIN, NOW)  # the clocks are set back
    assert change.until - change.since == 90_000
    with pytest.raises(ValueError):
        day_of("21.9.2026", BERLIN, NOW)


def test_a_report_counts_names_and_leaves_nothing_out() -> None:
    def step(kind: Steps, who: str = "maria", **more: str) -> Step:
        return Step(NOW, kind, who, "asker", "t1p_x", "legal", "INC-1", **more)

    found = report_of(
        [
            Step(NOW, Steps.PEOPLE, "service:reidentify"), step(Steps.ASKED), step(Steps.SHOWN),
            step(Steps.WAITING), Step(NOW, Steps.APPROVED, "jon", "approver", "t1p_x", other="maria"),
            step(Steps.SHOWN, other="jon"), step(Steps.REFUSED, why="unknown"), step(Steps.LAPSED),
            Step(NOW, Steps.LOCKED, "eva"),
        ]
    )  # fmt: skip
    assert found["people"] == {
        "eva": {"locked": 1}, "jon": {"approved": 1},
        "maria": {"asked": 1, "lapsed": 1, "refused": 1, "shown": 2, "waiting": 1},
    }  # fmt: skip
    assert [one.get("approved_by", "") for one in found["shown"]] == ["", "jon"]
    assert [(one["step"], one["who"]) for one in found["refused"]] == [
        ("refused", "maria"), ("lapsed", "maria"), ("locked", "eva"),
    ]  # fmt: skip
