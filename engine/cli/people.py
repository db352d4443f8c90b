"""`wardline person`: who may ask who is behind a token, who may deploy, and who may approve either."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from engine.cli.show import JsonOption, print_json, table
from engine.cli.terminal import show_once, terminal
from engine.errors import Misconfigured
from engine.people.file import add_person, examine_people, renew_key
from engine.people.words import Role

__all__ = ["person"]

FileArgument = Annotated[Path, typer.Argument(help="The people file.")]
NameArgument = Annotated[str, typer.Argument(help="A short name in lower case: what the audit says.")]
KeyFileOption = Annotated[
    Path | None, typer.Option("--key-file", help="Where the key goes; default: this terminal, once.")
]

person = typer.Typer(
    help="Who may ask who is behind a token, who may deploy, and who may approve.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@person.command()
def add(
    file: FileArgument,
    name: NameArgument,
    who: Annotated[str, typer.Option(help="Which human being this is, and from where.")],
    role: Annotated[
        list[Role], typer.Option(help="asker, approver, author, reviewer; several may be given.")
    ],
    certificate: Annotated[
        list[str] | None, typer.Option(help="A certificate to be shown: its name (SAN) or sha256:….")
    ] = None,
    key_file: KeyFileOption = None,
) -> None:
    """Add a person and make the key, which is kept nowhere here."""
    with _handing(key_file) as hand_over:
        hand_over(name, add_person(file, name, who, role, certificate or ()))


@person.command()
def renew(file: FileArgument, name: NameArgument, key_file: KeyFileOption = None) -> None:
    """Give a person a new key: the old one ends at once."""
    with _handing(key_file) as hand_over:
        hand_over(name, renew_key(file, name))


@person.command()
def check(file: FileArgument, as_json: JsonOption = False) -> None:
    """Check a people file, and show who may do what. Exit code 1 when there is an error."""
    people, findings = examine_people(file)
    if as_json:
        print_json(findings)
    else:
        for finding in findings:
            typer.echo(str(finding))
    if people is not None and not as_json:
        shown = table("name", "who", "roles", "certificates")
        for one in people.people.values():
            roles, certificates = (", ".join(sorted(words)) for words in (one.roles, one.certificates))
            shown.add_row(one.name, one.who, roles, certificates)
        Console().print(shown)
        limits = people.limits
        typer.echo(f"within an hour: {limits.alone} alone, {limits.person} each, {limits.everybody} in all")
    if people is None or findings:
        raise typer.Exit(1)


@contextmanager
def _handing(file: Path | None) -> Iterator[Callable[[str, str], None]]:
    """Where a key is handed over, made sure of before there is one: a new file, or this terminal."""
    if file is None:
        with terminal() as screen:
            yield lambda name, key: show_once(screen, [f"The key of {name}, shown this once:", "", key])
        return
    try:
        handle = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except OSError as error:
        raise Misconfigured(f"the key cannot be written: {error.strerror}", where=str(file)) from None
    with os.fdopen(handle, "w", encoding="ascii") as out:
        try:
            yield lambda _, key: print(key, file=out)
        except BaseException:
            file.unlink()
            raise
