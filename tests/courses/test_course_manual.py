"""The manual names every event of the machines, every state and every step."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.courses.course import ALREADY_KNOWN, BEYOND_MEMORY
from engine.courses.machine import MACHINES
from engine.courses.replay import NOTHING_NEW, OLDER

MANUAL = Path(__file__).parents[2] / "docs/manual"
PAGES = {"encounter": "adt.md", "appointment": "theatre.md"}
STEPS = {
    step
    for machine in MACHINES.values()
    for row in machine.table.cells.values()
    for step in (cell[1:] for cell in row.values() if cell.startswith("!"))
}


@pytest.mark.parametrize("of", MACHINES)
def test_every_event_is_on_the_page(of: str) -> None:
    page = (MANUAL / PAGES[of]).read_text()
    machine = MACHINES[of]  # type: ignore[index]
    between = {f"S{number}" for number in range(18, 23)} if "S18 to S22" in page else set()
    events = {*machine.table.cells, *machine.without_effect} - between
    assert [event for event in sorted(events) if event not in page] == []


@pytest.mark.parametrize(
    "step",
    sorted(
        {ALREADY_KNOWN, BEYOND_MEMORY, NOTHING_NEW, OLDER, *STEPS}
        | {step for machine in MACHINES.values() for step in machine.without_effect.values()}
    ),
)
def test_every_step_is_in_the_manual(step: str) -> None:
    assert f"`{step}`" in (MANUAL / "channels.md").read_text()


def test_every_state_of_a_visit_is_on_its_page() -> None:
    states = set(MACHINES["encounter"].table.cells["A01"]) - {""}
    page = (MANUAL / "adt.md").read_text()
    assert [state for state in sorted(states) if f"| {state}" not in page] == []
