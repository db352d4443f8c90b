"""A console on a real socket over a real store, and browsers of people with roles."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from conformance.store_contract import RING

from engine.accounts.coming import Came, Terms
from engine.accounts.entrance import Entrance
from engine.accounts.words import Role
from engine.auditing import Act, AuditQuery, Entry, Recorded
from engine.console.guarding import Door
from engine.console.server import application, door_of, listening, opened
from engine.listeners.fhir import Tls
from engine.listeners.fhir.serving import Server
from engine.listeners.fhir.wire import Bounds
from engine.operations.operation import Desk
from engine.settings import Settings
from engine.store.base import Store
from engine.store.contracts.accounts import User
from engine.store.keys import KeyRing
from engine.store.sql import open_store

__all__ = ["PASSWORD", "Clock", "Console", "running_console"]

PASSWORD = "violet tram depot 91"


class Clock:
    """Time that a test moves; it goes on by itself besides, so that entries differ."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@dataclass
class Console:
    """A console that runs. `client(*roles)` is a browser of somebody with these roles, logged in."""

    url: str
    door: Door
    store: Store
    desk: Desk
    entrance: Entrance
    clock: Clock
    verify: Any = True
    _clients: list[httpx.Client] = field(default_factory=list)

    def user(self, name: str, *roles: Role, **given: Any) -> User:
        """An account, active, that nobody has a password of."""
        plain = {"who": f"{name} of the ward", "state": "active", "made_at": self.clock()}
        made = User(name=name, roles=tuple(sorted(roles)), **{**plain, **given})
        told = Entry(at=self.clock(), who="test", role="operator", act=Act.ACCOUNT, object=f"user:{name}")
        self.store.add_user(made, told)
        return made

    def browser(self, **given: Any) -> httpx.Client:
        """A browser of nobody yet: it says where its forms come from, as browsers do."""
        made = httpx.Client(
            base_url=self.url, verify=self.verify, headers={"origin": self.door.url}, trust_env=False, **given
        )
        self._clients.append(made)
        return made

    def enter(self, client: httpx.Client, user: User) -> httpx.Client:
        """Log this browser in as somebody, without a password."""
        entered = self.entrance.enter(user, Came("127.0.0.1"), "password")
        client.cookies.set(self.door.cookie(), entered.session)
        who = self.entrance.who(entered.session, "")
        assert who is not None
        client.headers["x-csrf-token"] = who.form
        return client

    def client(self, *roles: Role, name: str = "") -> httpx.Client:
        """A browser of somebody with these roles, logged in."""
        name = name or "-".join(["user", *sorted(roles)])
        return self.enter(self.browser(), self.store.user(name) or self.user(name, *roles))

    def audit(self, **query: Any) -> list[Recorded]:
        """What the audit has."""
        return self.store.entries(AuditQuery(**query, limit=1000))


@contextmanager
def running_console(
    tmp_path: Path,
    *,
    store: Store | None = None,
    settings: Settings | None = None,
    ring: KeyRing = RING,
    environ: Mapping[str, str] | None = None,
    terms: Terms | None = None,
    extra: Callable[[Entrance, Door, Clock], dict[str, Any]] = lambda *_: {},
    **listens: Any,
) -> Iterator[Console]:
    """A console in a thread, on a free port, until the block ends."""
    own = store is None
    kept = store or open_store(f"sqlite:///{tmp_path}/console.db", RING)
    clock = Clock()
    options = listening("127.0.0.1:0", **listens)
    bound = opened(options)
    door = door_of(options, bound.getsockname()[1])
    desk = Desk(kept, ring, settings or Settings(node="test"), clock, environ or {})
    entrance = Entrance(kept, terms or Terms(), clock)
    app = application(desk, entrance, door, **extra(entrance, door, clock))
    tls = Tls(options.certificate, options.key) if options.certificate else None
    server = Server(app, Bounds(10.0, 64, None, frozenset()), tls)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([bound])), daemon=True)
    thread.start()
    scheme = "https" if tls else "http"
    console = Console(
        f"{scheme}://127.0.0.1:{bound.getsockname()[1]}", door, kept, desk, entrance, clock,
        listens.get("verify", True),
    )  # fmt: skip
    try:
        yield console
    finally:
        for client in console._clients:
            client.close()
        server.config.timeout_graceful_shutdown = 1
        server.should_exit = True
        thread.join(10)
        if own:
            kept.close()
