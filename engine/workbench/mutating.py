"""Which mutants of channels and their tables the cases notice: each is built anew and run against them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec

from engine.config.build import build
from engine.config.cases.reading import CaseFile, read_cases
from engine.config.cases.rows import Varied, with_tables
from engine.config.cases.running import problems_of, tests_of
from engine.config.finding import Problem
from engine.config.lint.channel import check_channel
from engine.config.loading import LoadedChannel, load_channel
from engine.config.positions import Positions
from engine.config.reading import read_yaml
from engine.config.spec import ChannelSpec
from engine.config.validation import validate
from engine.errors import Misconfigured
from engine.workbench.mutant import Mutant
from engine.workbench.mutants import mutants_of
from engine.workbench.table_mutants import TableMutant, table_mutants, table_with

__all__ = ["Judge", "TableJudge", "Verdict", "tables_of"]

_CALL: Final = re.compile(r"\b(lookup|find|kit)\(\s*([a-z][a-z0-9-]*)\s*(?:,\s*([^,)]+))?")

_WHOLE: Final = {"kit": ("item", "quantity", "unit", "lot"), "convert": ("unit", "factor")}
"""The columns that a verb reads without naming them."""

Verdict = Literal["killed", "refused", "survived"]
"""`refused`: no such channel can be built, so nobody can deploy it."""


class Judge:
    """One channel, its cases, and its mutants."""

    def __init__(self, path: Path) -> None:
        """Raises `Misconfigured` for a channel that does not load, or whose cases cannot be read."""
        self.channel = load_channel(path)
        self.cases, self.positions = _cases(path)
        self._order = list(range(len(self.cases.cases)))

    def mutants(self) -> list[Mutant]:
        """All mutants of the channel file, in a fixed order."""
        data = read_yaml(self.channel.raw, self.channel.path.name).data
        assert data is not None  # noqa: S101 - it was loaded from this
        columns = {name: table.columns for name, table in self.channel.tables.items()}
        return list(mutants_of(data, columns))

    def judge(self, mutant: Mutant) -> Verdict:
        """Whether a case notices."""
        built = self._built(mutant)
        if built is None:
            return "refused"
        return "killed" if self.notices(built) else "survived"

    def notices(self, channel: LoadedChannel) -> bool:
        """Whether a case fails with `channel`. The case that failed last is asked first: neighbours are often
        noticed by the same."""
        varied = Varied(channel)
        for at, number in enumerate(self._order):
            if _fails(varied, self.cases, number):
                self._order.insert(0, self._order.pop(at))
                return True
        return False

    def _built(self, mutant: Mutant) -> LoadedChannel | None:
        channel = self.channel
        spec, problems = validate(ChannelSpec, mutant.data)
        if spec is None or _errors(problems) or _errors(check_channel(spec)):
            return None
        program, _ = build(spec, channel.tables, channel.functions)
        if program is None:
            return None
        program = msgspec.structs.replace(program, profile=channel.program.profile)
        return channel._replace(spec=spec, program=program)


class TableJudge:
    """One table, the channels that use it, and its mutants."""

    def __init__(self, path: Path, judges: Sequence[Judge]) -> None:
        self._users = [(judge, names) for judge in judges if (names := _names_of(judge.channel, path))]

    def mutants(self) -> list[TableMutant]:
        """All mutants of the table, in a fixed order."""
        judge, (name, *_) = self._users[0]
        asked = {word for judge, names in self._users for word in _asked(judge, names)}
        return list(table_mutants(judge.channel.tables[name], asked))

    def judge(self, mutant: TableMutant) -> Verdict:
        """Whether a case of one of the channels notices."""
        refused = False
        for at, (judge, names) in enumerate(self._users):
            tables = judge.channel.tables
            changed = {name: table_with(tables[name], mutant) for name in names}
            built, problems = with_tables(judge.channel, changed)
            refused = refused or bool(problems)
            if not problems and judge.notices(built):
                self._users.insert(0, self._users.pop(at))
                return "killed"
        return "refused" if refused else "survived"


def tables_of(judges: Sequence[Judge]) -> list[Path]:
    """The tables that these channels use."""
    found = {_file(judge.channel, name): None for judge in judges for name in judge.channel.spec.tables}
    return sorted(found)


def _file(channel: LoadedChannel, name: str) -> Path:
    return channel.path.parent / channel.spec.tables[name]


def _names_of(channel: LoadedChannel, path: Path) -> list[str]:
    return [name for name in channel.spec.tables if _file(channel, name) == path]


def _asked(judge: Judge, names: Sequence[str]) -> Iterator[str]:
    """The columns that a channel asks tables for."""
    for verb, name, column in _CALL.findall(judge.channel.raw.decode("utf-8", "replace")):
        if name in names:
            yield from _WHOLE.get(verb, (column.strip("' "),))
    text = judge.channel.raw.decode("utf-8", "replace")
    if any(re.search(rf"\bconvert\([^)]*,\s*{name}\s*[,)]", text) for name in names):
        yield from _WHOLE["convert"]


def _cases(path: Path) -> tuple[CaseFile, Positions]:
    listed = read_cases(tests_of(path))
    if listed.cases is None:
        raise Misconfigured("\n".join(map(str, listed.findings)))
    return listed.cases, listed.positions


def _fails(varied: Varied, cases: CaseFile, number: int) -> bool:
    try:
        return any(True for _ in problems_of(varied, cases, number))
    except Exception:  # a mutant that cannot even run is noticed
        return True


def _errors(problems: list[Problem]) -> bool:
    return any(problem.severity == "error" for problem in problems)
