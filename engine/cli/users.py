"""`wardline user`: the accounts of the console, for whoever has the store and its key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypeVar

import typer
from rich.console import Console

from engine.accounts.words import Role
from engine.cli.acting import WhyOption, reason
from engine.cli.performing import performed
from engine.cli.show import JsonOption, StoreOption, print_json, table, when
from engine.errors import Misconfigured
from engine.operations import accounts
from engine.operations.account_views import AccountShown, SessionView, TokenView
from engine.operations.accounts import (
    AskAccount,
    AskAccounts,
    AskChange,
    AskEnd,
    AskInvite,
    AskRoles,
    Invitation,
)
from engine.operations.operation import NotThere, Operation

__all__ = ["user"]

Asked = TypeVar("Asked")
Given = TypeVar("Given")

NameArgument = Annotated[str, typer.Argument(help="The name of the account.")]
RoleOption = Annotated[list[Role], typer.Option("--role", help=f"{', '.join(Role)}; several may be given.")]
IdArgument = Annotated[str, typer.Argument(help="Its id, as the list shows it.")]

user = typer.Typer(
    help="Accounts of the console: who may come, as what; their sessions and tokens.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@user.command()
def add(
    name: NameArgument,
    who: Annotated[str, typer.Option(help="Which human being this is, and from where.")],
    role: RoleOption,
    why: WhyOption = "",
    store: StoreOption = None,
) -> None:
    """Make an account, and print the link by which its owner sets a password: once, within three days."""
    _link(_done(store, accounts.INVITE, AskInvite(name=name, who=who, roles=role, why=reason(why))))


@user.command()
def reset(name: NameArgument, why: WhyOption = "", store: StoreOption = None) -> None:
    """Take password, sessions and tokens of an account away, and print the link by which a new password is
    set."""
    _link(_done(store, accounts.RESET, AskChange(name=name, why=reason(why))))


@user.command()
def roles(name: NameArgument, role: RoleOption, why: WhyOption = "", store: StoreOption = None) -> None:
    """Give an account these roles and no others. Its sessions end."""
    _show(_done(store, accounts.ROLES, AskRoles(name=name, roles=role, why=reason(why))))


@user.command()
def disable(name: NameArgument, why: WhyOption = "", store: StoreOption = None) -> None:
    """Let nobody in with an account any more: its sessions end at once, its tokens are dead."""
    _show(_done(store, accounts.DISABLE, AskChange(name=name, why=reason(why))))


@user.command()
def enable(name: NameArgument, why: WhyOption = "", store: StoreOption = None) -> None:
    """Undo that an account was disabled."""
    _show(_done(store, accounts.ENABLE, AskChange(name=name, why=reason(why))))


@user.command("list")
def list_(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """All accounts."""
    found = _done(store, accounts.ACCOUNTS, AskAccounts())
    if as_json:
        print_json(found)
        return
    shown = table("name", "who", "roles", "state", "seen", "sessions", "tokens")
    for one in found:
        words = (one.name, one.who, ", ".join(one.roles), one.state, when(one.seen_at))
        shown.add_row(*words, str(one.sessions), str(one.tokens))
    Console().print(shown)


@user.command()
def show(name: NameArgument, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """An account with its sessions and tokens."""
    found = _done(store, accounts.ACCOUNT, AskAccount(name))
    if as_json:
        print_json(found)
        return
    _show(found)
    _sessions(found.sessions)
    _tokens(found.tokens)


@user.command()
def sessions(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Who is logged in, from where."""
    found = _done(store, accounts.SESSIONS, AskAccounts())
    if as_json:
        print_json(found)
    else:
        _sessions(found)


@user.command()
def end(session: IdArgument, why: WhyOption = "", store: StoreOption = None) -> None:
    """Log a browser out."""
    typer.echo(f"{_done(store, accounts.END, AskEnd(id=session, why=reason(why))).user}: the session is over")


@user.command()
def tokens(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Tokens of the API, of everybody."""
    found = _done(store, accounts.TOKENS, AskAccounts())
    if as_json:
        print_json(found)
    else:
        _tokens(found)


@user.command()
def revoke(token: IdArgument, why: WhyOption = "", store: StoreOption = None) -> None:
    """End a token of the API."""
    typer.echo(
        f"{_done(store, accounts.REVOKE, AskEnd(id=token, why=reason(why))).user}: the token is revoked"
    )


def _done(store: str | None, operation: Operation[Asked, Given], asked: Asked) -> Given:
    try:
        return performed(store, operation, asked, Role.ADMINISTRATOR, may_make=True)
    except NotThere as error:
        raise Misconfigured(str(error), hint="wardline user list") from None


def _link(invitation: Invitation) -> None:
    typer.echo(invitation.link)
    typer.echo(
        f"for {invitation.name}, until {when(invitation.until)} UTC: whoever opens it sets the password",
        err=True,
    )


def _show(shown: AccountShown) -> None:
    one = shown.account
    typer.echo(f"{one.name}: {one.who}; {', '.join(one.roles)}; {one.state}")


def _sessions(found: Sequence[SessionView]) -> None:
    shown = table("session", "name", "since", "seen", "from", "how")
    for one in found:
        shown.add_row(one.id, one.user, when(one.since), when(one.seen_at), one.address, one.how)
    Console().print(shown)


def _tokens(found: Sequence[TokenView]) -> None:
    shown = table("token", "name", "for", "roles", "until", "used", "state")
    for one in found:
        words = (one.id, one.user, one.name, ", ".join(one.roles), when(one.until), when(one.used_at))
        shown.add_row(*words, one.state)
    Console().print(shown)
