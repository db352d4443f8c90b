"""`wardline redeliver` and `wardline skip`: dead letters sent on their way again, or settled without
effect."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.acting import TicketOption, WhyOption, reason
from engine.cli.performing import performed
from engine.cli.show import ChannelOption, JsonOption, StoreOption, print_json
from engine.operations.fixing import REDELIVER, SKIP, WOULD_REDELIVER, WOULD_SKIP, Again, Would
from engine.operations.which import Which

__all__ = [
    "AllOption", "CodeOption", "DryOption", "MessageOption", "OwnerOption", "PlaceOption", "SinceOption",
    "ToOption", "UntilOption", "redeliver", "skip",
]  # fmt: skip

MessageOption = Annotated[list[int] | None, typer.Option("--message", help="Message ids.")]
AllOption = Annotated[bool, typer.Option("--all", help="Every one.")]
CodeOption = Annotated[str, typer.Option("--code", help="Only with this reason, such as unmapped-code.")]
PlaceOption = Annotated[str, typer.Option("--place", help="Only with a reason at this place.")]
OwnerOption = Annotated[str, typer.Option("--owner", help="Only business's, technical's or privacy's.")]
ToOption = Annotated[str, typer.Option("--destination", help="Only what this one refused; - for none did.")]
SinceOption = Annotated[str, typer.Option("--since", help="Received since: an age (2h, 7d) or a time (UTC).")]
UntilOption = Annotated[str, typer.Option("--until", help="Received before: an age or a time (UTC).")]
DryOption = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]


def redeliver(
    store: StoreOption = None,
    channel: ChannelOption = "",
    message_id: MessageOption = None,
    code: CodeOption = "",
    place: PlaceOption = "",
    owner: OwnerOption = "",
    destination: ToOption = "",
    since: SinceOption = "",
    until: UntilOption = "",
    everything: AllOption = False,
    skipped: Annotated[bool, typer.Option("--skipped", help="Take up again what was skipped.")] = False,
    dry_run: DryOption = False,
    why: WhyOption = "",
    ticket: TicketOption = "",
    as_json: JsonOption = False,
) -> None:
    """Try dead letters again: the same effects, or routing where it failed there. Takes a reason: --why, else
    it is asked for at a terminal."""
    asked = Again(
        channel=channel, code=code, place=place, owner=owner, destination=destination, since=since,
        until=until, ids=tuple(message_id or ()), all=everything, skipped=skipped, why=_why(why, dry_run),
        ticket=ticket,
    )  # fmt: skip
    if dry_run:
        _say(performed(store, WOULD_REDELIVER, asked), "would be on their way again", as_json=as_json)
        return
    done = performed(store, REDELIVER, asked)
    if as_json:
        print_json({"redelivered": done.letters, "overtaken": done.followed, "messages": done.messages})
        return
    typer.echo(f"{done.letters} dead letters are on their way again")
    if done.followed:
        typer.echo(f"{done.followed} stay: a later version of the same resource is here")


def skip(
    store: StoreOption = None,
    channel: ChannelOption = "",
    message_id: MessageOption = None,
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
    """Settle dead letters without effect: nothing of them is carried out any more. Takes a reason. It can be
    undone by [bold]wardline redeliver --skipped[/bold]."""
    asked = Which(
        channel=channel, code=code, place=place, owner=owner, destination=destination, since=since,
        until=until, ids=tuple(message_id or ()), all=everything, why=_why(why, dry_run), ticket=ticket,
    )  # fmt: skip
    if dry_run:
        _say(performed(store, WOULD_SKIP, asked), "would be settled without effect", as_json=as_json)
        return
    done = performed(store, SKIP, asked)
    if as_json:
        print_json(done)
        return
    typer.echo(f"{done.letters} dead letters are settled without effect")


def _why(why: str, dry_run: bool) -> str:
    return why if dry_run else reason(why)


def _say(would: Would, what: str, *, as_json: bool) -> None:
    if as_json:
        print_json(would)
        return
    typer.echo(f"{would.letters} dead letters of {would.messages} messages {what}")
    for one in would.causes:
        place = f" at {one.place}" if one.place else ""
        where = f" by {one.destination}" if one.destination else ""
        such = " ".join(map(str, one.examples))
        typer.echo(f"  {one.letters} of {one.channel}: {one.code}{place}{where}: {one.text} [{such}]")
    if would.followed:
        typer.echo(f"{would.followed} stay: a later version of the same resource is here")
    for message, later in would.later.items():
        typer.echo(f"message {message} would be refused: message {later} has said otherwise since")
