"""`wardline access`: the clients of a FHIR door, and the keys and assertions of those who set one up."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from engine.access import Client, Clients
from engine.access.signing import SigningKey, make_key, public_set, read_key, secret_text, sign_assertion
from engine.cli.show import JsonOption, print_json, table
from engine.config.clients import examine_clients
from engine.errors import Misconfigured

__all__ = ["access"]

KeyArgument = Annotated[list[Path], typer.Argument(metavar="KEY", help="Keys as PEM or JWK.")]

access = typer.Typer(
    help="Clients of a FHIR door: check their file, make keys, sign an assertion.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@access.command()
def check(
    file: Annotated[Path, typer.Argument(help="A clients file.")],
    json: JsonOption = False,
) -> None:
    """Check a clients file, and show who may do what. Exit code 1 when there is an error."""
    clients, findings = examine_clients(file)
    if json:
        print_json(findings)
    else:
        for finding in findings:
            typer.echo(str(finding))
        if clients is not None:
            _show(clients)
    if clients is None or any(finding.severity == "error" for finding in findings):
        raise typer.Exit(1)


@access.command()
def keygen(
    output: Annotated[Path, typer.Argument(help="Where the secret key goes; must not exist.")],
    kid: Annotated[str, typer.Option(help="The key's name; default: its thumbprint.")] = "",
    rsa: Annotated[bool, typer.Option("--rsa", help="For RS384 instead of ES384.")] = False,
) -> None:
    """Make a key for a client, and print its public half as a JWK Set to register."""
    key = make_key(rsa=rsa)
    try:
        handle = os.open(output, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except OSError as error:
        raise Misconfigured(f"the key cannot be written: {error.strerror}", where=str(output)) from None
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secret_text(key, kid))
    print_json(public_set([(key, kid)]))


@access.command()
def jwks(keys: KeyArgument) -> None:
    """Print the public halves of keys as a JWK Set: two of them while a key is being replaced."""
    read = [(_read(path), "") for path in keys]
    try:
        print_json(public_set(read))
    except ValueError as error:
        raise Misconfigured(str(error), where=", ".join(map(str, keys))) from None


@access.command()
def assertion(
    key: Annotated[Path, typer.Argument(help="The client's secret key, as PEM or JWK.")],
    client: Annotated[str, typer.Option(help="The client's id.")],
    to: Annotated[str, typer.Option(help="The token endpoint's URL.")],
    kid: Annotated[str, typer.Option(help="The key's name; default: its own, or its thumbprint.")] = "",
) -> None:
    """Sign an assertion for the token endpoint, good for four minutes and one use."""
    try:
        text = sign_assertion(
            _read(key), kid, client=client, token_url=to, now=time.time(), lifetime=240, nonce=os.urandom(16)
        )
    except ValueError as error:
        raise Misconfigured(str(error), where=str(key)) from None
    typer.echo(text)


def _read(path: Path) -> SigningKey:
    try:
        return read_key(path.read_bytes())
    except OSError as error:
        raise Misconfigured(f"the key cannot be read: {error.strerror}", where=str(path)) from None
    except ValueError:
        raise Misconfigured("not a key", where=str(path), hint="PEM without a passphrase, or a JWK") from None


def _show(clients: Clients) -> None:
    shown = table("client", "proves itself by", "may")
    for client in clients.clients.values():
        shown.add_row(client.id, _proof(client), str(client.scopes) or "nothing")
    Console().print(shown)


def _proof(client: Client) -> str:
    """In a few words."""
    registered = client.keys.registered
    said = {
        "a static key (development)": bool(client.key_variable),
        f"tokens of {client.issuer}": bool(client.issuer),
        f"keys at {client.keys.url}": bool(client.keys.url),
        f"keys {', '.join(key.kid for key in registered.keys) if registered else ''}": registered is not None,
        "a certificate": bool(client.certificates),
    }
    return " and ".join(text for text, is_so in said.items() if is_so)
