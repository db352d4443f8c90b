"""`wardline deploy | rollback`: which channels the engine is to run, from when on, and why."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from engine.auditing import Act, Entry
from engine.cli.acting import TicketOption, WhyOption, entry, reason, sign
from engine.cli.awaiting import WaitOption, await_engine
from engine.cli.ending import ENDING
from engine.cli.named import counted
from engine.cli.show import StoreOption, open_named
from engine.cli.siting import SiteOption, sites_of
from engine.editions.deploying import activate, before, propose, put_in_force
from engine.editions.differing import changes
from engine.editions.fitness import Fitness, examined
from engine.editions.opening import packed_of
from engine.editions.packing import Packed
from engine.errors import Misconfigured
from engine.model import Activation
from engine.store.base import EditionStore

__all__ = ["deploy", "rollback"]

FolderArgument = Annotated[
    Path, typer.Argument(help="Folder of channel files.", exists=True, file_okay=False)
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def deploy(
    channels: FolderArgument,
    why: WhyOption = "",
    ticket: TicketOption = "",
    site: SiteOption = None,
    yes: YesOption = False,
    wait: WaitOption = 10.0,
    store: StoreOption = None,
) -> None:
    """Check the channels of a folder, show what would change, and make them the ones that run.

    Exit code 1, with nothing deployed, when lint finds an error or a case fails."""
    why, opened = reason(why), open_named(store)
    checked = _checked(channels, sites_of(site))
    active = opened.active()
    if active is not None and packed_of(opened, active.edition).digest == checked.packed.digest:
        typer.echo(f"nothing to deploy: this is edition {active.edition}, the active one")
        return
    _show_changes(opened, active, checked.packed)
    told = _entry(why, ticket)
    _agreed(yes, "Deploy this?")
    edition = propose(opened, checked.packed, told)
    activation = put_in_force(opened, edition, told)
    sign(opened)
    typer.echo(f"edition {edition.number} is the active one")
    await_engine(opened, activation, wait)


def rollback(
    number: Annotated[int, typer.Argument(help="The edition; default: the one before.", min=0)] = 0,
    why: WhyOption = "",
    ticket: TicketOption = "",
    wait: WaitOption = 10.0,
    store: StoreOption = None,
) -> None:
    """Go back to an edition that was active before."""
    opened = open_named(store)
    number = number or before(opened)
    if all(one.edition != number for one in opened.activations()):
        raise Misconfigured("it was never active", where=f"edition {number}", hint="wardline editions")
    activation = activate(opened, number, _entry(reason(why), ticket))
    sign(opened)
    typer.echo(f"edition {number} is the active one again")
    await_engine(opened, activation, wait)


def _checked(channels: Path, sites: Sequence[str]) -> Fitness:
    """What is to be deployed, if it is fit for that; else what keeps it from that, and exit code 1."""
    scratch = ENDING.enter_context(tempfile.TemporaryDirectory(prefix="wardline-"))
    checked = examined(channels, sites, Path(scratch) / "edition")
    for finding in checked.findings:
        typer.echo(str(finding))
    for result in checked.failed:
        typer.echo(f"{typer.style('FAIL', fg='red')}  {result.channel}: {result.case}")
        for failure in result.failures:
            typer.echo(f"      {failure}")
    if checked.errors or checked.failed:
        found = f"{counted(len(checked.errors), 'error')}, {counted(len(checked.failed), 'failed case')}"
        typer.echo(f"not deployed: {found}", err=True)
        raise typer.Exit(1)
    typer.echo(
        f"{counted(len(checked.channels), 'channel')}, {counted(len(checked.results), 'case')}, all green"
    )
    return checked


def _show_changes(store: EditionStore, active: Activation | None, packed: Packed) -> None:
    """Which files are others than in the active edition."""
    if active is None:
        typer.echo(f"the first edition: {counted(len(packed.files), 'file')}")
        return
    found = changes(packed_of(store, active.edition), packed)
    typer.echo(f"against edition {active.edition}: {counted(len(found), 'file')} changed")
    for one in found:
        typer.echo(f"  {one.what:8} {one.file}" + (f": {', '.join(one.places[:8])}" if one.places else ""))


def _agreed(yes: bool, question: str) -> None:
    """Whoever deploys has seen what it changes. Raises `typer.Exit` when not agreed to."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter("nobody is here to be asked", param_hint="--yes")
    if not typer.confirm(question, err=True):
        raise typer.Exit(1)


def _entry(why: str, ticket: str) -> Entry:
    return entry(Act.DEPLOY, "channels", why=why, ticket=ticket)
