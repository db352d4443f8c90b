"""`wardline impact`: what channels would make of stored messages other than those that run do."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace
from rich.console import Console
from rich.progress import Progress

from engine.auditing import Act, Entry, spread
from engine.cli.acting import TicketOption, WhyOption, entry, sign
from engine.cli.ending import ENDING
from engine.cli.show import JsonOption, StoreOption, open_named, print_json
from engine.cli.siting import SiteOption, sites_of
from engine.config.loading import LoadedChannel, load_channels
from engine.editions.impact import Impact, differing
from engine.editions.impact import impact as compared
from engine.editions.opening import channels_of
from engine.editions.page import page
from engine.editions.wording import headline, pairs, sentence
from engine.errors import Misconfigured
from engine.model import Activation
from engine.store.base import Store

__all__ = ["LAST", "LastOption", "impact", "impact_of", "show_impact"]

LastOption = Annotated[
    int, typer.Option("--last", help="The newest so many messages of each channel that differs.", min=0)
]
LAST = 500
HtmlOption = Annotated[Path | None, typer.Option("--html", help="Write a page here.")]


def impact(
    channels: Annotated[Path, typer.Argument(help="Folder of channel files.", exists=True, file_okay=False)],
    last: LastOption = LAST,
    site: SiteOption = None,
    why: WhyOption = "",
    ticket: TicketOption = "",
    html: HtmlOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what the channels of a folder would make of stored messages other than the active edition does.

    Nothing is stored or sent. Values are those of effects, as the privacy policy lets them out; numbers of
    people, visits and accounts are shown as `visit 1`. The look at the messages is in the audit."""
    opened = open_named(store)
    active = opened.active()
    if active is None:
        raise Misconfigured("there is no active edition to compare with", hint="wardline deploy")
    new = load_channels(channels, sites_of(site))
    found = impact_of(opened, active, new, last, entry(Act.LOOK, "impact", why=why, ticket=ticket))
    if html is not None:
        html.write_text(page(found, f"Impact against edition {active.edition}"), encoding="utf-8")
    if as_json:
        print_json(found)
    else:
        show_impact(found)


def _active_channels(store: Store, active: Activation | None) -> list[LoadedChannel]:
    """The channels that are active now; none before there are any."""
    if active is None:
        return []
    scratch = ENDING.enter_context(tempfile.TemporaryDirectory(prefix="wardline-"))
    return channels_of(store, active.edition, Path(scratch))


def impact_of(
    store: Store, active: Activation | None, new: Sequence[LoadedChannel], last: int, told: Entry
) -> Impact:
    """What `new` would change of the newest messages. That they are looked at is recorded before, by whom
    `told` names."""
    old = _active_channels(store, active)
    names = differing(old, new)[0] if old else {}
    ids = {name: store.newest(name, last) for name in names}
    shown = [number for some in ids.values() for number in some]
    if shown:
        detail = {**told.detail, "compared": str(len(shown)), "against": _against(active)}
        store.record(
            spread(replace(told, act=Act.LOOK, object="impact", detail=detail), "shown", sorted(shown))
        )
        sign(store)
    with _progress(len(shown)) as progress:
        return compared(store, old, new, ids, os.urandom(32), progress)


def _against(active: Activation | None) -> str:
    return f"edition:{active.edition}" if active else "nothing"


def show_impact(found: Impact) -> None:
    """In business words, with a few messages to look at."""
    for channel in found.channels:
        typer.echo(headline(channel))
        for group in channel.groups:
            such = " ".join(map(str, group.examples))
            typer.echo(f"  {sentence(group)}  [message{'s' * (len(group.examples) > 1)} {such}]")
            for pair in pairs(group):
                typer.echo(f"      {pair}")
    if found.same:
        typer.echo(f"as they were: {', '.join(found.same)}")


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """A bar where somebody sees it."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("comparing messages", total=total)
        yield lambda count: bar.advance(task, count)
