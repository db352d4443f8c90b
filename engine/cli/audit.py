"""`wardline audit`: who did what, when and why; and whether that is all of it."""

from __future__ import annotations

import base64
import sys
from collections import deque
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from engine.app.opening import ring_of
from engine.auditing import Act, AuditQuery, Recorded
from engine.cli.acting import TicketOption, WhyOption, act
from engine.cli.operate import since_of
from engine.cli.show import JsonOption, StoreOption, open_named, print_json, table, when
from engine.errors import Misconfigured
from engine.operations import audit as audit_operations
from engine.operations.audit_forms import Format, exported
from engine.settings import Settings
from engine.store.audit_keys import AuditKeys
from engine.store.contracts.audit import AuditStore
from engine.store.witness import Witnessed, read_witness

__all__ = ["audit", "every_entry"]

audit = typer.Typer(
    help="Who did what, when and why: shown, proved, exported.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

SinceOption = Annotated[str, typer.Option(help="Age such as 90s, 15m, 2h, 7d.")]
ActOption = Annotated[str, typer.Option("--act", help="Only this act: look, search, configure, …")]
WhoOption = Annotated[str, typer.Option("--who", help="Only this person, client or node.")]
ObjectOption = Annotated[
    str, typer.Option("--object", help="Only this object: message:12, channel:charges …")
]
MessageOption = Annotated[int, typer.Option("--message", help="Who saw this message, in whatever way.")]


@audit.command("list")
def list_(
    store: StoreOption = None,
    since: SinceOption = "",
    act_: ActOption = "",
    who: WhoOption = "",
    object_: ObjectOption = "",
    message_id: MessageOption = 0,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="The newest so many.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """Show entries, the newest last."""
    query = AuditQuery(since=since_of(since), who=who, act=_act(act_), object=object_)
    found = list(deque(every_entry(open_named(store), query, message_id), maxlen=limit))
    if as_json:
        print_json(found)
        return
    shown = table("id", "time (UTC)", "who", "act", "object", "outcome", "why", "detail")
    for one in found:
        entry = one.entry
        why = " ".join(part for part in (entry.why, entry.ticket and f"[{entry.ticket}]") if part)
        shown.add_row(
            str(one.id), when(entry.at), entry.who, entry.act, entry.object, entry.outcome, why,
            ", ".join(f"{name} {text}" for name, text in sorted(entry.detail.items())),
        )  # fmt: skip
    Console(markup=False, highlight=False).print(shown)


@audit.command()
def verify(
    store: StoreOption = None,
    checkpoints: Annotated[
        Path | None,
        typer.Option(help="The file of checkpoints; default: WARDLINE_AUDIT_CHECKPOINTS, if it is set."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Is this all that was written, as it was written? Exit code 1 when it is not.

    Follows the chain of entries and that of the versions of resources, checks every signature, and compares
    with the checkpoints that are kept outside of the store: only they know of a store rolled back."""
    file = checkpoints or Settings.from_environment().audit_checkpoints
    witnessed = _witnessed(file) if file else Witnessed([], [])
    opened = open_named(store)
    found = [*witnessed.findings, *opened.verify_audit(witnessed.checkpoints), *opened.verify_versions()]
    if not found and not opened.entries(AuditQuery(limit=1)):
        found = ["the audit is empty: is this the right store?"]
    if as_json:
        print_json(found)
    else:
        for line in found:
            typer.echo(line)
        if not found:
            typer.echo("the audit holds" if file else "the audit holds, as far as the store itself can tell")
    if not file:
        typer.echo("no file of checkpoints: a store rolled back to an older copy would not show", err=True)
    raise typer.Exit(1 if found else 0)


@audit.command()
def export(
    store: StoreOption = None,
    since: SinceOption = "",
    act_: ActOption = "",
    who: WhoOption = "",
    object_: ObjectOption = "",
    message_id: MessageOption = 0,
    form: Annotated[
        str, typer.Option("--format", help="ndjson, csv, or fhir (AuditEvents of R4).")
    ] = "ndjson",
    output: Annotated[Path | None, typer.Option(help="A new file; default: standard output.")] = None,
    why: WhyOption = "",
    ticket: TicketOption = "",
) -> None:
    """Write entries out; that this was done is an entry itself."""
    if form not in ("ndjson", "csv", "fhir"):
        raise typer.BadParameter("the format is ndjson, csv or fhir")
    chosen: Format = form  # type: ignore[assignment]
    query = AuditQuery(since=since_of(since), who=who, act=_act(act_), object=object_)
    opened = open_named(store)
    last = act(opened, Act.EXPORT, "audit", why=why, ticket=ticket, format=form)
    found = every_entry(opened, query, message_id)  # of an engine at work there would be no end
    pieces = exported(takewhile(lambda one: one.id <= last, found), chosen)
    if output is None:
        sys.stdout.buffer.writelines(pieces)
        return
    try:
        with output.open("xb") as file:
            file.writelines(pieces)
    except OSError as error:
        raise Misconfigured(f"cannot be written: {error.strerror}", where=str(output)) from None


@audit.command()
def key(as_json: JsonOption = False) -> None:
    """Print the public keys that checkpoints are verified with (Ed25519, base64), the current one first."""
    publics = AuditKeys(ring_of(Settings.from_environment())).publics()
    shown = {key_id: base64.b64encode(public).decode() for key_id, public in publics.items()}
    if as_json:
        print_json(shown)
    else:
        for key_id, public in shown.items():
            typer.echo(f"{key_id} {public}")


def every_entry(opened: AuditStore, query: AuditQuery, message_id: int = 0) -> Iterator[Recorded]:
    """All entries that match; of a message given, those in which it was shown or asked for."""
    found = audit_operations.every_entry(opened, query)
    return (one for one in found if not message_id or _names(one, str(message_id)))


def _names(one: Recorded, message: str) -> bool:
    entry = one.entry
    named = f"{entry.detail.get('shown', '')} {entry.detail.get('redelivered', '')}".split()
    return entry.object == f"message:{message}" or message in named


def _act(text: str) -> str:
    if text and text not in set(Act):
        raise typer.BadParameter(f"an act is one of {', '.join(Act)}")
    return text


def _witnessed(file: Path) -> Witnessed:
    try:
        return read_witness(file)
    except OSError as error:
        raise Misconfigured(f"cannot be read: {error.strerror}", where=str(file)) from None
