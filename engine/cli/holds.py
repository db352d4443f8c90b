"""`wardline pause`, `resume`, `hold`, `let-go`, `holds`: what a person stops, and what goes on."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from engine.cli.acting import TicketOption, WhyOption, reason
from engine.cli.performing import performed
from engine.cli.show import JsonOption, StoreOption, open_named, print_json, table, when
from engine.operations.holding import HOLD, LET_GO, AskHold
from engine.store.contracts.holding import HoldKind

__all__ = ["hold", "holds", "let_go", "pause", "resume"]

ChannelArgument = Annotated[str, typer.Argument(metavar="CHANNEL", help="The name of a channel.")]
DestinationArgument = Annotated[
    str, typer.Argument(metavar="DESTINATION", help="The name of a destination, such as odoo:hospital.")
]
DoorOption = Annotated[
    bool, typer.Option("--door", help="Its door: it takes nothing, and senders keep what they have.")
]
EffectsOption = Annotated[bool, typer.Option("--effects", help="Its effects: they are made, and wait.")]

SAID = {
    HoldKind.DOOR: "takes nothing: its senders keep what they have",
    HoldKind.ROUTING: "takes and answers, and its messages wait",
    HoldKind.DELIVERY: "goes on, and its effects wait",
    HoldKind.DESTINATION: "gets nothing: what is for it waits in order",
}


def pause(
    channel: ChannelArgument,
    door: DoorOption = False,
    effects: EffectsOption = False,
    why: WhyOption = "",
    ticket: TicketOption = "",
    store: StoreOption = None,
) -> None:
    """Stop a channel: messages are taken and answered, and wait to be routed. With --door nothing is taken,
    with --effects nothing is carried out. The running engine sees it within a second."""
    _stop(_kind(door, effects), channel, why, ticket, store)


def resume(
    channel: ChannelArgument,
    door: DoorOption = False,
    effects: EffectsOption = False,
    why: WhyOption = "",
    ticket: TicketOption = "",
    store: StoreOption = None,
) -> None:
    """Let a channel that was paused go on, in the order in which its messages came."""
    _go_on(_kind(door, effects), channel, why, ticket, store)


def hold(
    destination: DestinationArgument,
    why: WhyOption = "",
    ticket: TicketOption = "",
    store: StoreOption = None,
) -> None:
    """Carry out nothing at a destination; what is in hand is finished, the rest waits in order."""
    _stop(HoldKind.DESTINATION, destination, why, ticket, store)


def let_go(
    destination: DestinationArgument,
    why: WhyOption = "",
    ticket: TicketOption = "",
    store: StoreOption = None,
) -> None:
    """Carry out what waits at a destination that was held, and go on."""
    _go_on(HoldKind.DESTINATION, destination, why, ticket, store)


def holds(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """What people stopped, since when, who and why."""
    found = open_named(store).holds()
    if as_json:
        print_json(found)
        return
    shown = table("what", "name", "since (UTC)", "who", "why")
    for one in found:
        shown.add_row(one.kind.value, one.name, when(one.since), one.who, one.why)
    Console(markup=False, highlight=False).print(shown)


def _kind(door: bool, effects: bool) -> HoldKind:
    if door and effects:
        raise typer.BadParameter("say --door or --effects; for both, say it twice")
    if door:
        return HoldKind.DOOR
    return HoldKind.DELIVERY if effects else HoldKind.ROUTING


def _stop(kind: HoldKind, name: str, why: str, ticket: str, store: str | None) -> None:
    done = performed(store, HOLD, AskHold(kind=kind, name=name, why=reason(why), ticket=ticket)).done
    typer.echo(f"{name} {SAID[kind]}" if done else f"{name} was stopped so already: wardline holds")


def _go_on(kind: HoldKind, name: str, why: str, ticket: str, store: str | None) -> None:
    done = performed(store, LET_GO, AskHold(kind=kind, name=name, why=reason(why), ticket=ticket)).done
    typer.echo(f"{name} goes on" if done else f"{name} was not stopped so: wardline holds")
