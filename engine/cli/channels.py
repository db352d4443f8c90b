"""Channel files for those who write them: `wardline lint | schema`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.named import PathsArgument, channels_in, counted
from engine.cli.show import JsonOption, print_json
from engine.cli.siting import SiteOption, sites_of
from engine.config.finding import Finding
from engine.config.loading import lint_files
from engine.config.schema import CHANNEL_SCHEMA, EFFECTS_SCHEMA, published
from engine.measuring.manual import LOGS_PAGE, METRICS_PAGE, logs_page, metrics_page
from engine.workbench.catalogue import catalogue
from engine.workbench.catalogue_text import CATALOGUE, as_markdown
from engine.workbench.examples import EXAMPLES
from engine.workbench.manual import manual_pages

__all__ = ["lint", "schema"]


def lint(paths: PathsArgument, site: SiteOption = None, json: JsonOption = False) -> None:
    """Check channel files and their tables. Exit code 1 when there is an error."""
    files = channels_in(paths)
    findings = lint_files(files, sites_of(site))
    if json:
        print_json(findings)
    else:
        for finding in findings:
            typer.echo(str(finding))
        typer.echo(f"{counted(len(files), 'channel')}: {_said(findings)}", err=True)
    if any(finding.severity == "error" for finding in findings):
        raise typer.Exit(1)


def schema(
    effects: Annotated[bool, typer.Option("--effects", help="Of the effects, not of channel files.")] = False,
    write: Annotated[
        Path | None,
        typer.Option("--write", help="Write all schemas, and the manual's pages, below this project folder."),
    ] = None,
) -> None:
    """Print the JSON Schema of channel files, or of the canonical effects."""
    files = published()
    if write is None:
        typer.echo(files[EFFECTS_SCHEMA if effects else CHANNEL_SCHEMA], nl=False)
        return
    pages = {}
    if (write / EXAMPLES).is_dir():
        pages = {**manual_pages(write), METRICS_PAGE: metrics_page(), LOGS_PAGE: logs_page()}
    for path, text in {**files, **pages}.items():
        (write / path).parent.mkdir(parents=True, exist_ok=True)
        (write / path).write_text(text, encoding="utf-8")
    if pages:
        (write / CATALOGUE).write_text(as_markdown(catalogue(write / "channels")), encoding="utf-8")
    typer.echo(f"{counted(len(files), 'schema')} and {counted(len(pages), 'page')} written", err=True)


def _said(findings: Sequence[Finding]) -> str:
    errors = sum(finding.severity == "error" for finding in findings)
    return f"{counted(errors, 'error')}, {counted(len(findings) - errors, 'warning')}"
