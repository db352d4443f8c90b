"""The books: every acknowledged message, its state, its effects, their documents, and any gap."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import typer
from rich.console import Console

from engine.cli.progressing import progress
from engine.cli.show import (
    PAGE,
    ChannelOption,
    JsonOption,
    StoreOption,
    delivery_line,
    every_message,
    open_named,
    print_json,
    table,
    why,
)
from engine.store.base import MessageStore
from engine.store.contracts.views import AccountRow, EffectRow, Query

__all__ = ["account"]


def account(
    store: StoreOption = None,
    channel: ChannelOption = "",
    every: Annotated[bool, typer.Option("--every", help="List every message with its effects.")] = False,
    versions: Annotated[
        bool, typer.Option("--versions", help="Look for versions of resources that were changed since.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """The books: every acknowledged message, its state, its effects, their documents, any gap.

    Exit code 1 when something does not add up."""
    opened = open_named(store)
    with progress() as told:
        sums = [row for row in opened.account(partial(told, "messages")) if channel in ("", row.channel)]
        effects = opened.effects(channel, partial(told, "effects"))
        gaps = opened.gaps(partial(told, "books"))
    gaps += opened.verify_versions() if versions else []
    lines = _lines(opened, channel) if every else []
    opened.close()
    if as_json:
        print_json({"messages": sums, "effects": effects, "every": lines, "gaps": gaps})
    else:
        _print(sums, effects, lines, gaps)
    if gaps:
        raise typer.Exit(1)


def _lines(opened: MessageStore, channel: str) -> list[dict[str, Any]]:
    return [
        {"message": view, "effects": opened.deliveries(Query(limit=PAGE), message_id=view.id)}
        for view in every_message(opened, Query(channel=channel, limit=PAGE))
    ]


def _print(
    sums: list[AccountRow], effects: list[EffectRow], lines: list[dict[str, Any]], gaps: list[str]
) -> None:
    console = Console()
    shown = table("channel", "message state", "messages")
    for row in sums:
        shown.add_row(row.channel, row.state.value, str(row.messages))
    console.print(shown)
    shown = table("channel", "effect", "state", "effects")
    for one in effects:
        shown.add_row(one.channel, one.effect, one.state.value, str(one.count))
    console.print(shown)
    for line in lines:
        view = line["message"]
        console.print(
            f"{view.id}  {view.channel}  {view.type}  {view.state.value}  {why(view)}", highlight=False
        )
        for delivery in line["effects"]:
            console.print(f"    {delivery_line(delivery)}", highlight=False)
    console.print(f"[red]{len(gaps)} gaps[/red]" if gaps else "[green]the books balance: no gap[/green]")
    for gap in gaps:
        console.print(f"  {gap}", highlight=False)
