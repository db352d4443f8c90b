"""How the command line shows things: tables for people, JSON for programs, one store opened."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from engine.app.opening import check_there, open_settings
from engine.cli.ending import ENDING
from engine.cli.secrecy import warn_of_password
from engine.effects import kind_of
from engine.model import MessageState, Reason
from engine.settings import Settings
from engine.store.base import MessageStore, Store
from engine.store.contracts.views import DeliveryView, MessageView, Query

__all__ = [
    "PAGE", "ChannelOption", "JsonOption", "StoreOption", "delivery_line", "every_delivery", "every_message",
    "open_named", "print_json", "table", "when", "why", "words",
]  # fmt: skip

StoreOption = Annotated[str | None, typer.Option("--store", help="Database URL.", envvar="WARDLINE_STORE")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ChannelOption = Annotated[str, typer.Option("--channel", help="Only this channel.")]
PAGE = 1000


def open_named(store: str | None, *, may_make: bool = False) -> Store:
    """The store of the settings, or the one the command line names; closed when the command ends. Raises
    `Misconfigured` for a file that is not there, unless this may be the first to use it."""
    settings = Settings.from_environment(store=store)
    warn_of_password(store or "", "--store", "WARDLINE_STORE")
    if not may_make:
        check_there(settings)
    opened = open_settings(settings)
    ENDING.callback(opened.close)
    return opened


def print_json(value: object) -> None:
    """Any of the model's values as indented JSON."""
    typer.echo(msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2).decode())


def when(seconds: float) -> str:
    """A point in time for people, UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S") if seconds else "-"


def table(*columns: str) -> Table:
    """A plain table with these headings."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def words(reason: Reason | None) -> str:
    """A reason in one line: code, place, text."""
    if reason is None:
        return ""
    line = ": ".join(part for part in (reason.code.value, reason.place, reason.text) if part)
    return f"{line}, and {len(reason.more)} more" if reason.more else line


def why(view: MessageView) -> str:
    """Why a message is where it is, and whether anything about it was odd; nothing where its state says
    it all."""
    count = len(view.warnings)
    warned = f"{count} warning{'s' if count > 1 else ''}" if count else ""
    said = words(view.reason) or (f"by {view.step}" if view.step else "")
    if view.original:
        what = "a later piece of" if view.state == MessageState.JOINED else "same as"
        said = f"{what} message {view.original}"
    return "; ".join(part for part in (said, warned) if part)


def delivery_line(view: DeliveryView) -> str:
    """One delivery in one line: effect, key, state, documents, reason or note."""
    documents = ", ".join(f"{model} {ids}" for model, ids in sorted(view.documents.items()))
    effect = view.delivery.effect
    parts = (
        f"{kind_of(effect)} {effect.key}: {view.state.value}",
        documents,
        words(view.reason) or view.note,
    )
    return "  ".join(part for part in parts if part)


def every_message(opened: MessageStore, query: Query) -> Iterator[MessageView]:
    """All messages that match, page by page."""
    while page := opened.messages(query):
        yield from page
        query = msgspec.structs.replace(query, after=page[-1].id)


def every_delivery(opened: MessageStore, query: Query) -> Iterator[DeliveryView]:
    """All deliveries that match, page by page."""
    while page := opened.deliveries(query):
        yield from page
        query = msgspec.structs.replace(query, after=page[-1].delivery.id)
