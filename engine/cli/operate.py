"""What an operator asks: status, messages, dead letters.

Each prints a table for people and, with `--json`, the same as JSON. Nothing shows content.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from msgspec.structs import replace
from rich.console import Console

from engine.cli.folders import folders_of
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
    when,
    why,
    words,
)
from engine.correlation import message_of
from engine.effects import kind_of
from engine.model import DeliveryState, MessageState, Reason
from engine.store.base import MessageStore
from engine.store.contracts.views import DeliveryView, MessageView, Query

__all__ = ["dead", "messages", "show_messages", "since_of", "state_of", "status"]


def status(
    channels: Annotated[
        Path | None, typer.Argument(help="Folder of channel files: shows the folders they take files from.")
    ] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """What waits, per channel, and how old the oldest is."""
    opened = open_named(store)
    rows: dict[str, dict[str, float | str]] = {}
    for line in opened.account():
        rows.setdefault(line.channel, {})[line.state.value] = line.messages
    for channel, waiting in opened.backlog(time.time()).items():
        rows.setdefault(channel, {}).update({what: round(amount, 1) for what, amount in waiting.items()})
    for channel, lying in (folders_of(channels) if channels else {}).items():
        rows.setdefault(channel, {}).update(
            {what: one if isinstance(one, str) else round(one, 1) for what, one in lying.items()}
        )
    if as_json:
        print_json(rows)
        return
    if not rows:
        typer.echo("nothing was taken here yet")
        return
    columns = sorted({column for row in rows.values() for column in row})
    shown = table("channel", *columns)
    for channel, row in sorted(rows.items()):
        shown.add_row(channel, *(_cell(row.get(column, 0)) for column in columns))
    Console().print(shown)


def _cell(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def messages(
    store: StoreOption = None,
    channel: ChannelOption = "",
    state: Annotated[str, typer.Option(help="received, waiting, delivered, filtered, …")] = "",
    since: Annotated[str, typer.Option(help="Age such as 90s, 15m, 2h, 7d.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 50,
    message_id: Annotated[int, typer.Option("--id", help="One message with its whole story.")] = 0,
    correlation: Annotated[str, typer.Option(help="The same, by what logs and traces call it.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Messages and what became of them; `--id` or `--correlation` tells one message's whole story."""
    opened = open_named(store)
    if message_id or correlation:
        _story(opened, message_id or message_of(correlation), correlation, as_json)
        return
    found = opened.messages(Query(channel=channel, state=state_of(state), since=since_of(since), limit=limit))
    if as_json:
        print_json(found)
    else:
        show_messages(found)


def show_messages(found: Iterable[MessageView]) -> None:
    """Messages as a table, a line each."""
    shown = table("id", "received (UTC)", "channel", "type", "state", "answered", "effects", "why")
    for view in found:
        shown.add_row(
            str(view.id), when(view.received_at), view.channel, view.type, view.state.value,
            view.answered or "-", str(view.effects), why(view),
        )  # fmt: skip
    Console().print(shown)


def dead(
    store: StoreOption = None,
    channel: ChannelOption = "",
    since: Annotated[str, typer.Option(help="Age such as 90s, 15m, 2h, 7d.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Dead letters and quarantine: what, why, where, and who must act."""
    opened = open_named(store)
    query = Query(channel=channel, since=since_of(since), limit=PAGE)
    found = [
        view
        for state in (MessageState.DEAD, MessageState.QUARANTINED)
        for view in every_message(opened, replace(query, state=state.value))
    ]
    refused: dict[int, list[DeliveryView]] = defaultdict(list)
    for one in every_delivery(opened, replace(query, state=DeliveryState.DEAD.value)):
        refused[one.delivery.message_id].append(one)
    letters = [_letter(view, refused.get(view.id, [])) for view in sorted(found, key=lambda view: view.id)]
    if as_json:
        print_json(letters)
        return
    shown = table("message", "received (UTC)", "channel", "type", "state", "effect", "reason", "owner")
    for letter in letters:
        for line in letter["lines"]:
            shown.add_row(
                str(letter["id"]), when(letter["received_at"]), letter["channel"], letter["type"],
                letter["state"], line["effect"], line["reason"], line["owner"],
            )  # fmt: skip
    Console().print(shown)


def _story(opened: MessageStore, message_id: int, correlation: str, as_json: bool) -> None:
    found = opened.messages(Query(ids=(message_id,), limit=1))
    view = found[0] if found else None
    if view is None or (correlation and view.correlation != correlation.strip().lower()):
        raise typer.BadParameter(f"there is no message {correlation or message_id}")
    deliveries = opened.deliveries(Query(limit=PAGE), message_id=message_id)
    if as_json:
        print_json({"message": view, "correlation": view.correlation, "effects": deliveries})
        return
    console = Console()
    console.print(
        f"message {view.id} ({view.correlation}): {view.channel} {view.type}, {view.bytes} bytes,"
        f" received {when(view.received_at)}, told {view.answered or 'nothing yet'},"
        f" by edition {view.edition}, now {view.state.value} {why(view)}",
        highlight=False,
    )
    if view.application:
        console.print(f"  application answer on its own link: {view.application}", highlight=False)
    for warning in view.warnings:
        console.print(f"  odd: {words(warning)}", highlight=False)
    for delivery in deliveries:
        console.print(f"  {delivery_line(delivery)}", highlight=False)


def _letter(view: MessageView, refused: Iterable[DeliveryView]) -> dict[str, Any]:
    lines = [_cause("-", view.reason)] if view.reason else []
    lines += [_cause(kind_of(one.delivery.effect), one.reason) for one in refused if one.reason]
    return {
        "id": view.id, "channel": view.channel, "type": view.type, "state": view.state.value,
        "received_at": view.received_at, "lines": lines,
    }  # fmt: skip


def _cause(effect: str, reason: Reason) -> dict[str, str]:
    return {
        "effect": effect,
        "code": reason.code.value,
        "reason": words(reason),
        "owner": reason.owner.value,
    }


def state_of(text: str) -> str:
    """A state of messages as it was typed."""
    known = [state.value for state in MessageState]
    if text and text not in known:
        raise typer.BadParameter(f"state must be one of {', '.join(known)}")
    return text


def since_of(text: str) -> float:
    """The moment that an age as it was typed speaks of; 0 for none."""
    if not text:
        return 0.0
    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
    if text[-1] not in units or not text[:-1].isdigit():
        raise typer.BadParameter("give an age such as 90s, 15m, 2h or 7d")
    return time.time() - timedelta(**{units[text[-1]]: int(text[:-1])}).total_seconds()
