"""The books: every acknowledged message, its state, its effects, their documents, and any gap."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

import typer
from rich.console import Console

from engine.cli.show import (
    PAGE,
    ChannelOption,
    JsonOption,
    StoreOption,
    delivery_line,
    every_delivery,
    every_message,
    open_named,
    print_json,
    table,
    why,
)
from engine.effects import kind_of
from engine.store.base import MessageStore
from engine.store.contracts.views import AccountRow, Query

__all__ = ["account"]

EffectSums = Counter[tuple[str, str, str]]


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
    sums = sorted(
        (row for row in opened.account() if channel in ("", row.channel)),
        key=lambda row: (row.channel, row.state.value),
    )
    effects: EffectSums = Counter(
        (view.delivery.channel, kind_of(view.delivery.effect), view.state.value)
        for view in every_delivery(opened, Query(channel=channel, limit=PAGE))
    )
    lines = _lines(opened, channel) if every else []
    gaps = opened.gaps() + (opened.verify_versions() if versions else [])
    opened.close()
    if as_json:
        print_json({"messages": sums, "effects": _rows(effects), "every": lines, "gaps": gaps})
    else:
        _print(sums, effects, lines, gaps)
    if gaps:
        raise typer.Exit(1)


def _lines(opened: MessageStore, channel: str) -> list[dict[str, Any]]:
    return [
        {"message": view, "effects": opened.deliveries(Query(limit=PAGE), message_id=view.id)}
        for view in every_message(opened, Query(channel=channel, limit=PAGE))
    ]


def _rows(effects: EffectSums) -> list[dict[str, Any]]:
    return [
        {"channel": channel, "effect": kind, "state": state, "count": count}
        for (channel, kind, state), count in sorted(effects.items())
    ]


def _print(sums: list[AccountRow], effects: EffectSums, lines: list[dict[str, Any]], gaps: list[str]) -> None:
    console = Console()
    shown = table("channel", "message state", "messages")
    for row in sums:
        shown.add_row(row.channel, row.state.value, str(row.messages))
    console.print(shown)
    shown = table("channel", "effect", "state", "effects")
    for line in _rows(effects):
        shown.add_row(*(str(value) for value in line.values()))
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
