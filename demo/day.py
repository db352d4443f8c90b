"""`python -m demo.day`: a surgical day through Wardline into a real Odoo, and the books at its end.

`ODOO` chooses as in `demo.odoo`; without an Odoo the effects go to a ledger file. Exit code 0 when all
is as the story says, 1 when something is not, 2 when the day could not be played. Odoo keeps running;
the engine is stopped.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.text import Text

from demo.books import read_books
from demo.checks import Checks
from demo.odoo import up
from demo.outcome import check_books, check_ledger, check_odoo, check_privacy
from demo.play import Player
from demo.provision import Running
from demo.session import Session
from demo.show import show_books, show_ledger, show_odoo, title
from demo.standing import Standing, read_standing, tidy
from demo.steps import Absent, Steps
from demo.story import surgical_day
from demo.wardline import Broken, Wardline

__all__ = ["connection", "main", "play_day"]

FOLDER = Path(__file__).parent.parent / "var/demo"
CONNECTION = "WARDLINE_ODOO_HOSPITAL_ODOO_"


def main() -> int:
    """Bring up, play, show, check; returns the exit code."""
    console, began = Console(highlight=False), time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the engine ends with us
    try:
        with _alone():
            odoo = _odoo(console)
            shutil.rmtree(FOLDER, ignore_errors=True)
            FOLDER.mkdir()
            checks = play_day(console, odoo, FOLDER, date.today())  # noqa: DTZ011 the hospital's own day
    except Broken as broken:
        console.print(Text(f"The day could not be played: {broken}", style="bold red"), soft_wrap=True)
        return 2
    except KeyboardInterrupt:
        console.print("\nInterrupted; the engine is stopped.")
        return 130
    if odoo:
        console.print(Text(f"\nOdoo keeps running. Look around: {_door(odoo)}"), soft_wrap=True)
    console.print(Text("The day in the console: make console"))
    took = f"{checks.made} checks, {time.monotonic() - began:.0f} s"
    if checks.failed:
        console.print(f"[bold red]{len(checks.failed)} things are not as the story says[/] ({took})")
        return 1
    console.print(f"[bold green]The day is as it should be[/] ({took})")
    return 0


def play_day(console: Console, odoo: Running | None, folder: Path, day: date) -> Checks:
    """Plays the day to an engine in `folder` (which it fills) and says how it ended. Raises `Broken`."""
    acts, ledger, checks = surgical_day(), folder / "ledger.ndjson", Checks(console)
    engine = Wardline(folder, connection(odoo), *([] if odoo else ["--ledger", str(ledger)]))
    try:
        since = _before(console, engine, odoo)
        player = Player(engine, console, day)
        player.play(acts)
        standing = _standing(odoo, since) if odoo else None
        if standing:
            show_odoo(console, standing)
        else:
            show_ledger(console, ledger)
        books = read_books(engine)
        show_books(console, books)
        title(console, "Is all as the story says?")
        check_books(checks, books, player, acts, refusing=odoo is not None)
        if standing:
            check_odoo(checks, standing)
        else:
            check_ledger(checks, ledger, acts)
        check_privacy(checks, odoo, folder, player.messages)
    finally:
        engine.stop()
    return checks


@contextmanager
def _alone() -> Iterator[None]:
    """One day at a time: it has one folder and one database. Raises `Broken`."""
    FOLDER.parent.mkdir(exist_ok=True)
    with FOLDER.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Broken("another one is being played here") from None
        yield


def _odoo(console: Console) -> Running | None:
    """An Odoo with the hospital as provisioned, or one line that says why there is none."""
    steps = Steps(console)
    try:
        odoo = up(steps, afresh=True)
    except Absent as absent:
        console.print(Text(f"{absent}. The effects go to a ledger file instead."), soft_wrap=True)
        return None
    steps.say(f"  ✓ Odoo 19 at {odoo.url}, database {odoo.database}")
    return odoo


def _before(console: Console, engine: Wardline, odoo: Running | None) -> dict[str, int]:
    """Make room in Odoo, look whether it is fit, start the engine: the highest ids there were."""
    steps, since = Steps(console), dict[str, int]()
    if odoo:
        with _admin(odoo) as admin:
            since = tidy(admin)
        with steps.step("wardline doctor finds Odoo fit"):
            found = engine.say("doctor", str(engine.channels))
            if found.returncode:
                raise Broken(f"wardline doctor finds fault with Odoo\n{found.stdout}{found.stderr}")
    with steps.step("wardline run takes messages"):
        engine.start()
    return since


def connection(odoo: Running | None) -> dict[str, str]:
    """The engine's environment: where Odoo is and as whom to speak to it."""
    if odoo is None:
        return {}
    told = {"URL": odoo.url, "DATABASE": odoo.database, "USER": odoo.user.login, "KEY": odoo.user.key}
    return {
        CONNECTION + name: word for name, word in {**told, "CONSUMPTION_LOCATION": "Patient Care"}.items()
    }


def _door(odoo: Running) -> str:
    """How a person gets in; the password of an Odoo that was given is known to who gave it."""
    own = os.environ.get("ODOO", "local") == "local"
    password = f", password {odoo.admin.password}" if own else ""
    return f"{odoo.url}/web?db={odoo.database} as {odoo.admin.login}{password}"


def _admin(odoo: Running) -> Session:
    return Session(odoo.url, odoo.database, odoo.admin.login, odoo.admin.password)


def _standing(odoo: Running, since: dict[str, int]) -> Standing:
    with _admin(odoo) as admin:
        return read_standing(admin, odoo, since)


if __name__ == "__main__":
    sys.exit(main())
