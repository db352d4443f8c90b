"""`wardline impact`: what channels would make of stored messages other than those that run do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.auditing import Act
from engine.cli.acting import TicketOption, WhyOption, entry
from engine.cli.comparing import LAST, LastOption, impact_of, show_impact, unpacked
from engine.cli.show import JsonOption, StoreOption, open_named, print_json
from engine.cli.siting import SiteOption, sites_of
from engine.config.loading import load_channels
from engine.editions.page import page
from engine.errors import Misconfigured

__all__ = ["impact"]


def impact(
    channels: Annotated[
        Path | None, typer.Argument(help="Folder of channel files.", exists=True, file_okay=False)
    ] = None,
    edition: Annotated[int, typer.Option(help="Instead of a folder: an edition, by its number.", min=0)] = 0,
    last: LastOption = LAST,
    site: SiteOption = None,
    why: WhyOption = "",
    ticket: TicketOption = "",
    html: Annotated[Path | None, typer.Option("--html", help="Write a page here.")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what the channels of a folder would make of stored messages other than the active edition does.

    Nothing is stored or sent. Values are those of effects, as the privacy policy lets them out; numbers of
    people, visits and accounts are shown as `visit 1`. The look at the messages is in the audit."""
    if (channels is None) == (edition == 0):
        raise typer.BadParameter("name a folder, or an edition by --edition")
    opened = open_named(store)
    active = opened.active()
    if active is None:
        raise Misconfigured("there is no active edition to compare with", hint="wardline deploy")
    new = load_channels(channels, sites_of(site)) if channels else unpacked(opened, edition)
    told = entry(Act.LOOK, "impact", why=why, ticket=ticket)
    found = impact_of(opened, active.edition, unpacked(opened, active.edition), new, last, told)
    if html is not None:
        html.write_text(page(found, f"Impact against edition {active.edition}"), encoding="utf-8")
    if as_json:
        print_json(found)
    else:
        show_impact(found)
