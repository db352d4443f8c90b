"""`wardline test`: the cases beside channel files."""

# ruff: noqa: PT028 - `test` is a command here

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.named import PathsArgument, channels_in, counted
from engine.cli.show import JsonOption, print_json
from engine.cli.siting import SiteOption, sites_of
from engine.config.loading import examine
from engine.config.testing import CaseResult, junit, run_cases

__all__ = ["test"]


def test(
    paths: PathsArgument,
    channel: Annotated[str, typer.Option("--channel", help="Only this channel.")] = "",
    site: SiteOption = None,
    json: JsonOption = False,
    junit_file: Annotated[Path | None, typer.Option("--junit", help="Write JUnit XML here.")] = None,
) -> None:
    """Run the cases beside channel files. Exit code 1 when one fails."""
    results = [result for path in channels_in(paths) for result in _results(path, channel, sites_of(site))]
    if junit_file is not None:
        junit_file.write_text(junit(results), encoding="utf-8")
    if json:
        print_json(results)
    else:
        _print_results(results)
    if not results or not all(result.passed for result in results):
        raise typer.Exit(1)


def _results(path: Path, channel: str, sites: Sequence[str]) -> list[CaseResult]:
    """A channel's results; a channel that does not load is one failed result."""
    examined = examine(path, sites)
    name = examined.spec.channel if examined.spec else path.stem
    if examined.left_out or (channel and name != channel):
        return []
    errors = tuple(finding for finding in examined.findings if finding.severity == "error")
    if errors:
        return [CaseResult(name, "the channel loads", str(path), 1, errors)]
    return run_cases(examined.loaded())


def _print_results(results: Sequence[CaseResult]) -> None:
    for result in results:
        mark = typer.style("pass", fg="green") if result.passed else typer.style("FAIL", fg="red")
        typer.echo(f"{mark}  {result.channel}: {result.case}")
        for failure in result.failures:
            typer.echo(f"      {failure}")
    failed = sum(not result.passed for result in results)
    typer.echo(f"{counted(len(results), 'case')}, {failed} failed", err=True)
