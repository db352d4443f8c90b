"""`wardline approve | withdraw | rollback`: what becomes of an edition that was put forward."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.auditing import Act
from engine.cli.acting import TicketOption, WhyOption, act, reason, sign
from engine.cli.awaiting import WaitOption, await_engine
from engine.cli.comparing import LAST, LastOption, unpacked
from engine.cli.proving import KeyOption, in_production, teller
from engine.cli.reviewing import YesOption, agreed, read_code, review
from engine.cli.show import StoreOption, open_named
from engine.editions import deploying
from engine.editions.opening import edition_of, packed_of
from engine.errors import Misconfigured
from engine.people.words import Role

__all__ = ["approve", "rollback", "withdraw"]

NumberArgument = Annotated[int, typer.Argument(help="The number of the edition.", min=1)]


def approve(
    number: NumberArgument,
    key: KeyOption = None,
    why: WhyOption = "",
    ticket: TicketOption = "",
    last: LastOption = LAST,
    yes: YesOption = False,
    wait: WaitOption = 10.0,
    store: StoreOption = None,
) -> None:
    """Approve an edition that somebody else put forward: it becomes the active one."""
    why, opened = reason(why), open_named(store)
    edition = edition_of(opened, number)
    told = teller(opened, f"edition:{number}", key, [Role.REVIEWER], why=why, ticket=ticket)
    typer.echo(f"edition {number}, put forward by {edition.who}: {edition.why}")
    if (active := opened.active()) and active.at > edition.at:
        typer.secho(f"edition {active.edition} became active since: what it brought may go", fg="yellow")
    packed = packed_of(opened, number)
    read_code(opened, packed, yes)
    seen = review(opened, packed, unpacked(opened, number), last, told)
    agreed(yes, "Approve this?")
    try:
        activation = deploying.approve(opened, number, told, seen)
    except Misconfigured as refusal:
        act(
            opened, Act.DEPLOY, f"edition:{number}", why=why, ticket=ticket, outcome="refused",
            person=told.who, reason=refusal.text,
        )  # fmt: skip
        raise
    sign(opened)
    typer.echo(f"edition {number} is the active one")
    await_engine(opened, activation, wait)


def withdraw(
    number: NumberArgument,
    key: KeyOption = None,
    why: WhyOption = "",
    ticket: TicketOption = "",
    store: StoreOption = None,
) -> None:
    """Take back an edition that waits for approval."""
    why, opened = reason(why), open_named(store)
    told = teller(opened, f"edition:{number}", key, [Role.AUTHOR, Role.REVIEWER], why=why, ticket=ticket)
    deploying.withdraw(opened, number, told)
    sign(opened)
    typer.echo(f"edition {number} is withdrawn")


def rollback(
    number: Annotated[int, typer.Argument(help="The edition; default: the one before.", min=0)] = 0,
    key: KeyOption = None,
    why: WhyOption = "",
    ticket: TicketOption = "",
    wait: WaitOption = 10.0,
    store: StoreOption = None,
) -> None:
    """Go back to an edition that was active before, at once."""
    why, opened = reason(why), open_named(store)
    number = number or deploying.before(opened)
    if all(one.edition != number for one in opened.activations()):
        raise Misconfigured("it was never active", where=f"edition {number}", hint="wardline editions")
    if in_production() and not deploying.approved_by_another(edition_of(opened, number)):
        raise Misconfigured("no second person approved it", where=f"edition {number}", hint="wardline deploy")
    roles = [Role.REVIEWER, Role.AUTHOR]
    told = teller(opened, f"edition:{number}", key, roles, why=why, ticket=ticket)
    activation = deploying.activate(opened, number, told)
    sign(opened)
    back = f"GONE BACK to edition {number}, for all channels: {why}"
    typer.secho(back, fg="red", bold=True, err=True)
    typer.echo(f"edition {number} is the active one again")
    await_engine(opened, activation, wait)
