"""`wardline test`: the cases beside channel files."""

# ruff: noqa: PT028 - `test` is a command here

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.covering import show_coverage
from engine.cli.mutating import show_mutants
from engine.cli.named import PathsArgument, channels_in, counted
from engine.cli.show import JsonOption, print_json
from engine.cli.siting import SiteOption, sites_of
from engine.config.cases.all_cases import all_results
from engine.config.cases.running import CaseResult, junit
from engine.config.loading import examine

__all__ = ["test"]


def test(
    paths: PathsArgument,
    channel: Annotated[str, typer.Option("--channel", help="Only this channel.")] = "",
    site: SiteOption = None,
    json: JsonOption = False,
    junit_file: Annotated[Path | None, typer.Option("--junit", help="Write JUnit XML here.")] = None,
    coverage: Annotated[
        bool, typer.Option("--coverage", help="Then show what no case came by: rules, tests, rows …")
    ] = False,
    min_coverage: Annotated[
        float, typer.Option(min=0, max=100, help="Fail when the cases come by less: percent.")
    ] = 0,
    coverage_page: Annotated[
        Path | None, typer.Option(help="Write what no case came by here, as a page.")
    ] = None,
    mutate: Annotated[
        bool, typer.Option("--mutate", help="Then change the channels and tables, and see who notices.")
    ] = False,
    jobs: Annotated[int, typer.Option(min=0, help="Of --mutate: processes; 0: one a core.")] = 0,
    sample: Annotated[int, typer.Option(min=0, help="Of --mutate: so many mutants at most; 0: all.")] = 0,
    seed: Annotated[int, typer.Option(help="Of --sample: which are drawn.")] = 0,
) -> None:
    """Run the cases beside channel files. Exit code 1 when one fails, when they come by too little, or when
    nobody notices a mutant."""
    results = all_results(channels_in(paths), sites_of(site), only=channel)
    if junit_file is not None:
        junit_file.write_text(junit(results), encoding="utf-8")
    passed = bool(results) and all(result.passed for result in results)
    asked = coverage or coverage_page is not None or min_coverage > 0
    if json and not (passed and (asked or mutate)):
        print_json(results)
    elif not json:
        _print_results(results, listed=not (passed and (asked or mutate)))
    if not passed:
        raise typer.Exit(1)
    chosen = [path for path in channels_in(paths) if channel in ("", _name(path))]
    if asked:
        show_coverage(chosen, sites_of(site), least=min_coverage, into=coverage_page, json=json)
    if mutate:
        show_mutants(chosen, jobs=jobs, sample=sample, seed=seed, json=json)


def _name(path: Path) -> str:
    spec = examine(path).spec
    return spec.channel if spec else path.stem


def _print_results(results: Sequence[CaseResult], *, listed: bool = True) -> None:
    for result in results if listed else ():
        mark = typer.style("pass", fg="green") if result.passed else typer.style("FAIL", fg="red")
        typer.echo(f"{mark}  {result.channel}: {result.case}")
        for failure in result.failures:
            typer.echo(f"      {failure}")
    failed = sum(not result.passed for result in results)
    typer.echo(f"{counted(len(results), 'case')}, {failed} failed", err=True)
