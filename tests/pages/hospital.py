"""A hospital's day at a running engine, and a console on its store: what pages are looked at with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import NamedTuple

from console.console_kit import Console, running_console
from rich.console import Console as Terminal

from demo.line import Act
from demo.play import Player
from demo.story import surgical_day
from demo.wardline import Wardline
from engine.app.opening import open_settings, ring_of
from engine.settings import Settings

__all__ = ["Hospital", "hospital"]

ROOT = Path(__file__).parents[2]


class Hospital(NamedTuple):
    """An engine that runs and a console beside it."""

    engine: Wardline
    console: Console
    messages: list[bytes]


@contextmanager
def hospital(
    folder: Path,
    *,
    acts: Sequence[Act] = surgical_day(),
    odoo: Mapping[str, str] | None = None,
    environment: str = "",
) -> Iterator[Hospital]:
    """Play acts to an engine in `folder`, leave it running, and open a console. `odoo` is the environment of
    its connection; without one the effects go to a ledger."""
    more = {"PYTHONPATH": str(ROOT), **(odoo or {})}
    options = [] if odoo else ["--ledger", str(folder / "ledger.ndjson")]
    engine = Wardline(folder, more, *options)
    engine.start()
    try:
        player = Player(engine, Terminal(quiet=True), date.today())  # noqa: DTZ011 the hospital's own day
        player.play(acts)
        engine.settled()
        own = {"WARDLINE_STORE": f"sqlite:///{folder / 'wardline.db'}", "WARDLINE_ENVIRONMENT": environment}
        settings = Settings.from_environment({**own, **(odoo or {})})
        store, ring = open_settings(settings), ring_of(settings)
        try:
            with running_console(folder, store=store, settings=settings, ring=ring, environ=odoo) as console:
                yield Hospital(engine, console, player.messages)
        finally:
            store.close()
    finally:
        engine.stop()
