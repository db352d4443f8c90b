"""`wardline erase`: a person's right to be forgotten, carried out so that no backup takes it back."""

from __future__ import annotations

import time
from typing import Annotated, Literal

import typer
from msgspec.structs import replace
from rich.console import Console

from engine.app.opening import ring_of
from engine.auditing import Act
from engine.cli.acting import TicketOption, act, entry, operator, sign
from engine.cli.find import authorities_of
from engine.cli.show import JsonOption, StoreOption, open_named, print_json
from engine.errors import Misconfigured, Unacceptable
from engine.privacy.tokens import PERSON, parse
from engine.privacy.vault import Vault
from engine.searching import TOKEN, Searched, search
from engine.settings import Settings
from engine.store.base import Store
from engine.store.contracts.views import Query
from engine.store.keys import KeyRing
from engine.tokens import Erased, Erasure

__all__ = ["erase"]

EVERY = Query(limit=100_000)


def erase(
    value: Annotated[str, typer.Argument(help="A person's token; with --kind mrn a number (- asks).")],
    why: Annotated[str, typer.Option("--why", help="The reason, for the audit. Names no patient.")],
    kind: Annotated[Literal["token", "mrn"], typer.Option("--kind", help="What is given.")] = "token",
    authority: Annotated[
        list[str] | None, typer.Option("--authority", help="Only a number that this one gave.")
    ] = None,
    tenant: Annotated[str | None, typer.Option(help="Whose number; else that of the settings.")] = None,
    ticket: TicketOption = "",
    force: Annotated[bool, typer.Option("--force", help="Although messages are in work still.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would go, and leave it.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Erase a person: keys, identifiers, contents of messages. Nothing brings it back, no backup either.

    Tokens stay where they are used (Odoo, effects, audit) and lead to nobody any more. Whoever sends the
    same person again sends a newcomer."""
    settings = Settings.from_environment(store=store)
    opened, ring = open_named(store), ring_of(settings)
    names = Vault.of(ring.following(opened.uses()), settings.tenant if tenant is None else tenant)
    token = _person(opened, ring, names, kind, value, authority)
    if not token:
        _looked(opened, f"unknown {kind}", kind, why, ticket)
        raise Misconfigured("nobody is known by that number")
    found = search(opened, names, TOKEN, token, (), EVERY)
    planned = opened.erasable(token, [view.id for view in found.messages])
    if not planned.persons:
        raise Misconfigured("nobody is known by that token")
    if dry_run or kind != TOKEN:  # whose number it is, and what names it, is told before anything is erased
        _looked(opened, token, kind, why, ticket, found)
    told = _told(planned)
    if dry_run:
        _show(planned, as_json=as_json, head="would be erased")
        return
    if planned.open and not force:
        raise Misconfigured(
            f"{len(planned.open)} messages about this person are in work still",
            hint="let them end, or --force: what is not routed yet ends as a dead letter",
        )
    if not yes:
        _show(planned, as_json=False, head="will be erased, for good")
        typer.confirm("Erase?", abort=True, err=True)
    who, _ = operator()
    asked = entry(Act.ERASE, token, why=why, ticket=ticket, outcome="asked", **told)
    opened.record([asked])
    erasure = Erasure(token, time.time(), why, ticket, who)
    try:
        done = opened.erase(erasure, planned, replace(asked, at=erasure.at, outcome="done"))
    except Unacceptable as error:
        opened.record([replace(asked, at=erasure.at, outcome="failed")])
        raise Misconfigured(error.text, hint="nothing was erased") from None
    sign(opened)
    _show(done, as_json=as_json, head="erased")


def _person(
    opened: Store, ring: KeyRing, names: Vault, kind: str, value: str, authority: list[str] | None
) -> str:
    """The person's token; empty when nobody is known by a number. Raises `Misconfigured` when that is not one
    person."""
    if kind == TOKEN:
        token = parse(value)
        if token is None:
            raise Misconfigured("that is no token", hint="32 characters from t1 on; one of them is wrong")
        if token.domain != PERSON:
            raise Misconfigured("that token is of no person", hint="persons' begin with t1p_")
        return token.text
    number = typer.prompt("Number", hide_input=True, err=True) if value == "-" else value
    try:
        found = search(opened, names, kind, number, authorities_of(opened, ring, authority), Query(limit=1))
    except Unacceptable as error:
        raise Misconfigured(error.text) from None
    tokens = [one for one in found.tokens if one not in opened.survivors(found.tokens)]
    if len(tokens) > 1:
        raise Misconfigured(
            f"{len(tokens)} persons have that number", hint="say --authority, or give the token"
        )
    return tokens[0] if tokens else ""


def _looked(
    opened: Store, about: str, kind: str, why: str, ticket: str, found: Searched | None = None
) -> None:
    """In the audit before it is shown, as `wardline find` has it."""
    shown = [view.id for view in found.messages] if found else []
    count = str(len(shown))
    act(opened, Act.SEARCH, about, why=why, ticket=ticket, kind=kind, messages=count, shown=shown)


def _told(planned: Erased) -> dict[str, str]:
    return {
        "tokens": str(len(planned.tokens)),
        "messages": str(len(planned.messages)),
        "shared": str(len(planned.shared)),
        "open": str(len(planned.open)),
        "same": ", ".join(planned.persons[:100]),
    }


def _show(erased: Erased, *, as_json: bool, head: str) -> None:
    if as_json:
        print_json(erased)
        return
    console = Console(highlight=False)
    console.print(f"[bold]{head}[/]: {', '.join(erased.persons)}")
    console.print(f"  tokens that lead to nobody any more      {len(erased.tokens)}")
    console.print(f"  messages whose content is gone           {len(erased.messages)}")
    console.print(f"  that name somebody else too, and stay    {len(erased.shared)}")
    for number in erased.shared[:20]:
        console.print(f"    message {number}: until its retention is over")
