"""`wardline try`: what a channel would make of a message, with nothing stored or sent."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from engine.auditing import Act
from engine.cli.acting import TicketOption, WhyOption, act
from engine.cli.show import JsonOption, StoreOption, open_named, print_json
from engine.cli.siting import SiteOption, sites_of
from engine.cli.terminal import plainly
from engine.cli.trial_text import told
from engine.config.loading import load_channel
from engine.console.pages.trying import standalone
from engine.destinations.odoo.connection import from_environment
from engine.errors import Misconfigured
from engine.workbench.trial import try_message, with_plan

__all__ = ["try_"]


def try_(
    channel: Annotated[Path, typer.Argument(help="A channel file.")],
    message: Annotated[
        str, typer.Argument(metavar="[MESSAGE]", help="A file with one message; - reads standard input.")
    ] = "",
    stored: Annotated[int, typer.Option("--stored", help="A stored message by its id instead.")] = 0,
    site: SiteOption = None,
    after: Annotated[
        list[str] | None, typer.Option("--after", help="A message that was sent before; several in turn.")
    ] = None,
    odoo: Annotated[
        str, typer.Option("--odoo", help="Read what stands from this connection; nothing is written.")
    ] = "",
    html: Annotated[Path | None, typer.Option("--html", help="Write it as a page into this file.")] = None,
    store: StoreOption = None,
    why: WhyOption = "",
    ticket: TicketOption = "",
    json: JsonOption = False,
) -> None:
    """Show what a channel would make of a message, step by step. Nothing is stored or sent.

    In a message of a file tokens are shown as what they stand for. Of a stored message no identifier is
    shown, and that it is looked at is recorded. With [bold]--odoo[/bold] the calls are planned over what
    stands in that Odoo, which is only read; without, over one that is made up of what the effects name.
    Exit code 1 when the channel refuses the message.
    """
    loaded = load_channel(channel, sites_of(site))
    raw = _stored(stored, store, why, ticket) if stored else _unframed(_read(message))
    connection = from_environment(odoo, os.environ) if odoo else None
    before = [_unframed(_read(name)) for name in after or ()]
    tried = with_plan(try_message(loaded, raw, numbered=bool(stored), after=before), connection)
    if html is not None:
        html.write_text(standalone(tried), encoding="utf-8")
    if json:
        print_json(tried)
    else:
        for line in told(tried):
            typer.echo("\n".join(map(plainly, line.split("\n"))))
    if tried.reason is not None:
        raise typer.Exit(1)


def _stored(message_id: int, store: str | None, why: str, ticket: str) -> bytes:
    """A stored message, recorded before it is shown. Raises `Misconfigured` where there is none."""
    opened = open_named(store)
    try:
        raw = opened.content(message_id)
    except KeyError:
        text = f"message {message_id} has no content here"
        raise Misconfigured(text, hint="see wardline messages") from None
    act(opened, Act.LOOK, f"message:{message_id}", why=why, ticket=ticket, told="masked, tried")
    return raw


def _read(name: str) -> bytes:
    if not name:
        raise Misconfigured("no message", hint="name a file, - for standard input, or --stored ID")
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError:
        raise Misconfigured("the file cannot be read", where=name) from None


def _unframed(raw: bytes) -> bytes:
    """A message out of the frame that a recording may have kept around it."""
    return raw.strip(b"\x0b\x1c\r\n") + b"\r"
