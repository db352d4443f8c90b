"""What the newest stored messages would become in other channels than those that run, compared and shown."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from msgspec.structs import replace
from rich.console import Console
from rich.progress import Progress

from engine.auditing import Act, Entry, spread
from engine.cli.acting import sign
from engine.cli.ending import ENDING
from engine.config.loading import LoadedChannel
from engine.editions.impact import Channel, Impact, differing, impact
from engine.editions.opening import channels_of
from engine.editions.wording import headline, pairs, sentence
from engine.store.base import Store

__all__ = ["LAST", "LastOption", "impact_of", "show_channels", "show_impact", "unpacked"]

LastOption = Annotated[
    int, typer.Option("--last", help="The newest so many messages of each channel that differs.", min=0)
]
LAST = 500


def unpacked(store: Store, number: int) -> list[LoadedChannel]:
    """The channels of an edition; what is unpacked goes when the command ends. Raises `Misconfigured`."""
    return channels_of(store, number, Path(ENDING.enter_context(TemporaryDirectory(prefix="wardline-"))))


def impact_of(
    store: Store,
    number: int,
    old: Sequence[LoadedChannel],
    new: Sequence[LoadedChannel],
    last: int,
    told: Entry,
) -> Impact:
    """What `new` would change of the newest messages against `old`, the edition with this number; in channels
    that follow visits or appointments as many of before are gone through first. That they are looked at is
    recorded before, by whom `told` names."""
    courses = {one.spec.channel for one in (*old, *new) if one.program.course is not None}
    every = {name: store.newest(name, last * (1 + (name in courses))) for name in differing(old, new)[0]}
    ids = {name: some[-last:] for name, some in every.items()}
    earlier = [one for some in every.values() for one in some[:-last]]
    shown = sorted(one for some in ids.values() for one in some)
    if shown:
        detail = {**told.detail, "compared": str(len(shown)), "against": f"edition:{number}"}
        look = replace(told, act=Act.LOOK, object="impact", detail=detail)
        store.record(spread(look, "shown", shown))
        sign(store)
    with _progress(len(earlier) + len(shown)) as progress:
        return impact(store, old, new, ids, os.urandom(32), earlier=earlier, done=progress)


def show_impact(found: Impact) -> None:
    """In business words, with a few messages to look at."""
    show_channels(found.channels)
    untold = [f"{one.name} ({one.what})" for one in found.channels if not one.messages]
    if untold:
        typer.echo(f"no message to compare: {', '.join(untold)}")
    if found.same:
        typer.echo(f"as they were: {', '.join(found.same)}")


def show_channels(channels: Iterable[Channel]) -> None:
    """What would be otherwise, channel by channel."""
    for channel in channels:
        if channel.messages:
            typer.echo(headline(channel))
        for group in channel.groups:
            such = " ".join(map(str, group.examples))
            typer.echo(f"  {sentence(group)}  [message{'s' * (len(group.examples) > 1)} {such}]")
            for pair in pairs(group):
                typer.echo(f"      {pair}")


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """A bar where somebody sees it."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("comparing messages", total=total)
        yield lambda count: bar.advance(task, count)
