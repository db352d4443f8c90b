"""Waiting until the running engine has taken up what was made active, and saying what it did."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from engine.store.contracts.editions import Activation, EditionStore, Running

__all__ = ["WaitOption", "await_engine"]

WaitOption = Annotated[float, typer.Option(help="Seconds to wait for the engine to take it up.", min=0)]

_LOOK = 0.2


def await_engine(store: EditionStore, activation: Activation, seconds: float) -> None:
    """Say what each process of the engine did with the activation, at most after so many seconds. Exit code 1
    when one refused it."""
    until = time.monotonic() + seconds
    while (late := _late(store.running(), activation)) and time.monotonic() < until:
        time.sleep(_LOOK)
    said = [one for one in store.running() if one.activation >= activation.id]
    for one in said:
        word = (
            f"goes on with edition {one.edition}: {one.refused}"
            if one.refused
            else f"runs edition {one.edition}"
        )
        typer.echo(f"{one.holder} {word}")
    if late or not said:
        typer.echo("no engine has taken it up yet: it does when it runs" if not said else
                   f"not heard of: {', '.join(one.holder for one in late)}", err=True)  # fmt: skip
    if any(one.refused for one in said):
        raise typer.Exit(1)


def _late(running: list[Running], activation: Activation) -> list[Running]:
    return [one for one in running if one.activation < activation.id]
