"""`wardline workbench`: the pages for those who write channels, on this machine, for whoever has the link."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.named import channels_in
from engine.cli.siting import SiteOption, sites_of
from engine.console.pages.cataloguing import catalogue_routes
from engine.console.pages.guarding import Session
from engine.console.pages.serving import application, link, open_port, server
from engine.console.pages.trying import Trials, trial_routes
from engine.destinations.odoo.connection import from_environment

__all__ = ["workbench"]


def workbench(
    channels: Annotated[Path, typer.Argument(help="Folder of channel files, or one of them.", exists=True)],
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = 0,
    odoo: Annotated[
        str, typer.Option("--odoo", help="A connection that trials may read; nothing is written.")
    ] = "",
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
    folder = channels if channels.is_dir() else channels.parent
    pages = [*trial_routes(trials, session), *catalogue_routes(folder, sites_of(site))]
    server(application(pages, session, "/try")).run(sockets=[door])
