"""`wardline api`: what the admin API is, for programs that are written against it."""

from __future__ import annotations

import sys

import msgspec
import typer

from engine.console.api.describing import described
from engine.operations.every import OPERATIONS

__all__ = ["api"]

api = typer.Typer(
    help="The admin API, described.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@api.callback()
def _api() -> None:
    """A verb of its own, so that more may follow."""


@api.command()
def openapi() -> None:
    """Print the description of the admin API: OpenAPI 3.1, as JSON."""
    packed = msgspec.json.encode(described(OPERATIONS))
    sys.stdout.buffer.write(msgspec.json.format(packed, indent=2) + b"\n")
