"""A node put together: listeners, intake, routing, delivery, health; started and stopped in order."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, ensureDeferred

from engine.answers import Answers
from engine.app.fhir import FhirDoors
from engine.app.linking import open_link
from engine.app.listening import Listener, channel_of, make_listener, open_listener
from engine.app.opening import reader_of
from engine.app.recorder import Recorder
from engine.app.workers import Share, Workers, belongs
from engine.config.keeping import retention_of
from engine.config.loading import LoadedChannel
from engine.console.health import Standing
from engine.delivery import DeliveryLoop
from engine.destinations.base import Destination
from engine.egress import Compared, Egress
from engine.errors import Misconfigured
from engine.intake import Intake
from engine.listeners.channel import Doors
from engine.listeners.fhir import FhirListener
from engine.listeners.folder import FolderListener
from engine.model import Lane
from engine.outbox import Line, Outbox
from engine.privacy.book import TokenBook
from engine.privacy.sealing import Sealer
from engine.privacy.searching import KnownAuthorities
from engine.privacy.vault import Vault
from engine.programs import Programs
from engine.retention import RetentionLoop
from engine.retry import RetryPolicy
from engine.routing import RoutingLoop
from engine.scheduling import ScheduleLoop
from engine.settings import Settings
from engine.store.base import Store
from engine.store.cipher import Fingerprints
from engine.store.keys import KeyRing
from engine.telemetry import EngineStarted, EngineStopping, LoopFailed, signal
from engine.threads import Loop, Threads

__all__ = ["Node"]

FAILED_REST = 1.0  # seconds before a loop that failed turns again


class Node:
    """One process of an engine. `share` says which part of the work is its own; `loop` is what the
    reactor runs on."""

    def __init__(
        self,
        reactor: Any,
        settings: Settings,
        store: Store,
        channels: Sequence[LoadedChannel],
        ring: KeyRing,
        destinations: Mapping[str, Destination],
        *,
        loop: asyncio.AbstractEventLoop,
        share: Share = (0, 1),
        workers: Workers | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        self._reactor, self._settings, self._store = reactor, settings, store
        self._channels, self._share, self._workers = list(channels), share, workers
        self._commits = Threads(reactor, "commit")
        self._looks = Threads(reactor, "look")
        self._deliveries: list[Loop] = []
        self._recorder = recorder
        self._told = recorder.withheld if recorder else signal
        self._signing = (
            Loop("audit", recorder.turn, lambda error: _failed("audit", error)) if recorder else None
        )
        self._ring, self._destinations = ring, destinations
        self._routing: Loop | None = None
        self._router: RoutingLoop | None = None
        self._compared = Compared()
        self._keeping: Loop | None = None
        self._retention: RetentionLoop | None = None
        self._scheduled: Loop | None = None
        self._listeners: list[Listener] = []
        self._outbox = Outbox([])
        self._stopping = False
        self.failure: Misconfigured | None = None
        self.answers = Answers(store, self._looks, call_later=reactor.callLater)
        self.intake = Intake(
            store,
            store.accept,
            self._commits,
            call_soon=loop.call_soon,
            call_later=reactor.callLater,
            opened=self._open,
            stored=self._wake_routing,
        )
        self._fhir: FhirDoors | None = None
        self._make_loops()
        if share[0] == 0:
            doors = Doors(
                self.intake.submit,
                self.answers.wait,
                self.answers.first_piece,
                self.answers.refused,
                Fingerprints(ring),
                self._told,
            )
            self._listeners = [
                make_listener(channel.spec, settings, doors, reactor, self._looks)
                for channel in self._by_hl7()
            ]
            if any(channel.spec.source.fhir for channel in self._channels):
                self._fhir = FhirDoors(
                    reactor,
                    loop,
                    settings,
                    store,
                    self._channels,
                    ring,
                    self._commits,
                    self._wake_routing,
                    self._told,
                )

    # Putting together

    def _make_loops(self) -> None:
        self._programs = Programs({channel.spec.channel: channel.program for channel in self._channels})
        if self._share[0] > 0 or self._share[1] == 1:
            reader = reader_of(self._settings, self._ring)
            sealer = Sealer(reader, self._store.keep_seal_key, self._store.cabinet, clock=time.time)
            self._router = routing = RoutingLoop(
                self._store,
                self._programs,
                TokenBook(self._vault(), self._store.tokens),
                seal=sealer.seal,
                renew=lambda: self._renewed(sealer),
                name=Fingerprints(self._ring).of,
                batch=self._settings.batch,
                clock=time.time,
                routed=self._routed,
                remember=KnownAuthorities(self._ring, self._store).remember,
                holder=self.holder,
                compared=self._compared,
                mine=partial(belongs, share=self._share),
            )
            self._routing = Loop("routing", routing.turn, lambda error: _failed("routing", error))
        # A destination belongs to one process: its batches grow, and a file has one writer.
        queues = {(name, c.program.lane) for c in self._channels for name in c.program.destinations}
        self._deliveries = [
            self._delivery(name, lane)
            for name, lane in sorted(queues)
            if belongs("ledger" if self._settings.ledger else name, self._share)
        ]
        if self._share[0] == 0:
            self._retention = self._make_retention()
            self._keeping = Loop("retention", self._retention.turn, _not_purged)
            runs = ScheduleLoop(self._store.release_scheduled, time.time, self._released)
            self._scheduled = Loop("schedule", runs.turn, lambda error: _failed("schedule", error))

    def _vault(self) -> Vault:
        """The vault with the keys that are in use now. Raises `Misconfigured` for one that the ring lacks."""
        return Vault.of(self._ring.following(self._store.uses()), self._settings.tenant)

    def _renewed(self, sealer: Sealer) -> Vault:
        """The same, when it has turned."""
        sealer.forget()
        return self._vault()

    def _make_retention(self) -> RetentionLoop:
        default = self._settings.retention
        return RetentionLoop(
            self._store,
            default,
            retention_of((channel.spec for channel in self._channels), default),
            audit_days=self._settings.keep_audit,
            holder=self.holder,
            clock=time.time,
            steady=time.monotonic,
        )

    def _delivery(self, name: str, lane: Lane) -> Loop:
        loop = DeliveryLoop(
            self._store,
            name,
            self._destinations[name],
            lane,
            egress=Egress(
                self._programs,
                self._store,
                self.holder,
                time.time,
                self._compared,
            ),
            holder=f"{self.holder}/{name}/{lane.name.lower()}",
            retry=RetryPolicy(give_up=self._settings.give_up_days * 86400),
            batch=self._settings.batch,
            clock=time.time,
            dice=random.random,
            settled=self._settled,
        )
        return Loop(f"deliver {name} {lane.name}", loop.turn, lambda error: _failed("delivery", error))

    def _make_outbox(self) -> Outbox:
        apart = [
            channel.spec
            for channel in self._channels
            if (source := channel.spec.source.mllp) and source.app_ack == "separate"
        ]
        return Outbox(
            [
                Line(
                    channel_of(spec, self._settings),
                    open_link(self._reactor, spec, self._settings),
                    self._store,
                    self._looks,
                    self.answers.decided,
                    call_later=self._reactor.callLater,
                    retry=RetryPolicy(give_up=self._settings.give_up_days * 86400),
                    dice=random.random,
                    told=self._told,
                )
                for spec in apart
            ]
        )

    @property
    def holder(self) -> str:
        """This process's name on leases; the same after a restart."""
        return f"{self._settings.node}/{self._share[0]}"

    # Running

    def start(self) -> None:
        """Take up what an earlier run left, then open the listeners. Raises `Misconfigured`."""
        if self._share[0] == 0:
            self._outbox = self._make_outbox()
        self._store.reclaim(time.time(), self.holder)  # as versions before named all of a process's claims
        for loop in self._loops():
            loop.start()
        for listener, channel in zip(self._listeners, self._by_hl7(), strict=False):
            open_listener(self._reactor, listener, channel.spec, self._settings)
        if self._fhir:
            self._fhir.open()
        self._outbox.look()
        if self._workers:
            self._workers.start()
        signal(EngineStarted(self.holder, len(self._channels), self._share[1]))

    def stop(self) -> Deferred[Any]:
        """Stop accepting, answer what is in work, finish the batches in hand, let go."""
        self._stopping = True
        signal(EngineStopping(self.holder))
        return ensureDeferred(self._stop())

    async def _stop(self) -> None:
        drain = self._settings.drain
        await DeferredList([listener.drain(drain) for listener in self._all_listeners()])
        await self._outbox.stop()
        if self._workers:
            await self._workers.stop()
        for loop in self._loops():
            await self._looks.run(loop.stop, drain)
        if self._router:
            self._router.close()
        for destination in set(self._destinations.values()):
            destination.close()
        if self._recorder:
            await self._looks.run(self._recorder.stopped)
        self._store.close()
        # The pools join their threads; only now is nothing of ours left in them.
        self._commits.close()
        self._looks.close()
        if self._fhir:
            self._fhir.close()

    def parts(self) -> dict[str, Standing]:
        """What readiness depends on, each door by the name of its channel."""
        whole = {
            "store": self.intake.available and (self._fhir is None or self._fhir.available),
            "workers": self._workers.alive() if self._workers else True,
            "running": not self._stopping,
        }
        doors = {f"listener {listener.name}": _standing(listener) for listener in self._all_listeners()}
        overdue = self._retention is not None and self._retention.overdue
        kept: dict[str, Standing] = {"audit": "degraded"} if overdue else {}
        return {name: "ready" if stands else "unready" for name, stands in whole.items()} | doors | kept

    def counters(self) -> dict[str, Mapping[str, int]]:
        """What the listeners' framing and connections saw, per channel."""
        return {listener.name: dict(listener.counters) for listener in self._all_listeners()}

    def backlog(self) -> Deferred[dict[str, dict[str, float]]]:
        """What waits, read from the store."""
        return self._looks.run(self._store.backlog, time.time())

    def _by_hl7(self) -> list[LoadedChannel]:
        return [channel for channel in self._channels if not channel.spec.source.fhir]

    def _all_listeners(self) -> list[Listener | FhirListener]:
        return [*self._listeners, *(self._fhir.listeners if self._fhir else ())]

    def _loops(self) -> list[Loop]:
        loops = (self._routing, *self._deliveries, self._signing, self._keeping, self._scheduled)
        return [loop for loop in loops if loop is not None]

    # Wiring between the parts

    def _open(self, available: bool) -> None:
        for listener in self._listeners:
            listener.accepting(available)

    def _wake_routing(self) -> None:
        if self._routing:
            self._routing.wake()

    def _routed(self) -> None:
        self._released()
        self._look()

    def _released(self) -> None:
        for loop in self._deliveries:
            loop.wake()

    def _settled(self, _: list[int]) -> None:
        self._look()

    def _look(self) -> None:
        if len(self.answers):
            self._reactor.callFromThread(self.answers.look)
        if len(self._outbox):
            self._reactor.callFromThread(self._outbox.look)


def _standing(listener: Listener | FhirListener) -> Standing:
    """A folder that cannot be worked on keeps its files: nobody is turned away."""
    if listener.is_open:
        return "ready"
    return "degraded" if isinstance(listener, FolderListener) else "unready"


def _not_purged(error: BaseException) -> float:
    """Nobody waits for it: tried again when others have had their turn."""
    return 60 * _failed("retention", error)


def _failed(part: str, error: BaseException) -> float:
    signal(LoopFailed(part, type(error).__name__))
    return FAILED_REST
