"""What a case expects against what became of its message."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.config.cases.answer import compare_answer
from engine.config.cases.comparing import compare_effects, compare_included
from engine.config.cases.files import Expectation
from engine.config.cases.rehearsed import Rehearsal
from engine.config.finding import Place, Problem

__all__ = ["check"]

_SHORT = 4  # an identifier shorter than this may well be part of something else


def check(expect: Expectation, got: Rehearsal, place: Place) -> Iterator[Problem]:
    """Everything that is not as expected."""
    why = f"{got.reason.code}: {got.reason.place}: {got.reason.text}" if got.reason else ""
    wants = bool(expect.effects or expect.effects_include or expect.makes)
    state = expect.state or ("effects" if wants and not expect.reason else None)
    wanted = {
        "acknowledgement": (expect.acknowledgement, got.code),
        "state": (state, got.state),
        "step": (expect.step, got.step),
        "sequence_key": (expect.sequence_key, got.sequence_key),
    }
    for word, (want, have) in wanted.items():
        if want is not None and want != have:
            yield Problem((*place, word), f"{word}: expected {want}, got {have or 'none'}", why)
    yield from _reason(expect, got, place)
    if expect.effects is not None:
        yield from compare_effects(expect.effects, got.effects, (*place, "effects"))
    yield from compare_included(expect.effects_include, got.effects, (*place, "effects_include"))
    made = [kind for effect in got.effects for kind in effect]
    if expect.makes is not None and expect.makes != made:
        yield Problem((*place, "makes"), f"expected {_listed(expect.makes)}, got {_listed(made)}", why)
    if expect.no_effects and got.effects:
        yield Problem((*place, "no_effects"), f"no effects expected, got {len(got.effects)}")
    yield from compare_answer(expect.answer, got.acknowledgement, (*place, "answer"))
    yield from _warnings(expect, got, place)
    yield from _leaks(expect, got, place)


def _listed(kinds: list[str]) -> str:
    return ", ".join(kinds) or "nothing"


def _warnings(expect: Expectation, got: Rehearsal, place: Place) -> Iterator[Problem]:
    if expect.warnings is None:
        return
    said = [f"{one.text} at {one.place}" if one.place else one.text for one in got.warnings]
    if said != expect.warnings:
        shown = ", ".join(said) or "none"
        yield Problem((*place, "warnings"), f"warnings: expected {len(expect.warnings)}, got {shown}")


def _reason(expect: Expectation, got: Rehearsal, place: Place) -> Iterator[Problem]:
    wanted, have = expect.reason, got.reason
    if wanted is None:
        if have is not None and expect.state not in ("dead", "quarantined", "refused"):
            text = f"the message was refused: {have.code}"
            yield Problem(place, text, f"{have.place}: {have.text}")
        return
    if have is None or have.code != wanted.code:
        said = f"{have.code} at {have.place}" if have else "none"
        yield Problem((*place, "reason", "code"), f"reason: expected {wanted.code}, got {said}")
    elif wanted.place is not None and have.place != wanted.place:
        yield Problem(
            (*place, "reason", "place"), f"place: expected {wanted.place}, got {have.place or 'none'}"
        )


def _leaks(expect: Expectation, got: Rehearsal, place: Place) -> Iterator[Problem]:
    """Texts that may not go out: those the case names, and every identifier that became a token."""
    outgoing = got.outgoing.casefold()
    for number, text in enumerate(expect.never_contains):
        if text.casefold() in outgoing:
            yield Problem((*place, "never_contains", number), f"{text} goes out")
    for identifier in sorted(got.identifiers):
        if len(identifier) >= _SHORT and re.search(rf"\b{re.escape(identifier.casefold())}\b", outgoing):
            yield Problem(place, "an identifier goes out that should be a token")
