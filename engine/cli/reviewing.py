"""What whoever deploys or approves is shown before anything happens, and is asked."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Annotated

import typer

from engine.auditing import Entry
from engine.cli.comparing import impact_of, show_impact, unpacked
from engine.cli.named import counted
from engine.config.loading import LoadedChannel
from engine.config.spec import FolderSource
from engine.editions.differing import FileChange, changes
from engine.editions.opening import packed_of
from engine.editions.packing import Packed
from engine.errors import Misconfigured
from engine.store.base import Store

__all__ = ["YesOption", "agreed", "read_code", "review"]

YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
_PLACES = 8  # of a file that are spelled out


def review(store: Store, packed: Packed, new: Sequence[LoadedChannel], last: int, told: Entry) -> int:
    """Show what a set of channels has other than the active edition, and what that means for the newest
    messages; the activation that it was compared with (0: there is none). An active edition that cannot be
    read here any more keeps nobody from deploying another."""
    active = store.active()
    if active is None:
        typer.echo(f"the first edition: {counted(len(packed.files), 'file')}")
        return 0
    number = active.edition
    try:
        before, old = packed_of(store, number), unpacked(store, number)
    except Misconfigured as error:
        said = f"edition {number}, the active one, cannot be read here: nothing to compare with\n{error}"
        typer.secho(said, fg="yellow", err=True)
        return active.id
    _show_changes(number, changes(before, packed))
    for gone, came in _renamed(old, new):
        said = (
            f"{came} comes where {gone} was: what {gone} took is not known to it, sent again it counts twice"
        )
        typer.secho(said, fg="yellow", err=True)
    show_impact(impact_of(store, number, old, new, last, told))
    return active.id


def _renamed(old: Sequence[LoadedChannel], new: Sequence[LoadedChannel]) -> Iterator[tuple[str, str]]:
    """Channels that are gone, each with the one that has come to its door."""
    names = {one.spec.channel for one in old} & {one.spec.channel for one in new}
    came = {_door(one): one.spec.channel for one in new if one.spec.channel not in names}
    for one in old:
        if one.spec.channel not in names and _door(one) in came:
            yield one.spec.channel, came[_door(one)]


def _door(channel: LoadedChannel) -> str:
    door = channel.spec.source.door
    return door.path if isinstance(door, FolderSource) else door.listen


def read_code(store: Store, packed: Packed, yes: bool) -> None:
    """Before functions of somebody else run here, to show what they change: what is new of them, line by
    line, and a question. Raises as `agreed`."""
    active, old = store.active(), Packed({})
    with suppress(Misconfigured):  # what cannot be read any more is nothing to compare with
        old = packed_of(store, active.edition) if active else old
    code = [one for one in changes(old, packed) if one.file.endswith(".py") and one.what != "removed"]
    for one in code:
        typer.echo(f"{one.what} {one.file}, code that runs:")
        for line in one.lines:
            typer.echo(f"    {line}")
    if code:
        agreed(yes, "It runs here now, with your rights, to show what changes. Go on?")


def _show_changes(number: int, found: Sequence[FileChange]) -> None:
    """Which files are others, and at which places."""
    typer.echo(f"against edition {number}: {counted(len(found), 'file')} changed")
    for one in found:
        more = len(one.places) - _PLACES
        places = ", ".join(one.places[:_PLACES]) + (f" and {counted(more, 'place')} more" if more > 0 else "")
        typer.echo(f"  {one.what:8} {one.file}" + (f": {places}" if places else ""))


def agreed(yes: bool, question: str) -> None:
    """Ask whoever sits there. Raises `typer.Exit` (1) for a no, `typer.BadParameter` when nobody does."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter("nobody is here to be asked", param_hint="--yes")
    if not typer.confirm(question, err=True):
        raise typer.Exit(1)
