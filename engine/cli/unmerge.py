"""`wardline merges` and `wardline unmerge`: which numbers became one, and a merge that was wrong."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.console import Console

from engine.auditing import Act
from engine.cli.acting import TicketOption, entry, sign
from engine.cli.show import JsonOption, StoreOption, open_named, print_json, table, when
from engine.errors import Misconfigured, Unacceptable
from engine.privacy.tokens import parse

__all__ = ["merges", "unmerge"]

_WORDS = {"p": "person", "a": "account", "v": "visit"}


def merges(
    token: Annotated[str, typer.Argument(metavar="[TOKEN]", help="Only of whoever this stands for.")] = "",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Which tokens were merged into which, by which message, and what was taken back; newest first."""
    found = open_named(store).merges(_token(token) if token else "")
    if as_json:
        print_json(found)
        return
    shown = table("at (UTC)", "message", "what", "gone", "into", "taken back (UTC)")
    for one in found:
        said = str(one.message_id) if one.message_id else "-"
        word = _WORDS.get(one.gone[2:3], "")
        shown.add_row(when(one.at), said, word, one.gone, one.into, when(one.undone_at))
    Console().print(shown)


def unmerge(
    gone: Annotated[str, typer.Argument(help="The token that was merged away.")],
    into: Annotated[str, typer.Option("--from", help="The token that it was merged into.")],
    why: Annotated[str, typer.Option("--why", help="The reason, for the audit. Names no patient.")],
    ticket: TicketOption = "",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take back a merge that was wrong: both stand for themselves again, and what the merge moved in Odoo is
    moved back, that and nothing else.

    The running engine does the moving, in order with what comes for either of them. [bold]wardline merges
    TOKEN[/bold] shows what was merged; [bold]wardline find --kind token[/bold] the messages."""
    opened = open_named(store)
    told = entry(Act.UNMERGE, _token(gone), why=_reason(why), ticket=ticket, into=_token(into))
    try:
        undone = opened.unmerge(gone, into, now=time.time(), told=told)
    except Unacceptable as error:
        raise Misconfigured(error.text, hint=f"see wardline merges {gone}") from None
    sign(opened)
    if as_json:
        print_json(undone)
        return
    typer.echo(f"{gone} stands for itself again")
    if undone.deliveries:
        where = ", ".join(undone.destinations)
        typer.echo(f"what the merge moved goes back in {where}: wardline messages --id {undone.message_id}")
    else:
        typer.echo("the merge had reached no destination: nothing is to be moved back")


def _reason(why: str) -> str:
    if not why.strip():
        raise typer.BadParameter("say why", param_hint="--why")
    return why


def _token(text: str) -> str:
    """A token as it was typed. Raises `Misconfigured` for what is none."""
    token = parse(text)
    if token is None:
        raise Misconfigured("that is no token", hint="32 characters from t1 on; one of them is wrong")
    return token.text
