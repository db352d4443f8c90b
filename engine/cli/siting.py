"""`--site`: which overlays are laid over the channels (docs/manual/sites.md)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Annotated

import typer

from engine.settings import names_in

__all__ = ["SiteOption", "sites_of"]

SiteOption = Annotated[
    list[str] | None,
    typer.Option("--site", help="Overlay of sites/; several in turn. Default: WARDLINE_SITES."),
]


def sites_of(given: Iterable[str] | None) -> tuple[str, ...]:
    """The overlays that a command was given, else those of the environment."""
    return names_in(",".join(given) if given else os.environ.get("WARDLINE_SITES", ""))
