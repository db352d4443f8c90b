"""Whether the channels of a folder are fit to be deployed: what lint finds, and what their cases show.

What is checked is a copy of what was packed, so that what is deployed is what was checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from engine.config.cases.all_cases import all_results
from engine.config.cases.running import CaseResult
from engine.config.finding import Finding
from engine.config.loading import LoadedChannel, channel_files, lint_files, load_channels
from engine.editions.packing import Packed, pack, unpack

__all__ = ["Fitness", "examined"]


class Fitness(NamedTuple):
    """What was packed, its channels out of the copy, and what was found: findings of lint; results of cases,
    which are not run when there is an error."""

    packed: Packed
    channels: list[LoadedChannel]
    findings: list[Finding]
    results: list[CaseResult]

    @property
    def errors(self) -> list[Finding]:
        """Findings that keep it from being deployed."""
        return [finding for finding in self.findings if finding.severity == "error"]

    @property
    def failed(self) -> list[CaseResult]:
        """Cases that show something else than they expect."""
        return [result for result in self.results if not result.passed]


def examined(folder: Path, sites: Sequence[str], into: Path) -> Fitness:
    """Pack a folder, write the copy to `into` (which is made), and check that. Places are told as they are in
    the folder. Raises `Misconfigured` for what cannot be packed."""
    packed = pack(folder, sites)
    unpack(packed, into)
    findings = [_in(folder, into, finding) for finding in lint_files(channel_files([into]), sites)]
    if any(finding.severity == "error" for finding in findings):
        return Fitness(packed, [], findings, [])
    results = [_result(folder, into, one) for one in all_results(channel_files([into]), sites)]
    return Fitness(packed, load_channels(into, sites), findings, results)


def _result(folder: Path, into: Path, result: CaseResult) -> CaseResult:
    failures = tuple(_in(folder, into, finding) for finding in result.failures)
    return replace(result, file=_there(folder, into, result.file), failures=failures)


def _in(folder: Path, into: Path, finding: Finding) -> Finding:
    return replace(finding, file=_there(folder, into, finding.file))


def _there(folder: Path, into: Path, file: str) -> str:
    path = Path(file)
    return str(folder / path.relative_to(into)) if path.is_relative_to(into) else file
