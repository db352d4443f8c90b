"""A node put together: front, routing, delivery, upkeep; started, turned to another edition, and stopped
in order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, NamedTuple

import msgspec
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.threads import blockingCallFromThread

from engine.app.alerting import Wanted, Watch
from engine.app.books import BooksLoop
from engine.app.carrying import Carrying
from engine.app.expiring import ExpiryLoop, Secured
from engine.app.front import Front, Shown
from engine.app.holding import Holding, held_doors
from engine.app.measured import Keeping, standing_of, telling
from engine.app.recorder import Recorder
from engine.app.turning import Turning
from engine.app.workers import Share, Workers
from engine.app.working import Work, failed
from engine.auditing import Act, Entry
from engine.config.keeping import retention_of
from engine.destinations.base import Destination
from engine.editions.catching_up import catch_up
from engine.editions.healing import heal
from engine.editions.loading import Loaded, Shelf
from engine.errors import Misconfigured, Unavailable
from engine.measuring.standing import Standing
from engine.measuring.telling import Hearing
from engine.programs import Programs
from engine.scheduling import ScheduleLoop
from engine.settings import Settings
from engine.store.base import Store
from engine.store.contracts.editions import Activation
from engine.store.contracts.measures import Last
from engine.store.keys import KeyRing
from engine.telemetry import GAUGES, EditionUnreadable, EngineStarted, EngineStopping, signal
from engine.threads import Loop, Threads
from engine.upkeep.caring import CareLoop

__all__ = ["Node", "Ready"]


class Ready(NamedTuple):
    """An edition that was looked at: what it needs of this process can be had."""

    loaded: Loaded
    shown: Shown | None
    opened: Mapping[str, Destination]
    watched: Wanted | None = None


class Node:
    """One process of an engine. `share` says which part of the work is its own; `loop` is what the
    reactor runs on; `shelf` is where the editions are."""

    def __init__(
        self,
        reactor: Any,
        settings: Settings,
        store: Store,
        ring: KeyRing,
        shelf: Shelf,
        *,
        loop: asyncio.AbstractEventLoop,
        share: Share = (0, 1),
        workers: Workers | None = None,
        recorder: Recorder | None = None,
        hearing: Hearing | None = None,
        say: Callable[[bytes], object] | None = None,
    ) -> None:
        """`hearing` is what the workers say to the first process, `say` tells it a line."""
        self._reactor, self._settings, self._store = reactor, settings, store
        self._share, self._workers, self._recorder = share, workers, recorder
        self._looks = Threads(reactor, "look")
        self._programs = Programs({}, load=shelf.programs)
        self._work = Work(settings, store, ring, share, self._programs)
        self._carrying = Carrying(settings, share, partial(self._work.delivery, settled=self._settled))
        self._router = self._work.router(self._routed) if share[0] > 0 or share[1] == 1 else None
        self._routing = (
            Loop("routing", self._router.turn, partial(failed, "routing")) if self._router else None
        )
        self._retention = self._work.retention()
        self._watch = Watch(settings, store) if share[0] == 0 else None
        self._books = BooksLoop(store, settings, clock=time.time)
        self._care = CareLoop(store, settings.disk_reserve * 1_000_000, time.time)
        self._upkeep = self._make_upkeep() if share[0] == 0 else []
        self._front: Front | None = None
        if share[0] == 0:
            told = recorder.withheld if recorder else signal
            self._front = Front(
                reactor, loop, settings, store, ring, self._looks, stored=self._wake_routing, told=told
            )
        lead = f"{settings.node}/0" if share[0] else ""
        self._turning = Turning(
            store, self.holder, self, shelf.to_run, time.time, recorder, self._let_flow, lead
        )
        self._following = Loop("editions", self._turning.turn, partial(failed, "editions"))
        self._hearing = hearing or Hearing(time.monotonic)
        self._keeping = None if say else Keeping(self.holder, self.parts, store, self._hearing)
        turn = self._keeping.turn if self._keeping else telling(self.holder, self.parts, say or bytes)
        self._measuring = Loop("measures", turn, partial(failed, "measures"))
        self._carried: set[int] = set()  # the editions whose destinations are delivered to
        self._stopping = False

    # Putting together

    def _make_upkeep(self) -> list[Loop]:
        """What one process of the node does for all of them."""
        runs = ScheduleLoop(self._store.release_scheduled, time.time, self._released)
        loops = [
            Loop("retention", self._retention.turn, _not_purged),
            Loop("schedule", runs.turn, partial(failed, "schedule")),
        ]
        loops.append(Loop("books", self._books.turn, partial(failed, "books")))
        holding = Holding(self._store, self._hold)
        loops.append(Loop("holds", holding.turn, partial(failed, "holds")))
        loops += self._watch.loops(failed) if self._watch else []
        expiries = ExpiryLoop(self._store, self._secured, lambda: self._carrying.names, time.time)
        loops.append(Loop("care", self._care.turn, partial(failed, "care")))
        loops.append(Loop("expiries", expiries.turn, partial(failed, "expiries")))
        if self._recorder:
            loops.append(Loop("audit", self._recorder.turn, partial(failed, "audit")))
        return loops

    def _secured(self) -> dict[str, Secured]:
        return self._front.secured() if self._front else {}

    @property
    def holder(self) -> str:
        """This process's name on leases; the same after a restart."""
        return self._work.holder

    # Running

    def start(self, activation: Activation, loaded: Loaded, refused: str = "") -> None:
        """Take up what an earlier run left, open the doors, and go by what is active from then on; where that
        was `refused`, by what was loaded in its place. Reactor's thread. Raises `Misconfigured`: then nothing
        runs."""
        ready = self._ready(loaded)
        if self._recorder:
            self._recorder.started(loaded, self._share[1])
        if self._front and ready.shown:
            self._front.hold(held_doors(self._store))
            self._front.open(ready.shown)
        self._store.reclaim(time.time(), self.holder)  # as versions before named all of a process's claims
        self._programs.keep(self._store.working_editions())
        older = self._needed(ready.opened)
        self._turned(ready, older)
        if self._share[0] == 0:
            total = self._share[1]
            self._store.forget_running([f"{self._settings.node}/{number}" for number in range(total)])
        self._turning.began(activation, loaded, refused)
        for loop in (*([self._routing] if self._routing else ()), *self._upkeep, self._following):
            loop.start()
        self._measuring.start()
        if self._workers:
            self._workers.start()
        signal(EngineStarted(self.holder, len(loaded.channels), self._share[1]))

    def turn(self, loaded: Loaded) -> None:
        """Go by another edition from the next message on (`engine.app.turning.Turns`): in one step, or not at
        all."""
        ready = self._ready(loaded)
        self._in_reactor(self._take_up, ready)

    def keep(self, editions: Collection[int], channels: Collection[str]) -> None:
        """Hold the editions that have open work, let go of the others (`engine.app.turning.Turns`). One that
        somebody has loaded meanwhile, to route by it, is held but not carried yet."""
        self._programs.keep(editions, channels)
        if set(self._programs.held) != self._carried:
            for idle in self._in_reactor(self._carry, self._needed()):
                idle.stop()

    def _let_flow(self, loaded: Loaded) -> None:
        """Let flow what waits for codes that this edition has, or for runs that it does not have: one process
        does it for all."""
        if self._share[0] == 0:
            told = Entry(at=time.time(), who=self.holder, role="engine", act=Act.REDELIVER, object="editions")
            if heal(self._store, loaded.number, loaded.channels, told):
                self._wake_routing()
            catch_up(self._store, loaded.programs, msgspec.structs.replace(told, act=Act.RELEASE))

    def wake(self) -> None:
        """Another edition may have been made active: look now."""
        self._turning.try_again()
        self._following.wake()

    def stop(self) -> Deferred[Any]:
        """Stop accepting, answer what is in work, finish the batches in hand, let go."""
        self._stopping = True
        signal(EngineStopping(self.holder))
        return ensureDeferred(self._stop())

    async def _stop(self) -> None:
        drain = self._settings.drain
        await self._looks.run(self._following.stop, drain)
        if self._front:
            await self._front.drain(drain)
        self._retention.end()
        if self._workers:
            await self._workers.stop()
        for loop in (*([self._routing] if self._routing else ()), *self._carrying.loops, *self._upkeep):
            await self._looks.run(loop.stop, drain)
        self._books.close()
        if self._router:
            self._router.close()
        self._carrying.close()
        if self._recorder:
            await self._looks.run(self._recorder.stopped)
        await self._looks.run(self._measuring.finish, drain)
        self._store.close()
        # The pools join their threads; only now is nothing of ours left in them.
        if self._front:
            self._front.close()
        self._looks.close()

    def parts(self) -> dict[str, Standing]:
        """What readiness depends on, each door by the name of its channel."""
        whole = {
            "workers": self._workers.alive() if self._workers else True,
            "running": not self._stopping,
        }
        shown = self._front.parts() if self._front else {}
        kept: dict[str, Standing] = {"audit": "degraded"} if self._retention.overdue else {}
        of_all: dict[str, Standing] = {name: "ready" if good else "unready" for name, good in whole.items()}
        found = self._keeping.parts(self._measuring.busy) if self._keeping else {}
        if self._care.refuses:  # nobody has to be turned away first for it to be known
            found["store"] = "unready"
        return of_all | self._turning_parts() | shown | kept | found

    def stuck(self) -> list[str]:
        """What a new start alone would mend."""
        return [name for name, stands in self._turning_parts().items() if stands == "unready"]

    def _turning_parts(self) -> dict[str, Standing]:
        loops = {loop.name: standing_of(loop) for loop in self._loops()}
        return loops | self._hearing.parts()

    def _loops(self) -> list[Loop]:
        """All that turns in this process."""
        routing = [self._routing] if self._routing else []
        return [*routing, *self._carrying.loops, *self._upkeep, self._following, self._measuring]

    def counters(self) -> dict[str, Mapping[str, int]]:
        """What the listeners' framing and connections saw, per channel."""
        return self._front.counters() if self._front else {}

    def counted_elsewhere(self) -> dict[str, float]:
        """What the workers counted, by series."""
        return self._hearing.totals()

    def backlog(self) -> Deferred[dict[str, dict[str, float]]]:
        """What waits, read from the store."""
        return self._looks.run(self._store.backlog, time.time())

    def lasting(self) -> Deferred[dict[str, Last]]:
        """Last values that are shown to Prometheus, read from the store."""
        return self._looks.run(self._store.last_values, tuple(GAUGES))

    # From one edition to another

    def _ready(self, loaded: Loaded) -> Ready:
        """Look at what an edition needs. Raises `Misconfigured` when something of it cannot be had here."""
        shown = self._front.wanted(loaded) if self._front else None
        watched = self._watch.wanted(loaded.channels) if self._watch else None
        return Ready(loaded, shown, self._carrying.missing(loaded.programs.values()), watched)

    def _take_up(self, ready: Ready) -> None:
        if self._stopping:
            raise Unavailable("the engine is stopping")
        if self._front and ready.shown:
            self._front.open(ready.shown)
        self._turned(ready, {})

    def _turned(self, ready: Ready, opened: Mapping[str, Destination]) -> None:
        """Nothing of this can fail any more."""
        loaded = ready.loaded
        self._programs.turn(loaded.number, loaded.programs)
        self._carried.add(loaded.number)
        self._carry({**opened, **ready.opened})
        default = self._settings.retention
        self._retention.follow(retention_of((channel.spec for channel in loaded.channels), default))
        if self._watch and ready.watched:
            self._watch.follow(ready.watched)
        if self._front and ready.shown:
            self._front.turn(ready.shown)

    def _needed(self, known: Collection[str] = ()) -> dict[str, Destination]:
        """The destinations that the editions which are held need besides those that are `known`. What one of
        them needs and cannot be had here is told, and its deliveries wait."""
        held, opened = self._programs.held, dict[str, Destination]()
        self._carried = set(held)
        for edition, programs in held.items():
            try:
                opened |= self._carrying.missing(programs.values(), {*known, *opened})
            except Misconfigured as error:
                signal(EditionUnreadable(edition, type(error).__name__))
        return opened

    def _hold(self, channels: frozenset[str]) -> None:
        """The doors of these channels are held, as of now."""
        if self._front:
            self._in_reactor(self._front.hold, channels)

    def _carry(self, opened: Mapping[str, Destination]) -> list[Loop]:
        return self._carrying.turn(opened, self._programs.all())

    def _in_reactor(self, call: Callable[..., Any], *given: Any) -> Any:
        return blockingCallFromThread(self._reactor, call, *given)

    # Wiring between the parts

    def _wake_routing(self) -> None:
        if self._routing:
            self._routing.wake()

    def _routed(self) -> None:
        self._released()
        self._settled([])

    def _released(self) -> None:
        for loop in self._carrying.loops:
            loop.wake()

    def _settled(self, _: list[int]) -> None:
        if self._front:
            self._front.look()


def _not_purged(error: BaseException) -> float:
    """Nobody waits for it: tried again when others have had their turn."""
    return 60 * failed("retention", error)
