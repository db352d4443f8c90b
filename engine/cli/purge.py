"""`wardline purge`: what is past its time goes now, provably."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from engine.app.opening import ring_of
from engine.app.recorder import named_by
from engine.auditing import Act, Configuration
from engine.cli.acting import TicketOption, WhyOption, entry, sign
from engine.cli.show import JsonOption, StoreOption, open_named, print_json
from engine.config.configured import settings_configuration
from engine.config.keeping import retention_of
from engine.config.loading import load_channels
from engine.config.spec import ChannelSpec
from engine.errors import Misconfigured
from engine.retention import DAY, purge_audit
from engine.retention import purge as purge_store
from engine.settings import Settings
from engine.store.contracts.purging import Purged

__all__ = ["purge"]

_KEPT: Final = ("CONTENT", "DEAD", "QUARANTINE", "DUPLICATES", "AUDIT")
_KEEP: Final = frozenset(f"WARDLINE_KEEP_{what}" for what in _KEPT)


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
    """Remove the content that is past its time and destroy the keys of the days that are over; then the
    entries of the audit that are past their years, which on PostgreSQL only the database's owner may.

    A running engine does the same once a day; beside it this may run at any time. What was kept longer by the
    engine that ran here last stops it: nothing brings back what goes too early."""
    settings = Settings.from_environment(store=store)
    specs = [one.spec for one in load_channels(channels, settings.sites)] if channels else []
    own = retention_of(specs, settings.retention)
    opened = open_named(store)
    _check_agreed(opened.configured(), specs, settings)
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
    if dry_run:
        if opened.has_past(time.time() - settings.keep_audit * DAY):
            typer.echo("entries of the audit are past their years, too", err=True)
    elif gone := purge_audit(opened, settings.keep_audit, told):
        sign(opened)
        typer.echo(f"entries of the audit gone: {gone}", err=True)


def _check_agreed(
    known: Mapping[str, Configuration], specs: Iterable[ChannelSpec], settings: Settings
) -> None:
    """Raises `Misconfigured` when the engine that was started last keeps otherwise than this command would:
    by its settings, or by a channel file that is not given here."""
    given = {f"channel:{spec.channel}" for spec in specs}
    for name, one in sorted(known.items()):
        if name not in given and any(place.startswith("retention.") for place in one.places):
            raise Misconfigured(
                f"{name.removeprefix('channel:')} says itself how long it keeps, and its file is not given",
                hint="wardline purge CHANNELS, with the folder that the engine runs",
            )
    if engine := known.get("settings"):
        mine = settings_configuration(os.environ, named_by(ring_of(settings))).places
        for place in sorted(mine.keys() | engine.places.keys()):
            if place in _KEEP and mine.get(place) != engine.places.get(place):
                raise Misconfigured(
                    "the engine that ran here last has another setting", where=place, hint="set it alike"
                )


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
