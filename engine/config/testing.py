"""Run the cases beside a channel: each message through the channel, and what differs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from time import perf_counter

import msgspec

from engine.config.cases import (
    CASES_SUFFIX,
    CaseFile,
    Expectation,
    links_of,
    message_of,
    messages_before,
    read_cases,
)
from engine.config.comparing import compare_effects
from engine.config.fhir_rehearsal import ResourceTrial
from engine.config.finding import Finding, Place, Problem
from engine.config.loading import LoadedChannel
from engine.config.positions import Positions
from engine.config.rehearsal import Rehearsal, trial_of

__all__ = ["CaseResult", "junit", "problems_of", "run_cases", "tests_of"]

_SHORT = 4  # an identifier shorter than this may well be part of something else


class CaseResult(msgspec.Struct, frozen=True):
    """How one case ended: `failures` are what differs, where the case says otherwise."""

    channel: str
    case: str
    file: str
    line: int
    failures: tuple[Finding, ...] = ()
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Everything was as the case expects."""
        return not self.failures


def tests_of(path: Path) -> Path:
    """The test file beside a channel file."""
    return path.with_name(path.stem + CASES_SUFFIX)


def run_cases(channel: LoadedChannel) -> list[CaseResult]:
    """The results of a channel's cases, in the file's order. A missing or unreadable test file is a
    result too: a failed one."""
    path, name = tests_of(channel.path), channel.spec.channel
    if not path.is_file():
        finding = Finding(str(path), 1, 1, "the channel has no cases", "say what it should do beside it")
        return [CaseResult(name, "cases", str(path), 1, (finding,))]
    listed = read_cases(path)
    if listed.cases is None:
        return [CaseResult(name, "cases", str(path), 1, tuple(listed.findings))]
    return [
        _run(channel, listed.cases, listed.positions, number) for number in range(len(listed.cases.cases))
    ]


def _run(channel: LoadedChannel, file: CaseFile, positions: Positions, number: int) -> CaseResult:
    started = perf_counter()
    problems = list(problems_of(channel, file, number))
    return CaseResult(
        channel=channel.spec.channel,
        case=file.cases[number].name,
        file=positions.shown,
        line=positions.line(("cases", number)),
        failures=tuple(positions.finding(problem) for problem in problems),
        seconds=perf_counter() - started,
    )


def problems_of(channel: LoadedChannel, file: CaseFile, number: int) -> Iterator[Problem]:
    """What keeps the case from being run, or what is not as it expects."""
    trial, folder, place = trial_of(channel), channel.path.parent, ("cases", number)
    fhir = channel.spec.source.fhir
    if isinstance(trial, ResourceTrial) and fhir is not None:
        yield from (problems := list(_known(trial, links_of(file, folder, number, fhir), place)))
        if problems:
            return
    for at, (raw, problem) in enumerate(messages_before(file, folder, number, fhir)):
        if problem is not None:
            yield problem
            return
        before = trial.say(raw)
        if before.reason is not None:
            text = f"the message before was refused: {before.reason.code}"
            hint = f"{before.reason.place}: {before.reason.text}"
            yield Problem((*place, "after", at), text, hint)
            return
    raw, problem = message_of(file, folder, number, fhir)
    if problem is not None:
        yield problem
        return
    yield from _check(file.cases[number].expect, trial.say(raw), (*place, "expect"))


def _known(
    trial: ResourceTrial, links: list[tuple[bytes, Problem | None]], place: Place
) -> Iterator[Problem]:
    """The resources that are there; one that could not be is a problem."""
    for at, (raw, problem) in enumerate(links):
        if problem is not None:
            yield problem
        elif (refused := trial.know(raw)) is not None and refused.reason is not None:
            why = f"{refused.reason.place}: {refused.reason.text}"
            yield Problem((*place, "links", at), f"no resource that could be there: {refused.code}", why)


def _check(expect: Expectation, got: Rehearsal, place: Place) -> Iterator[Problem]:
    """Everything that is not as expected."""
    why = f"{got.reason.code}: {got.reason.place}: {got.reason.text}" if got.reason else ""
    state = expect.state or ("effects" if expect.effects and not expect.reason else None)
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
    yield from _warnings(expect, got, place)
    yield from _leaks(expect, got, place)


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


def junit(results: Iterable[CaseResult]) -> str:
    """The results as JUnit XML, which CI systems show."""
    listed = list(results)
    failed = sum(not one.passed for one in listed)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuite name="wardline" tests="{len(listed)}" failures="{failed}">',
    ]
    for one in listed:
        named = f'classname="{escape(one.channel)}" name="{escape(one.case)}"'
        opening = f'  <testcase {named} time="{one.seconds:.4f}"'
        said = escape("\n".join(map(str, one.failures)))
        lines.append(f"{opening}/>" if one.passed else f"{opening}><failure>{said}</failure></testcase>")
    return "\n".join((*lines, "</testsuite>", ""))
