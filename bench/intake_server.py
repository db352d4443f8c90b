"""The real listener and intake in front of one kind of storage, as a process to be measured.

`python -m bench.intake_server KIND FOLDER [URL]` prints the port it listens on. KIND is `none` (answers
without storing), `file` (preallocated append-only file, one fdatasync per batch: the floor of durable
intake), `store` (the real store at URL) or `store-single` (the same, one commit per message); `+250`
behind these two: on a disk that takes 250 microseconds longer to sync.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import uvloop
from twisted.internet import asyncioreactor

from engine.app.process import SWITCH, spare_the_collector
from engine.hl7.accept import AcceptRules
from engine.listeners.channel import Channel, Doors
from engine.listeners.mllp import MllpListener
from engine.model import Arrival, Receipt
from engine.store.base import MessageStore
from mllp.server import Caps, MllpServer

PREALLOCATED = 2 << 30


class FileLog:
    """What any durable intake must at least do: append the bytes, fdatasync, once per batch."""

    def __init__(self, folder: Path) -> None:
        self._handle = os.open(folder / "log", os.O_CREAT | os.O_RDWR, 0o600)
        os.posix_fallocate(self._handle, 0, PREALLOCATED)
        zeros = bytes(mmap.PAGESIZE * 256)
        for offset in range(0, 256 << 20, len(zeros)):  # written extents: fdatasync need not update metadata
            os.pwrite(self._handle, zeros, offset)
        os.fsync(self._handle)
        self._at = self._number = 0

    def accept(self, arrivals: Sequence[Arrival]) -> list[Receipt]:
        data = b"".join(len(arrival.raw).to_bytes(4, "big") + arrival.raw for arrival in arrivals)
        os.pwrite(self._handle, data, self._at)
        os.fdatasync(self._handle)
        self._at = (self._at + len(data)) % (200 << 20)
        first, self._number = self._number, self._number + len(arrivals)
        return [Receipt(first + offset) for offset in range(1, len(arrivals) + 1)]

    def idle(self) -> bool:
        return True

    def check(self) -> None:
        return None


class SlowDisk:
    """A store whose every commit takes longer, by this many seconds."""

    def __init__(self, store: MessageStore, longer: float) -> None:
        self._store, self._longer = store, longer

    def accept(self, arrivals: Sequence[Arrival]) -> list[Receipt]:
        receipts = self._store.accept(arrivals)
        time.sleep(self._longer)
        return receipts

    def idle(self) -> bool:
        return self._store.idle()

    def check(self) -> None:
        self._store.check()


def main() -> None:
    (kind, _, longer), folder = sys.argv[1].partition("+"), Path(sys.argv[2])
    sys.setswitchinterval(SWITCH)
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    asyncioreactor.install(loop)
    from twisted.internet import reactor

    import engine.intake
    from engine.store.cipher import Fingerprints
    from engine.store.keys import KeyRing
    from engine.store.sql import open_store
    from engine.threads import Threads

    ring = KeyRing({"bench": bytes(32)})
    if kind.startswith("store"):
        storage = open_store(sys.argv[3], ring)
        if kind == "store-single":
            engine.intake.LARGEST_BATCH = 1
        if longer:
            storage = SlowDisk(storage, float(longer) / 1e6)
    else:
        storage = FileLog(folder)
    if kind == "none":
        submit = lambda _arrival, settled: settled(Receipt(1))  # noqa: E731
    else:
        intake = engine.intake.Intake(
            storage,
            storage.accept,
            Threads(reactor, "commit"),
            call_soon=loop.call_soon,
            call_later=reactor.callLater,
            opened=lambda _: None,
            stored=lambda: None,
        )
        submit = intake.submit
    listener = MllpListener(
        Channel("bench", AcceptRules(message_types=frozenset({"DFT^P03"}))),
        Doors(submit, lambda *_: None, lambda *_: None, lambda *_: None, Fingerprints(ring)),
        lambda *args, **kwargs: MllpServer(*args, caps=Caps(1000, 1000), **kwargs),
    )
    spare_the_collector()
    print(listener.open(reactor, "127.0.0.1", 0), flush=True)
    reactor.run()


if __name__ == "__main__":
    main()
