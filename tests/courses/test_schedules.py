"""Whatever the order of arrival, with repeats: what stands in the end is what the ordered run leaves.

A sample of schedules in every run of the tests; `WARDLINE_SCHEDULES=100000` for as many as that.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable

import pytest
from courses.schedules import ADT, SIU, adt_story, schedule, siu_story, standing

from engine.program import Program

SCHEDULES = int(os.environ.get("WARDLINE_SCHEDULES", "1200"))
PER_STORY = 5


@pytest.mark.timeout(max(120, SCHEDULES // 20))
@pytest.mark.parametrize(
    ("program", "story"), [(ADT, adt_story), (SIU, siu_story)], ids=["visits", "appointments"]
)
def test_any_schedule_leaves_what_the_ordered_run_leaves(
    program: Program, story: Callable[[random.Random], list[bytes]]
) -> None:
    changed = refused = 0
    for seed in range(SCHEDULES // 2 // PER_STORY):
        dice = random.Random(f"{program.channel} {seed}")
        messages = story(dice)
        ordered = standing(program, messages)
        changed += bool(ordered.visits or ordered.reservations)
        for number in range(PER_STORY):
            left = standing(program, schedule(dice, messages), together=number == 0)
            assert left[:2] == ordered[:2], (seed, number)
            refused += left.refused
    assert changed > SCHEDULES // 2 // PER_STORY // 4  # many stories leave something
    print(f"{SCHEDULES // 2} schedules, {refused} cancellations of what Odoo never had")
