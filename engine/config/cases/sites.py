"""The cases of channels as a site has them: the channels' own, and those of `sites/NAME.test.yaml`.

A channel's own cases are about its rules, so they are run with the tables that they were written for, and
everything else as the site has it. A case of the site sees all of the site, tables too; one that is called
like a case of the channel takes its place, for what is meant to be otherwise there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field

from engine.config.cases.files import CASES_SUFFIX, CaseFile
from engine.config.cases.reading import CaseList, listed_in, read_cases
from engine.config.cases.running import CaseResult, run_cases, run_listed, tests_of
from engine.config.finding import Finding, Problem
from engine.config.loading import LoadedChannel, channels_by_name, examine
from engine.config.positions import Positions
from engine.config.reading import MAX_BYTES, Reading, read_yaml
from engine.config.sites import SITES
from engine.config.spec import Strict
from engine.config.spec.words import Name
from engine.config.validation import validate
from engine.transforms.wording import meant

__all__ = ["SiteCaseFile", "results_of", "spoiled_site_cases"]


class SiteCaseFile(Strict):
    """What a site does otherwise than the channels' own cases say."""

    channels: dict[Name, CaseFile] = Field(
        description="Channel → cases as beside it; they may start from the messages there."
    )


class _Listed(NamedTuple):
    """A site's cases as read, where they stand, and what is wrong with them."""

    path: Path
    positions: Positions
    findings: list[Finding]
    channels: Mapping[str, CaseList]
    """As if each channel's were a file of their own."""


def results_of(path: Path, sites: Sequence[str] = (), *, only: str = "") -> list[CaseResult]:
    """The results of all cases of a channel file as `sites` have it; none when they do not run it, or when
    `only` names another channel. One that does not load is one failed result."""
    examined = examine(path, sites)
    name = examined.spec.channel if examined.spec else path.stem
    if examined.left_out or (only and name != only):
        return []
    errors = tuple(finding for finding in examined.findings if finding.severity == "error")
    if errors:
        return [CaseResult(name, "the channel loads", str(path), 1, errors)]
    channel = examined.loaded()
    return _of_sites(channel) if sites else run_cases(channel)


def spoiled_site_cases(folder: Path, sites: Sequence[str]) -> list[CaseResult]:
    """A failed result for each test file of `sites` that cannot be used, or that speaks of a channel that is
    not in `folder`."""
    found = []
    there = channels_by_name(folder) if sites else {}
    for site in sites:
        listed = _read(folder, site)
        wrong = [*listed.findings]
        for name in listed.channels:
            if name not in there:
                text, hint = f"there is no channel {name}", meant(name, there)
                wrong.append(listed.positions.finding(Problem(("channels", name), text, hint, on_key=True)))
        if wrong:
            found.append(CaseResult(site, "cases of the site", str(listed.path), wrong[0].line, tuple(wrong)))
    return found


def _of_sites(channel: LoadedChannel) -> list[CaseResult]:
    """The channel's own cases and those of its sites; of several that are called alike, the last site's."""
    listed = [_read(channel.path.parent, site) for site in channel.sites]
    name, taken, results = channel.spec.channel, set[str](), list[CaseResult]()
    own = read_cases(path).cases if (path := tests_of(channel.path)).is_file() else None
    for one in reversed(listed):
        if (found := one.channels.get(name)) is not None and found.cases is not None:
            messages = {**(own.messages if own else {}), **found.cases.messages}
            whole = found.cases.model_copy(update={"messages": messages})
            results = [*run_listed(channel, whole, found.positions, taken), *results]
            taken |= {case.name for case in whole.cases}
    return [*run_cases(_with_own_tables(channel), taken), *results]


def _with_own_tables(channel: LoadedChannel) -> LoadedChannel:
    """The channel as its sites have it, but with the tables that its cases were written for; with the sites'
    where these rules cannot read them."""
    own = examine(channel.path, channel.sites, keep=("tables",))
    return channel if own.program is None else own.loaded()


def _read(folder: Path, site: str) -> _Listed:
    """The cases of a site; none when it has no test file."""
    path = folder / SITES / f"{site}{CASES_SUFFIX}"
    if not path.is_file():
        return _Listed(path, Positions(str(path)), [], {})
    with path.open("rb") as file:
        reading = read_yaml(file.read(MAX_BYTES + 1), str(path))
    spec, problems = validate(SiteCaseFile, reading.data) if reading.data is not None else (None, [])
    findings = [*reading.findings, *map(reading.positions.finding, problems)]
    channels = {name: _of(path, reading, name) for name in (spec.channels if spec else ())}
    findings += (finding for one in channels.values() for finding in one.findings)
    return _Listed(path, reading.positions, findings, channels)


def _of(path: Path, reading: Reading, channel: str) -> CaseList:
    """The cases of one channel; like an overlay, they name files from the folder of the channels."""
    positions = Positions(reading.positions.shown, reading.positions.rows)
    positions.take((), reading.positions, ("channels", channel))
    data: Any = reading.data
    return listed_in(path, data["channels"][channel], positions, path.parents[1])
