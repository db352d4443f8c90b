"""What routes, what delivers and what lets go of the old in one process of a node."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from engine.app.opening import reader_of
from engine.app.workers import Share, belongs
from engine.delivery import DeliveryLoop
from engine.destinations.base import Destination
from engine.egress import Compared, Egress
from engine.model import Lane
from engine.privacy.book import TokenBook
from engine.privacy.sealing import Sealer
from engine.privacy.searching import KnownAuthorities
from engine.privacy.vault import Vault
from engine.programs import Programs
from engine.retention import RetentionLoop
from engine.retry import RetryPolicy
from engine.routing import RoutingLoop
from engine.settings import Settings
from engine.store.base import Store
from engine.store.cipher import Fingerprints
from engine.store.keys import KeyRing
from engine.telemetry import LoopFailed, signal
from engine.threads import Loop

__all__ = ["Work", "failed"]

_FAILED_REST: Final = 1.0
"""Seconds before a loop that failed turns again."""


class Work:
    """The work of one process, by the `programs` that it goes by; `share` is the part that is its own."""

    def __init__(
        self, settings: Settings, store: Store, ring: KeyRing, share: Share, programs: Programs
    ) -> None:
        self._settings, self._store, self._ring = settings, store, ring
        self._share, self._programs = share, programs
        self._compared = Compared()

    @property
    def holder(self) -> str:
        """This process's name on leases; the same after a restart."""
        return f"{self._settings.node}/{self._share[0]}"

    def router(self, routed: Callable[[], None]) -> RoutingLoop:
        """What routes; `routed` is told when something was. Raises `Misconfigured` for keys that the ring
        lacks."""
        reader = reader_of(self._settings, self._ring)
        sealer = Sealer(reader, self._store.keep_seal_key, self._store.cabinet, clock=time.time)
        return RoutingLoop(
            self._store,
            self._programs,
            TokenBook(self._vault(), self._store.tokens),
            seal=sealer.seal,
            renew=lambda: self._renewed(sealer),
            name=Fingerprints(self._ring).of,
            batch=self._settings.batch,
            clock=time.time,
            routed=routed,
            remember=KnownAuthorities(self._ring, self._store).remember,
            holder=self.holder,
            compared=self._compared,
            mine=partial(belongs, share=self._share),
        )

    def delivery(
        self, name: str, destination: Destination, lane: Lane, settled: Callable[[list[int]], None]
    ) -> Loop:
        """What delivers to one destination in one lane; `settled` is told which messages came to their
        end."""
        loop = DeliveryLoop(
            self._store,
            name,
            destination,
            lane,
            egress=Egress(self._programs, self._store, self.holder, time.time, self._compared),
            holder=f"{self.holder}/{name}/{lane.name.lower()}",
            retry=RetryPolicy(give_up=self._settings.give_up_days * 86400),
            batch=self._settings.batch,
            clock=time.time,
            dice=random.random,
            settled=settled,
        )
        return Loop(f"deliver {name} {lane.name}", loop.turn, partial(failed, "delivery"))

    def retention(self) -> RetentionLoop:
        """What lets go of what is old."""
        return RetentionLoop(
            self._store,
            self._settings.retention,
            {},
            audit_days=self._settings.keep_audit,
            holder=self.holder,
            clock=time.time,
            steady=time.monotonic,
        )

    def _vault(self) -> Vault:
        """The vault with the keys that are in use now. Raises `Misconfigured` for one that the ring lacks."""
        return Vault.of(self._ring.following(self._store.uses()), self._settings.tenant)

    def _renewed(self, sealer: Sealer) -> Vault:
        """The same, when it has turned."""
        sealer.forget()
        return self._vault()


def failed(part: str, error: BaseException) -> float:
    """What failed is told, and tried again after so many seconds."""
    signal(LoopFailed(part, type(error).__name__))
    return _FAILED_REST
