"""Checks of the test file beside a channel, without running it: its shape, and names nearly right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from engine.config.cases.files import CASES_SUFFIX, Expectation
from engine.config.cases.reading import read_cases
from engine.config.finding import Finding, Place, Problem
from engine.config.spec import EFFECTS, ChannelSpec
from engine.courses.course import ALREADY_KNOWN, BEYOND_MEMORY
from engine.courses.machine import MACHINES
from engine.courses.replay import NOTHING_NEW, OLDER
from engine.transforms.wording import meant, near

__all__ = ["lint_cases"]


def lint_cases(path: Path, spec: ChannelSpec) -> list[Finding]:
    """What is wrong with the test file beside the channel file at `path`; nothing when there is none."""
    beside = path.with_name(path.stem + CASES_SUFFIX)
    if not beside.is_file():
        return []
    listed = read_cases(beside)
    if listed.cases is None:
        return listed.findings
    problems = (
        problem
        for number, case in enumerate(listed.cases.cases)
        for problem in _misspelt(case.expect, spec, ("cases", number, "expect"))
    )
    return [*listed.findings, *(listed.positions.finding(problem) for problem in problems)]


def _misspelt(expect: Expectation, spec: ChannelSpec, place: Place) -> Iterator[Problem]:
    """Steps, warnings and effects that there are not, and that look like some that there are."""
    filters = [one.name for one in spec.filters]
    if expect.step and expect.step not in _of_course(spec):
        yield from _nearly(expect.step, filters, "step", (*place, "step"))
    warnings = [one.name for one in spec.warnings]
    for at, said in enumerate(expect.warnings or ()):
        name = said.partition(" at ")[0].partition(": ")[0]  # `amount-differs: not a number`
        yield from _nearly(name, warnings, "warning", (*place, "warnings", at))
    for at, effect in enumerate(expect.effects or ()):
        for word in effect.keys() - {*EFFECTS}:
            where = (*place, "effects", at, word)
            yield Problem(where, f"there is no effect {word}", meant(word, EFFECTS), on_key=True)


def _of_course(spec: ChannelSpec) -> Iterator[str]:
    """The steps at which a course ends a message that changes nothing."""
    if spec.course is not None:
        machine = MACHINES[spec.course.of]
        yield from (*machine.without_effect.values(), ALREADY_KNOWN, BEYOND_MEMORY, NOTHING_NEW, OLDER)
        for states in machine.table.cells.values():
            yield from (state[1:] for state in states.values() if state.startswith("!"))


def _nearly(word: str, known: Iterable[str], what: str, place: Place) -> Iterator[Problem]:
    names = set(known)
    if word and word not in names and (hint := near(word, names)):
        yield Problem(place, f"no {what} of the channel is called {word}", hint)
