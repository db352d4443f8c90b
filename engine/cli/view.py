"""`wardline view`: a message as a tree with the standard's names, identity masked unless asked for."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from engine.cli.show import JsonOption, StoreOption, open_named, print_json
from engine.errors import Misconfigured, Unacceptable
from engine.hl7.document import Document
from engine.hl7.files import split_messages
from engine.hl7.names import component, field, segment_title
from engine.hl7.tree import Leaf, leaves
from engine.privacy.policy import Policy
from engine.privacy.tokens import DOMAINS

__all__ = ["MASK", "Line", "lines_of", "view"]

MASK = "*****"
_SHOWN = frozenset({"keep", "engine", "opdate"})
_DOMAINS = {letter: word for word, letter in DOMAINS.items()}


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One leaf as it is shown: its path, its names from the field down, its datatype, the value or its
    mask (`masked` says which it is, `treatment` what the privacy step makes of it)."""

    path: str
    segment: str
    title: str
    datatype: str
    value: str
    treatment: str
    masked: bool = False


def lines_of(document: Document, policy: Policy, *, show_phi: bool = False) -> Iterator[Line]:
    """The populated leaves of a message as lines. Raises `Unacceptable` above the limits of reading."""
    version = document.header.version
    for leaf in leaves(document):
        rule = policy.treatment(leaf.segment, leaf.field, leaf.component, leaf.subcomponent)
        titles, datatype = _named(version, leaf)
        passes = rule.treatment in _SHOWN
        value = leaf.text if passes or show_phi else _mask(rule.treatment, rule.domain, leaf.text)
        what = f"token:{_DOMAINS[rule.domain]}" if rule.treatment == "token" else rule.treatment
        yield Line(leaf.path, leaf.segment, titles, datatype, value, what, masked=not passes and not show_phi)


def view(
    file: Annotated[
        str, typer.Argument(metavar="[FILE]", help="A file of messages, or - for standard input.")
    ] = "",
    message_id: Annotated[int, typer.Option("--message", help="A stored message by its id instead.")] = 0,
    show_phi: Annotated[bool, typer.Option("--show-phi", help="Show identifying values too.")] = False,
    paths: Annotated[bool, typer.Option("--paths", help="Only the field paths, for a channel file.")] = False,
    charset: Annotated[str, typer.Option(help="Of 8-bit text whose MSH-18 is empty.")] = "",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show messages as trees with the names of segments, fields and components.

    What identifies a person is masked, as the privacy step would remove it, unless [bold]--show-phi[/bold] is
    given. A file may hold many messages, framed or in a batch. Exit code 1 when one of them cannot be read.
    """
    raws = _raws(file, message_id, store)
    policy, console, unread = Policy(), Console(soft_wrap=True), 0
    if show_phi:
        Console(stderr=True).print("Identifying values are shown: mind who sees this screen.", style="yellow")
    shown: list[dict[str, object]] = []
    for number, raw in enumerate(raws, 1):
        try:
            document = Document.parse(raw, default_charset=charset)
            lines = list(lines_of(document, policy, show_phi=show_phi))
        except Unacceptable as error:
            unread += 1
            Console(stderr=True).print(f"message {number}: {error}", style="red")
            continue
        if as_json:
            shown.append({"message": number, "lines": lines, "quirks": sorted(document.quirks)})
        elif paths:
            console.print("\n".join(line.path for line in lines), highlight=False)
        else:
            _print(console, document, lines, number if len(raws) > 1 else 0)
    if as_json:
        print_json(shown)
    raise typer.Exit(1 if unread else 0)


def _raws(file: str, message_id: int, store: str | None) -> list[bytes]:
    """The messages that are asked for. Raises `Misconfigured` where there are none."""
    if message_id:
        try:
            return [open_named(store).content(message_id)]
        except KeyError:
            raise Misconfigured(
                f"message {message_id} has no content here", hint="see wardline messages"
            ) from None
    if not file:
        raise Misconfigured("nothing to show", hint="name a file, - for standard input, or --message ID")
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise Misconfigured(f"cannot be read: {error.strerror}", where=file) from None
    found = split_messages(data)
    if not found:
        raise Misconfigured(
            "no HL7 v2 message in it", where=file, hint="a message begins with MSH and a delimiter"
        )
    return found


def _named(version: str, leaf: Leaf) -> tuple[str, str]:
    """The names from the field down to the leaf, and the leaf's datatype."""
    named = field(version, leaf.segment, leaf.field)
    titles = [named.title]
    for number in (leaf.component, leaf.subcomponent):
        if not named.parts and number == 1:
            break
        named = component(named, number)
        if leaf.whole:
            continue
        titles.append(named.title or f"part {number}")
    return " · ".join(title for title in titles if title), named.datatype


def _mask(treatment: str, domain: str, text: str) -> str:
    if text == '""':
        return text
    if treatment == "token":
        return f"<{_DOMAINS[domain]} token>"
    return text[:4] if treatment == "year" and text[:4].isdecimal() else MASK


def _print(console: Console, document: Document, lines: list[Line], number: int) -> None:
    if number:
        console.print(f"── message {number}", style="bold")
    width = min(max((len(line.path) for line in lines), default=0), 20)
    before = ""
    for line in lines:
        segment = line.path.partition("-")[0]
        if segment != before:
            console.print(Text.assemble((segment, "bold cyan"), f"  {segment_title(line.segment)}"))
            before = segment
        console.print(
            Text.assemble(
                f"  {line.path:<{width}}  ",
                (line.value, "dim" if line.masked else "green"),
                (f"  {line.title}", "italic"),
                (f"  {line.datatype}" if line.datatype else "", "dim"),
            )
        )
    if document.quirks:
        console.print(f"  odd but read: {', '.join(sorted(document.quirks))}", style="yellow")
