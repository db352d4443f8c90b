"""`wardline catalogue`: what runs here, for whom, from whom and where to, out of the channel files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
import typer

from engine.cli.siting import SiteOption, sites_of
from engine.errors import Misconfigured
from engine.workbench.catalogue import Catalogue, catalogue
from engine.workbench.catalogue_text import as_markdown, as_page

__all__ = ["show_catalogue"]


def show_catalogue(
    channels: Annotated[Path, typer.Argument(help="Folder of channel files.")] = Path("channels"),
    form: Annotated[
        Literal["markdown", "page", "json"], typer.Option("--format", help="A page is HTML, all in one file.")
    ] = "markdown",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write it here.")] = None,
    site: SiteOption = None,
) -> None:
    """List the integrations: owners, criticality, systems, doors, data classes, effects, destinations,
    tables, service levels."""
    text = _written(catalogue(channels, sites_of(site)), form)
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Misconfigured(f"cannot be written: {error.strerror}", where=str(output)) from None
    typer.echo(str(output), err=True)


def _written(found: Catalogue, form: str) -> str:
    if form == "json":
        return msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n"
    return as_page(found) if form == "page" else as_markdown(found)
