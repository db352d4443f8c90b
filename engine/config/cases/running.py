"""Run the cases beside a channel: each message through the channel, and what differs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from html import escape
from pathlib import Path
from time import perf_counter

import msgspec

from engine.config.cases.expecting import check
from engine.config.cases.fhir_rehearsal import ResourceTrial
from engine.config.cases.reading import (
    CASES_SUFFIX,
    CaseFile,
    links_of,
    message_of,
    messages_before,
    read_cases,
)
from engine.config.cases.rehearsal import trial_of
from engine.config.cases.rows import Varied
from engine.config.finding import Finding, Place, Problem
from engine.config.loading import LoadedChannel
from engine.config.positions import Positions

__all__ = ["CaseResult", "junit", "problems_of", "run_cases", "run_listed", "tests_of"]


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


def run_cases(channel: LoadedChannel, without: Collection[str] = ()) -> list[CaseResult]:
    """The results of a channel's cases but for those called `without`, in the file's order. A missing or
    unreadable test file is a result too: a failed one."""
    path, name = tests_of(channel.path), channel.spec.channel
    if not path.is_file():
        finding = Finding(str(path), 1, 1, "the channel has no cases", "say what it should do beside it")
        return [CaseResult(name, "cases", str(path), 1, (finding,))]
    listed = read_cases(path)
    if listed.cases is None:
        return [CaseResult(name, "cases", str(path), 1, tuple(listed.findings))]
    return run_listed(channel, listed.cases, listed.positions, without)


def run_listed(
    channel: LoadedChannel, file: CaseFile, positions: Positions, without: Collection[str] = ()
) -> list[CaseResult]:
    """The results of the cases of `file`, wherever that stands, but for those called `without`."""
    varied = Varied(channel)
    return [
        _run(varied, file, positions, number)
        for number, case in enumerate(file.cases)
        if case.name not in without
    ]


def _run(varied: Varied, file: CaseFile, positions: Positions, number: int) -> CaseResult:
    started = perf_counter()
    problems = list(problems_of(varied, file, number))
    return CaseResult(
        channel=varied.channel.spec.channel,
        case=file.cases[number].name,
        file=positions.shown,
        line=positions.line(("cases", number)),
        failures=tuple(positions.finding(problem) for problem in problems),
        seconds=perf_counter() - started,
    )


def problems_of(varied: Varied, file: CaseFile, number: int) -> Iterator[Problem]:
    """What keeps the case from being run, or what is not as it expects."""
    place: Place = ("cases", number)
    channel, problems = varied.with_rows(file.cases[number].tables, (*place, "tables"))
    yield from problems
    if not problems:
        yield from _ran(channel, file, number, place)


def _ran(channel: LoadedChannel, file: CaseFile, number: int, place: Place) -> Iterator[Problem]:
    trial, folder = trial_of(channel), channel.path.parent
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
    yield from check(file.cases[number].expect, trial.say(raw), (*place, "expect"))


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
