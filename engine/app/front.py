"""What a node shows to senders: its doors, the intake behind them, and who waits for answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred, DeferredList

from engine.answers import Answers
from engine.app import fhir_wanted, listening
from engine.app.answering import Links, WantedLink
from engine.app.doors import Hl7Doors
from engine.app.expiring import Secured
from engine.app.fhir import FhirDoors
from engine.app.listening import Listener
from engine.editions.loading import Loaded
from engine.errors import Misconfigured
from engine.intake import Intake
from engine.listeners.channel import Doors
from engine.listeners.fhir import FhirListener
from engine.listeners.folder import FolderListener
from engine.measuring.standing import Standing
from engine.model import Arrival, Receipt
from engine.settings import Settings
from engine.store.base import Store
from engine.store.cipher import Fingerprints
from engine.store.keys import KeyRing
from engine.telemetry import PrivacyIncident
from engine.threads import Threads

__all__ = ["Front", "Shown"]


class Shown(NamedTuple):
    """What an edition shows, looked at: the environment has all of it, and nothing would be unsafe."""

    hl7: Sequence[listening.Wanted]
    fhir: Sequence[fhir_wanted.Wanted]
    links: Sequence[WantedLink]


class Front:
    """`stored` is told when there is something to route, `told` of answers that go without their words.
    Reactor's thread, but for `wanted`."""

    def __init__(
        self,
        reactor: Any,
        loop: asyncio.AbstractEventLoop,
        settings: Settings,
        store: Store,
        ring: KeyRing,
        looks: Threads,
        *,
        stored: Callable[[], None],
        told: Callable[[PrivacyIncident], None],
    ) -> None:
        self._commits = Threads(reactor, "commit")
        self.answers = Answers(store, looks, call_later=reactor.callLater)
        self.intake: Intake[Arrival, Receipt] = Intake(
            store,
            store.accept,
            self._commits,
            call_soon=loop.call_soon,
            call_later=reactor.callLater,
            opened=lambda yes: self._hl7.accepting(yes),
            stored=stored,
        )
        answers = self.answers
        behind = Doors(
            self.intake.submit, answers.wait, answers.first_piece, answers.refused, Fingerprints(ring), told
        )
        self._hl7 = Hl7Doors(reactor, settings, behind, looks)
        self._fhir = FhirDoors(reactor, loop, settings, store, ring, self._commits, stored, told)
        self._links = Links(reactor, settings, store, looks, answers.decided, told)
        self._reactor = reactor
        self._shown = Shown((), (), ())
        self._held: frozenset[str] = frozenset()

    def wanted(self, loaded: Loaded) -> Shown:
        """What an edition shows. From any thread. Raises `Misconfigured`."""
        return Shown(self._hl7.wanted(loaded), self._fhir.wanted(loaded), self._links.wanted(loaded))

    def open(self, shown: Shown) -> None:
        """Open what is not open yet. Raises `Misconfigured` when something cannot be had, and then nothing
        is."""
        self._hl7.open(shown.hl7)
        try:
            self._fhir.open(shown.fhir)
        except Misconfigured:
            self._hl7.give_up()
            raise

    def turn(self, shown: Shown) -> None:
        """Take and answer by this from the next message on."""
        self._shown = shown
        self._hl7.turn(shown.hl7)
        self._fhir.turn(shown.fhir)
        self._links.turn(shown.links)

    def hold(self, channels: frozenset[str]) -> None:
        """Take nothing for these channels: a person stopped their doors."""
        self._held = channels
        self._hl7.hold(channels)
        self._fhir.hold(channels)

    def look(self) -> None:
        """Something was routed or delivered: whoever waits may be told. From any thread."""
        if len(self.answers):
            self._reactor.callFromThread(self.answers.look)
        if len(self._links.outbox):
            self._reactor.callFromThread(self._links.outbox.look)

    async def drain(self, timeout: float) -> None:
        """Take nothing more, answer what is in work."""
        await DeferredList(self._drains(timeout))
        await self._links.outbox.stop()

    def close(self) -> None:
        """End the threads; everything is drained by then."""
        self._commits.close()
        self._fhir.close()

    def parts(self) -> dict[str, Standing]:
        """What readiness depends on, each door by the name of its channel."""
        stands: Standing = "ready" if self.intake.available and self._fhir.available else "unready"
        return {"store": stands} | {
            f"listener {one.name}": _standing(one, self._held) for one in self._listeners()
        }

    def secured(self) -> dict[str, Secured]:
        """The doors that show a certificate, by their channels."""
        found: dict[str, Secured] = {
            one.channel.name: one.link.tls for one in self._shown.hl7 if one.link and one.link.tls
        }
        return found | {one.name: one.tls for one in self._shown.fhir if one.tls}

    def counters(self) -> dict[str, Mapping[str, int]]:
        """What the listeners' framing and connections saw, per channel."""
        return {one.name: dict(one.counters) for one in (*self._hl7.leaving, *self._listeners())}

    def _listeners(self) -> list[Listener | FhirListener]:
        return [*self._hl7.listeners, *self._fhir.listeners]

    def _drains(self, timeout: float) -> list[Deferred[Any]]:
        return [*self._hl7.drain(timeout), *self._fhir.drain(timeout)]


def _standing(listener: Listener | FhirListener, held: frozenset[str]) -> Standing:
    """A folder that cannot be worked on keeps its files: nobody is turned away. Who is turned away by a door
    that a person stopped is so on purpose."""
    if held.intersection(listener.name.split()):
        return "degraded"
    if listener.is_open:
        return "ready"
    return "degraded" if isinstance(listener, FolderListener) else "unready"
