"""Who acts at the command line, and what is recorded before a command does anything that is audited."""

from __future__ import annotations

import os
import pwd
import socket
import sys
import time
from collections.abc import Iterable, Mapping
from typing import Annotated

import typer

from engine.auditing import Act, Entry, Result, spread
from engine.settings import Settings
from engine.store.contracts.audit import AuditStore
from engine.store.witness import witness

__all__ = ["TicketOption", "WhyOption", "act", "entry", "operator", "reason", "sign"]

WhyOption = Annotated[str, typer.Option("--why", help="The reason, for the audit. Names no patient.")]
TicketOption = Annotated[str, typer.Option("--ticket", help="A case or request number, for the audit.")]


def operator(environ: Mapping[str, str] = os.environ) -> tuple[str, dict[str, str]]:
    """Who sits there, as `name@host`: `WARDLINE_USER`, else who called sudo, else the system's account; and
    the account, where it is another."""
    try:
        account = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        account = f"uid {os.getuid()}"
    name = environ.get("WARDLINE_USER", "").strip() or environ.get("SUDO_USER", "").strip() or account
    return f"{name}@{socket.gethostname()}", {} if name == account else {"account": account}


def reason(why: str) -> str:
    """The reason for what takes one; at a terminal it is asked for when it was not given. Raises
    `typer.BadParameter` where there is none."""
    if not why.strip() and sys.stdin.isatty():
        why = typer.prompt("The reason, for the audit", err=True)
    if not why.strip():
        raise typer.BadParameter("say the reason, for the audit", param_hint="--why")
    return why


def act(
    store: AuditStore,
    what: Act,
    object_: str,
    *,
    why: str = "",
    ticket: str = "",
    outcome: Result = "done",
    shown: Iterable[int] | None = None,
    **detail: str,
) -> int:
    """Record what this command is about to do, with the messages that it shows, signed and witnessed; the
    number of the last entry. When this raises (`Unavailable`, `Misconfigured`), it must not do it."""
    told = entry(what, object_, why=why, ticket=ticket, outcome=outcome, **detail)
    recorded = store.record([told] if shown is None else spread(told, "shown", shown))
    sign(store)
    return recorded[-1]


def entry(
    what: Act, object_: str, *, why: str = "", ticket: str = "", outcome: Result = "done", **detail: str
) -> Entry:
    """An entry about this command, for a verb of the store that records it together with what it does."""
    who, account = operator()
    return Entry(
        at=time.time(), who=who, role="operator", act=what, object=object_, why=why, ticket=ticket,
        outcome=outcome, detail={**account, **detail},
    )  # fmt: skip


def sign(store: AuditStore) -> None:
    """Sign what was recorded, and witness it. Raises `Unavailable`."""
    if witness(store, Settings.from_environment().audit_checkpoints, time.time()).missed:
        typer.echo(
            "the file of checkpoints knows of more than this store: see wardline audit verify", err=True
        )
