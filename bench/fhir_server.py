"""The FHIR door in front of the store or of nothing, as a process to be measured.

`python -m bench.fhir_server KIND URL` prints the port it listens on. KIND is `store` (the real store at URL),
`none`: all that the door does, with writes answered as if they were safe; or `unaudited`: the store, with
reads that are not recorded, to see what recording them costs.
"""

from __future__ import annotations

import asyncio
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import uvloop
from twisted.internet import asyncioreactor

from engine.access import Access, Client, Clients, Rates, Scopes
from engine.access.keys import Published
from engine.app.process import SWITCH
from engine.auditing import Entry
from engine.intake import Intake, record_all
from engine.listeners.fhir import Doors, FhirListener, Limits, Offer, Service
from engine.resources import Moved, Unit, Written
from engine.store.base import Store
from engine.store.cipher import Cipher, Fingerprints
from engine.store.keys import KeyRing
from engine.store.sql import open_store

RING = KeyRing({"bench": bytes(32)})
KEY = "a static key of a benchmark, 32 or more"
OFFER = Offer("bench", ("R4",), {"SupplyRequest": ("create", "read")})
UNLIMITED = 1e9  # requests a second


def _fetch(_: str) -> Published:
    raise AssertionError("no client here has its keys elsewhere")


def doors_of(kind: str, store: Store, loop: asyncio.AbstractEventLoop, reactor: Any) -> Doors:
    """Where units go: into the store, or nowhere."""
    from engine.threads import Threads

    def nowhere(unit: Unit) -> asyncio.Future[Written | Moved | None]:
        done: asyncio.Future[Written | Moved | None] = loop.create_future()
        done.set_result(Written(tuple(range(len(unit.writes))), unit.writes[0].arrival.received_at))
        return done

    def submit(unit: Unit) -> asyncio.Future[Written | Moved | None]:
        done: asyncio.Future[Written | Moved | None] = loop.create_future()
        intake.submit(unit, done.set_result)
        return done

    reads, commits = Threads(reactor, "read", 4), Threads(reactor, "commit")
    intake: Intake[Unit, Written | Moved] = Intake(
        store,
        store.write,
        commits,
        call_soon=loop.call_soon,
        call_later=reactor.callLater,
        opened=lambda _: None,
        stored=lambda: None,
        size=lambda unit: len(unit.writes),
    )

    def look(call: Callable[..., Any], *given: Any, **named: Any) -> Any:
        return reads.run(call, *given, **named).asFuture(loop)

    audit: Intake[Sequence[Entry], int] = Intake(
        store,
        partial(record_all, store),
        commits,
        call_soon=loop.call_soon,
        call_later=reactor.callLater,
        opened=lambda _: None,
        stored=lambda: None,
        size=len,
    )

    def record(entries: Sequence[Entry]) -> asyncio.Future[bool]:
        done: asyncio.Future[bool] = loop.create_future()
        if kind == "unaudited":
            done.set_result(True)
        else:
            audit.submit(entries, lambda last: done.set_result(last is not None))
        return done

    return Doors(
        nowhere if kind == "none" else submit,
        look,
        look,
        store,
        Fingerprints(RING),
        Cipher(RING, "cursor"),
        record,
    )


def main() -> None:
    kind, url = sys.argv[1:]
    sys.setswitchinterval(SWITCH)
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    asyncioreactor.install(loop)
    from twisted.internet import reactor

    doors = doors_of(kind, open_store(url, RING), loop, reactor)
    scopes = Scopes.parse("system/SupplyRequest.cr")
    clients = Clients({"bench": Client("bench", scopes, key_variable="BENCH_KEY")}, {})

    def service(base: str) -> Service:
        access = Access(
            clients,
            base=base,
            keys={"bench": bytes(32)},
            fetch=_fetch,
            first_use=lambda *_: True,
            static={"bench": KEY},
        )
        return Service(
            offers=(OFFER,),
            limits=Limits(),
            access=access,
            rates=Rates(UNLIMITED),
            doors=doors,
            base=base,
            clock=time.time,
            new_id=lambda: str(uuid.uuid4()),
            version="0",
            since=time.time(),
        )

    listener = FhirListener("bench", service, Limits(), lambda der: der)
    loop.call_soon(lambda: print(listener.open(loop, "127.0.0.1", 0), flush=True))
    reactor.run()


if __name__ == "__main__":
    main()
