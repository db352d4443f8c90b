"""`wardline vault`: who can open identifiers, and the rotation of what seals and finds them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.errors import Misconfigured
from engine.privacy.unsealing import make_pair
from engine.secret_files import write_secret

__all__ = ["vault"]

vault = typer.Typer(
    help="Keys of the vault: make the re-identification pair, rotate what identifiers are sealed with.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@vault.callback()
def verbs() -> None:
    """Keys of the vault: make the re-identification pair, rotate what identifiers are sealed with."""


@vault.command()
def keygen(
    output: Annotated[Path, typer.Argument(help="Where the private key goes; must not exist.")],
) -> None:
    """Make a re-identification pair: the private half into a file, the public half beside it (.pub).

    The engine gets the public half only: WARDLINE_REIDENTIFY_PUBLIC."""
    private, public = make_pair()
    beside = output.with_name(f"{output.name}.pub")
    if beside.exists():
        raise Misconfigured("the public key cannot be written: there is one", where=str(beside))
    write_secret(output, f"{private}\n", "private key")
    beside.write_text(f"{public}\n", "ascii")
    typer.echo(public)
