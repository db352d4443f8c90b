"""`wardline try`: what a channel would make of a message, with nothing stored or sent."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from engine.cli.show import JsonOption, print_json, words
from engine.cli.siting import SiteOption, sites_of
from engine.config.loading import load_channel
from engine.config.rehearsal import Rehearsal, rehearse
from engine.errors import Misconfigured

__all__ = ["try_"]


def try_(
    channel: Annotated[Path, typer.Argument(help="A channel file.")],
    message: Annotated[Path, typer.Argument(help="A file with one message; - reads standard input.")],
    site: SiteOption = None,
    json: JsonOption = False,
) -> None:
    """Show what a channel would make of a message. Nothing is stored or sent; tokens are readable."""
    loaded = load_channel(channel, sites_of(site))
    raw = sys.stdin.buffer.read() if str(message) == "-" else _read(message)
    tried = rehearse(loaded, _unframed(raw))
    if json:
        print_json(_summary(tried))
    else:
        _print_trial(tried)
    if tried.reason is not None:
        raise typer.Exit(1)


def _print_trial(tried: Rehearsal) -> None:
    typer.echo(f"answer: {tried.code}")
    typer.echo(f"state: {tried.state}" + (f" by {tried.step}" if tried.step else ""))
    if tried.reason is not None:
        typer.echo(f"reason: {tried.reason.code} at {tried.reason.place or '-'}: {tried.reason.text}")
    for warning in tried.warnings:
        typer.echo(f"warning: {words(warning)}")
    for effect in tried.effects:
        typer.echo(msgspec.json.format(msgspec.json.encode(effect), indent=2).decode())


def _summary(tried: Rehearsal) -> dict[str, Any]:
    return {
        "acknowledgement": tried.code,
        "answer": tried.acknowledgement.decode("latin-1"),
        "state": tried.state,
        "step": tried.step,
        "reason": tried.reason,
        "warnings": tried.warnings,
        "sequence_key": tried.sequence_key,
        "effects": tried.effects,
    }


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise Misconfigured("the file cannot be read", where=str(path)) from None


def _unframed(raw: bytes) -> bytes:
    """A message out of the frame that a recording may have kept around it."""
    return raw.strip(b"\x0b\x1c\r\n") + b"\r"
