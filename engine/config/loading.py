"""A folder of channel files becomes channels that can run, or a list of findings."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from engine.config.build import Program, build
from engine.config.clients import clients_of
from engine.config.finding import Finding, Problem
from engine.config.lint import check_channel, check_secrets
from engine.config.positions import Positions
from engine.config.profiles import profile_of
from engine.config.reading import MAX_BYTES, read_yaml
from engine.config.references import ambiguous, calls_in, tables_of, unused
from engine.config.sharing import side_by_side
from engine.config.spec import ChannelSpec
from engine.config.tables import Table
from engine.config.validation import validate
from engine.errors import Misconfigured

__all__ = [
    "Examined",
    "LoadedChannel",
    "channel_files",
    "examine",
    "lint_files",
    "load_channel",
    "load_channels",
]

TEST_SUFFIX = ".test.yaml"


class LoadedChannel(NamedTuple):
    """A channel that can run."""

    path: Path
    spec: ChannelSpec
    tables: dict[str, Table]
    program: Program
    positions: Positions
    raw: bytes = b""
    """The file as it was read."""


class Examined(NamedTuple):
    """A channel file as far as it could be understood, and everything found on the way."""

    path: Path
    positions: Positions
    findings: list[Finding]
    spec: ChannelSpec | None
    tables: dict[str, Table]
    program: Program | None
    raw: bytes = b""

    def loaded(self) -> LoadedChannel:
        """The channel. Raises `Misconfigured` that lists the errors found."""
        _refuse(self.findings)
        if self.spec is None or self.program is None:
            raise Misconfigured("the channel cannot be built", where=str(self.path))
        return LoadedChannel(self.path, self.spec, self.tables, self.program, self.positions, self.raw)


def load_channels(folder: Path) -> list[LoadedChannel]:
    """Every channel of `folder`, by file name. Raises `Misconfigured` that lists the errors found."""
    examined, findings = _examine_all(channel_files([folder]))
    _refuse(findings)
    if not examined:
        raise Misconfigured("there is no channel file here", where=str(folder), hint="NAME.yaml")
    return [one.loaded() for one in examined]


def load_channel(path: Path) -> LoadedChannel:
    """One channel file. Raises `Misconfigured` that lists the errors found."""
    return examine(path).loaded()


def lint_files(paths: Sequence[Path]) -> list[Finding]:
    """The findings of channel files, sorted by file and line. Raises `Misconfigured` for one that
    cannot be read at all."""
    return _examine_all(paths)[1]


def channel_files(paths: Iterable[Path]) -> list[Path]:
    """The channel files that `paths` (files and folders) name; test files are none.

    Raises `Misconfigured` for a path that is not there."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = (*path.glob("*.yaml"), *path.glob("*.yml"))
            found += sorted(file for file in inside if not file.name.endswith(TEST_SUFFIX))
        elif path.is_file():
            found.append(path)
        else:
            raise Misconfigured("no such file or folder", where=str(path))
    return found


def examine(path: Path) -> Examined:
    """Read, check and compile one channel file. Never raises for what it holds."""
    raw = _bytes_of(path)
    reading = read_yaml(raw, str(path))
    positions, findings = reading.positions, list(reading.findings)
    if path.stat().st_mode & stat.S_IWOTH:
        text = "everyone on this machine may change this file"
        findings.append(positions.finding(Problem((), text, "chmod o-w", "warning")))
    if reading.data is None:
        return Examined(path, positions, findings, None, {}, None)
    spec, problems = validate(ChannelSpec, reading.data)
    problems += check_secrets(reading.data)
    if spec is None:
        return Examined(path, positions, findings + _placed(problems, positions), None, {}, None)
    tables, table_findings = tables_of(spec, path.parent, positions)
    program, found = build(spec, tables)
    try:
        profile = profile_of(spec, path.parent)
    except Misconfigured as error:
        found.append(Problem(("profile",), error.text, error.hint))
        program = None
    else:
        program = program and msgspec.structs.replace(program, profile=profile)
    unread = {f"there is no table {name}" for name in spec.tables if name not in tables}
    found = [problem for problem in found if problem.text not in unread]  # said once, where it is declared
    calls = calls_in(reading.data)
    problems += (*check_channel(spec), *unused(spec, calls), *found)
    table_findings += clients_of(spec, path.parent, positions)
    table_findings += ambiguous(spec, tables, calls, path.parent)
    placed = _placed(problems, positions)
    return Examined(path, positions, findings + placed + table_findings, spec, tables, program, raw)


def _bytes_of(path: Path) -> bytes:
    """At most one byte more than a channel file may have, so that reading says it is too large."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError:
        raise Misconfigured("the file cannot be read", where=str(path)) from None


def _placed(problems: Iterable[Problem], positions: Positions) -> list[Finding]:
    return [positions.finding(problem) for problem in problems]


def _examine_all(paths: Sequence[Path]) -> tuple[list[Examined], list[Finding]]:
    examined = [examine(path) for path in paths]
    findings = {finding for one in examined for finding in one.findings}
    findings.update(
        side_by_side([(one.path, one.positions, one.spec) for one in examined if one.spec is not None])
    )
    return examined, sorted(findings)


def _refuse(findings: Sequence[Finding]) -> None:
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        raise Misconfigured("\n".join(map(str, errors)), hint="see `wardline lint`")
