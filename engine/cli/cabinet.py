"""`wardline cabinet`: which keys there are, and how to go on when they are lost."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.console import Console

from engine.app.opening import ring_of
from engine.auditing import Act
from engine.cli.acting import TicketOption, act
from engine.cli.show import JsonOption, StoreOption, open_named, print_json, table, when
from engine.settings import Settings
from engine.store.sql import give_up_cabinet

__all__ = ["cabinet"]

cabinet = typer.Typer(
    help="The keys that may be destroyed: of contents by day, of persons.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@cabinet.callback()
def verbs() -> None:
    """The keys that may be destroyed: of contents by day, of persons."""


@cabinet.command()
def status(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """The keys of contents, and when and why others were destroyed; how many persons have one."""
    kept = open_named(store).cabinet
    days, gone = kept.keys("day"), kept.keys("day", destroyed=True)
    persons, erased = len(kept.keys("subject")), len(kept.keys("subject", destroyed=True))
    if as_json:
        told = {"id": kept.id, "shared": kept.shared, "persons": persons, "erased": erased}
        print_json({**told, "days": [one._asdict() for one in [*days, *gone]]})
        return
    shown = table("key", "destroyed", "why")
    for one in (*days, *gone[-30:]):
        shown.add_row(one.id, when(one.destroyed_at), one.why)
    console = Console(highlight=False)
    console.print(shown)
    where = "in the store's database" if kept.shared else "apart from the store"
    console.print(f"cabinet {kept.id}, {where}; keys of {persons} persons, {erased} erased")


@cabinet.command("give-up")
def give_up(
    why: Annotated[str, typer.Option("--why", help="The reason, for the audit.")],
    ticket: TicketOption = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    store: StoreOption = None,
) -> None:
    """Go on without keys that are lost: what they sealed cannot be read any more, ever.

    Only for a store that does not open because its cabinet is missing or an older copy, when no newer copy
    is left. Messages in work whose content is lost end as dead letters that say so."""
    settings = Settings.from_environment(store=store)
    if not yes:
        typer.confirm("What was sealed with the lost keys is lost. Go on?", abort=True, err=True)
    lost = give_up_cabinet(settings.store, ring_of(settings), settings.cabinet, time.time())
    act(open_named(store), Act.CONFIGURE, "key:cabinet", why=why, ticket=ticket, lost=" ".join(lost[:100]))
    typer.echo(f"{len(lost)} keys of contents are given up")
