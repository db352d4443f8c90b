"""The commands of those who ask who is behind a token, and of those who approve."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from engine.cli.show import JsonOption, print_json, when
from engine.cli.terminal import show_once, terminal
from engine.people.keys import key_in
from engine.reidentify.client import Access, Said
from engine.reidentify.client import ask as send
from engine.reidentify.words import PURPOSES

__all__ = ["approve", "ask", "requests", "show"]

UrlOption = Annotated[
    str, typer.Option("--url", envvar="WARDLINE_REIDENTIFY_URL", help="Where the service is, https.")
]
KeyOption = Annotated[
    Path, typer.Option("--key", envvar="WARDLINE_PERSON_KEY", help="The file with your key: yours alone.")
]
RequestArgument = Annotated[str, typer.Argument(metavar="REQUEST", help="The request's id.")]

_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


def ask(
    token: Annotated[str, typer.Argument(help="Such as t1p_….")],
    purpose: Annotated[str, typer.Option(help=f"What for: {', '.join(PURPOSES)}.")],
    ticket: Annotated[str, typer.Option(help="The case or request number.")],
    url: UrlOption,
    key: KeyOption,
) -> None:
    """Ask who is behind a token. The answer is shown on this terminal, once."""
    body = {"token": token, "purpose": purpose, "ticket": ticket}
    with terminal() as screen:
        said = _right(send(_access(url, key), "POST", "/requests", body))
        if said.status == 200:
            _show(screen, said)
            return
    id_, left = said.body["request"], timedelta(seconds=said.body["seconds_left"])
    typer.echo(f"request {id_} waits for another person's approval, for {left} at most")
    typer.echo(f"when it is approved: wardline reidentify show {id_}")


def show(request: RequestArgument, url: UrlOption, key: KeyOption) -> None:
    """Show the answer to a request of yours that was approved, on this terminal, once."""
    with terminal() as screen:
        _show(screen, _right(send(_access(url, key), "POST", _path(request, "answer"), {})))


def requests(url: UrlOption, key: KeyOption, as_json: JsonOption = False) -> None:
    """Your requests, and those of others that wait for your approval."""
    found: list[dict[str, Any]] = _right(send(_access(url, key), "GET", "/requests")).body["requests"]
    if as_json:
        print_json(found)
        return
    for one in found:  # in lines, not in a table: ids and tokens stay whole in a narrow window
        who, left = "you" if one["mine"] else one["asker"], timedelta(seconds=one["seconds_left"])
        typer.echo(f"{one['request']}  {one['state']}, {left} left")
        typer.echo(f"  {who}, {when(one['asked_at'])} UTC, {one['purpose']}, {one['ticket']}")
        typer.echo(f"  {one['token']}")


def approve(
    request: RequestArgument,
    url: UrlOption,
    key: KeyOption,
    decline: Annotated[bool, typer.Option("--decline", help="Say no instead.")] = False,
) -> None:
    """Approve another person's request. The answer is not shown to you."""
    path = _path(request, "refusal" if decline else "approval")
    said = _right(send(_access(url, key), "POST", path, {})).body
    typer.echo(f"{said['asker']}, {said['purpose']}, {said['ticket']}: {said['state']}")


def _access(url: str, key: Path) -> Access:
    """Certificates stand in the environment: they are the same for every command."""
    ca, certificate, certificate_key = (
        Path(text) if (text := os.environ.get(name, "")) else None
        for name in (
            "WARDLINE_REIDENTIFY_CA",
            "WARDLINE_PERSON_CERTIFICATE",
            "WARDLINE_PERSON_CERTIFICATE_KEY",
        )
    )
    return Access(url, key_in(key), ca, certificate, certificate_key)


def _show(screen: TextIO, said: Said) -> None:
    found, into = said.body["identifier"], said.body["merged_into"]
    lines = [f"{name}: {found[name]}" for name in ("domain", "authority", "type", "value")]
    show_once(screen, [said.body["token"], "", *lines, *([f"merged into: {into}"] if into else [])])
    typer.echo(f"request {said.body['request']} was answered; that stands in the audit")


def _right(said: Said) -> Said:
    """An answer that says yes; else its words, and exit code 1."""
    if said.status < 300:
        return said
    typer.echo(f"{said.body.get('error', said.status)}: {said.body.get('text', '')}", err=True)
    raise typer.Exit(1)


def _path(request: str, verb: str) -> str:
    if not _ID.fullmatch(request):
        raise typer.BadParameter("not the id of a request")
    return f"/requests/{request}/{verb}"
