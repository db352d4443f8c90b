"""`wardline view`: a message or a resource as a tree, identity masked unless asked for."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from engine.auditing import Act
from engine.cli.acting import TicketOption, WhyOption, act
from engine.cli.show import JsonOption, StoreOption, open_named, print_json
from engine.cli.terminal import plainly
from engine.errors import Misconfigured, Unacceptable
from engine.hl7.files import split_messages
from engine.hl7.names import segment_title
from engine.workbench.masking import Line
from engine.workbench.resource_tree import is_resource
from engine.workbench.tree import tree_of

__all__ = ["view"]


def view(
    file: Annotated[
        str, typer.Argument(metavar="[FILE]", help="A file of messages, or - for standard input.")
    ] = "",
    message_id: Annotated[int, typer.Option("--message", help="A stored message by its id instead.")] = 0,
    show_phi: Annotated[bool, typer.Option("--show-phi", help="Show identifying values too.")] = False,
    paths: Annotated[bool, typer.Option("--paths", help="Only the field paths, for a channel file.")] = False,
    charset: Annotated[str, typer.Option(help="Of 8-bit text whose MSH-18 is empty.")] = "",
    store: StoreOption = None,
    why: WhyOption = "",
    ticket: TicketOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show messages as trees with the names of segments, fields and components.

    What identifies a person is masked, as the privacy step would remove it or its guard stop it, unless
    [bold]--show-phi[/bold] is given. A file may hold many messages, framed or in a batch. Exit code 1 when
    one of them cannot be read. That a stored message is looked at is recorded; to see what identifies in it,
    say [bold]--why[/bold].
    """
    told = "identifying" if show_phi else "paths" if paths else "masked"
    raws = [_stored(message_id, store, why, ticket, told)] if message_id else _raws(file)
    console, unread = Console(soft_wrap=True), 0
    if show_phi:
        Console(stderr=True).print("Identifying values are shown: mind who sees this screen.", style="yellow")
    shown: list[dict[str, object]] = []
    for number, raw in enumerate(raws, 1):
        try:
            lines, quirks = tree_of(raw, charset, show_phi=show_phi)
        except Unacceptable as error:
            unread += 1
            Console(stderr=True).print(f"message {number}: {error}", style="red")
            continue
        if as_json:
            shown.append({"message": number, "lines": lines, "quirks": quirks})
        elif paths:
            console.print("\n".join(plainly(line.path) for line in lines), markup=False, highlight=False)
        else:
            _print(console, quirks, lines, number if len(raws) > 1 else 0)
    if as_json:
        print_json(shown)
    raise typer.Exit(1 if unread else 0)


def _stored(message_id: int, store: str | None, why: str, ticket: str, told: str) -> bytes:
    """A stored message, recorded before it is shown. Raises `Misconfigured` where there is none."""
    if told == "identifying" and not why.strip():
        raise typer.BadParameter("to be shown who it is about, say --why, for the audit")
    opened = open_named(store)
    try:
        raw = opened.content(message_id)
    except KeyError:
        raise Misconfigured(
            f"message {message_id} has no content here", hint="see wardline messages"
        ) from None
    act(opened, Act.LOOK, f"message:{message_id}", why=why, ticket=ticket, told=told)
    return raw


def _raws(file: str) -> list[bytes]:
    """The messages of a file. Raises `Misconfigured` where there are none."""
    if not file:
        raise Misconfigured("nothing to show", hint="name a file, - for standard input, or --message ID")
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise Misconfigured(f"cannot be read: {error.strerror}", where=file) from None
    if is_resource(data):
        return [data]
    found = split_messages(data)
    if not found:
        hint = "a message begins with MSH and a delimiter, a resource is a JSON object"
        raise Misconfigured("no HL7 v2 message in it, and no resource", where=file, hint=hint)
    return found


def _print(console: Console, quirks: list[str], lines: list[Line], number: int) -> None:
    if number:
        console.print(f"── message {number}", style="bold")
    width = min(max((len(line.path) for line in lines), default=0), 48)
    before = ""
    for line in lines:
        segment = line.path.partition("-")[0] if "-" in line.path else line.segment
        if segment != before:
            console.print(Text.assemble((segment, "bold cyan"), f"  {_heading(line)}"))
            before = segment
        console.print(
            Text.assemble(
                f"  {plainly(line.path):<{width}}  ",
                (plainly(line.value), "dim" if line.masked else "green"),
                (f"  {line.title}", "italic"),
                (f"  {line.datatype}" if line.datatype else "", "dim"),
            )
        )
    if quirks:
        console.print(f"  odd but read: {', '.join(quirks)}", style="yellow")


def _heading(line: Line) -> str:
    """What a segment is called; a resource is called what it is."""
    return segment_title(line.segment) if "-" in line.path else ""
