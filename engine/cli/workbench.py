"""`wardline workbench`: the pages for those who write channels, on this machine, for whoever has the link."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.named import channels_in
from engine.cli.show import open_named
from engine.cli.siting import SiteOption, sites_of
from engine.config.loading import load_channels
from engine.console.pages.cataloguing import catalogue_routes
from engine.console.pages.codes import code_routes
from engine.console.pages.guarding import Session
from engine.console.pages.serving import application, link, open_port, server
from engine.console.pages.trying import Trials, trial_routes
from engine.destinations.odoo.connection import from_environment
from engine.workbench.worklist import Wanted, worklist

__all__ = ["workbench"]


def workbench(
    channels: Annotated[Path, typer.Argument(help="Folder of channel files, or one of them.", exists=True)],
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = 0,
    odoo: Annotated[
        str, typer.Option("--odoo", help="A connection that trials may read; nothing is written.")
    ] = "",
    store: Annotated[
        str | None,
        typer.Option("--store", help="Database URL, to see which codes wait.", envvar="WARDLINE_STORE"),
    ] = None,
    site: SiteOption = None,
) -> None:
    """Serve the pages of the workbench on this machine until told to stop (Ctrl-C).

    Prints a link that works once, for one browser. Channel files are read anew for each trial, so an edited
    one shows at once.
    """
    channels_in([channels])
    connection = from_environment(odoo, os.environ) if odoo else None
    trials = Trials(lambda: channels_in([channels]), sites_of(site), connection)
    door = open_port(port)
    session = Session(door.getsockname()[1])
    typer.echo(link(door, session))
    typer.echo("The link works once, for one browser. Ctrl-C ends the workbench.", err=True)
    folder, sites = channels if channels.is_dir() else channels.parent, sites_of(site)
    pages = [
        *trial_routes(lambda: trials, session),
        *catalogue_routes(lambda: (folder, sites)),
        *code_routes(_worklist(store, folder, sites), str(folder)),
    ]
    server(application(pages, session, "/try")).run(sockets=[door])


def _worklist(store: str | None, folder: Path, sites: Sequence[str]) -> Callable[[], Sequence[Wanted]] | None:
    """What reads the worklist of a store; None without one."""
    if store is None:
        return None
    opened = open_named(store)
    return lambda: worklist(opened.parked(), load_channels(folder, sites))
