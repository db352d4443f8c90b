"""`wardline reconcile`: the books held against Odoo; repairs put forward, approved, looked at."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace
from rich.console import Console

from engine.accounts.words import Caller
from engine.accounts.words import Role as AccountRole
from engine.app.opening import ring_of
from engine.auditing import Act
from engine.cli.acting import TicketOption, WhyOption, entry, reason, sign
from engine.cli.performing import performed
from engine.cli.progressing import progress
from engine.cli.proving import KeyOption, teller
from engine.cli.reconciled import print_check, print_repair, print_repairs
from engine.cli.show import ChannelOption, JsonOption, StoreOption, open_named, print_json, table, when
from engine.destinations.odoo import from_environment
from engine.operations.books import (
    APPROVE,
    CHECK,
    CHECKS,
    PLAN,
    PROPOSE,
    REPAIR,
    REPAIRS,
    AskChecks,
    AskDecision,
    AskNumber,
    AskPlan,
    AskRepair,
    AskRepairs,
)  # fmt: skip
from engine.operations.moments import moment
from engine.operations.operation import Desk, perform
from engine.people.words import Role
from engine.reconciling.checking import check, open_gaps
from engine.reconciling.words import Check, Repair, Report, Scope, encode
from engine.reconciling.working import Worker
from engine.settings import Settings
from engine.store.base import Store

__all__ = ["reconcile"]

reconcile = typer.Typer(invoke_without_command=True, no_args_is_help=False)

NumberArgument = Annotated[int, typer.Argument(min=1, help="The number of a check.")]
RepairArgument = Annotated[int, typer.Argument(min=1, help="The number of a repair.")]
GapOption = Annotated[
    list[int] | None,
    typer.Option("--gap", help="Only this gap of the check, by its number; needed for what people did."),
]


@reconcile.callback()
def run(
    context: typer.Context,
    since: Annotated[str, typer.Option(help="Messages received since: an age (7d) or a date.")] = "7d",
    until: Annotated[str, typer.Option(help="Messages received before: an age or a date.")] = "",
    channel: ChannelOption = "",
    odoo: Annotated[str, typer.Option("--odoo", help="Only this Odoo: odoo:NAME.")] = "",
    page: Annotated[Path | None, typer.Option("--page", help="Write it as a page (HTML) too.")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hold the books against Odoo as it is now: messages, effects, documents. Only reads.

    Exit code 1 when something differs, or an Odoo could not be asked; what is merely on its way does not
    count. Further commands put repairs forward, and approve them."""
    if context.invoked_subcommand is not None:
        return
    now, opened = time.time(), open_named(store)
    scope = Scope(moment(since, now, "--since"), moment(until, now, "--until"), channel, odoo)
    report = _checked(opened, scope, now)
    told = entry(Act.RECONCILE, "books", gaps=str(open_gaps(report)))
    number = opened.keep_check(
        encode(scope), at=now, gaps=open_gaps(report), report=encode(report), told=told
    )
    _worker(opened).tell(scope, report)
    sign(opened)
    kept = Check(
        number=number, at=now, who=told.who, state="done", scope=scope, gaps=open_gaps(report), report=report
    )
    _show(kept, as_json, page)
    if kept.gaps or report.unread:
        raise typer.Exit(1)


@reconcile.command("checks")
def checks(
    store: StoreOption = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 30,
    as_json: JsonOption = False,
) -> None:
    """The newest checks."""
    found = performed(store, CHECKS, AskChecks(limit=limit))
    if as_json:
        print_json(found)
        return
    shown = table("check", "made (UTC)", "by", "state", "since (UTC)", "channel", "gaps")
    for one in found:
        shown.add_row(
            str(one.number), when(one.at), one.who, one.state, when(one.scope.since),
            one.scope.channel or "all", str(one.gaps),
        )  # fmt: skip
    Console(markup=False, highlight=False).print(shown)


@reconcile.command("show")
def show(
    number: NumberArgument,
    page: Annotated[Path | None, typer.Option("--page", help="Write it as a page (HTML) too.")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """What a check found."""
    _show(performed(store, CHECK, AskNumber(number=number)), as_json, page)


@reconcile.command("plan")
def plan(
    number: NumberArgument, gap: GapOption = None, store: StoreOption = None, as_json: JsonOption = False
) -> None:
    """What would be done about the gaps of a check, with the calls that Odoo would get."""
    remedies = performed(store, PLAN, AskPlan(number=number, gaps=tuple(gap or ())))
    if as_json:
        print_json(remedies)
        return
    made = Repair(number=0, check=number, state="proposed", at=0, who="", why="", remedies=tuple(remedies))
    print_repair(made)


@reconcile.command("repair")
def repair(
    number: NumberArgument,
    gap: GapOption = None,
    why: WhyOption = "",
    ticket: TicketOption = "",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a repair of what a check found forward: somebody else approves it. What people did in Odoo is
    undone only where --gap names it."""
    asked = AskRepair(number=number, gaps=tuple(gap or ()), why=reason(why), ticket=ticket)
    made = performed(store, PROPOSE, asked)
    if as_json:
        print_json(made)
        return
    print_repair(made)
    typer.echo(f"repair {made.number} waits for somebody else: wardline reconcile approve {made.number}")


@reconcile.command("repairs")
def repairs(
    store: StoreOption = None,
    state: Annotated[str, typer.Option(help="proposed, approved, sent, done, failed, withdrawn")] = "",
    as_json: JsonOption = False,
) -> None:
    """Repairs that were put forward, and what became of them."""
    found = performed(store, REPAIRS, AskRepairs(state=state))
    print_json(found) if as_json else print_repairs(found)


@reconcile.command("repaired")
def repaired(number: RepairArgument, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """One repair, step by step."""
    found = performed(store, REPAIR, AskNumber(number=number))
    print_json(found) if as_json else print_repair(found)


@reconcile.command("approve")
def approve(
    number: RepairArgument,
    key: KeyOption = None,
    why: WhyOption = "",
    ticket: TicketOption = "",
    store: StoreOption = None,
) -> None:
    """Approve a repair that somebody else put forward: the engine carries it out within seconds, and looks at
    Odoo again. In production it takes the key of a reviewer."""
    decided = _decided(store, number, key, AskDecision(number=number, why=reason(why), ticket=ticket))
    typer.echo(f"repair {decided.number} is approved: wardline reconcile repaired {decided.number}")


@reconcile.command("withdraw")
def withdraw(
    number: RepairArgument,
    key: KeyOption = None,
    why: WhyOption = "",
    ticket: TicketOption = "",
    store: StoreOption = None,
) -> None:
    """Take back, or turn down, a repair that waits for approval."""
    asked = AskDecision(number=number, why=reason(why), ticket=ticket, decision="withdrawn")
    typer.echo(f"repair {_decided(store, number, key, asked).number} is withdrawn")


@reconcile.command("work")
def work(store: StoreOption = None) -> None:
    """Make the checks that were asked for and carry out what was approved, now. The running engine does so by
    itself."""
    opened = open_named(store)
    if not opened.own("books"):
        typer.echo("another process does it")
        return
    done = _worker(opened).work()
    sign(opened)
    typer.echo(f"{done} done" if done else "nothing is to be done")


def _decided(store: str | None, number: int, key: Path | None, asked: AskDecision) -> Repair:
    """Decide as the person who proves it (in production), else as who sits there."""
    settings, opened = Settings.from_environment(store=store), open_named(store)
    told = teller(
        opened,
        f"repair:{number}",
        key,
        [Role.REVIEWER],
        why=asked.why,
        ticket=asked.ticket,
        about=Act.RECONCILE,
    )
    desk = Desk(opened, ring_of(settings), settings, time.time, os.environ)
    caller = Caller(name=told.who, roles=frozenset({AccountRole.APPROVER}), via="command")
    decided = perform(desk, caller, APPROVE, asked)
    sign(opened)
    return decided


def _checked(opened: Store, scope: Scope, now: float) -> Report:
    with progress() as told:
        report = check(opened, scope, lambda name: from_environment(name, os.environ), now=now, told=told)
    return replace(report, seconds=time.time() - now)


def _worker(opened: Store) -> Worker:
    settings = Settings.from_environment()
    return Worker(
        opened, lambda name: from_environment(name, os.environ), holder=settings.node, clock=time.time
    )


def _show(found: Check, as_json: bool, page: Path | None) -> None:
    if page is not None:
        from engine.console.pages.books import page_of  # templates take a while to load

        page.write_text(page_of(found), "utf-8")
    if as_json:
        typer.echo(encode(found).decode())
    else:
        print_check(found)
