"""Random stories of visits and appointments as real messages, and what is left of them in Odoo.

    story = adt_story(dice)                # messages, in the order of their times
    standing(ADT, story)                   # what stands when they came so
    standing(ADT, schedule(dice, story))   # … when they came late, twice, in any order

The messages go through the shipped channels' own rules; Odoo is the simplest model of what the effects
say (`docs/effects.schema.json`): the last word on a key stands.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from engine.config.cases.aliases import AliasBook
from engine.config.loading import load_channel
from engine.courses.memory import CourseMemory
from engine.effects import Effect, Encounter, Merge, Release, Reserve
from engine.model import Dead, Routed, StoredMessage
from engine.pipeline import replayed, route
from engine.program import Program

CHANNELS = Path(__file__).parents[2] / "channels"
ADT = load_channel(CHANNELS / "adt-encounters.yaml").program
SIU = load_channel(CHANNELS / "theatre-schedule.yaml").program

WARDS = ("ICU", "3A", "IMC", "ISO", "ANNEX", "")
VISIT_EVENTS = (
    *("A01", "A02", "A03", "A08") * 3,
    *[
        "A04",
        "A05",
        "A06",
        "A07",
        "A11",
        "A12",
        "A13",
        "A14",
        "A21",
        "A22",
        "A27",
        "A38",
        "A52",
        "A53",
        "A09",
        "A16",
        "A23",
        "A45",
    ],
)
APPOINTMENT_EVENTS = (
    *("S12", "S13", "S14", "S15") * 3,
    *["S16", "S17", "S18", "S19", "S20", "S21", "S22", "S23", "S26", "S27"],
)
DAY = "20261121"


class Left(NamedTuple):
    """What stands in the end: visits (state, kind, place, whose) and reservations by key, with readable
    tokens; `refused` counts what Odoo would refuse: cancellations of what it never had."""

    visits: dict[str, tuple[str, str, str, str]]
    reservations: dict[str, tuple[str, ...]]
    refused: int = 0


class SteadyBook(AliasBook):
    """An identifier has the same token in every run, as it has in one vault, whatever comes first."""

    def _mint(self, identifier: str, index: bytes) -> str:
        self._random = lambda size: hashlib.shake_256(index).digest(size)
        self._sheets.clear()
        return super()._mint(identifier, index)


def adt_story(dice: random.Random) -> list[bytes]:
    """What is said about two visits of two people, and now and then that two numbers are one."""
    said = []
    merged = dice.random() < 0.3
    visits = {"V1": "P1", "V2": "P2"} | ({"V9": "P1"} if merged else {})
    for _ in range(dice.randrange(3, 10)):
        visit = dice.choice(list(visits))
        at = _clock(dice)
        if dice.random() < 0.05:
            both = [(visits[one], one, dice.choice(WARDS)) for one in ("V1", "V2")]
            said.append((at, _adt(dice, "A17", at, both)))
        else:
            person = "P8" if merged and dice.random() < 0.3 and visits[visit] == "P1" else visits[visit]
            event = dice.choice(VISIT_EVENTS)
            said.append((at, _adt(dice, event, at, [(person, visit, dice.choice(WARDS))])))
    story = [raw for _, raw in sorted(said)]
    if merged:
        one = _adt(dice, "A40", "1500", [("P1", "", "")], "P8")
        two = _adt(dice, dice.choice(["A42", "A50"]), "1500", [("P1", "V1", "")], "P7", "V9")
        story += [one, two]
    return story


def siu_story(dice: random.Random) -> list[bytes]:
    """What is said about one or two appointments."""
    said = []
    for _ in range(dice.randrange(3, 9)):
        at = _clock(dice)
        said.append((at, _siu(dice, dice.choice(APPOINTMENT_EVENTS), at, dice.choice(("C1", "C1", "C2")))))
    return [raw for _, raw in sorted(said)]


def schedule(dice: random.Random, story: Sequence[bytes]) -> list[bytes]:
    """The same messages late, twice, or in any order at all."""
    sent = [*story, *dice.sample(story, dice.randrange(len(story) + 1))]
    if dice.random() < 0.5:
        dice.shuffle(sent)
        return sent
    late = {number: number + dice.expovariate(0.5) for number in range(len(sent))}
    return [sent[number] for number in sorted(late, key=lambda number: late[number])]


def standing(program: Program, messages: Sequence[bytes], *, together: bool = False) -> Left:
    """What stands after the messages came in this order, one by one or in one batch."""
    book, memory = SteadyBook(), CourseMemory()
    erp = _Erp()
    stored = [StoredMessage(number, program.channel, raw, 0.0) for number, raw in enumerate(messages, 1)]
    for batch in [stored] if together else [[one] for one in stored]:
        routings, rows = replayed([(program, one) for one in route(batch, program, book)], book, memory)
        for routing in routings:
            assert not isinstance(routing.result, Dead), routing.result.reason
            if isinstance(routing.result, Routed):
                for effect in routing.result.effects:
                    erp.apply(effect)
        merges = [m for r in routings if isinstance(r.result, Routed) for m in r.result.merges]
        memory.keep(rows, merges)
        book.committed()
    return erp.left(book)


class _Erp:
    """The last word on a key stands."""

    def __init__(self) -> None:
        self._visits: dict[str, Encounter] = {}
        self._reserves: dict[str, Reserve] = {}
        self._survivors: dict[str, str] = {}
        self._refused = 0

    def apply(self, effect: Effect) -> None:
        if isinstance(effect, Merge):
            self._survivors[effect.gone] = effect.into
            self._visits.pop(effect.gone, None)
        elif isinstance(effect, Encounter):
            assert effect.whole
            self._visits[effect.key] = effect
        elif isinstance(effect, Reserve):
            self._reserves[effect.key] = effect
        elif isinstance(effect, Release):
            self._release(effect)

    def left(self, book: AliasBook) -> Left:
        def shown(token: str) -> str:
            return book.shown(self._survivors.get(token, token))

        return Left(
            {
                shown(key): (one.state, one.kind, one.location, shown(one.subject))
                for key, one in self._visits.items()
            },
            {
                book.shown(key): (
                    one.destination, str(one.needed_at), repr(one.items),
                    shown(one.subject), shown(one.encounter),
                )
                for key, one in self._reserves.items()
            },
            self._refused,
        )  # fmt: skip

    def _release(self, effect: Release) -> None:
        if effect.key.endswith("/*"):
            gone = [key for key in self._reserves if key.startswith(effect.key[:-1])]
        else:
            gone = [key for key in self._reserves if key == effect.key]
        self._refused += not gone and effect.when_unknown == "refuse"
        for key in gone:
            del self._reserves[key]


def _clock(dice: random.Random) -> str:
    """A minute of the morning, now and then the same again."""
    return f"{dice.randrange(8, 12):02}{dice.choice((0, 5, 30, dice.randrange(60))):02}"


def _adt(
    dice: random.Random,
    event: str,
    at: str,
    about: Sequence[tuple[str, str, str]],
    person_gone: str = "",
    visit_gone: str = "",
) -> bytes:
    """`about` are person, visit and ward of each patient."""
    segments = [_msh(dice, "HIS", f"ADT^{event}", at), f"EVN||{_happened(dice, at)}"]
    for person, visit, ward in about:
        segments.append(f"PID|1||{person}^^^GENERAL^MR||TESTMANN^TESSA")
        if person_gone:
            segments.append(f"MRG|{person_gone}^^^GENERAL^MR||||{visit_gone}")
        if visit:
            kind = dice.choice("IIIEOZ")
            segments.append(f"PV1|1|{kind}|{ward}||||||||||||||||{visit}{'|' * 25}{DAY}0700")
    return "".join(f"{segment}\r" for segment in segments).encode()


def _siu(dice: random.Random, event: str, at: str, appointment: str) -> bytes:
    start = f"202611{dice.randrange(24, 27)}{dice.randrange(8, 16):02}0000"
    status = dice.choice(["", "", "", "", "Booked", "Cancelled", "Noshow"])
    segments = [
        _msh(dice, "THEATRE", f"SIU^{event}", at),
        f"SCH|P{appointment}|{appointment}|||||||||{dice.choice(['', f'^^90^{start}'])}{'|' * 14}{status}",
        "PID|1||P1^^^GENERAL^MR||TESTMANN^TESSA",
        "RGS|1|A",
    ]
    single = dice.random() < 0.5
    for number in sorted(dice.sample((1, 2, 3), dice.randrange(4))):
        action = dice.choice("AUDX") if single else ""
        code = dice.choice(("47562", "49505"))
        segments.append(f"AIS|{number}|{action}|{code}^Operation^CPT|{start}")
    if dice.random() < 0.3:
        action = dice.choice("AUD") if single else ""
        segments.append(
            f"AIG|1|{action}|TRC-12||EQ|{dice.choice(['', '2', '3'])}|{dice.choice(['', 'EA'])}|{start}"
        )
    segments.append(f"AIL|1|A|{dice.choice(('OR1', 'OR2'))}")
    return "".join(f"{segment}\r" for segment in segments).encode()


def _msh(dice: random.Random, system: str, kind: str, at: str) -> str:
    sent = f"{DAY}{at}{dice.choice(('', '00', f'{dice.randrange(60):02}'))}"
    control = f"{dice.randrange(10**9)}"
    return rf"MSH|^~\&|{system}|GENERAL|WARDLINE|GENERAL|{sent}||{kind}|{control}|P|2.5.1"


def _happened(dice: random.Random, at: str) -> str:
    """EVN-2: to the second, to the minute, to the day, or missing."""
    return dice.choice((f"{DAY}{at}00", f"{DAY}{at}", f"{DAY}{at}", DAY, ""))
