"""A folder of channel files, with the overlays of sites, becomes channels that can run, or findings."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from engine.config.build import Program, build
from engine.config.clients import clients_of
from engine.config.finding import Finding, Problem
from engine.config.functions import called, functions_of
from engine.config.lint.cases import lint_cases
from engine.config.lint.channel import check_channel, check_secrets
from engine.config.lint.circles import circles
from engine.config.lint.reach import check_reach
from engine.config.positions import Positions
from engine.config.profiles import profile_of
from engine.config.reading import MAX_BYTES, Node, read_yaml
from engine.config.references import ambiguous, calls_in, tables_of, unconverted, undated, unused
from engine.config.sharing import side_by_side
from engine.config.sites import SITES, check_overlay, laid_over, left_out, overlays_of, site_names
from engine.config.spec import ChannelSpec
from engine.config.table_schema import TABLE_SUFFIX
from engine.config.tables import Table
from engine.config.validation import validate
from engine.errors import Misconfigured
from engine.transforms.function import Function

__all__ = [
    "Examined",
    "LoadedChannel",
    "channel_files",
    "channels_by_name",
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
    data: Mapping[str, Node] = MappingProxyType({})
    """What it says, with what the sites lay over it."""
    sites: tuple[str, ...] = ()
    functions: Mapping[str, Function] = MappingProxyType({})


class Examined(NamedTuple):
    """A channel file as far as it could be understood, and everything found on the way."""

    path: Path
    positions: Positions
    findings: list[Finding]
    spec: ChannelSpec | None
    tables: dict[str, Table]
    program: Program | None
    raw: bytes = b""
    data: Mapping[str, Node] = MappingProxyType({})
    sites: tuple[str, ...] = ()
    functions: Mapping[str, Function] = MappingProxyType({})
    left_out: str = ""
    """The site that does not run this channel; then it was not looked at any further."""

    def loaded(self) -> LoadedChannel:
        """The channel. Raises `Misconfigured` that lists the errors found."""
        if self.left_out:
            raise Misconfigured(f"the site {self.left_out} does not run this channel", where=str(self.path))
        _refuse(self.findings)
        if self.spec is None or self.program is None:
            raise Misconfigured("the channel cannot be built", where=str(self.path))
        return LoadedChannel(
            self.path, self.spec, self.tables, self.program, self.positions, self.raw, self.data, self.sites,
            self.functions,
        )  # fmt: skip


def load_channels(folder: Path, sites: Sequence[str] = ()) -> list[LoadedChannel]:
    """Every channel of `folder` that `sites` run, by file name, with their overlays laid over it in turn.
    Raises `Misconfigured` that lists the errors found."""
    examined, findings = _examine_all(channel_files([folder]), sites)
    _refuse(findings)
    if not examined:
        raise Misconfigured("there is no channel file here", where=str(folder), hint="NAME.yaml")
    return [one.loaded() for one in examined]


def load_channel(path: Path, sites: Sequence[str] = ()) -> LoadedChannel:
    """One channel file, with the overlays of `sites`. Raises `Misconfigured` that lists the errors found."""
    return examine(path, sites).loaded()


def lint_files(paths: Sequence[Path], sites: Sequence[str] = ()) -> list[Finding]:
    """The findings of channel files with the overlays of `sites`, sorted by file and line; without `sites`
    those of the files as they are, and what each overlay beside them adds. Raises `Misconfigured` for one
    that cannot be read at all."""
    examined, findings = _examine_all(paths, sites)
    cases = [found for one in examined if one.spec is not None for found in lint_cases(one.path, one.spec)]
    findings = sorted({*findings, *cases})
    if sites:
        return findings
    return sorted(
        {*findings, *(found for folder in _folders(paths) for found in _added(folder, paths, findings))}
    )


def channel_files(paths: Iterable[Path]) -> list[Path]:
    """The channel files that `paths` (files and folders) name; test files are none.

    Raises `Misconfigured` for a path that is not there."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = (*path.glob("*.yaml"), *path.glob("*.yml"))
            found += sorted(file for file in inside if not file.name.endswith((TEST_SUFFIX, TABLE_SUFFIX)))
        elif path.is_file():
            found.append(path)
        else:
            raise Misconfigured("no such file or folder", where=str(path))
    return found


def examine(path: Path, sites: Sequence[str] = (), keep: Collection[str] = ()) -> Examined:
    """Read, check and compile one channel file with the overlays of `sites`, which leave the keys `keep` of
    it as they are. Never raises for what they hold, but `Misconfigured` for one that is not there."""
    raw = _bytes_of(path)
    reading = read_yaml(raw, str(path))
    positions, findings = reading.positions, list(reading.findings)
    if path.stat().st_mode & stat.S_IWOTH:
        text = "everyone on this machine may change this file"
        findings.append(positions.finding(Problem((), text, "chmod o-w", "warning")))
    overlays = overlays_of(path.parent, sites)
    findings += (finding for overlay in overlays for finding in overlay.findings)
    data = reading.data
    if isinstance(data, dict):
        data = laid_over(data, positions, overlays, keep)
    started = Examined(path, positions, findings, None, {}, None, raw, sites=tuple(sites))
    if data is None or any(overlay.spec is None for overlay in overlays):
        return started
    if isinstance(data, dict) and (site := left_out(data, overlays)):
        return started._replace(left_out=site)
    return _understood(started, data)


def _understood(started: Examined, data: Node) -> Examined:
    """What the file says, held against the shape of a channel, its tables and the privacy policy."""
    path, positions, findings = started.path, started.positions, started.findings
    spec, problems = validate(ChannelSpec, data)
    problems += check_secrets(data)
    if spec is None or not isinstance(data, dict):
        return started._replace(findings=findings + _placed(problems, positions))
    tables, table_findings = tables_of(spec, path.parent, positions)
    functions, function_findings = functions_of(spec, path.parent, positions)
    program, found = build(spec, tables, functions)
    try:
        profile = profile_of(spec, path.parent)
    except Misconfigured as error:
        found.append(Problem(("profile",), error.text, error.hint))
        program = None
    else:
        program = program and msgspec.structs.replace(program, profile=profile)
    unread = {f"there is no table {name}" for name in spec.tables if name not in tables}
    unread |= {f"there is no function {name}" for name in called(spec) if name not in functions}
    found = [problem for problem in found if problem.text not in unread]  # said once, where it is declared
    calls = calls_in(data)
    problems += (*check_channel(spec), *check_reach(spec, tables), *undated(spec, tables), *found)
    problems += unconverted(tables, calls)
    problems += unused(spec, calls) if not found else ()  # what has a flaw may have meant to name it
    table_findings += clients_of(spec, path.parent, positions)
    table_findings += ambiguous(spec, tables, calls, path.parent)
    placed = _placed(problems, positions)
    return started._replace(
        findings=findings + placed + table_findings + function_findings,
        spec=spec,
        tables=tables,
        program=program,
        data=data,
        functions=functions,
    )


def _bytes_of(path: Path) -> bytes:
    """At most one byte more than a channel file may have, so that reading says it is too large."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError:
        raise Misconfigured("the file cannot be read", where=str(path)) from None


def _placed(problems: Iterable[Problem], positions: Positions) -> list[Finding]:
    return [positions.finding(problem) for problem in problems]


def _examine_all(paths: Sequence[Path], sites: Sequence[str]) -> tuple[list[Examined], list[Finding]]:
    examined = [one for path in paths if not (one := examine(path, sites)).left_out]
    findings = {finding for one in examined for finding in one.findings}
    beside = [(one.path, one.positions, one.spec) for one in examined if one.spec is not None]
    findings.update((*side_by_side(beside), *circles(beside, os.environ)))
    for folder in _folders(paths) if sites else ():
        channels = channels_by_name(folder)
        for overlay in overlays_of(folder, sites):
            findings.update((*overlay.findings, *check_overlay(overlay, channels)))
    return examined, sorted(findings)


def _added(folder: Path, paths: Sequence[Path], known: Sequence[Finding]) -> Iterator[Finding]:
    """What is wrong only with one of the overlays of a folder; elsewhere than in it, it is named."""
    here = [path for path in paths if path.parent == folder]
    for name in site_names(folder):
        overlay = str(folder / SITES / f"{name}.yaml")
        for finding in _examine_all(here, (name,))[1]:
            if finding.file == overlay:
                yield finding
            elif finding not in known:
                yield msgspec.structs.replace(finding, text=f"at the site {name}: {finding.text}")


def _folders(paths: Sequence[Path]) -> list[Path]:
    return list(dict.fromkeys(path.parent for path in paths))


def channels_by_name(folder: Path) -> dict[str, Node]:
    """What the channel files of a folder hold, by the channel's name."""
    read = [read_yaml(_bytes_of(path), str(path)).data for path in channel_files([folder])]
    return {str(data.get("channel")): data for data in read if isinstance(data, dict)}


def _refuse(findings: Sequence[Finding]) -> None:
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        raise Misconfigured("\n".join(map(str, errors)), hint="see `wardline lint`")
