"""The shipped channels' cases as stories that can be told side by side to one engine and one Odoo.

A case that takes something back or changes it is told after what it is about (its own `after:`, or
`BEFORE`), and every case's identifiers carry its own mark, so that no two concern the same patient, visit or
charge.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from odoo_engine import NAMES, SHIPPED

from engine.config.cases.overriding import override
from engine.config.cases.reading import CaseFile, Expectation, message_of, messages_before, read_cases
from engine.config.cases.rehearsal import Trial
from engine.config.loading import LoadedChannel, load_channel
from engine.privacy.tokens import DOMAINS

Effects = list[dict[str, dict[str, Any]]]
_ALIAS = re.compile(rf"\b(?:{'|'.join(DOMAINS)}):([A-Z0-9-]+)")


class Told(NamedTuple):
    """A message and the effects that must come of it, tokens written as `visit:V-7001`."""

    raw: bytes
    effects: Effects


class Story(NamedTuple):
    """One case with what comes before it; `mark` is in every key and token of it."""

    channel: str
    name: str
    mark: str
    before: tuple[Told, ...]
    told: Told
    expect: Expectation


class _Before(NamedTuple):
    """Another case of the same file, some of its fields and expected words exchanged."""

    case: str
    fields: Mapping[str, str] = {}
    words: Mapping[str, str] = {}


CHARGED = _Before("a stocked item is charged and leaves the ward's stock")
TESTED = _Before("a charge of the laboratory is billed, and its reagents are counted by the result")
ORDERED = _Before("a stock requisition holds the goods for the ward on the day they are needed")
SEVERAL = _Before("orders without a patient, several in a message, each with its own place in the order")
HELD = _Before("an order on hold is given back")
DISPENSED = _Before("a dispense leaves the pharmacy's stock by its lot")
WITH_CHARGE = _Before("a charge that comes with a dispense is billed as one that comes alone")
GIVEN = _Before("what is given from the ward's stock leaves it by its lot")
BEFORE: dict[str, tuple[_Before, ...]] = {
    "a credit takes the charge of the same transaction and code back, and the item returns": (CHARGED,),
    "a charge with a negative quantity is a credit": (CHARGED,),
    "a credit takes the charge back and no reagent returns": (TESTED,),
    "a negative charge is a credit": (TESTED,),
    "a credit for a service has no stock to return to": (
        _Before(
            "a service is charged and uses no stock",
            {"FT1-7": "990001", "FT1-16": ""},
            {"850001": "990001", "LAB-CBC": "CON-01", "CC-LAB": "CC-ICU"},
        ),
    ),
    "a change request replaces what was wanted": (ORDERED,),
    "an order changed by the filler is the same order": (ORDERED,),
    "a replacement that comes alone is the order as it shall be": (ORDERED,),
    "an order replaced by another of the same message goes, the other one stands": (SEVERAL,),
    "a cancel that names no line gives the whole order back": (ORDERED,),
    "a cancel that names a line gives that line back": (SEVERAL,),
    "discontinued is cancelled": (ORDERED,),
    HELD.case: (ORDERED,),
    "an order released from hold is wanted again": (ORDERED, HELD),
    "the placer's number takes the place of the filler's": (
        _Before("an order that has the filler's number alone is known by it"),
    ),
    "a status that says cancelled gives the order back": (ORDERED,),
    "a cancelled dispense comes back into its lot": (DISPENSED,),
    "a return in part, by the type of the dispense": (DISPENSED,),
    "a negative amount is a return": (DISPENSED,),
    "a credit comes with the return": (WITH_CHARGE,),
    "a negative charge beside a cancelled dispense is a credit": (WITH_CHARGE,),
    "an update that says the same is the same": (GIVEN,),
    "a deleted administration comes back into its lot": (GIVEN,),
    "an administration cancelled by its order comes back too": (GIVEN,),
}


REFUSED = "what was never booked here may stand in Odoo from before"
"""Odoo has nothing from before: it refuses (`test_odoo_refusals`)."""


@cache
def stories() -> tuple[Story, ...]:
    """Every shipped case that expects effects."""
    return tuple(_stories())


def _stories() -> Iterator[Story]:
    known: set[str] = set()
    for channel in NAMES:
        file = _file(channel)
        known |= {case.name for case in file.cases}
        for number, case in enumerate(file.cases):
            if case.expect.effects and case.name != REFUSED:
                mark = f"{channel[0]}{number:02}"
                chapters = [_chapter(file, one) for one in BEFORE.get(case.name, ())]
                chapters += _after(channel, file, number)
                chapters.append(_chapter(file, _Before(case.name)))
                *first, last = _marked(chapters, mark)
                yield Story(channel, case.name, mark, tuple(first), last, case.expect)
    assert {REFUSED, *BEFORE} <= known, "a case was renamed"


def _file(channel: str) -> CaseFile:
    file = read_cases(SHIPPED / f"{channel}.test.yaml").cases
    assert file is not None
    return file


def _chapter(file: CaseFile, one: _Before) -> tuple[str, Effects]:
    """The message and effects of a case with its exchanges."""
    number = next(n for n, case in enumerate(file.cases) if case.name == one.case)
    raw, problem = message_of(file, SHIPPED, number)
    assert problem is None
    text = raw.decode()
    for path, value in one.fields.items():
        text = override(text, path, value)
    return text, _exchanged(file.cases[number].expect.effects, one.words.items())


def _after(channel: str, file: CaseFile, number: int) -> Iterator[tuple[str, Effects]]:
    """The messages that a case names itself, and what a trial makes of them."""
    trial = Trial(_loaded(channel))
    for raw, problem in messages_before(file, SHIPPED, number):
        assert problem is None
        yield raw.decode(), trial.say(raw).effects


@cache
def _loaded(channel: str) -> LoadedChannel:
    return load_channel(SHIPPED / f"{channel}.yaml")


def _marked(chapters: list[tuple[str, Effects]], mark: str) -> Iterator[Told]:
    """The story's chapters with its own identifiers and control ids."""
    names = {name for _, effects in chapters for name in _ALIAS.findall(repr(effects))}
    for number, (text, effects) in enumerate(chapters, 1):
        for name in names:
            text = re.sub(rf"(?<![A-Z0-9-]){name}(?![A-Z0-9-])", f"{name}{mark}", text)
        raw = override(text, "MSH-10", f"{mark}-{number}").encode()
        yield Told(raw, _exchanged(effects, ((name, f"{name}{mark}") for name in sorted(names, key=len))))


def _exchanged(value: Any, words: Iterable[tuple[str, str]]) -> Any:
    """`value` with words exchanged, where they are whole."""
    pairs = list(words)
    if isinstance(value, dict):
        return {key: _exchanged(part, pairs) for key, part in value.items()}
    if isinstance(value, list):
        return [_exchanged(part, pairs) for part in value]
    for old, new in pairs:
        value = re.sub(rf"(?<![A-Za-z0-9-]){re.escape(old)}(?![A-Za-z0-9-])", new, str(value))
    return value
