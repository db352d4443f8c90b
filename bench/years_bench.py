"""What people and the engine itself ask of a store of years: how long each answer takes.

    python -m bench.years_bench [--url sqlite:///var/years/wardline.db] [--messages 3000000] [--only page,…]

Without `--url` a store is filled first (`bench.years`) and removed afterwards; one that is there is used as
it is. `--kinds sqlite,postgresql` says on which databases. Each line is asked twice: what comes first meets
cold caches of the database, what comes again warm ones.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import httpx
from rich.console import Console
from rich.table import Table

from bench.postgres import postgres
from bench.years import KEY, fill
from engine.accounts.coming import Came, Terms
from engine.accounts.entrance import Entrance
from engine.accounts.words import Role
from engine.alerting.looking import Looker
from engine.auditing import Act, Entry
from engine.console.server import application, door_of, listening, opened
from engine.listeners.fhir.serving import Server
from engine.listeners.fhir.wire import Bounds
from engine.model import Lane
from engine.operations.operation import Desk
from engine.settings import Settings
from engine.store.base import Store
from engine.store.contracts.accounts import User
from engine.store.contracts.fixing import Letters, Place
from engine.store.contracts.overview import Sought
from engine.store.contracts.views import Query
from engine.store.keys import KeyRing
from engine.store.sql import SqlStore, open_store

CHANNELS: Final = Path(__file__).parents[1] / "channels"
_DESTINATION: Final = "odoo:hospital"
_DAY: Final = 86400.0


_SEARCHES: Final = """
    since=24h
    channel=dft-charges
    channel=supply-requests&since=all
    state=dead&since=all
    state=quarantined&since=all
    state=delivered
    state=skipped&since=all
    state=shadowed&since=all
    state=joined&since=all
    state=joined&since=30d
    state=waiting&since=all
    state=received&since=all
    type=DFT
    type=SIU&since=all
    since=1h
    until=400d&since=all
    until=400d&state=joined&since=all
    before=1000&since=all
    code=unknown-reference
    about=nothing
"""

_PAGES: Final = """
    /standing
    /traffic
    /worklist
    /alerts
    /channels
    /channels/dft-charges
    /channels/dft-charges/shadow
    /catalogue
    /books
    /audit
    /audit?who=user3
    /audit?who=nobody
    /audit?act=redeliver
    /audit?object=message:17
    /executive
    /executive?days=90
    /people
    /me
    /fixes/redeliver?channel=dft-charges
    /fixes/skip?channel=dft-charges
    /editions/1
"""

_COMMANDS: Final = """
    holds
    status
    messages
    messages --since 1h
    messages --state joined
    messages --state waiting
    messages --state dead
    messages --state quarantined --since 2h
    messages --state skipped
    messages --channel supply-requests
    messages --id 1
    find 77
    find 77 --since 2d
    dead
    scheduled
    alerts list
    audit list
    audit verify
    store status
    redeliver --all --dry-run
    account
    reconcile --since 2d
"""


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


class Asked(NamedTuple):
    """One line of the table: which part it belongs to, what is asked, how."""

    part: str
    what: str
    act: Callable[[], object]


def loops(store: Store, now: float) -> Iterator[Asked]:
    """What the engine asks every few seconds."""
    looker, hour = Looker(store, began=now, ended=0.0), now + 3600
    for what, act in {
        "claim": lambda: store.claim(
            _DESTINATION, Lane.NORMAL, 50, now=now, lease_until=hour, holder="bench"
        ),
        "unrouted": lambda: store.unrouted(["dft-charges"], 0, 200),
        "reclaim": lambda: store.reclaim(now),
        "release_scheduled": lambda: store.release_scheduled(now),
        "owed": lambda: store.owed("dft-charges", 100),
        "active edition": store.active,
        "working_editions": store.working_editions,
        "backlog": lambda: store.backlog(now),
        "alerts: a look": lambda: looker.look(now),
        "alerts: open": store.open_alerts,
        "alerts: openings": lambda: store.openings(now - 7 * _DAY),
        "alerts: due notices": lambda: store.due_notices(now, 100),
        "measures: drop": lambda: store.drop_measures(now),
        "store size": store.size,
        "holds": store.holds,
        "parked": store.parked,
        "audit: checkpoint": lambda: store.checkpoint(now),
        "checks asked": lambda: store.checks(1, state="asked"),
    }.items():
        yield Asked("loop", what, act)


def verbs(store: Store, now: float) -> Iterator[Asked]:
    """What operations and commands are made of, where it may be long."""
    letter = store.letters(Letters())[-1]
    old = store.deliveries(Query(limit=1))[0].delivery
    places = [Place(one.id, one.destination, one.sequence_key) for one in (old,)]
    letters = [one for one in store.letters(Letters()) if one.delivery_id]
    of_letters = [
        Place(one.delivery_id, one.destination, view.delivery.sequence_key)
        for one in letters[:100]
        for view in store.deliveries(Query(ids=(one.delivery_id,)))
    ]
    for what, act in {
        "account": store.account,
        "gaps": store.gaps,
        "letters": lambda: store.letters(Letters()),
        "overtaking of the oldest": lambda: store.later(places),
        f"overtaking of {len(of_letters)} letters": lambda: store.later(of_letters),
        "replayable 1000": lambda: store.replayable(range(letter.message_id - 1000, letter.message_id)),
        "delivering an unknown, 30 days": lambda: store.delivering(
            "nowhere", since=now - 30 * _DAY, limit=500
        ),
        "ended, 30 days": lambda: store.ended(now - 30 * _DAY, 100_000),
        "effects_settled, of a day": lambda: sum(1 for _ in store.effects_settled(now - _DAY, now)),
        "purge, dry": lambda: store.purge(_retention(), {}, now, dry_run=True, rest=lambda _: None),
        "verify_audit": store.verify_audit,
        "verify_versions": store.verify_versions,
    }.items():
        yield Asked("verb", what, act)


def _retention() -> Any:
    from engine.model import Retention

    return Retention()


def pages(client: httpx.Client, store: Store) -> Iterator[Asked]:
    """The console's pages and searches."""
    dead = store.seek(Sought(state="dead", limit=1))[0]
    done = store.seek(Sought(state="delivered", limit=1))[0]
    delivered = store.deliveries(Query(limit=1), message_id=done.id)[0]
    key = quote(delivered.delivery.effect.key, safe="")
    searches = (
        *_lines(_SEARCHES), "control_id=B2999990", f"about={key}", f"correlation={dead.correlation}"
    )  # fmt: skip
    for query in searches:
        yield Asked("page", f"/messages?{query}", _get(client, f"/messages?{query}"))
    of_messages = (
        f"/messages/{done.id}", f"/messages/{dead.id}", "/messages/1", f"/fixes/redeliver?ids={dead.id}",
        f"/fixes/replay?ids={done.id}",
    )  # fmt: skip
    for path in (*_lines(_PAGES), *of_messages):
        yield Asked("page", path, _get(client, path))
    find = {"kind": "mrn", "value": "77"}
    yield Asked("page", "/messages/find MRN", _post(client, "/messages/find", find))
    yield Asked("page", "/messages/find nobody", _post(client, "/messages/find", {**find, "value": "nobody"}))


def _get(client: httpx.Client, path: str) -> Callable[[], object]:
    def act() -> None:
        answer = client.get(path, follow_redirects=True)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:2000])

    return act


def _post(client: httpx.Client, path: str, fields: dict[str, str]) -> Callable[[], object]:
    def act() -> None:
        answer = client.post(path, data=fields)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:2000])

    return act


def commands(url: str, folder: Path) -> Iterator[Asked]:
    """Commands, each a process: what `holds` takes is Python's own beginning."""
    for words in (*_lines(_COMMANDS), f"backup make {folder}/backup"):
        yield Asked("command", words.replace(str(folder), "…"), _run(url, words))


def _run(url: str, words: str) -> Callable[[], object]:
    environment = {**os.environ, "WARDLINE_STORE": url, "WARDLINE_KEY": KEY}
    given = [sys.executable, "-m", "engine.cli", *words.split()]

    def act() -> None:
        done = subprocess.run(given, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode in (0, 1), (words, done.stderr[-2000:])
        assert "Traceback" not in done.stderr, (words, done.stderr[-2000:])

    return act


def engine(url: str, folder: Path) -> Iterator[Asked]:
    """From the start of an engine until it is ready; what it says to who measures it."""
    yield Asked("engine", "start until ready", lambda: _start(url, folder))


def _start(url: str, folder: Path) -> None:
    with running_engine(url, folder):
        pass


@contextmanager
def running_engine(url: str, folder: Path) -> Iterator[httpx.Client]:
    """An engine that runs what was deployed, ready; who asks it."""
    environment = {**os.environ, "WARDLINE_STORE": url, "WARDLINE_KEY": KEY, "WARDLINE_HTTP": "127.0.0.1:0"}
    command = [sys.executable, "-m", "engine.cli", "run", "--json-logs", "--ledger", str(folder / "ledger")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log, env=environment)
        try:
            with httpx.Client(base_url=_address(folder / "log", process), timeout=60.0) as client:
                while client.get("/ready").status_code != 200:
                    time.sleep(0.02)
                yield client
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def _address(log: Path, process: subprocess.Popen[bytes]) -> str:
    while process.poll() is None:
        time.sleep(0.02)
        if found := re.search(r'"address": "(127\.0\.0\.1:\d+)", "event": "health', log.read_text()):
            return f"http://{found[1]}"
    raise SystemExit(log.read_text())


@contextmanager
def running_console(desk: Desk) -> Iterator[httpx.Client]:
    """A console on a free port, and the browser of somebody who may see all."""
    options = listening("127.0.0.1:0")
    bound = opened(options)
    door = door_of(options, bound.getsockname()[1])
    entrance = Entrance(desk.store, Terms(), desk.clock)
    server = Server(application(desk, entrance, door), Bounds(10.0, 64, None, frozenset()), None)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([bound])), daemon=True)
    thread.start()
    name = f"bench{time.time_ns()}"
    roles = tuple(sorted(role.value for role in Role))
    told = Entry(at=desk.clock(), who="bench", role="operator", act=Act.ACCOUNT, object=f"user:{name}")
    user = User(name=name, who="bench", state="active", roles=roles, made_at=desk.clock())
    desk.store.add_user(user, told)
    entered = entrance.enter(user, Came("127.0.0.1"), "password")
    who = entrance.who(entered.session, "")
    assert who is not None
    headers = {"origin": door.url, "x-csrf-token": who.form}
    try:
        with httpx.Client(base_url=door.url, headers=headers, trust_env=False, timeout=600.0) as client:
            client.cookies.set(door.cookie(), entered.session)
            yield client
    finally:
        server.config.timeout_graceful_shutdown = 1
        server.should_exit = True
        thread.join(10)


def measure(url: str, folder: Path, only: set[str]) -> list[tuple[str, str, float, float]]:
    """All parts, or those that are wanted: part, what, seconds first and again."""
    _deploy(url)
    found: list[tuple[str, str, float, float]] = []
    if "engine" in only:
        found += map(_timed, engine(url, folder))
    ring = KeyRing.load({"WARDLINE_KEY": KEY}, Path("unused"))
    store = open_store(url, ring)
    assert isinstance(store, SqlStore)
    try:
        now = time.time()
        for part, made in (("loop", loops), ("verb", verbs)):
            if part in only:
                found += map(_timed, made(store, now))
        if "page" in only:
            desk = Desk(store, ring, Settings(node="bench", store=url), time.time)
            with running_console(desk) as client:
                found += map(_timed, pages(client, store))
    finally:
        store.close()
    if "command" in only:
        found += map(_timed, commands(url, folder))
    return found


def _deploy(url: str) -> None:
    _run(url, f"deploy {CHANNELS} --yes --why bench --wait 0")()


def _timed(asked: Asked) -> tuple[str, str, float, float]:
    took = []
    for _ in range(2):
        began = time.perf_counter()
        asked.act()
        took.append(time.perf_counter() - began)
        if took[0] > 10:
            break
    print(f"{asked.part:8} {asked.what:44} {took[0]:9.3f} {took[-1]:9.3f}", flush=True)
    return asked.part, asked.what, took[0], took[-1]


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="")
    parser.add_argument("--messages", type=int, default=3_000_000)
    parser.add_argument("--kinds", default="sqlite,postgresql")
    parser.add_argument("--only", default="engine,loop,verb,page,command")
    given = parser.parse_args()
    only = set(given.only.split(","))
    with tempfile.TemporaryDirectory(dir="var" if Path("var").is_dir() else None) as place:
        folder = Path(place)
        if given.url:
            _show(given.url.partition(":")[0], measure(given.url, folder, only))
            return
        for kind in given.kinds.split(","):
            with _store(kind, folder) as url:
                fill(url, given.messages)
                _show(kind, measure(url, folder, only))


@contextmanager
def _store(kind: str, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder}/wardline.db"
        return
    with postgres() as url:
        yield url


def _show(kind: str, found: list[tuple[str, str, float, float]]) -> None:
    table = Table("part", f"asked of {kind}", "first, s", "again, s")
    for part, what, first, again in found:
        table.add_row(part, what, f"{first:.3f}", f"{again:.3f}")
    Console().print(table)


if __name__ == "__main__":
    main()
