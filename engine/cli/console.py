"""`wardline console`: the pages and the API for the people on duty, a process of its own."""

from __future__ import annotations

import os
import resource
import signal
import sys
import threading
import time
from contextlib import closing
from typing import Annotated

import typer

from engine.accounts.coming import Terms
from engine.accounts.entrance import Entrance
from engine.app.opening import open_with, ring_of
from engine.app.signing_on import sign_on_of
from engine.auditing import Act, Entry
from engine.cli.show import StoreOption
from engine.console.guarding import Door
from engine.console.server import (
    DEFAULT,
    application,
    door_of,
    listening,
    opened,
    serve_until_stopped,
    tls_of,
)
from engine.operations.operation import Desk
from engine.settings import Settings
from engine.store.base import Store
from engine.telemetry import configure_logs

__all__ = ["console"]


def console(
    listen: Annotated[
        str, typer.Option(envvar="WARDLINE_CONSOLE", help="Its address; port 0: any free one.")
    ] = DEFAULT,
    store: StoreOption = None,
    plain_logs: Annotated[
        bool | None,
        typer.Option("--plain-logs/--json-logs", help="For eyes or machines; default: as stderr is."),
    ] = None,
    beside: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Serve the console until told to stop (SIGTERM or Ctrl-C), beside an engine or without one.

    While there is no account, it prints a link with which the first one is made: once, within the hour."""
    settings = Settings.from_environment(store=store)
    options = listening(
        listen or DEFAULT, certificate=settings.console_cert, key=settings.console_key,
        url=settings.console_url, insecure_ok=settings.insecure_ok,
    )  # fmt: skip
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # what is in memory stays there
    configure_logs(level=settings.log_level, plain=sys.stderr.isatty() if plain_logs is None else plain_logs)
    tls = tls_of(options)
    if beside:
        _end_with_engine()
    ring = ring_of(settings)
    with closing(open_with(settings, ring)) as kept, opened(options) as bound:
        door = door_of(options, bound.getsockname()[1])
        desk = Desk(kept, ring.following(kept.uses()), settings, time.time, dict(os.environ))
        entrance = Entrance(kept, Terms(local=settings.passwords), time.time)
        app = application(desk, entrance, door, sign_on_of(settings, door.url))
        _tell(kept, settings, Act.START, door)
        if key := entrance.set_up_key():
            typer.echo(f"{door.url}/setup?key={key}")
            typer.echo(
                "There is no account yet. This link makes the first one: once, within the hour.", err=True
            )
        serve_until_stopped(app, bound, tls, door)
        _tell(kept, settings, Act.STOP, door)


def _tell(store: Store, settings: Settings, act: Act, door: Door) -> None:
    who = f"console@{settings.node}"
    store.record(
        [Entry(at=time.time(), who=who, role="engine", act=act, object="console", detail={"url": door.url})]
    )


def _end_with_engine() -> None:
    """Standard input closes when the engine that started this console is gone."""

    def wait() -> None:
        os.read(0, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()
