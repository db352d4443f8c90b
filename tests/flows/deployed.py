"""Editions for the engines of `running.py`: made active beside a running engine, and how far they came.

    engine = Deployed(folder)
    engine.deploy(text)            # edition 1
    engine.start()                 # `wardline run` without a folder
    engine.deploy(other)           # edition 2: returns when every process has taken it up, or refused it
    engine.back()                  # edition 1 again

What was deployed is what runs: `engine.kill(); engine.start()` goes on with it.
"""

from __future__ import annotations

import socket
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from base_message import b1
from running import ITEMS, Engine, channel, wait_for
from sending import Sender

from engine.app.opening import open_settings, ring_of
from engine.auditing import Act, Entry
from engine.editions.deploying import activate, before, take_folder
from engine.settings import Settings
from engine.store.base import Store
from engine.store.contracts.editions import Activation, Running
from engine.store.contracts.views import Query
from engine.store.keys import KeyRing


def edition(place: str, *, name: str = "charges", port: int = 0, more: str = "", rest: str = "") -> str:
    """A channel whose effects are made for a place, each under the number of its charge."""
    text = channel(name, source=more, rest=rest).replace("literal(WH/Stock)", f"literal(WH/{place})")
    text = text.replace('"{FT1-1}/{FT1-7.1}"', '"{FT1-2}"')
    return text.replace("listen: tcp:0", f"listen: tcp:127.0.0.1:{port}") if port else text


def charge(number: int) -> bytes:
    """A message that is known by its number, as control id, as number of its charge, and as quantity."""
    message = b1(f"C{number}").replace(b"|77^^^H^MR|", b"|%d^^^H^MR|" % (7_000_000 + number % 997))
    return message.replace(b"FT1|1||", b"FT1|1|T%d|" % number).replace(b"||||2\r", b"|||%d\r" % number)


class Taken(NamedTuple):
    """A stored message: by which edition it was taken, its state, and where its effects say that they
    belong."""

    edition: int
    state: str
    effects: tuple[tuple[int, str], ...]  # quantity and location


class Deployed(Engine):
    """An engine that runs what was deployed."""

    def __init__(self, folder: Path, *, store: str = "", **options: Any) -> None:
        super().__init__(folder, **options)
        if store:
            self.store_url = self.environment["WARDLINE_STORE"] = store
        self.ports_wanted = 1

    def _arguments(self) -> list[str]:
        return ["run", "--workers", str(self.workers)]

    def _doors(self) -> int:
        return self.ports_wanted

    def dial(self, port: int) -> Sender:
        """A sender to a port."""
        sender = Sender(socket.create_connection(("127.0.0.1", port), timeout=10), self.spoken)
        self._senders.append(sender)
        return sender

    def ring(self) -> KeyRing:
        """The keys of its store."""
        return ring_of(Settings(store=self.store_url))

    def opened(self) -> Store:
        """The store, to be closed."""
        return open_settings(Settings(store=self.store_url))

    def deploy(self, *channels: str, files: Mapping[str, str] | None = None, wait: bool = True) -> Activation:
        """Make these channels (with `items.csv`) the active edition."""
        folder = self.folder / f"deploy-{time.monotonic_ns()}"
        folder.mkdir()
        for name, text in {"items.csv": ITEMS, **(files or {})}.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text)
        for number, text in enumerate(channels):
            (folder / f"channel-{number}.yaml").write_text(text)
        store = self.opened()
        try:
            active = take_folder(store, folder, (), _told())
        finally:
            store.close()
        if wait and self.runs:
            self.await_turn(active)
        return active

    def back(self, *, wait: bool = True) -> Activation:
        """Make the edition before the active one active again."""
        store = self.opened()
        try:
            active = activate(store, before(store), _told())
        finally:
            store.close()
        if wait and self.runs:
            self.await_turn(active)
        return active

    def await_turn(self, active: Activation) -> list[Running]:
        """Wait until every process has said what it did with an activation."""
        said: list[Running] = []

        def turned() -> bool:
            said[:] = [one for one in store.running() if one.activation >= active.id]
            return len(said) == self.workers

        store = self.opened()
        try:
            wait_for(turned, f"edition {active.edition} to be taken up", self)
        finally:
            store.close()
        return said

    def taken(self) -> dict[int, Taken]:
        """Every message by its id."""
        rows = self._rows("SELECT id, edition, state FROM messages ORDER BY id")
        store = self.opened()
        try:
            views = store.deliveries(Query(limit=100_000))
        finally:
            store.close()
        effects: dict[int, list[tuple[int, str]]] = {}
        for view in views:
            effect: Any = view.delivery.effect
            said = (int(effect.items[0].quantity), effect.location)
            effects.setdefault(view.delivery.message_id, []).append(said)
        return {
            number: Taken(edition, state, tuple(effects.get(number, ()))) for number, edition, state in rows
        }

    def rest(self) -> None:
        """Wait until no message is received or waiting any more."""
        still = "SELECT count(*) FROM messages WHERE state IN ('received', 'waiting')"
        wait_for(lambda: self._rows(still) == [(0,)], "every message to be settled", self)

    def reasons(self) -> list[Any]:
        """Why messages are dead letters, each reason once."""
        return self._rows("SELECT DISTINCT reason, edition FROM messages WHERE state = 'dead' LIMIT 5")

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        if self.store_url.startswith("sqlite"):
            with closing(sqlite3.connect(self.store_url.removeprefix("sqlite:///"))) as connection:
                return connection.execute(query).fetchall()
        with psycopg.connect(self.store_url) as connection:
            return connection.execute(query).fetchall()  # type: ignore[arg-type]


def _told() -> Entry:
    return Entry(
        at=time.time(), who="analyst", role="engine", act=Act.DEPLOY, object="editions", why="a test"
    )
