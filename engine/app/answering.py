"""The links on which application answers go (`app_ack: separate`), as editions come and go."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from engine.app.linking import link_address, open_link
from engine.app.listening import Address, channel_of
from engine.config.spec import ChannelSpec, LinkTlsSpec, MllpSource
from engine.editions.loading import Loaded
from engine.listeners.channel import Channel
from engine.outbox import Line, Outbox, Outcome
from engine.retry import RetryPolicy
from engine.settings import Settings
from engine.store.base import Store
from engine.telemetry import PrivacyIncident
from engine.threads import Threads
from mllp.client import MllpClient

__all__ = ["Links", "WantedLink"]


class WantedLink(NamedTuple):
    """A link as an edition wants it."""

    channel: Channel
    address: Address
    tls: LinkTlsSpec | None
    client: MllpClient
    """Connects when there is something to tell."""


class Links:
    """An outbox whose lines follow the editions. A line that is not wanted any more goes on: what its channel
    owed when it was taken away is still told. Reactor's thread, but for `wanted`."""

    def __init__(
        self,
        reactor: Any,
        settings: Settings,
        store: Store,
        threads: Threads,
        outcome: Outcome,
        told: Callable[[PrivacyIncident], None],
    ) -> None:
        self._reactor, self._settings, self._store, self._threads = reactor, settings, store, threads
        self._outcome, self._told = outcome, told
        self._lines: dict[str, tuple[WantedLink, Line]] = {}  # by channel
        self.outbox = Outbox([])

    def wanted(self, loaded: Loaded) -> list[WantedLink]:
        """The links of an edition. From any thread. Raises `Misconfigured`."""
        return [
            self._wanted(one.spec, source, loaded.number)
            for one in loaded.channels
            if (source := one.spec.source.mllp) and source.app_ack == "separate"
        ]

    def turn(self, wanted: Sequence[WantedLink]) -> None:
        """Tell what is owed by these from now on."""
        for one in wanted:
            before = self._lines.get(one.channel.name)
            if before is not None and before[0][1:3] == one[1:3]:
                before[1].take_up(one.channel)
                continue
            if before is not None:  # what is owed goes to where it is to be told now
                self.outbox.remove(before[1])
            line = self._line(one)
            self._lines[one.channel.name] = (one, line)
            self.outbox.add(line)

    def _wanted(self, spec: ChannelSpec, source: MllpSource, edition: int) -> WantedLink:
        client = open_link(self._reactor, spec, self._settings)
        address = link_address(source.app_ack_to, os.environ, spec.channel)
        return WantedLink(channel_of(spec, self._settings, edition), address, source.app_ack_tls, client)

    def _line(self, wanted: WantedLink) -> Line:
        return Line(
            wanted.channel,
            wanted.client,
            self._store,
            self._threads,
            self._outcome,
            call_later=self._reactor.callLater,
            retry=RetryPolicy(give_up=self._settings.give_up_days * 86400),
            dice=random.random,
            told=self._told,
        )
