"""What a hospital's systems send in a day: stories of visits, mixed by a seeded dice.

Per channel the messages of one visit are in their order; those of different visits are mixed. A visit is
opened, moved, updated and closed; it is charged, credited and uses things up; some have a theatre
appointment that is moved or called off. Every message is good: all of it has to stand in the end.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import NamedTuple

from hospital_messages import Used, admission, booking, charges

SERVICES = ("850001", "990001", "120001", "360001")
GOODS = ("270001", "270010")
ADT, DFT, SIU = "adt-encounters", "dft-charges", "theatre-schedule"


class Sent(NamedTuple):
    """One message; those of one `story` and channel are sent in order over one connection."""

    channel: str
    story: int
    raw: bytes


class Mix(NamedTuple):
    """How many of the visits (0 to 1) use goods and have an appointment."""

    goods: float
    theatre: float


def day(dice: random.Random, messages: int, mix: Mix) -> list[Sent]:
    """About so many messages, in the order in which a channel's connections send them."""
    open_stories: list[Iterator[Sent]] = []
    sent: list[Sent] = []
    number = 0
    while len(sent) < messages or open_stories:
        if len(sent) < messages and (len(open_stories) < 200 or dice.random() < 0.05):
            number += 1
            open_stories += [iter(story) for story in _visit(dice, number, mix)]
        chosen = dice.randrange(len(open_stories))
        if (message := next(open_stories[chosen], None)) is None:
            open_stories[chosen] = open_stories[-1]
            open_stories.pop()
        else:
            sent.append(message)
    return sent


def _visit(dice: random.Random, number: int, mix: Mix) -> Iterator[list[Sent]]:
    person, visit = f"{50000 + number}", f"V{number:05}"
    controls = (f"{number:05}-{n}" for n in range(1, 1000))
    events = [
        "A01",
        *dice.choices(["A02", "A08"], k=dice.randrange(3)),
        *(["A03"] if dice.random() < 0.5 else []),
    ]
    yield [
        Sent(ADT, number, admission(next(controls), person, visit, event, dice.choice(["ICU", "3A", "ED"])))
        for event in events
    ]
    yield [Sent(DFT, number, raw) for raw in _bills(dice, number, person, visit, controls, mix)]
    if dice.random() < mix.theatre:
        events = [
            "S12",
            *dice.choices(["S13", "S14"], k=dice.randrange(2)),
            *(["S15"] if dice.random() < 0.3 else []),
        ]
        yield [
            Sent(SIU, number, booking(
                next(controls), f"C{number:05}", person, visit, event, at=f"202611{24 + n}093000",
                theatre=dice.choice(["OR1", "OR2"]), procedures=dice.choice([("47562",), ("49505",)]),
            ))
            for n, event in enumerate(events)
        ]  # fmt: skip


def _bills(
    dice: random.Random, number: int, person: str, visit: str, controls: Iterator[str], mix: Mix
) -> Iterator[bytes]:
    """Charges, and now and then one of them is taken back."""
    charged: list[Used] = []
    for n in range(dice.randrange(2, 12)):
        if charged and dice.random() < 0.15:
            one = charged.pop(dice.randrange(len(charged)))
            yield charges(next(controls), person, visit, one._replace(kind="CD"))
            continue
        lines = [
            Used(
                f"T{number:05}x{n}x{line}",
                dice.choice(GOODS if dice.random() < mix.goods else SERVICES),
                str(dice.randrange(1, 5)),
                ward=dice.choice(["ICU", "3A"]),
            )
            for line in range(dice.choice((1, 1, 1, 2, 3)))
        ]
        charged += lines
        yield charges(next(controls), person, visit, *lines)
