"""`wardline shadow`: what a channel that writes nothing would have done."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.operate import since_of
from engine.cli.show import (
    PAGE,
    JsonOption,
    StoreOption,
    every_delivery,
    every_message,
    open_named,
    print_json,
)
from engine.errors import Misconfigured
from engine.store.contracts.views import Query
from engine.workbench.shadow import report, told

__all__ = ["shadow"]


def shadow(
    channel: Annotated[str, typer.Argument(help="The name of a channel that runs in shadow.")],
    since: Annotated[str, typer.Option(help="Only messages of this age: 90s, 15m, 2h, 7d.")] = "",
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Report what a channel with [bold]shadow: yes[/bold] compared: what it would have made, what stands
    already, what would differ, what would be refused. Nothing of it was written."""
    opened = open_named(store)
    query = Query(channel=channel, since=since_of(since), limit=PAGE)
    made = report(channel, every_message(opened, query), every_delivery(opened, query))
    if not made.messages:
        raise Misconfigured("no messages of this channel", where=channel, hint="see wardline status")
    if json:
        print_json(made)
        return
    for line in told(made):
        typer.echo(line)
