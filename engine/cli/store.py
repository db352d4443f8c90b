"""`wardline store`: how large it is and how long the disk lasts; making it smaller."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.console import Console

from engine.cli.show import JsonOption, StoreOption, open_named, print_json, table, when
from engine.errors import Misconfigured
from engine.upkeep.forecast import NEVER
from engine.upkeep.status import StoreStatus, status_of

__all__ = ["store"]

store = typer.Typer(
    help="How large the store is, how long the disk lasts; making it smaller.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@store.callback()
def verbs() -> None:
    """How large the store is, how long the disk lasts; making it smaller."""


@store.command()
def status(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """How large the store is, by how much it grew, how many days the disk lasts, since when it holds what."""
    told = status_of(open_named(store), time.time())
    if as_json:
        print_json(told)
    else:
        _show(told)


@store.command()
def vacuum(
    store: StoreOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Give back to the disk what is empty in the store.

    A SQLite file is written anew: stop the engine before, and have as much room again. On PostgreSQL it
    goes on beside everything else. It is seldom needed: what is empty is written over first."""
    opened = open_named(store)
    size = opened.size()
    if not size.tables:
        if not opened.own():
            raise Misconfigured(
                "an engine runs on this store", hint="stop it first: its file is written anew"
            )
        if size.disk and size.disk.free < size.bytes:
            raise Misconfigured(
                f"takes {_large(size.bytes)} of room beside the store, and there are {_large(size.disk.free)}"
            )
        if not yes:
            typer.confirm(f"Write {_large(size.bytes)} anew?", abort=True, err=True)
    typer.echo(f"{_large(opened.vacuum())} given back")


def _show(told: StoreStatus) -> None:
    console = Console(highlight=False)
    shown = table("", "")
    shown.add_row("store", f"{_large(told.bytes)}, of them empty {_large(told.reusable)}")
    shown.add_row("messages", f"{told.messages:,}")
    shown.add_row("grew within a day", _large(told.grew))
    if disk := told.disk:
        share = disk.free / max(disk.total, 1)
        shown.add_row("disk free", f"{_large(disk.free)} of {_large(disk.total)} ({share:.0%})")
        shown.add_row("disk lasts", _lasts(told.days_left))
    else:
        shown.add_row("disk", "on another machine: watch it there")
    shown.add_row("oldest key", told.oldest_key or "-")
    shown.add_row("newest backup", when(told.backup_at))
    console.print(shown)
    if told.tables:
        shown = table("table", "size", "dead rows")
        for one in told.tables:
            shown.add_row(one.name, _large(one.bytes), f"{one.dead:,}")
        console.print(shown)


def _lasts(left: float | None) -> str:
    if left is None:
        return "known after some hours of running"
    return "it does not grow" if left >= NEVER else f"{left:,.0f} days, as it grew lately"


def _large(count: float) -> str:
    sign, count = ("-" if count < 0 else ""), abs(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{sign}{count:,.0f} {unit}" if unit == "bytes" else f"{sign}{count:,.1f} {unit}"
        count /= 1000
    return ""
