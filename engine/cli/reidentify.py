"""`wardline reidentify`: the service that shows who is behind a token, its people, its report; asking it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from engine.app.opening import ring_of
from engine.cli import asking
from engine.cli.show import JsonOption, StoreOption, open_named, print_json, when
from engine.errors import Misconfigured
from engine.privacy.unsealing import Unsealer, private_keys
from engine.reidentify.process import Options, address, checked_tls, serve_until_stopped
from engine.reidentify.report import day_of, report_of
from engine.reidentify.trail import steps_between
from engine.settings import Settings
from engine.store.sql import open_store
from engine.telemetry import configure_logs

__all__ = ["reidentify"]

reidentify = typer.Typer(
    help="Who is behind a token: a service of its own, its people, its report, asking and approving.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for _command in (asking.ask, asking.show, asking.requests, asking.approve):
    reidentify.command()(_command)


@reidentify.command()
def serve(
    people: Annotated[Path, typer.Option(envvar="WARDLINE_REIDENTIFY_PEOPLE", help="Who may come.")],
    listen: Annotated[
        str, typer.Option(envvar="WARDLINE_REIDENTIFY_LISTEN", help="Its address; port 0: any free one.")
    ] = "127.0.0.1:8583",
    certificate: Annotated[
        str, typer.Option(envvar="WARDLINE_REIDENTIFY_CERTIFICATE", help="Its certificate and chain, PEM.")
    ] = "",
    certificate_key: Annotated[
        str, typer.Option(envvar="WARDLINE_REIDENTIFY_CERTIFICATE_KEY", help="The key to it, PEM.")
    ] = "",
    client_ca: Annotated[
        str,
        typer.Option(envvar="WARDLINE_REIDENTIFY_CLIENT_CA", help="Who signs the certificates of people."),
    ] = "",
    engine_key: Annotated[
        bool, typer.Option("--engine-key", help="Go without a key of its own: the engine could open, too.")
    ] = False,
    http: Annotated[
        str,
        typer.Option(envvar="WARDLINE_REIDENTIFY_HTTP", help="Address of health and metrics; empty: none."),
    ] = "",
    store: StoreOption = None,
) -> None:
    """Serve re-identification until told to stop: a process with an account and a user of the database of its
    own, and with the private key that the engine does not have."""
    settings = Settings.from_environment(store=store)
    options = Options(people, *address(listen), certificate, certificate_key, client_ca, http)
    if settings.reidentify_private is None and not engine_key:
        raise Misconfigured(
            "there is no private key apart from the engine's own",
            where="WARDLINE_REIDENTIFY_PRIVATE",
            hint="wardline vault keygen makes one; --engine-key goes without: then the engine could open too",
        )
    tls = checked_tls(options)
    ring = ring_of(settings)
    keys = private_keys(settings.reidentify_private, ring)
    configure_logs(level=settings.log_level)
    opened = open_store(settings.store, ring)
    try:
        if not opened.own("reidentify"):
            raise Misconfigured(
                "re-identification runs already on this store", hint="one process counts alone"
            )
        serve_until_stopped(options, tls, opened, Unsealer(keys, opened.seal_keys, opened.cabinet, ring))
    finally:
        opened.close()


@reidentify.command()
def report(
    day: Annotated[str, typer.Option(help="yesterday, today, or such as 2026-11-21.")] = "yesterday",
    zone: Annotated[str, typer.Option(help="Whose days: such as Europe/Berlin.")] = "UTC",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """What a day came to, from the audit: each look with who, why and who approved; what was refused."""
    try:
        meant = day_of(day, ZoneInfo(zone), time.time())
    except (ZoneInfoNotFoundError, ValueError):
        raise typer.BadParameter("such as --day 2026-11-21 --zone Europe/Berlin") from None
    found = report_of(steps_between(open_named(store), meant.since, meant.until))
    if as_json:
        print_json({"day": meant.name, "zone": zone, **found})
        return
    typer.echo(f"re-identification on {meant.name} ({zone})")
    for who, counts in found["people"].items():
        typer.echo(f"  {who}: " + ", ".join(f"{count} {step}" for step, count in counts.items()))
    _lines("shown", found["shown"])
    _lines("refused, declined, lapsed, alarms", found["refused"])


def _lines(title: str, lines: list[dict[str, Any]]) -> None:
    """In lines, not in a table: tokens stay whole in a narrow window."""
    typer.echo(f"{title}: {len(lines)}")
    for line in lines:
        words = [line[name] for name in ("step", "who", "token", "purpose", "ticket", "why") if name in line]
        approved = [f"approved by {line['approved_by']}"] if "approved_by" in line else []
        typer.echo(f"  {when(line['at'])}  " + "  ".join([*words, *approved]))
