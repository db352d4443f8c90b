"""`wardline profile`: what a sender uses, learned from samples, and what has changed since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from engine.cli.show import JsonOption, print_json, table
from engine.config.profiles import read_profile, written
from engine.errors import Misconfigured, Unacceptable
from engine.hl7.document import Document
from engine.hl7.files import split_messages
from engine.hl7.names import VERSIONS, field
from engine.hl7.profile import Learner, Profile, of_document
from engine.hl7.validation import Finding
from engine.privacy.harvest import Harvester
from engine.privacy.matching import Identities
from engine.privacy.policy import Policy

__all__ = ["profile"]

_CODED = frozenset({"ID", "IS", "CE", "CF", "CNE", "CWE", "PL"})


def profile(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="Files of messages.")
    ],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the profile here.")] = None,
    against: Annotated[Path | None, typer.Option(help="Report what departs from this profile.")] = None,
    charset: Annotated[str, typer.Option(help="Of 8-bit text whose MSH-18 is empty.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Learn which segments, fields, lengths and codes a sender uses, or report drift.

    The profile names codes only of fields that cannot identify a person, and of those none that holds what
    identifies elsewhere in its message. With [bold]--against[/bold] each
    departure is shown once, with its number of messages; exit code 1 when there is any, or when a message
    cannot be read.
    """
    known = read_profile(against) if against else None
    learner, drift = Learner(_may_tell(), _identities()), Counter[Finding]()
    unread = 0
    for document in _documents(files, charset, quiet=as_json):
        if isinstance(document, str):
            unread += 1
            Console(stderr=True).print(document, style="red")
            continue
        try:
            if known is None:
                learner.add(document)
            else:
                drift.update(set(of_document(document, known)))
        except Unacceptable as error:
            unread += 1
            Console(stderr=True).print(str(error), style="red")
    if known is None:
        _keep(learner.profile(), output, as_json=as_json)
    else:
        _report(drift, as_json=as_json)
    raise typer.Exit(1 if drift or unread else 0)


def _documents(files: list[Path], charset: str, *, quiet: bool) -> Iterator[Document | str]:
    """Every message of the files, or why it could not be read."""
    for file in track(
        files, description="reading", disable=quiet, transient=True, console=Console(stderr=True)
    ):
        messages = split_messages(file.read_bytes())
        if not messages:
            yield f"{file.name}: no HL7 v2 message in it"
        for number, raw in enumerate(messages, 1):
            try:
                yield Document.parse(raw, default_charset=charset)
            except Unacceptable as error:
                yield f"{file.name}, message {number}: {error}"


def _keep(found: Profile, output: Path | None, *, as_json: bool) -> None:
    if not found.messages:
        raise Misconfigured("nothing to learn from: no message could be read")
    if as_json:
        print_json(found)
    elif output is None:
        typer.echo(written(found), nl=False)
    else:
        output.write_text(written(found), encoding="utf-8")
        Console(stderr=True).print(f"learned from {found.messages} messages: {output}")


def _report(drift: Counter[Finding], *, as_json: bool) -> None:
    rows = sorted(drift.items(), key=lambda pair: (pair[0].severity, -pair[1], pair[0].place))
    if as_json:
        print_json([{"messages": count, "finding": finding} for finding, count in rows])
        return
    if not rows:
        Console(stderr=True).print("nothing departs from the profile")
        return
    shown = table("messages", "", "place", "what")
    for finding, count in rows:
        shown.add_row(str(count), "error" if finding.severity == "E" else "look", finding.place, finding.text)
    Console().print(shown)


def _may_tell() -> Callable[[str, int], bool]:
    """Codes alone, and only where the policy lets the value pass as it is."""
    policy = Policy()

    @cache
    def may_tell(segment: str, number: int) -> bool:
        treatment = policy.treatment(segment, number, 1).treatment
        return treatment in ("keep", "engine") and field(VERSIONS[-1], segment, number).datatype in _CODED

    return may_tell


def _identities() -> Callable[[Document], Callable[[str], bool]]:
    """What identifies in a message: a sender may put a number of the patient's where a code belongs."""
    harvester = Harvester(Policy())

    def of(document: Document) -> Callable[[str], bool]:
        known = Identities(harvester.of(document))
        return lambda text: bool(known.row_in(text))

    return of
