"""Secrets are not for the command line, where every account of the machine reads them (`ps`)."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import typer

from engine.errors import Misconfigured

__all__ = ["refuse_password", "warn_of_password"]


def refuse_password(url: str, option: str, variable: str) -> None:
    """Raise `Misconfigured` for an address with a password that did not come by its variable."""
    if _shown(url, variable):
        raise Misconfigured(
            "a password on the command line is seen by every account of this machine",
            where=option,
            hint=f"set {variable}, or leave the password to PGPASSFILE",
        )


def warn_of_password(url: str, option: str, variable: str) -> None:
    """The same as a line to the person, where such addresses were always taken."""
    if _shown(url, variable):
        typer.echo(
            f"wardline: {option}: a password on the command line is seen by every account of this machine;"
            f" set {variable}, or leave the password to PGPASSFILE",
            err=True,
        )


def _shown(url: str, variable: str) -> bool:
    try:
        return bool(urlsplit(url).password) and os.environ.get(variable, "").strip() != url
    except ValueError:  # no address: whoever opens it says so
        return False
