"""`wardline purge`: what is past its time goes now, provably."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from engine.auditing import Act
from engine.cli.acting import TicketOption, WhyOption, entry, sign
from engine.cli.show import JsonOption, StoreOption, open_named, print_json
from engine.config.keeping import retention_of
from engine.config.loading import load_channels
from engine.model import Purged
from engine.retention import purge as purge_store
from engine.settings import Settings

__all__ = ["purge"]


def purge(
    channels: Annotated[
        Path | None, typer.Argument(help="Folder of channel files, for their own `retention:`.", exists=True)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would go, and leave it.")] = False,
    why: WhyOption = "",
    ticket: TicketOption = "",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove the content that is past its time and destroy the keys of the days that are over.

    A running engine does the same once a day; beside it this may run at any time."""
    settings = Settings.from_environment(store=store)
    specs = [one.spec for one in load_channels(channels)] if channels else []
    own = retention_of(specs, settings.retention)
    opened = open_named(store)
    if dry_run:
        done = opened.purge(settings.retention, own, time.time(), dry_run=True)
    else:
        told = entry(Act.PURGE, "store", why=why, ticket=ticket)
        done = purge_store(opened, settings.retention, own, told)
        sign(opened)
    if as_json:
        print_json(done)
    else:
        _show(done, dry_run=dry_run)


def _show(done: Purged, *, dry_run: bool) -> None:
    console = Console(highlight=False)
    if not done:
        console.print("nothing is past its time")
        return
    console.print("[bold]would go[/]" if dry_run else "[bold]gone[/]")
    console.print(f"  contents               {done.contents}")
    console.print(f"  sealed anew, they stay {done.renewed}")
    console.print(f"  resends and courses    {done.forgotten}")
    console.print(f"  keys of days           {len(done.keys)}")
    for key in done.keys:
        console.print(f"    {key}", markup=False)
