"""Channels that act at set times, for those who operate them: `wardline scheduled | release`."""

from __future__ import annotations

import time
from functools import partial
from typing import Annotated

import typer
from rich.console import Console

from engine.auditing import Act
from engine.cli.acting import TicketOption, WhyOption, entry, reason, sign
from engine.cli.show import JsonOption, StoreOption, open_named, print_json, table, when
from engine.scheduling import AT_ONCE, with_the_rest

__all__ = ["release", "scheduled"]


def scheduled(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """What waits for which run of its channel's schedule."""
    runs = open_named(store).scheduled()
    if as_json:
        print_json(runs)
        return
    shown = table("channel", "run", "effects")
    for run in runs:
        shown.add_row(run.channel, when(run.due_at), str(run.deliveries))
    Console().print(shown)


def release(
    channel: Annotated[str, typer.Argument(help="A channel with a schedule.")],
    store: StoreOption = None,
    why: WhyOption = "",
    ticket: TicketOption = "",
) -> None:
    """Carry out now what waits for the next runs of a channel's schedule."""
    opened = open_named(store)
    waiting = sum(run.deliveries for run in opened.scheduled() if run.channel == channel)
    if not waiting:
        typer.echo(f"nothing of {channel} waits for a run", err=True)
        raise typer.Exit(1)
    told = entry(Act.RELEASE, f"channel:{channel}", why=reason(why), ticket=ticket, count=str(waiting))
    move = partial(opened.release_scheduled, time.time(), channel=channel, limit=AT_ONCE)
    first = move(told=told)
    sign(opened)
    typer.echo(f"{with_the_rest(first, move)} on their way")
