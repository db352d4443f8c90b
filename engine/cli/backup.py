"""`wardline backup`: copies of the store made while the engine works; whether they are whole and would do."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from engine.app.opening import ring_of
from engine.auditing import Act
from engine.cli.acting import TicketOption, act
from engine.cli.show import JsonOption, StoreOption, open_named, print_json, table, when
from engine.errors import Misconfigured
from engine.settings import Settings
from engine.store.sql import store_file
from engine.upkeep.backups import copy_cabinet, let_go, make, verify
from engine.upkeep.manifest import Backup, listed, read
from engine.upkeep.restoring import drill
from engine.upkeep.status import BACKUP_AT

__all__ = ["AsOption", "backup", "cabinet_at"]

PlaceArgument = Annotated[Path, typer.Argument(help="Folder of backups.")]
FolderArgument = Annotated[Path, typer.Argument(help="A backup, or a folder of them: then the newest.")]
AsOption = Annotated[
    str, typer.Option("--as", help="System user that PostgreSQL runs as, when this is root.")
]

backup = typer.Typer(
    help="Copies of the store, made while the engine works.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@backup.command("make")
def make_(
    place: PlaceArgument,
    keep: Annotated[int, typer.Option(min=0, help="Remove the oldest beyond so many; 0: none.")] = 0,
    rate: Annotated[float, typer.Option(min=0.1, help="Megabytes a second, at most.")] = 50.0,
    cabinet: Annotated[
        Path | None, typer.Option(help="Copy the cabinet over this file, afterwards. Keep it elsewhere.")
    ] = None,
    ticket: TicketOption = "",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy the store into a folder of its own in PLACE, named by the time, and see whether the copy is whole.

    The engine goes on meanwhile. Everything that was acknowledged up to the backup's mark is in it; keys are
    not, unless they lie in the same PostgreSQL server: then it says so."""
    settings = Settings.from_environment(store=store)
    opened = open_named(store)
    made = make(settings.store, place, ring_of(settings), rate=rate, cabinet=settings.cabinet)
    if cabinet is not None:
        copy_cabinet(_cabinet_file(settings), cabinet)
    gone = let_go(place, keep) if keep else []
    manifest = made.manifest
    name, newest = made.folder.name, str(manifest.mark.message)
    act(opened, Act.BACKUP, "store", ticket=ticket, backup=name, message=newest)
    opened.measure({}, {BACKUP_AT: manifest.at}, at=time.time())
    if as_json:
        print_json({"folder": made.folder, "manifest": manifest, "gone": gone})
        return
    typer.echo(f"{made.folder}: whole, up to message {manifest.mark.message}, {manifest.seconds:.0f} s")
    if manifest.cabinet_inside:
        typer.echo("the keys lie in the same server, so this copy holds them too", err=True)
    for folder in gone:
        typer.echo(f"{folder}: removed")


@backup.command("list")
def list_(place: PlaceArgument, as_json: JsonOption = False) -> None:
    """The backups in a folder, the newest last."""
    found = listed(place)
    if as_json:
        print_json([{"folder": one.folder, "manifest": one.manifest} for one in found])
        return
    shown = table("backup", "begun (UTC)", "up to message", "of", "version")
    for one in found:
        made = one.manifest
        shown.add_row(one.folder.name, when(made.at), str(made.mark.message), made.kind, made.version)
    Console(highlight=False).print(shown)


@backup.command("verify")
def verify_(folder: FolderArgument, as_json: JsonOption = False) -> None:
    """Is a backup whole, unchanged and ours? Reads all of it. Exit code 1 when it is not."""
    chosen = _chosen(folder)
    found = verify(chosen, ring_of(Settings.from_environment()))
    if as_json:
        print_json({"folder": chosen.folder, "found": found})
    else:
        for line in found or [f"{chosen.folder}: whole, up to message {chosen.manifest.mark.message}"]:
            typer.echo(line)
    raise typer.Exit(1 if found else 0)


@backup.command("drill")
def drill_(
    folder: FolderArgument,
    scratch: Annotated[Path | None, typer.Option(help="Where to restore it; default: temporary.")] = None,
    as_: AsOption = "",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Restore a backup in a scratch place, open it with a copy of today's cabinet, and look through its
    books, audit and versions; how long that took. Exit code 1 when something is wrong.

    Nothing of the store itself is touched. Do it each quarter, and after every change of how backups are
    made."""
    settings = Settings.from_environment(store=store)
    chosen = _chosen(folder)
    done = drill(
        chosen, ring_of(settings), settings.store, settings.cabinet, scratch=scratch, user=as_
    )  # fmt: skip
    if as_json:
        print_json({"folder": chosen.folder, "drilled": done})
    else:
        typer.echo(
            f"{chosen.folder}: restored in {done.restored:.1f} s, looked through in {done.looked:.1f} s;"
            f" {done.messages} messages, the newest {done.newest}, {done.opened} contents opened"
        )
        for line in done.found or ("its books, audit and versions hold",):
            typer.echo(line)
    raise typer.Exit(1 if done.found else 0)


def cabinet_at(settings: Settings) -> Path | None:
    """The cabinet's file, where it is one."""
    if settings.cabinet:
        return store_file(settings.cabinet)
    file = store_file(settings.store)
    return file.with_name(f"{file.name}.cabinet") if file else None


def _cabinet_file(settings: Settings) -> Path:
    file = cabinet_at(settings)
    if file is None:
        raise Misconfigured(
            "the cabinet is no file", where="--cabinet", hint="copy it with pg_dump --schema=wardline_cabinet"
        )
    return file


def _chosen(folder: Path) -> Backup:
    found = listed(folder)
    return found[-1] if found else read(folder)
