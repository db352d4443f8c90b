"""A FHIR door on a real socket with a real store behind it: the loop runs in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from engine.access import Access, Certificate, Rates
from engine.auditing import Entry
from engine.fhir.issues import Issue, Rejected
from engine.intake import Intake, record_all
from engine.listeners.fhir import Doors, FhirListener, Limits, Offer, Service, Tls
from engine.resources import Moved, Unit, Written
from engine.store.base import Store
from engine.store.cipher import Cipher, Fingerprints
from engine.store.keys import KeyRing
from engine.store.sql import open_store
from engine.threads import Threads

ALL = ("create", "read", "update", "patch", "search", "history")

OFFER = Offer(
    "supply",
    ("R4", "R4B", "R5"),
    {
        "SupplyRequest": ALL,
        "ChargeItem": ALL,
        "SupplyDelivery": ALL,
        "Location": (*ALL, "delete"),
        "Patient": ("create", "read", "update", "search"),
    },
)


class _Caller:
    def __init__(self, id_: str, rights: frozenset[str]) -> None:
        self.id, self._rights, self.rate = id_, rights, 0.0

    def may(self, type_: str, interaction: str) -> bool:
        return {f"{type_}.{interaction}", f"*.{interaction}", "*.*"} & self._rights != set()


class Tokens:
    """Access by names that a test gives out: the door's seam, without its cryptography."""

    def __init__(self) -> None:
        self.callers = {"tester": _Caller("tester", frozenset({"*.*"}))}

    def give(self, name: str, *rights: str) -> dict[str, str]:
        """A token with these rights (`SupplyRequest.create`), as headers."""
        self.callers[name] = _Caller(name, frozenset(rights))
        return {"Authorization": f"Bearer {name}"}

    def known(self, headers: Mapping[str, str], _peer: Any, _now: float) -> _Caller | None:
        name = headers.get("authorization", "").removeprefix("Bearer ")
        if name not in self.callers:
            challenge = (("WWW-Authenticate", 'Bearer realm="wardline"'),)
            raise Rejected(401, Issue("login", "a token is needed"), headers=challenge)
        return None if name.startswith("slow") else self.callers[name]

    def authenticate(self, headers: Mapping[str, str], _peer: Any, _now: float) -> _Caller:
        return self.callers[headers["authorization"].removeprefix("Bearer ")]

    def token_response(self, _body: bytes, _peer: Any, _now: float) -> tuple[int, dict[str, Any]]:
        return 400, {"error": "invalid_client"}

    def smart_configuration(self) -> dict[str, Any]:
        return {"token_endpoint": "here"}


class _Reactor:
    """As much of a reactor as `Threads` needs."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def callFromThread(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        self._loop.call_soon_threadsafe(lambda: call(*args, **kwargs))


class Door:
    """What a test holds: the store, the listener, clients."""

    def __init__(
        self,
        folder: Path,
        offers: tuple[Offer, ...],
        limits: Limits,
        tls: Tls | None,
        keeper: Callable[[Store], Access] | None = None,
        clock: Callable[[], float] = time.time,
        names: frozenset[str] = frozenset(),
        store: str = "",
    ) -> None:
        ring = KeyRing.load({}, folder / "test.key")
        self.store = open_store(store or f"sqlite:///{folder / 'test.db'}", ring)
        self.access = Tokens()
        self.units: list[Unit] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        reactor = _Reactor(self._loop)
        self._commits, self._looks = Threads(reactor, "commit"), Threads(reactor, "read", 4)  # type: ignore[arg-type]
        self.opened: list[bool] = []
        self.intake: Intake[Unit, Written | Moved] = Intake(
            self.store,
            lambda units: self.store.write(units),  # a test may take the store's place
            self._commits,
            call_soon=self._loop.call_soon,
            call_later=self._loop.call_later,
            opened=self._opened,
            stored=lambda: None,
        )
        keys = Fingerprints(ring)
        self.audit: Intake[Sequence[Entry], int] = Intake(
            self.store,
            lambda entries: record_all(self.store, entries),
            self._commits,
            call_soon=self._loop.call_soon,
            call_later=self._loop.call_later,
            opened=self._opened,
            stored=lambda: None,
            size=len,
        )
        sealing = Cipher(ring, "cursor")
        doors = Doors(self._submit, self._look, self._look, self.store, keys, sealing, self._record)

        def service(base: str) -> Service:
            return Service(
                offers=offers,
                limits=limits,
                access=keeper(self.store) if keeper else self.access,
                rates=Rates(10_000),
                doors=doors,
                base=base,
                clock=clock,
                new_id=lambda: str(uuid.uuid4()),
                version="0",
                since=time.time(),
            )

        self.listener = FhirListener("supply", service, limits, Certificate.read, names)
        self.port = self.on_loop(lambda: self.listener.open(self._loop, "127.0.0.1", 0, tls))
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"

    def _opened(self, yes: bool) -> None:
        self.opened.append(yes)
        self.listener.accepting(yes)

    def _submit(self, unit: Unit) -> Any:
        done = self._loop.create_future()
        self.units.append(unit)
        self.intake.submit(unit, lambda result: done.cancelled() or done.set_result(result))
        return done

    def _record(self, entries: Sequence[Entry]) -> Any:
        done = self._loop.create_future()
        self.audit.submit(entries, lambda last: done.cancelled() or done.set_result(last is not None))
        return done

    def _look(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return self._looks.run(call, *args, **kwargs).asFuture(self._loop)

    def on_loop(self, call: Callable[[], Any]) -> Any:
        """Run in the loop's thread."""

        async def run() -> Any:
            return call()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    def client(self, release: str = "R4", **headers: str) -> httpx.Client:
        """A client of a release, by default with every right."""
        known = {"Authorization": "Bearer tester", "Content-Type": "application/fhir+json", **headers}
        return httpx.Client(base_url=f"{self.url}/fhir/{release}", headers=known, timeout=20, trust_env=False)

    def close(self) -> None:
        async def drain() -> None:
            await self.listener.drain(1).asFuture(self._loop)

        asyncio.run_coroutine_threadsafe(drain(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._commits.close()
        self._looks.close()
        self.store.close()


@contextmanager
def open_door(
    folder: Path,
    *offers: Offer,
    limits: Limits | None = None,
    tls: Tls | None = None,
    keeper: Callable[[Store], Access] | None = None,
    clock: Callable[[], float] = time.time,
    names: frozenset[str] = frozenset(),
    store: str = "",
) -> Iterator[Door]:
    """A door that is closed again at the end. `keeper` takes the place of the tokens that tests make up,
    `store` (a URL) that of a new SQLite file."""
    door = Door(folder, offers or (OFFER,), limits or Limits(tokens=1000), tls, keeper, clock, names, store)
    try:
        yield door
    finally:
        door.close()
