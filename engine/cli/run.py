"""`wardline run`: the channels that were deployed, or those of a folder, from one process or several."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from engine.app.process import run_node
from engine.app.workers import Share
from engine.cli.siting import SiteOption, sites_of
from engine.errors import Misconfigured
from engine.settings import Settings

__all__ = ["run"]


def run(
    channels: Annotated[
        Path | None,
        typer.Argument(
            help="Folder of channel files to run, in development; else what was deployed.", exists=True
        ),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes.")] = 1,
    store: Annotated[str | None, typer.Option(help="Database URL.", envvar="WARDLINE_STORE")] = None,
    http: Annotated[str | None, typer.Option(help="Address of health and metrics, or `off`.")] = None,
    ledger: Annotated[Path | None, typer.Option(help="Dry run: write effects to this file instead.")] = None,
    console: Annotated[
        str | None, typer.Option(help="Address of a console beside the engine, such as 127.0.0.1:8581.")
    ] = None,
    site: SiteOption = None,
    plain_logs: Annotated[
        bool | None,
        typer.Option("--plain-logs/--json-logs", help="For eyes or machines; default: as stderr is."),
    ] = None,
    share: Annotated[str, typer.Option(hidden=True)] = "",
) -> None:
    """Listen, store, answer, route and deliver, until told to stop (SIGTERM or Ctrl-C).

    Another edition that is made active meanwhile is taken up without a stop."""
    settings = Settings.from_environment(
        store=store, http=http, ledger=ledger, sites=sites_of(site), console=console
    )
    if channels is not None and settings.mode == "production":
        raise Misconfigured(
            "what runs in production was deployed, and approved", hint=f"wardline deploy {channels}"
        )
    plain = sys.stderr.isatty() if plain_logs is None else plain_logs
    run_node(settings, channels, _share(share, workers), plain_logs=plain)


def _share(text: str, workers: int) -> Share:
    if not text:
        return (0, workers)
    number, _, total = text.partition("/")
    if not (number.isdigit() and total.isdigit()):
        raise Misconfigured("must look like 1/3", where="--share")
    return int(number), int(total)
