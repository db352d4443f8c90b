"""`wardline codes`: the worklist of codes that messages wait for."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from engine.cli.named import counted
from engine.cli.show import JsonOption, StoreOption, open_named, print_json, table, when
from engine.cli.siting import SiteOption, sites_of
from engine.cli.terminal import plainly
from engine.config.loading import load_channels
from engine.errors import Misconfigured
from engine.workbench.worklist import Addition, Wanted, row_for, tables_by_name, worklist

__all__ = ["codes"]

codes = typer.Typer(
    no_args_is_help=True, help="Codes that no table has, and the messages that wait for them."
)

FolderOption = Annotated[
    Path | None, typer.Option("--channels", help="Folder of channel files.", exists=True, file_okay=False)
]


@codes.command("list")
def listed(
    channels: FolderOption = None,
    site: SiteOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """What messages wait for, the most wanted first; with --channels, what may be meant."""
    loaded = load_channels(channels, sites_of(site)) if channels else []
    found = worklist(open_named(store).parked(), loaded)
    if as_json:
        print_json(found)
        return
    shown = table("table", "code", "messages", "first", "last", "at", "channels", "what next")
    for one in found:
        shown.add_row(
            one.table, plainly(one.code), str(one.messages), when(one.first_at), when(one.last_at), one.place,
            ", ".join(one.channels), _next(one),
        )  # fmt: skip
    Console(markup=False).print(shown)


@codes.command()
def resolve(
    code: Annotated[str, typer.Argument(help="The code, as `wardline codes list` shows it.")],
    cells: Annotated[list[str] | None, typer.Argument(help="column=value, for each cell of its row.")] = None,
    channels: FolderOption = None,
    name: Annotated[str, typer.Option("--table", help="Which table, where several lack the code.")] = "",
    like: Annotated[
        str, typer.Option("--like", help="Take what is not given from the row of this code.")
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Write without asking.")] = False,
    site: SiteOption = None,
    store: StoreOption = None,
) -> None:
    """Add the row that messages wait for to a table of the folder. They flow when it is deployed."""
    if channels is None:
        raise typer.BadParameter("name the folder whose table gets the row", param_hint="--channels")
    loaded = load_channels(channels, sites_of(site))
    parked = [one for one in open_named(store).parked() if one.code == code and name in ("", one.table)]
    files = tables_by_name(loaded)
    paths = {files[at] for one in parked if (at := (one.channel, one.table)) in files}
    if len(paths) != 1:
        raise Misconfigured(
            "several tables lack this code" if paths else "no message waits for this code",
            hint="--table" if paths else "wardline codes list",
        )
    added = row_for(paths.pop(), code, dict(_cell(one) for one in cells or ()), like)
    _show(added)
    if any(finding.severity == "error" for finding in added.findings):
        raise typer.Exit(1)
    if not yes and not (sys.stdin.isatty() and typer.confirm("Write this row?", err=True)):
        typer.echo("not written (--yes writes without asking)", err=True)
        raise typer.Exit(1)
    added.path.write_bytes(added.text.encode())
    waiting = counted(sum(one.messages for one in parked), "message")
    typer.echo(f"written; {waiting} will flow when it is deployed: wardline deploy {channels}")


def _cell(text: str) -> tuple[str, str]:
    column, mark, value = text.partition("=")
    if not mark or not column:
        raise typer.BadParameter("write it as column=value")
    return column.strip(), value.strip()


def _next(one: Wanted) -> str:
    if one.there:
        return "it has a row here: deploy"
    told = [f"like {suggestion.code}? {suggestion.why}" for suggestion in one.suggestions]
    return "; ".join((*told, *(f"{cell}? Odoo has it" for cell in one.listed)))


def _show(added: Addition) -> None:
    typer.echo(f"{added.path}:")
    typer.echo(typer.style(f"+ {added.row.rstrip()}", fg="green"))
    for finding in added.findings:
        typer.echo(str(finding))
