"""`wardline store`: how large it is and how long the disk lasts; making it smaller."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.console import Console

from engine.cli.show import JsonOption, StoreOption, open_named, print_json, table, when
from engine.errors import Misconfigured
from engine.store.base import Store
from engine.store.cabinet import KeyRow
from engine.store.contracts.care import StoreSize
from engine.upkeep.caring import GREW, SEEN
from engine.upkeep.forecast import NEVER, days_left

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
    opened, now = open_named(store), time.time()
    size = opened.size()
    grown = [
        (float(one.at), one.value) for one in opened.measures([GREW], span=3600, since=now - SEEN, until=now)
    ]
    left = days_left(size.disk.free + size.reusable, grown, now) if size.disk else None
    told = {
        "bytes": size.bytes,
        "reusable": size.reusable,
        "log": size.log,
        "disk": size.disk._asdict() if size.disk else None,
        "tables": [one._asdict() for one in size.tables],
        "grew_last_day": sum(by for at, by in grown if at >= now - 86400),
        "days_left": left,
        "messages": sum(row.messages for row in opened.account()),
        "oldest_key": min((one.id for one in _days(opened)), default=""),
        "backup_at": _backup_at(opened),
    }
    if as_json:
        print_json(told)
    else:
        _show(told, size)


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


def _show(told: dict[str, object], size: StoreSize) -> None:
    console = Console(highlight=False)
    shown = table("", "")
    shown.add_row("store", f"{_large(size.bytes)}, of them empty {_large(size.reusable)}")
    shown.add_row("messages", f"{told['messages']:,}")
    shown.add_row("grew within a day", _large(float(str(told["grew_last_day"]))))
    if size.disk:
        share = size.disk.free / max(size.disk.total, 1)
        shown.add_row("disk free", f"{_large(size.disk.free)} of {_large(size.disk.total)} ({share:.0%})")
        shown.add_row("disk lasts", _lasts(told["days_left"]))
    else:
        shown.add_row("disk", "on another machine: watch it there")
    shown.add_row("oldest key", str(told["oldest_key"]) or "-")
    shown.add_row("newest backup", when(float(str(told["backup_at"]))))
    console.print(shown)
    if size.tables:
        shown = table("table", "size", "dead rows")
        for one in size.tables:
            shown.add_row(one.name, _large(one.bytes), f"{one.dead:,}")
        console.print(shown)


def _lasts(left: object) -> str:
    if left is None:
        return "known after some hours of running"
    days = float(str(left))
    return "it does not grow" if days >= NEVER else f"{days:,.0f} days, as it grew lately"


def _days(opened: Store) -> list[KeyRow]:
    return opened.cabinet.keys("day") if opened.cabinet.known() else []


def _backup_at(opened: Store) -> float:
    found = opened.last_values(["wardline_backup_at"])
    return max((one.value for one in found.values()), default=0.0)


def _large(count: float) -> str:
    sign, count = ("-" if count < 0 else ""), abs(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{sign}{count:,.0f} {unit}" if unit == "bytes" else f"{sign}{count:,.1f} {unit}"
        count /= 1000
    return ""
