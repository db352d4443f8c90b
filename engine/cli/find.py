"""`wardline find`: from a number to the messages that name it, while all of them stay sealed."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated, Literal

import typer
from rich.console import Console

from engine.app.opening import ring_of
from engine.auditing import Act
from engine.cli.acting import TicketOption, WhyOption, act
from engine.cli.operate import show_messages, since_of, state_of
from engine.cli.show import ChannelOption, JsonOption, StoreOption, open_named, print_json
from engine.errors import Misconfigured, Unacceptable
from engine.privacy.searching import KnownAuthorities
from engine.privacy.vault import Vault
from engine.searching import Searched, search
from engine.settings import Settings
from engine.store.base import Store
from engine.store.contracts.views import Query
from engine.store.keys import KeyRing

__all__ = ["authorities_of", "find"]

Kind = Literal["mrn", "visit", "account", "order", "appointment", "token"]


def find(
    value: Annotated[str, typer.Argument(help="The number, or - to type it where no history keeps it.")],
    kind: Annotated[Kind, typer.Option("--kind", help="What kind of number it is.")] = "mrn",
    authority: Annotated[
        list[str] | None,
        typer.Option("--authority", help="Only a number that this one gave; may be repeated."),
    ] = None,
    tenant: Annotated[str | None, typer.Option(help="Whose number; else that of the settings.")] = None,
    why: WhyOption = "",
    ticket: TicketOption = "",
    channel: ChannelOption = "",
    state: Annotated[str, typer.Option(help="received, waiting, delivered, filtered, …")] = "",
    since: Annotated[str, typer.Option(help="Age such as 90s, 15m, 2h, 7d.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 50,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """The messages that name a number: those about numbers that were merged with it, filtered and dead ones
    and duplicates too.

    Found by keyed index, nothing is opened; what was looked for goes into the audit as a token, before
    anything is shown. Exit code 1 when nothing is found."""
    settings = Settings.from_environment(store=store)
    query = Query(channel=channel, state=state_of(state), since=since_of(since), limit=limit)
    opened, ring = open_named(store), ring_of(settings)
    number = typer.prompt("Number", hide_input=True, err=True) if value == "-" else value
    names = Vault.of(ring.following(opened.uses()), settings.tenant if tenant is None else tenant)
    try:
        found = search(opened, names, kind, number, authorities_of(opened, ring, authority), query)
    except Unacceptable as error:
        raise Misconfigured(error.text) from None
    _record(opened, kind, found, why, ticket)
    _show(found, kind, as_json=as_json)
    raise typer.Exit(0 if found.messages else 1)


def authorities_of(opened: Store, ring: KeyRing, given: list[str] | None) -> set[str]:
    """Whose numbers are looked for. Raises `Misconfigured` for an authority that no number came from."""
    known = KnownAuthorities(ring, opened).names()
    for name in given or ():
        if name not in known:
            close = get_close_matches(name, known, 3) or sorted(known)[:10]
            hint = f"known are {', '.join(close)}" if any(close) else "no number came by yet"
            raise Misconfigured(f"no number of {name!r} came by", hint=hint)
    return set(given) if given else known


def _record(opened: Store, kind: str, found: Searched, why: str, ticket: str) -> None:
    """In the audit before it is shown: whom it was about as a token, where there is one."""
    about = found.tokens[0] if found.tokens else f"unknown {kind}"
    same = ", ".join(found.tokens[1:101])
    count, shown = str(len(found.messages)), [view.id for view in found.messages]
    act(opened, Act.SEARCH, about, why=why, ticket=ticket, kind=kind, messages=count, same=same, shown=shown)


def _show(found: Searched, kind: str, *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    show_messages(found.messages)
    console = Console(stderr=True)
    if len(found.tokens) > 1:
        same = "numbers that were merged with it, or that others gave"
        console.print(f"counted in: {len(found.tokens) - 1} more, {same}", highlight=False)
    if not found.messages:
        where = "" if kind == "token" else f", looked for under {found.authorities} authorities"
        console.print(f"nothing names it{where}", highlight=False)
