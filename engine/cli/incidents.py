"""`wardline incidents`: what identifies somebody and was about to leave, as the guard stopped it."""

from __future__ import annotations

from collections import deque
from typing import Annotated

import typer
from rich.console import Console

from engine.auditing import Act, AuditQuery, Entry
from engine.cli.audit import every_entry
from engine.cli.operate import since_of
from engine.cli.show import ChannelOption, JsonOption, StoreOption, open_named, print_json, table, when

__all__ = ["incidents"]


def incidents(
    store: StoreOption = None,
    channel: ChannelOption = "",
    since: Annotated[str, typer.Option(help="Age such as 90s, 15m, 2h, 7d.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="The newest so many.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """What the guard stopped: where it stood and which row of the policy it is of, never a value.

    Exit code 1 when there is any, so that a watch can ask."""
    query = AuditQuery(since=since_of(since), act=Act.INCIDENT.value)
    guarded = (one for one in every_entry(open_named(store), query) if "row" in one.entry.detail)
    found = list(
        deque((one for one in guarded if channel in ("", one.entry.detail["channel"])), maxlen=limit)
    )
    if as_json:
        print_json(found)
    else:
        shown = table("id", "time (UTC)", "channel", "message", "where", "place", "identifies")
        for one in found:
            detail = one.entry.detail
            shown.add_row(
                str(one.id), when(one.entry.at), detail["channel"], _message(one.entry),
                detail["where"], detail["place"], detail["row"],
            )  # fmt: skip
        Console(markup=False, highlight=False).print(shown)
    if found:
        raise typer.Exit(1)


def _message(entry: Entry) -> str:
    """The number of the message; of answers, which are counted together, none."""
    kind, _, number = entry.object.partition(":")
    return number if kind == "message" else "-"
