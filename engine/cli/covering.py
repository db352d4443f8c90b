"""`wardline test --coverage`: what of channels and tables no case came by."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer
from rich.console import Console

from engine.cli.show import print_json, table
from engine.config.loading import load_channel
from engine.workbench.coverage import Coverage, coverage_of
from engine.workbench.coverage_page import page

__all__ = ["show_coverage"]


def show_coverage(
    paths: Sequence[Path], sites: Sequence[str], *, least: float, into: Path | None, json: bool
) -> None:
    """Show what the cases of these channels do not come by. Exit code 1 when it is less than `least`
    percent; `into` is a file for the page."""
    coverage = coverage_of([load_channel(path, sites) for path in paths])
    if into is not None:
        into.write_text(page(coverage), encoding="utf-8")
    if json:
        print_json({"percent": coverage.percent, "files": coverage.files})
    else:
        _print(coverage)
    if coverage.percent < least:
        typer.echo(f"less than {least:g} %", err=True)
        raise typer.Exit(1)


def _print(coverage: Coverage) -> None:
    for one in coverage.files:
        for finding in one.missed:
            typer.echo(str(finding))
    shown = table("file", "to come by", "missed", "percent")
    for one in coverage.files:
        shown.add_row(one.file, str(one.items), str(len(one.missed)), f"{one.percent:.1f}")
    Console(soft_wrap=True).print(shown)
    typer.echo(f"{coverage.percent:.1f} % come by", err=True)
