"""`wardline deploy`: the channels of a folder, checked, shown, put forward."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from engine.auditing import Entry
from engine.cli.acting import TicketOption, WhyOption, reason, sign
from engine.cli.awaiting import WaitOption, await_engine
from engine.cli.comparing import LAST, LastOption
from engine.cli.ending import ENDING
from engine.cli.named import counted
from engine.cli.proving import KeyOption, in_production, teller
from engine.cli.reviewing import YesOption, agreed, review
from engine.cli.show import StoreOption, open_named
from engine.cli.siting import SiteOption, sites_of
from engine.editions.deploying import approved_by_another, propose, put_in_force
from engine.editions.fitness import Fitness, examined
from engine.editions.opening import edition_of
from engine.editions.packing import Packed
from engine.people.words import Role
from engine.store.base import Store
from engine.store.contracts.editions import Edition

__all__ = ["deploy"]

FolderArgument = Annotated[
    Path, typer.Argument(help="Folder of channel files.", exists=True, file_okay=False)
]


def deploy(
    channels: FolderArgument,
    why: WhyOption = "",
    ticket: TicketOption = "",
    site: SiteOption = None,
    key: KeyOption = None,
    last: LastOption = LAST,
    yes: YesOption = False,
    wait: WaitOption = 10.0,
    store: StoreOption = None,
) -> None:
    """Check the channels of a folder, show what would change, and make them the ones that run; in production,
    put them forward for another person's approval.

    Exit code 1, with nothing deployed, when lint finds an error or a case fails."""
    why, opened = reason(why), open_named(store, may_make=True)
    told = teller(opened, "channels", key, [Role.AUTHOR], why=why, ticket=ticket)
    checked = _checked(channels, sites_of(site))
    active = opened.active()
    known = active and edition_of(opened, active.edition)
    if known and known.digest == checked.packed.digest and _may_run(known):
        typer.echo(f"nothing to deploy: this is edition {known.number}, the active one")
        return
    seen = review(opened, checked.packed, checked.channels, last, told)
    agreed(yes, "Deploy this?")
    if in_production():
        _put_forward(opened, checked.packed, told)
        return
    activation = put_in_force(opened, checked.packed, told, seen)
    sign(opened)
    typer.echo(f"edition {activation.edition} is the active one")
    await_engine(opened, activation, wait)


def _put_forward(opened: Store, packed: Packed, told: Entry) -> None:
    edition = propose(opened, packed, told)
    sign(opened)
    if edition.state == "proposed":
        typer.echo(f"edition {edition.number} waits for another person: wardline approve {edition.number}")
    else:
        typer.echo(f"this is edition {edition.number}, approved before: wardline rollback {edition.number}")


def _may_run(edition: Edition) -> bool:
    return not in_production() or approved_by_another(edition)


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
