"""`make screenshots`: each page of the console, light and dark, out of a day that was played to a real engine
and a real Odoo, into `docs/screenshots`. `ODOO=none` does without Odoo."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from pages.hospital import Hospital, hospital
from pages.window import Scheme, Window, chromium, window
from playwright.sync_api import Browser

from demo.day import connection
from demo.odoo import Running, drop_database, fresh_database
from demo.session import Session
from demo.wardline import Broken
from engine.accounts.words import Caller, Role
from engine.console.site import places
from engine.operations.books import RECONCILE, AskRun
from engine.operations.operation import perform
from engine.store.contracts.overview import Sought

OUT = Path(__file__).parents[2] / "docs/screenshots"
PALETTE = (Path(__file__).parent / "palette.js").read_text("utf-8")
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
DUTY = (Role.OPERATOR, Role.ANALYST, Role.PRIVACY_OFFICER)


class Shot(NamedTuple):
    """A picture: how it is called, which page, who looks (nobody: before the log-in)."""

    name: str
    path: str
    roles: tuple[Role, ...] = DUTY
    width: int = 1200
    height: int = 800


def main(only: str = "") -> int:
    """Take them all, or those whose name has this word in it; how many went wrong."""
    OUT.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        _odoo() as (odoo, found),
        hospital(Path(folder), odoo=odoo, environment="St. Elsewhere, test") as place,
        chromium() as browser,
    ):
        _measured(place)
        if found:
            _checked(place, found)
        chosen = [shot for shot in _shots(place) if only in shot.name]
        return sum(_taken(browser, place, chosen, scheme) for scheme in SCHEMES)


def _measured(place: Hospital) -> None:
    """Wait until the engine wrote down what it counted."""
    store, end = place.console.store, time.monotonic() + 30
    while not store.measures(["wardline_settled"], span=60, since=0, until=time.time()):
        if time.monotonic() > end:
            raise Broken("the engine does not write what it counts")
        time.sleep(0.5)


def _checked(place: Hospital, odoo: Running) -> None:
    """Cancel a transfer by hand, as somebody in Odoo might, and hold the books against it."""
    desk, end = place.console.desk, time.monotonic() + 60
    with Session(odoo.url, odoo.database, odoo.admin.login, odoo.admin.password) as admin:
        ours = [["origin", "!=", False], ["state", "in", ["confirmed", "assigned"]]]
        for one in admin.read("stock.picking", ours, "id", limit=1):
            admin.call("stock.picking", "action_cancel", [one["id"]])
    wanda = Caller(name="wanda.brandt", roles=frozenset(DUTY))
    perform(desk, wanda, RECONCILE, AskRun(since="1d"))
    while desk.store.checks(1)[0].state == "asked":
        if time.monotonic() > end:
            raise Broken("the books are not held against Odoo")
        time.sleep(0.5)


@contextmanager
def _odoo() -> Iterator[tuple[dict[str, str], Running | None]]:
    if os.environ.get("ODOO") == "none":
        yield {}, None
        return
    found = fresh_database("screenshots")
    try:
        yield connection(found), found
    finally:
        drop_database(found)


def _shots(place: Hospital) -> Iterator[Shot]:
    yield Shot("login", "/login", ())
    for area in places(place.console.desk):
        roles = (Role.ADMINISTRATOR,) if area.path == "/people" else DUTY
        yield Shot(area.path.strip("/"), area.path, roles)
    number = {
        state: place.console.store.seek(Sought(state=state, limit=1)) for state in ("delivered", "dead")
    }
    for state, found in number.items():
        yield Shot(f"message-{state}", f"/messages/{found[0].id}")
    yield Shot("message-masked", f"/messages/{number['delivered'][0].id}/content")
    yield Shot("channel", "/channels/dft-charges")
    yield Shot("edition", "/editions/1")
    yield from (Shot("alert", f"/alerts/{one.id}") for one in place.console.store.open_alerts()[:1])
    yield from (Shot("books-check", f"/books/checks/{one.number}") for one in place.console.store.checks(1))
    yield Shot("audit-entry", "/audit/5")
    yield Shot("account", "/me")
    yield Shot("runbook", "/manual/runbooks/unmapped-code")
    yield Shot("refused", "/people", (Role.VIEWER,))
    yield Shot("narrow", "/", DUTY, 400, 800)


def _taken(browser: Browser, place: Hospital, shots: Sequence[Shot], scheme: Scheme) -> int:
    """One window for everybody who looks."""
    wrong = 0
    for roles in dict.fromkeys(shot.roles for shot in shots):
        with window(browser, place.console, *roles, scheme=scheme) as seen:
            wrong += sum(_picture(seen, shot, scheme) for shot in shots if shot.roles == roles)
    return wrong


def _picture(seen: Window, shot: Shot, scheme: Scheme) -> int:
    seen.page.set_viewport_size({"width": shot.width, "height": shot.height})
    page = seen.goto(shot.path)
    page.wait_for_timeout(250)  # charts are drawn
    taken = page.screenshot(full_page=os.environ.get("WHOLE") == "yes")
    smaller = b64decode(page.evaluate(PALETTE, b64encode(taken).decode()))
    (OUT / f"{shot.name}-{scheme}.png").write_bytes(min(taken, smaller, key=len))
    faults = seen.faults() if shot.name != "refused" else []
    for fault in faults:
        sys.stdout.write(f"{shot.name} {scheme}: {fault}\n")
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if wide > 0:
        sys.stdout.write(f"{shot.name} {scheme}: {wide} px wider than the window\n")
    sys.stdout.write(f"{shot.name} {scheme}: {page.title()}\n")
    for one in seen.complaints:
        sys.stdout.write(f"{shot.name} {scheme}: {one}\n")
    broken = len(faults) + (wide > 0) + (0 if shot.name == "refused" else len(seen.complaints))
    seen.complaints.clear()
    return broken


if __name__ == "__main__":
    sys.exit(1 if main(*sys.argv[1:2]) else 0)
