"""`wardline restore`: put a backup in the place of a store that is gone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.app.opening import ring_of
from engine.auditing import Act
from engine.cli.acting import TicketOption, act
from engine.cli.backup import cabinet_at
from engine.cli.show import StoreOption, open_named
from engine.errors import Misconfigured
from engine.settings import Settings
from engine.store.sql import store_file
from engine.upkeep.backups import copy_cabinet
from engine.upkeep.manifest import Backup, listed, read
from engine.upkeep.restoring import restore_cluster, restore_file

__all__ = ["restore"]


def restore(
    backup: Annotated[Path, typer.Argument(help="A backup, or a folder of them: then the newest.")],
    data: Annotated[
        Path | None, typer.Argument(help="PostgreSQL: the new data folder. SQLite: as the store's URL says.")
    ] = None,
    archive: Annotated[
        Path | None, typer.Option(help="PostgreSQL: folder of the archived log, to go on from the backup.")
    ] = None,
    until: Annotated[
        str, typer.Option(help="PostgreSQL: go on to this moment: 2026-11-22T14:30:00+01:00.")
    ] = "",
    cabinet: Annotated[
        Path | None, typer.Option(help="The cabinet's copy, where there is no cabinet any more.")
    ] = None,
    why: Annotated[str, typer.Option("--why", help="The reason, for the audit.")] = "",
    ticket: TicketOption = "",
    store: StoreOption = None,
) -> None:
    """Put a backup where the store was. The place must be free: nothing is ever written over.

    The backup is looked through before. What came after its mark is not in it: senders send again what they
    kept, Odoo keeps what it has, and the keys of effects see to it that nothing is done twice there."""
    settings = Settings.from_environment(store=store)
    found = listed(backup)
    chosen = found[-1] if found else read(backup)
    if chosen.manifest.kind == "postgresql":
        _server(chosen, settings, data, archive, until)
        return
    file = store_file(settings.store)
    if file is None or data or archive or until:
        raise Misconfigured("a copy of a SQLite store goes to sqlite:///FILE, as a whole", where="--store")
    restore_file(chosen, ring_of(settings), file)
    _put_cabinet(settings, cabinet)
    mark = chosen.manifest.mark.message
    typer.echo(f"{file}: restored from {chosen.folder.name}, up to message {mark}")
    act(
        open_named(store), Act.BACKUP, "store", why=why, ticket=ticket, restored=chosen.folder.name,
        message=str(mark),
    )  # fmt: skip
    typer.echo("next: wardline account, then start the engine, then compare with Odoo: wardline reconcile")


def _server(chosen: Backup, settings: Settings, data: Path | None, archive: Path | None, until: str) -> None:
    if data is None:
        raise Misconfigured("name the new data folder", where="DATA", hint="wardline restore BACKUP DATA")
    restore_cluster(chosen, ring_of(settings), data, archive=archive, until=until)
    typer.echo(f"{data}: restored from {chosen.folder.name}, up to message {chosen.manifest.mark.message}")
    if archive:
        typer.echo(
            "its server follows the archived log when it starts" + (f", until {until}" if until else "")
        )
    typer.echo(f"next: chown -R postgres {data}; pg_ctl -D {data} start; wardline account; start the engine")


def _put_cabinet(settings: Settings, copy: Path | None) -> None:
    place = cabinet_at(settings)
    if copy is None or place is None:
        return
    if place.exists():
        raise Misconfigured(
            "there is a cabinet already, and it is newer than any copy", where=str(place),
            hint="leave --cabinet away; an older copy would bring destroyed keys back",
        )  # fmt: skip
    copy_cabinet(copy, place)
