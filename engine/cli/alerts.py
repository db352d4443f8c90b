"""`wardline alerts`: what is not as it was promised, for people on duty and whoever watches the engine."""

from __future__ import annotations

import time
from typing import Annotated, Final

import typer
from rich.console import Console

from engine.accounts.words import Role
from engine.alerting.expectation import parse_span
from engine.cli.acting import TicketOption, WhyOption, reason
from engine.cli.operate import since_of
from engine.cli.performing import performed
from engine.cli.show import ChannelOption, JsonOption, StoreOption, open_named, print_json, table, when
from engine.errors import Misconfigured, Unavailable
from engine.measuring.reading import engine_up
from engine.operations.alerts import (
    LIST,
    QUIET,
    SHOW,
    TAKE,
    AskAlerts,
    AskOne,
    AskQuiet,
    AskTake,
    Shown,
)
from engine.operations.routes import LIST as ROUTES
from engine.operations.routes import TEST, AskRoutes, AskTest

__all__ = ["alerts"]

alerts = typer.Typer(no_args_is_help=True, help="What is not as it was promised, and who is told.")

Number = Annotated[int, typer.Argument(metavar="ALERT", help="The number of an alert.")]

OK: Final = 0
SOMETHING: Final = 1
CRITICAL: Final = 2
UNKNOWN: Final = 3


@alerts.command("list")
def list_(
    channel: ChannelOption = "",
    kind: Annotated[str, typer.Option(help="silent, queue-age, dead-letters, …")] = "",
    every: Annotated[bool, typer.Option("--all", help="Those too that are over.")] = False,
    since: Annotated[str, typer.Option(help="Age such as 90s, 15m, 2h, 7d.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=500)] = 100,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Alerts that are open, newest first."""
    asked = AskAlerts(
        state="all" if every else "open", channel=channel, kind=kind, since=since_of(since), limit=limit
    )
    found = performed(store, LIST, asked)
    if as_json:
        print_json(found)
        return
    shown = table("alert", "since (UTC)", "over (UTC)", "kind", "what", "whose", "taken by")
    for one in found.alerts:
        shown.add_row(
            str(one.id), when(one.opened_at), _over(one), one.kind, one.title, one.owner, one.taken_by or "-"
        )
    Console(markup=False, highlight=False).print(shown)
    if found.next:
        typer.echo(f"there are more: --limit {limit + 100}", err=True)


@alerts.command("show")
def show(number: Number, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """One alert: what it says, what was told of it, what to do."""
    told = performed(store, SHOW, AskOne(number))
    if as_json:
        print_json(told)
        return
    one = told.alert
    console = Console(markup=False, highlight=False)
    console.print(
        f"{told.text}\nsince {when(one.opened_at)} UTC, {_over(one)}; whose: {told.contact or one.owner}"
    )
    if one.taken_by:
        console.print(f"{one.taken_by} looks after it since {when(one.taken_at)} UTC")
    if one.state == "quiet":
        console.print(f"quiet until {when(one.quiet_until)} UTC: {one.why}")
    console.print(f"what to do: {told.runbook}")
    shown = table("told", "route", "state", "attempts", "why not")
    for notice in told.notices:
        shown.add_row(notice.event, notice.route, notice.state, str(notice.attempts), notice.said or "-")
    console.print(shown)


@alerts.command("take")
def take(number: Number, why: WhyOption = "", ticket: TicketOption = "", store: StoreOption = None) -> None:
    """Look after an alert: others see who does."""
    done = performed(store, TAKE, AskTake(id=number, why=reason(why), ticket=ticket))
    typer.echo(f"{done.taken_by} looks after alert {number}: {done.title}")


@alerts.command("quiet")
def quiet(
    number: Number,
    span: Annotated[str, typer.Option("--for", help="How long: 30m, 4h, 2d; 0 ends it.")] = "1h",
    why: WhyOption = "",
    ticket: TicketOption = "",
    store: StoreOption = None,
) -> None:
    """Tell nobody of an alert's cause for a while; at the end people are told of what is still open."""
    asked = AskQuiet(id=number, minutes=_minutes(span), why=reason(why), ticket=ticket)
    done = performed(store, QUIET, asked)
    if done.state == "quiet":
        typer.echo(f"quiet until {when(done.quiet_until)} UTC: {done.title}")
    else:
        typer.echo(f"no longer quiet: {done.title}")


@alerts.command("routes")
def routes(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """By which routes people are told, and who names them."""
    found = performed(store, ROUTES, AskRoutes())
    if as_json:
        print_json(found)
        return
    shown = table("route", "kind", "leads to", "told of", "wrong")
    for one in found:
        of = ", ".join((*(["the node"] if one.node else []), *one.channels))
        shown.add_row(one.name, one.kind or "-", one.host or "-", of, one.wrong or "-")
    Console(markup=False, highlight=False).print(shown)


@alerts.command("test")
def try_route(
    route: Annotated[str, typer.Argument(metavar="ROUTE", help="The name of a route.")],
    store: StoreOption = None,
) -> None:
    """Send a test by a route. Exit code 1 when it was not taken."""
    done = performed(store, TEST, AskTest(route), Role.ADMINISTRATOR)
    if not done.sent:
        typer.echo(f"{route}: {done.why}", err=True)
        raise typer.Exit(1)
    typer.echo(f"{route} took a test: see that it arrived")


@alerts.command("check")
def check(store: StoreOption = None) -> None:
    """For cron, Nagios, Icinga: one line and an exit code: 0 all is well, 1 something is open, 2 something
    stands still or no engine works on the store, 3 nobody can tell."""
    try:
        opened = open_named(store)
        up, found = engine_up(opened, time.time()), opened.open_alerts()
    except (Misconfigured, Unavailable) as error:
        typer.echo(f"UNKNOWN - {error}")
        raise typer.Exit(UNKNOWN) from None
    critical = sum(one.critical for one in found)
    figures = f"| open={len(found)} critical={critical}"
    if not up:
        typer.echo(f"CRITICAL - no engine works on the store {figures}")
        raise typer.Exit(CRITICAL)
    if found:
        word, code = ("CRITICAL", CRITICAL) if critical else ("WARNING", SOMETHING)
        causes = ", ".join(one.cause for one in found[:5]) + (", …" if len(found) > 5 else "")
        typer.echo(f"{word} - {causes} {figures}")
        raise typer.Exit(code)
    typer.echo(f"OK - nothing is open {figures}")


def _over(one: Shown) -> str:
    return when(one.closed_at) if one.closed_at else one.state


def _minutes(span: str) -> int:
    try:
        return 0 if span == "0" else max(1, round(parse_span(span) / 60))
    except Misconfigured as error:
        raise typer.BadParameter(str(error), param_hint="--for") from None
