"""`wardline editions`: the sets of channels, who put them forward and approved them, and what runs."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from engine.cli.named import counted
from engine.cli.show import JsonOption, StoreOption, open_named, print_json, table, when
from engine.editions.differing import changes
from engine.editions.opening import edition_of, packed_of
from engine.store.contracts.editions import Edition, EditionStore

__all__ = ["editions"]

NumberArgument = Annotated[int, typer.Argument(help="The number of an edition.", min=1)]

editions = typer.Typer(
    help="Sets of channels that are, were or may be run.",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@editions.callback()
def list_(
    context: typer.Context,
    store: StoreOption = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The newest so many.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Which editions there are, the newest first, and what the engine runs."""
    if context.invoked_subcommand:
        return
    opened = open_named(store)
    found = [(one, state_of(opened, one)) for one in opened.editions(limit)]
    if as_json:
        print_json({"editions": [_plain(one, state) for one, state in found], "running": opened.running()})
        return
    shown = table("edition", "state", "time (UTC)", "who", "decided by", "why", "sites")
    for one, state in found:
        why = f"{one.why} [{one.ticket}]" if one.ticket else one.why
        shown.add_row(
            str(one.number), state, when(one.at), one.who, one.decided_by, why, ", ".join(one.sites)
        )
    Console(markup=False, highlight=False).print(shown)
    for process in opened.running():
        said = f", and refused activation {process.activation}: {process.refused}" if process.refused else ""
        typer.echo(f"{process.holder} runs edition {process.edition} since {when(process.at)}{said}")


@editions.command()
def show(number: NumberArgument, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """One edition: who, when, why, when it was active, and its files."""
    opened = open_named(store)
    edition, packed = edition_of(opened, number), packed_of(opened, number)
    state, active = state_of(opened, edition), [one for one in opened.activations() if one.edition == number]
    files = {name: len(content) for name, content in sorted(packed.files.items())}
    if as_json:
        print_json({**_plain(edition, state), "activations": active, "files": files})
        return
    typer.echo(f"edition {number}, {state}: {edition.digest.hex()}")
    typer.echo(f"put forward by {edition.who}, {when(edition.at)}: {edition.why}")
    if edition.decided_by:
        word = "withdrawn" if edition.state == "withdrawn" else "approved"
        typer.echo(f"{word} by {edition.decided_by}, {when(edition.decided_at)}")
    for one in reversed(active):
        typer.echo(f"activated by {one.who}, {when(one.at)}: {one.why}")
    if edition.sites:
        typer.echo(f"sites: {', '.join(edition.sites)}")
    for name, size in files.items():
        typer.echo(f"{size:9} {name}")


@editions.command()
def diff(
    before: NumberArgument,
    after: NumberArgument,
    store: StoreOption = None,
    as_json: JsonOption = False,
    lines: Annotated[bool, typer.Option("--lines/--no-lines", help="Line by line too.")] = True,
) -> None:
    """What the second edition has other than the first."""
    opened = open_named(store)
    found = changes(packed_of(opened, before), packed_of(opened, after))
    if as_json:
        print_json(found)
        return
    for one in found:
        typer.echo(f"{one.what} {one.file}" + (f": {', '.join(one.places)}" if one.places else ""))
        for line in one.lines if lines else ():
            typer.echo(f"    {line}")
    typer.echo(f"{counted(len(found), 'file')} changed", err=True)


def state_of(store: EditionStore, edition: Edition) -> str:
    """An edition's state in a word: active, replaced (by one that is), or as it stands in the store."""
    active = store.active()
    if active is not None and active.edition == edition.number:
        return "active"
    if edition.state == "approved" and any(one.edition == edition.number for one in store.activations()):
        return "replaced"
    return edition.state


def _plain(edition: Edition, state: str) -> dict[str, object]:
    return {
        "number": edition.number, "state": state, "digest": edition.digest.hex(), "at": edition.at,
        "who": edition.who, "why": edition.why, "ticket": edition.ticket, "sites": edition.sites,
        "decided_by": edition.decided_by, "decided_at": edition.decided_at,
    }  # fmt: skip
