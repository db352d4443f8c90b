"""`wardline replay`, `edit` and `revisions`: messages through today's channels again, as they came or
corrected."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from engine.cli.acting import TicketOption, WhyOption, reason
from engine.cli.comparing import show_channels
from engine.cli.fixing import (
    AllOption,
    CodeOption,
    DryOption,
    MessageOption,
    OwnerOption,
    PlaceOption,
    SinceOption,
    ToOption,
    UntilOption,
)
from engine.cli.performing import performed
from engine.cli.show import ChannelOption, JsonOption, StoreOption, print_json, table, when
from engine.errors import Misconfigured
from engine.operations.editing import EDIT, REVISIONS, WOULD_EDIT, AskEdit, AskRevisions
from engine.operations.replaying import REPLAY, WOULD_REPLAY, Replay, WouldReplay

__all__ = ["edit", "replay", "revisions"]

NumberArgument = Annotated[int, typer.Argument(metavar="MESSAGE", help="A message's id.", min=1)]

WHY_NOT = {
    "gone": "their content is gone",
    "in-work": "they are in work",
    "refused": "their senders were told that they are refused",
    "piece": "resends, and later pieces of others",
    "followed": "a later version of the same resource is here",
    "unmerged": "the merge that they said was taken back",
    "no-message": "they say nothing to be routed",
}


def replay(
    store: StoreOption = None,
    channel: ChannelOption = "",
    message_id: MessageOption = None,
    state: Annotated[str, typer.Option(help="Only in this state: delivered, filtered, dead, …")] = "",
    code: CodeOption = "",
    place: PlaceOption = "",
    owner: OwnerOption = "",
    destination: ToOption = "",
    since: SinceOption = "",
    until: UntilOption = "",
    everything: AllOption = False,
    dry_run: DryOption = False,
    why: WhyOption = "",
    ticket: TicketOption = "",
    as_json: JsonOption = False,
) -> None:
    """Put messages through today's channels again, in the order in which they came. What stands stays as it
    is; only what a channel says otherwise now is carried out, under the same key. Takes a reason."""
    asked = Replay(
        channel=channel, code=code, place=place, owner=owner, destination=destination, since=since,
        until=until, ids=tuple(message_id or ()), all=everything, state=state,
        why=why if dry_run else reason(why), ticket=ticket,
    )  # fmt: skip
    if dry_run:
        would = performed(store, WOULD_REPLAY, asked)
        if as_json:
            print_json(would)
        else:
            _show(would)
        return
    done = performed(store, REPLAY, asked)
    if as_json:
        print_json(done)
        return
    typer.echo(f"{len(done.messages)} messages go through their channels again")
    _left(done.not_replayed)


def edit(
    message: NumberArgument,
    values: Annotated[
        list[str] | None, typer.Option("--set", metavar="PLACE=TEXT", help="Such as FT1-7.1=G200.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--from", help="The whole message out of this file instead.", exists=True)
    ] = None,
    dry_run: DryOption = False,
    why: WhyOption = "",
    ticket: TicketOption = "",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Correct what a message says, and put it through its channel again. What it said before is kept, with
    who changed it and why; it keeps its place in the order, and a resend of it stays one. Takes a reason."""
    content = file.read_text(encoding="utf-8", errors="strict") if file else ""
    asked = AskEdit(
        id=message, values=dict(map(_pair, values or ())), content=content,
        why=why if dry_run else reason(why), ticket=ticket,
    )  # fmt: skip
    if dry_run:
        found = performed(store, WOULD_EDIT, asked)
        if as_json:
            print_json(found)
            return
        typer.echo(f"changed: {' '.join(found.changed)}")
        _show(found.would)
        return
    done = performed(store, EDIT, asked)
    if as_json:
        print_json(done)
    else:
        typer.echo(f"message {message} is revision {done.revision} now: {' '.join(done.changed)} changed")


def revisions(message: NumberArgument, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Who corrected a message, when and why."""
    found = performed(store, REVISIONS, AskRevisions(message))
    if as_json:
        print_json(found)
        return
    shown = table("revision", "at (UTC)", "who", "why")
    for one in found:
        shown.add_row(str(one.revision), when(one.at), one.who, one.why)
    Console(markup=False, highlight=False).print(shown)


def _pair(text: str) -> tuple[str, str]:
    place, mark, value = text.partition("=")
    if not mark:
        raise Misconfigured("is not PLACE=TEXT", where="--set", hint="such as FT1-7.1=G200")
    return place, value


def _show(would: WouldReplay) -> None:
    typer.echo(
        f"{would.messages} messages, {would.compared} compared: {would.unchanged} unchanged;"
        f" of their effects {would.stand} stand ({would.left} are not made any more),"
        f" {would.carried} would be carried out"
    )
    if would.overtaken:
        typer.echo(f"{would.overtaken} of these would be refused: a later message has said otherwise since")
    if would.dead:
        typer.echo(f"{would.dead} would be dead letters, again or for the first time")
    show_channels(would.channels)
    _left(would.not_replayed)


def _left(not_replayed: dict[str, int]) -> None:
    for why, count in sorted(not_replayed.items()):
        typer.echo(f"{count} are left: {WHY_NOT[why]}")
