"""T14 at the destination: several deliverers at once, on the same visit and on the very same effects."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import pytest
from odoo_desk import Desk, Mirror, item

from demo.odoo import Running
from engine.effects import Charge, Consume, Effect, Encounter, Reserve
from engine.model import Delivered, TryAgain

pytestmark = [pytest.mark.odoo, pytest.mark.slow, pytest.mark.timeout(1200)]


def drain(hospital: Running, batches: Sequence[Sequence[Effect]], wrong: list[object]) -> None:
    """One deliverer: each batch until nothing is to be tried again."""
    desk = Desk(hospital)
    try:
        for effects in batches:
            waiting = desk.batch(*effects)
            for _ in range(50):
                outcomes = desk.deliver(waiting)
                wrong += [o for o in outcomes if not isinstance(o, Delivered | TryAgain)]
                waiting = [d for d, o in zip(waiting, outcomes, strict=True) if isinstance(o, TryAgain)]
                if not waiting:
                    break
            wrong += waiting
    finally:
        desk.close()


def together(hospital: Running, works: Sequence[Sequence[Sequence[Effect]]]) -> None:
    wrong: list[object] = []
    threads = [threading.Thread(target=drain, args=(hospital, work, wrong)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_three_channels_speak_of_the_same_visits(hospital: Running, mirror: Mirror) -> None:
    visits = [f"t{n}V" for n in range(5)]
    when = datetime(2026, 12, 1, 8, tzinfo=UTC)
    adt = [[Encounter(key=v, subject=f"{v}P", state="open") for v in visits]]
    dft = [
        [Charge(key=f"{v}f{i}", encounter=v, subject=f"{v}P", item=item("LAB-CBC", 1)) for v in visits]
        for i in range(3)
    ]
    siu = [
        [
            Reserve(
                key=f"{v}/k",
                items=(item("GLV-M", 1),),
                destination="WH/Theatre/OR1",
                needed_at=when,
                encounter=v,
            )
            for v in visits
        ]
    ]
    together(hospital, [adt, dft, siu])
    assert [c[0] for c in mirror.contacts("t")] == sorted([*visits, *(f"{v}P" for v in visits)])
    assert [len(order[3]) for order in mirror.orders("t")] == [3] * 5
    assert [t[1] for t in mirror.transfers("t")] == ["assigned"] * 5


def test_the_same_effects_three_times_at_once(hospital: Running, mirror: Mirror) -> None:
    visits = [f"u{n}V" for n in range(4)]
    when = datetime(2026, 12, 1, 8, tzinfo=UTC)
    work = [
        [
            Reserve(key=f"{v}/k", items=(item("GLV-M", 2),), destination="WH/Theatre/OR1", needed_at=when)
            for v in visits
        ],
        [Consume(key=f"{v}u", items=(item("SYR-10", 1),), location="WH/Stock") for v in visits],
        [Charge(key=f"{v}f", encounter=v, item=item("LAB-CBC", 1)) for v in visits],
    ]
    together(hospital, [work, work, work])
    assert [len(order[3]) for order in mirror.orders("u")] == [1] * 4
    transfers = mirror.transfers("u")
    assert sorted((t[0], t[1]) for t in transfers) == sorted(
        [(f"{v}/k", "assigned") for v in visits] + [(f"{v}u", "done") for v in visits]
    )
    assert all(len(t[7]) == 1 and t[7][0][2] == t[7][0][1] for t in transfers)


def test_a_charge_that_another_deliverer_writes_at_any_step_is_the_same_one(
    hospital: Running, desk: Desk, mirror: Mirror
) -> None:
    """An answer that came too late: Odoo commits it while the charge is tried again."""
    steps = Desk(hospital)
    seen: list[str] = []
    steps.deliver(steps.batch(Charge(key="w0f", encounter="w0V", item=item("LAB-CBC", 1))), seen.append)
    assert len(seen) > 10
    numbers = [number for number, said in enumerate(seen) if said.startswith("before")]
    for number in numbers:
        effect = Charge(key=f"w{number}g", encounter=f"w{number}V", item=item("LAB-CBC", 1))
        left = iter(range(number + 1))

        def step(_: str, left: Iterator[int] = left, effect: Charge = effect, number: int = number) -> None:
            if next(left, None) == number:
                desk.one(effect)

        (outcome,) = steps.deliver(steps.batch(effect), step)
        assert isinstance(outcome, Delivered), (number, seen[number], outcome)
    assert [len(order[3]) for order in mirror.orders("w")] == [2] + [1] * (len(numbers) - 1)
    steps.close()
