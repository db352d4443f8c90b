"""Which mutants of a channel its cases notice: each is built anew and run against them."""

from __future__ import annotations

from typing import Literal

import msgspec

from engine.config.build import build
from engine.config.cases import CaseFile, CaseList
from engine.config.finding import Problem
from engine.config.lint import check_channel
from engine.config.loading import LoadedChannel
from engine.config.reading import read_yaml
from engine.config.spec import ChannelSpec
from engine.config.testing import problems_of
from engine.config.validation import validate
from engine.workbench.mutant import Mutant
from engine.workbench.mutants import mutants_of

__all__ = ["Judge", "Verdict"]

Verdict = Literal["killed", "refused", "survived"]
"""`refused`: no such channel can be built, so nobody can deploy it."""


class Judge:
    """One channel, its cases, and its mutants."""

    def __init__(self, channel: LoadedChannel, listed: CaseList) -> None:
        assert listed.cases is not None  # noqa: S101 - whoever asks has run them
        self._channel, self._cases = channel, listed.cases
        self._order = list(range(len(listed.cases.cases)))

    def mutants(self) -> list[Mutant]:
        """All mutants of the channel file, in a fixed order."""
        channel = self._channel
        data = read_yaml(channel.raw, channel.path.name).data
        assert data is not None  # noqa: S101 - it was loaded from this
        columns = {name: table.columns for name, table in channel.tables.items()}
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
        for at, number in enumerate(self._order):
            if _fails(channel, self._cases, number):
                self._order.insert(0, self._order.pop(at))
                return True
        return False

    def _built(self, mutant: Mutant) -> LoadedChannel | None:
        channel = self._channel
        spec, problems = validate(ChannelSpec, mutant.data)
        if spec is None or _errors(problems) or _errors(check_channel(spec)):
            return None
        program, _ = build(spec, channel.tables)
        if program is None:
            return None
        program = msgspec.structs.replace(program, profile=channel.program.profile)
        return channel._replace(spec=spec, program=program)


def _fails(channel: LoadedChannel, cases: CaseFile, number: int) -> bool:
    try:
        return any(True for _ in problems_of(channel, cases, number))
    except Exception:  # a mutant that cannot even run is noticed
        return True


def _errors(problems: list[Problem]) -> bool:
    return any(problem.severity == "error" for problem in problems)
