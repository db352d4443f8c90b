"""The doors for FHIR of a process, as editions come and go: one for each address, however many share it.

What stays keeps its socket and its connections; another proof of who clients are takes a listener of its own,
on the same socket.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from twisted.internet.defer import Deferred

from engine.app.fhir_wanted import Needs, Wanted, wanted_door
from engine.app.listening import Address, address_of
from engine.auditing import Entry
from engine.config.loading import LoadedChannel
from engine.editions.loading import Loaded
from engine.errors import Misconfigured
from engine.intake import Intake, record_all
from engine.listeners.fhir import Doors, FhirListener
from engine.resources import Moved, Unit, Written
from engine.settings import Settings
from engine.store.base import Store
from engine.store.cipher import Cipher, Fingerprints
from engine.store.keys import KeyRing
from engine.telemetry import AuditFailed, ChannelOpened, PrivacyIncident, signal
from engine.threads import Threads

__all__ = ["FhirDoors"]

READERS: Final = 4
"""Threads that read the store for clients."""

JUDGES: Final = 2
"""Threads that find out who calls: they may wait for keys that another server publishes."""


class _Open(NamedTuple):
    wanted: Wanted
    listener: FhirListener
    port: int

    def say(self) -> None:
        """It is here to stay."""
        shown = f"{self.wanted.address.host}:{self.port}"
        for channel in self.wanted.channels:
            signal(ChannelOpened(channel.spec.channel, shown, self.wanted.tls is not None))


class FhirDoors:
    """All doors of a node, and the group commit and the threads behind them. `stored` is told when there is
    something to route, `told` of answers that go without their words. Reactor's thread, but for `wanted`."""

    def __init__(
        self,
        reactor: Any,
        loop: asyncio.AbstractEventLoop,
        settings: Settings,
        store: Store,
        ring: KeyRing,
        commits: Threads,
        stored: Callable[[], None],
        told: Callable[[PrivacyIncident], None],
    ) -> None:
        self._loop, self._settings, self._store, self._ring = loop, settings, store, ring
        self._reads, self._judges = Threads(reactor, "read", READERS), Threads(reactor, "judge", JUDGES)
        self._intake: Intake[Unit, Written | Moved] = Intake(
            store,
            store.write,
            commits,
            call_soon=loop.call_soon,
            call_later=reactor.callLater,
            opened=self._accepting,
            stored=stored,
            size=lambda unit: len(unit.writes),
        )
        self._audit: Intake[Sequence[Entry], int] = Intake(
            store,
            partial(record_all, store),
            commits,
            call_soon=loop.call_soon,
            call_later=reactor.callLater,
            opened=self._accepting,
            stored=lambda: None,
            size=len,
            failed=AuditFailed,
        )
        self._doors = Doors(
            self._submit,
            self._look,
            self._judge,
            store,
            Fingerprints(ring),
            Cipher(ring, "cursor"),
            self._record,
            told,
        )
        self._open: dict[Address, _Open] = {}
        self._fresh: dict[Address, _Open] = {}
        self._draining: list[FhirListener] = []
        self._held: frozenset[str] = frozenset()

    @property
    def listeners(self) -> list[FhirListener]:
        """One for each address."""
        return [door.listener for door in self._open.values()]

    @property
    def available(self) -> bool:
        """Whether the store takes what comes."""
        return self._intake.available and self._audit.available

    def wanted(self, loaded: Loaded) -> list[Wanted]:
        """The doors of an edition. From any thread. Raises `Misconfigured`."""
        shared: dict[Address, list[LoadedChannel]] = {}
        for channel in loaded.channels:
            source = channel.spec.source.fhir
            if source is not None:
                shared.setdefault(address_of(source, self._settings, os.environ), []).append(channel)
        needs = Needs(self._settings, self._ring, self._store, self._doors)
        return [wanted_door(address, group, loaded.number, needs) for address, group in shared.items()]

    def open(self, wanted: Sequence[Wanted]) -> None:
        """Open the doors that are not open yet; nothing is served by `wanted` elsewhere until `turn`. Raises
        `Misconfigured` when one of them cannot be, and then opens none."""
        try:
            for one in wanted:
                before = self._open.get(one.address)
                if before is None or before.wanted.source.tls != one.source.tls:
                    self._open_one(one, before)
        except Misconfigured:
            self.give_up()
            raise

    def give_up(self) -> None:
        """Close again what `open` opened."""
        for door in self._fresh.values():
            door.listener.drain(0.0)
        self._fresh = {}

    def turn(self, wanted: Sequence[Wanted]) -> None:
        """Serve this from now on; what is not wanted any more, or has another in its place, drains."""
        before, self._open = self._open, {}
        for one in wanted:
            stays = before.get(one.address)
            if one.address in self._fresh:
                self._open[one.address] = self._fresh[one.address]
                self._open[one.address].say()
            elif stays is not None:
                del before[one.address]
                stays.listener.take_up(one.name, one.service, one.limits, one.names)
                self._open[one.address] = _Open(one, stays.listener, stays.port)
        self._fresh = {}
        for door in before.values():
            self._retire(door.listener)

    def hold(self, channels: frozenset[str]) -> None:
        """Take no writes for these channels (503); what is stored can be read."""
        self._held = channels

    def drain(self, timeout: float) -> list[Deferred[None]]:
        """Answer what is in work, close."""
        return [listener.drain(timeout) for listener in (*self.listeners, *self._draining)]

    def close(self) -> None:
        """End the threads; the doors are drained by then."""
        self._reads.close()
        self._judges.close()

    def _open_one(self, wanted: Wanted, before: _Open | None) -> None:
        address, listener = wanted.address, wanted.listener()
        listener.accepting(self.available)
        bound = before.listener.hand_over() if before else None
        port = listener.open(self._loop, address.host, address.port, wanted.tls, bound)
        self._fresh[address] = _Open(wanted, listener, port)

    def _retire(self, listener: FhirListener) -> None:
        self._draining.append(listener)
        drained = listener.drain(self._settings.drain)
        drained.addBoth(lambda _: self._draining.remove(listener))

    def _accepting(self, _: bool) -> None:
        for listener in self.listeners:
            listener.accepting(self.available)

    def _submit(self, unit: Unit) -> asyncio.Future[Written | Moved | None]:
        done: asyncio.Future[Written | Moved | None] = self._loop.create_future()
        if self._held and any(write.arrival.channel in self._held for write in unit.writes):
            done.set_result(None)
            return done
        self._intake.submit(unit, lambda result: None if done.done() else done.set_result(result))
        return done

    def _record(self, entries: Sequence[Entry]) -> asyncio.Future[bool]:
        done: asyncio.Future[bool] = self._loop.create_future()
        self._audit.submit(entries, lambda last: None if done.done() else done.set_result(last is not None))
        return done

    def _look(self, call: Callable[..., Any], *args: Any, **named: Any) -> asyncio.Future[Any]:
        return self._reads.run(call, *args, **named).asFuture(self._loop)

    def _judge(self, call: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        return self._judges.run(call, *args).asFuture(self._loop)
