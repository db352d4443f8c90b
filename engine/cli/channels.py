"""Channel files for those who write them: `wardline lint | test | schema`."""

# ruff: noqa: PT028 - `test` is a command here

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.show import JsonOption, print_json
from engine.config.finding import Finding
from engine.config.loading import channel_files, examine, lint_files
from engine.config.schema import CHANNEL_SCHEMA, EFFECTS_SCHEMA, published
from engine.config.testing import CaseResult, junit, run_cases
from engine.errors import Misconfigured

__all__ = ["lint", "schema", "test"]

PathsArgument = Annotated[list[Path], typer.Argument(help="Channel files, or folders of them.")]


def lint(paths: PathsArgument, json: JsonOption = False) -> None:
    """Check channel files and their tables. Exit code 1 when there is an error."""
    files = _found(paths)
    findings = lint_files(files)
    if json:
        print_json(findings)
    else:
        for finding in findings:
            typer.echo(str(finding))
        typer.echo(f"{_counted(len(files), 'channel')}: {_said(findings)}", err=True)
    if any(finding.severity == "error" for finding in findings):
        raise typer.Exit(1)


def test(
    paths: PathsArgument,
    channel: Annotated[str, typer.Option("--channel", help="Only this channel.")] = "",
    json: JsonOption = False,
    junit_file: Annotated[Path | None, typer.Option("--junit", help="Write JUnit XML here.")] = None,
) -> None:
    """Run the cases beside channel files. Exit code 1 when one fails."""
    results = [result for path in _found(paths) for result in _results(path, channel)]
    if junit_file is not None:
        junit_file.write_text(junit(results), encoding="utf-8")
    if json:
        print_json(results)
    else:
        _print_results(results)
    if not results or not all(result.passed for result in results):
        raise typer.Exit(1)


def schema(
    effects: Annotated[bool, typer.Option("--effects", help="Of the effects, not of channel files.")] = False,
    write: Annotated[
        Path | None, typer.Option("--write", help="Write both files below this project folder.")
    ] = None,
) -> None:
    """Print the JSON Schema of channel files, or of the canonical effects."""
    files = published()
    if write is None:
        typer.echo(files[EFFECTS_SCHEMA if effects else CHANNEL_SCHEMA], nl=False)
        return
    for path, text in files.items():
        (write / path).write_text(text, encoding="utf-8")
        typer.echo(str(write / path))


def _found(paths: Sequence[Path]) -> list[Path]:
    files = channel_files(paths)
    if not files:
        raise Misconfigured("there is no channel file here", where=str(paths[0]), hint="NAME.yaml")
    return files


def _results(path: Path, channel: str) -> list[CaseResult]:
    """A channel's results; a channel that does not load is one failed result."""
    examined = examine(path)
    name = examined.spec.channel if examined.spec else path.stem
    if channel and name != channel:
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
    typer.echo(f"{_counted(len(results), 'case')}, {failed} failed", err=True)


def _said(findings: Sequence[Finding]) -> str:
    errors = sum(finding.severity == "error" for finding in findings)
    return f"{_counted(errors, 'error')}, {_counted(len(findings) - errors, 'warning')}"


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
