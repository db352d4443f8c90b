"""`wardline test --mutate`: all mutants of some channels and their tables, and what is left of them.

A mutant that no case notices is a survivor, unless the channel's test file lists it as equivalent, with a
reason. The work is shared between processes; who does what changes no verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import NamedTuple

import msgspec

from engine.config.cases.files import Equivalent
from engine.config.cases.running import tests_of
from engine.config.finding import Finding, Problem
from engine.workbench.mutant import Mutant
from engine.workbench.mutating import Judge, TableJudge, Verdict, tables_of
from engine.workbench.table_mutants import TableMutant

__all__ = ["Survivor", "Tally", "Tried", "try_mutants"]

_SHARE = 24
"""Mutants that a process takes at once."""


class Survivor(msgspec.Struct, frozen=True, order=True):
    """A change that no case notices: `said` at this place of the file, whose line is `text`; `reason` when it
    is listed as one that makes no difference."""

    file: str
    line: int
    column: int
    said: str
    text: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: no case notices: {self.said}"


class Tally(msgspec.Struct, frozen=True):
    """Of one file: its mutants (without those that cannot be built), those that a case notices, those that
    make no difference, those that nobody notices."""

    file: str
    mutants: int
    killed: int
    equivalent: int
    survived: int


class Tried(msgspec.Struct, frozen=True):
    """What came of it: by file, each survivor, and entries of `equivalent:` that are of none (`stale`)."""

    tallies: tuple[Tally, ...]
    survivors: tuple[Survivor, ...]
    equivalents: tuple[Survivor, ...]
    stale: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Every mutant is noticed or listed."""
        return not self.survivors and not self.stale


class _Task(NamedTuple):
    """Mutants of one file, by their numbers; `paths` are all channels."""

    paths: tuple[Path, ...]
    file: Path
    numbers: tuple[int, ...]


Progress = Callable[[int], AbstractContextManager[Callable[[int], object]]]
"""Of so many mutants: what is told how many more are done."""


def _unseen(_: int) -> AbstractContextManager[Callable[[int], object]]:
    return nullcontext(lambda _: None)


def try_mutants(
    paths: Sequence[Path], *, jobs: int = 1, sample: int = 0, seed: int = 0, progress: Progress = _unseen
) -> Tried:
    """All mutants of the channel files `paths` and of the tables they use, in `jobs` processes. With `sample`
    so many of them at most, drawn by `seed`; then no entry is stale. Raises `Misconfigured` for a channel
    that does not load."""
    for known in (_judges, _judge, _mutants):
        known.cache_clear()  # the files may be others by now
    channels = tuple(paths)
    files = [*channels, *tables_of(_judges(channels))]
    numbers = [(file, number) for file in files for number in range(len(_mutants(channels, file)))]
    if sample and sample < len(numbers):
        numbers = sorted(Random(seed).sample(numbers, sample))  # noqa: S311 - no secret
    verdicts: dict[tuple[Path, int], Verdict] = {}
    with progress(len(numbers)) as done:
        for task, found in _judged_all(list(_tasks(channels, numbers)), jobs):
            verdicts.update(zip(((task.file, number) for number in task.numbers), found, strict=True))
            done(len(found))
    return _report(channels, files, verdicts, whole=not sample)


def _tasks(channels: tuple[Path, ...], numbers: Sequence[tuple[Path, int]]) -> Iterator[_Task]:
    by_file: dict[Path, list[int]] = {}
    for file, number in numbers:
        by_file.setdefault(file, []).append(number)
    for file, of in by_file.items():
        for at in range(0, len(of), _SHARE):
            yield _Task(channels, file, tuple(of[at : at + _SHARE]))


def _judged_all(tasks: list[_Task], jobs: int) -> Iterator[tuple[_Task, list[Verdict]]]:
    if jobs <= 1:
        yield from ((task, _judged(task)) for task in tasks)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from zip(tasks, pool.map(_judged, tasks), strict=True)


def _judged(task: _Task) -> list[Verdict]:
    """In a process of its own: the verdicts on the task's mutants."""
    judge, mutants = _judge(task.paths, task.file), _mutants(task.paths, task.file)
    return [judge.judge(mutants[number]) for number in task.numbers]  # type: ignore[arg-type]


@lru_cache(maxsize=2)
def _judges(paths: tuple[Path, ...]) -> tuple[Judge, ...]:
    return tuple(map(Judge, paths))


@lru_cache(maxsize=64)
def _judge(paths: tuple[Path, ...], file: Path) -> Judge | TableJudge:
    judges = _judges(paths)
    return judges[paths.index(file)] if file in paths else TableJudge(file, judges)


@lru_cache(maxsize=64)
def _mutants(paths: tuple[Path, ...], file: Path) -> Sequence[Mutant] | Sequence[TableMutant]:
    return _judge(paths, file).mutants()


def _report(
    paths: tuple[Path, ...], files: Sequence[Path], verdicts: dict[tuple[Path, int], Verdict], *, whole: bool
) -> Tried:
    listed = [_Listed(path, judge) for path, judge in zip(paths, _judges(paths), strict=True)]
    tallies, survivors, equivalents = [], [], []
    for file in files:
        of = {number: verdict for (other, number), verdict in verdicts.items() if other == file}
        left = [_survivor(paths, file, number) for number, verdict in of.items() if verdict == "survived"]
        excused = [one for one in (_excused(each, file, listed) for each in left) if one is not None]
        known = {(one.line, one.column, one.said) for one in excused}
        equivalents += excused
        survivors += [one for one in left if (one.line, one.column, one.said) not in known]
        killed = sum(verdict == "killed" for verdict in of.values())
        many = len(left) + killed
        tallies.append(Tally(str(file), many, killed, len(excused), len(left) - len(excused)))
    stale = [finding for one in listed for finding in one.stale()] if whole else []
    return Tried(tuple(tallies), tuple(sorted(survivors)), tuple(sorted(equivalents)), tuple(stale))


def _survivor(paths: tuple[Path, ...], file: Path, number: int) -> Survivor:
    mutant = _mutants(paths, file)[number]
    if isinstance(mutant, TableMutant):
        rows = file.read_text(encoding="utf-8-sig").splitlines()
        return Survivor(str(file), mutant.line, 1, mutant.said, rows[mutant.line - 1].strip())
    positions = _judges(paths)[paths.index(file)].channel.positions
    problem = Problem(mutant.place, "", offset=mutant.offset, on_key=mutant.on_key)
    found = positions.finding(problem)
    rows = [*positions.rows]
    return Survivor(str(file), found.line, found.column, mutant.said, rows[found.line - 1].strip())


class _Listed:
    """The entries of one test file, and which of them are of a survivor."""

    def __init__(self, path: Path, judge: Judge) -> None:
        self._path, self._judge = path, judge
        self._entries = judge.cases.equivalent
        self._used: set[int] = set()

    def reason(self, survivor: Survivor, file: Path) -> str:
        """Why a survivor makes no difference; empty: nobody says that it does not."""
        for number, entry in enumerate(self._entries):
            if _file_of(entry, self._path) == file and _is_of(entry, survivor):
                self._used.add(number)
                return entry.reason
        return ""

    def stale(self) -> Iterator[Finding]:
        """Entries that are of no survivor."""
        for number in range(len(self._entries)):
            if number not in self._used:
                text = "no mutant that survives is this one"
                hint = "a case notices it, or the line has changed: remove the entry"
                yield self._judge.positions.finding(Problem(("equivalent", number), text, hint))


def _file_of(entry: Equivalent, channel: Path) -> Path:
    return tests_of(channel).parent / entry.file if entry.file else channel


def _is_of(entry: Equivalent, survivor: Survivor) -> bool:
    changes = [entry.change] if isinstance(entry.change, str) else entry.change
    return entry.line.strip() in survivor.text and survivor.said in changes


def _excused(survivor: Survivor, file: Path, listed: Sequence[_Listed]) -> Survivor | None:
    for one in listed:
        reason = one.reason(survivor, file)
        if reason:
            return msgspec.structs.replace(survivor, reason=reason)
    return None
