"""What whoever deploys or approves is shown before anything happens, and is asked."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from engine.cli.named import counted
from engine.editions.differing import changes
from engine.editions.opening import packed_of
from engine.editions.packing import Packed
from engine.model import Activation
from engine.store.base import EditionStore

__all__ = ["YesOption", "agreed", "show_changes"]

YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
_PLACES = 8  # of a file that are spelled out


def show_changes(store: EditionStore, active: Activation | None, packed: Packed) -> None:
    """Which files are others than in the active edition, and at which places."""
    if active is None:
        typer.echo(f"the first edition: {counted(len(packed.files), 'file')}")
        return
    found = changes(packed_of(store, active.edition), packed)
    typer.echo(f"against edition {active.edition}: {counted(len(found), 'file')} changed")
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
