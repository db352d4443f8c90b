"""`wardline manual`: these pages as a folder for a browser."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from engine.errors import Misconfigured
from engine.manual.contents import pages
from engine.manual.site import build

__all__ = ["manual"]


def manual(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder to write; made where it is not.")
    ],
) -> None:
    """Write the manual as a folder that any browser opens, with a search, without a server."""
    steps = iter(
        track(
            range(len(list(pages()))),
            "Writing",
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )
    )
    try:
        count = build(output, lambda _: next(steps, None))
    except OSError as error:
        raise Misconfigured(f"cannot be written: {error.strerror}", where=str(output)) from None
    typer.echo(f"{count} pages: {output / 'index.html'}")
