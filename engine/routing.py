"""From stored messages to stored effects: the loop that drives the pipeline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from engine.model import Routing, StoredMessage
from engine.pipeline import Program, route
from engine.privacy.book import TokenBook
from engine.store.base import MessageStore, TokensTaken
from engine.telemetry import MessagesRouted, signal

__all__ = ["RoutingLoop"]

REST = 0.5  # seconds between looks when nothing waits (a wake-up ends it early)


class RoutingLoop:
    """Routes the given channels' messages in the order they arrived.

    `routed()` is called after a batch's effects are durable: there may be something to deliver, and
    something to tell senders that wait."""

    def __init__(
        self,
        store: MessageStore,
        programs: Mapping[str, Program],
        book: TokenBook,
        *,
        batch: int,
        clock: Callable[[], float],
        routed: Callable[[], None],
    ) -> None:
        self._store, self._programs, self._book = store, programs, book
        self._channels = sorted(programs)
        self._batch, self._clock = batch, clock
        self._routed = routed

    def turn(self) -> float:
        """Route one batch; the seconds to rest before the next."""
        waiting = self._store.unrouted(self._channels, 0, self._batch)
        if not waiting:
            return REST
        routings = self._map(waiting)
        channels = {message.id: message.channel for message in waiting}
        self._routed()
        counted = Counter((channels[r.message_id], type(r.result).__name__.lower()) for r in routings)
        for (channel, result), amount in counted.items():
            signal(MessagesRouted(channel, result, amount))
        return 0.0

    def _map(self, waiting: Sequence[StoredMessage]) -> list[Routing]:
        """Map and store; when another router minted a token first, map again with its token."""
        while True:
            routings = [
                routing
                for channel, program in self._programs.items()
                if (batch := [message for message in waiting if message.channel == channel])
                for routing in route(batch, program, self._book)
            ]
            routings.sort(key=lambda routing: routing.message_id)
            try:
                self._store.route(routings, self._book.minted(), self._clock())
            except TokensTaken as taken:
                self._book.abandon(taken.known)
                continue
            except BaseException:
                self._book.abandon({})
                raise
            self._book.committed()
            return routings
