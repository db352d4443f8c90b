"""Senders that wait to be told what became of their message (`acknowledge: transform | delivery`).

Told by this process's routing as soon as effects are durable; found out by looking into the store
when the work is done elsewhere (another worker, the delivery, before a restart).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec
from twisted.internet.defer import Deferred

from engine.model import Answered, MessageState, Reason
from engine.store.base import MessageView, Query

__all__ = ["Answers", "Told"]

LOOK_EVERY = 0.2  # seconds between looks into the store while anyone waits

Told = Callable[[Answered, Reason | None], None]
"""Called once in the reactor's thread: `accepted`, `error` with its reason, or empty after the
time is up and nothing is known yet."""

OUTCOME: dict[MessageState, Answered] = {
    MessageState.DELIVERED: "accepted",
    MessageState.FILTERED: "accepted",
    MessageState.DEAD: "error",
}


class Storage(Protocol):
    """What answers need of the store."""

    def messages(self, query: Query) -> list[MessageView]: ...
    def answer(self, answers: dict[int, Answered]) -> None: ...


class Runner(Protocol):
    """A door to threads."""

    def run(self, call: Callable[..., Any], /, *args: Any) -> Deferred[Any]: ...


class _Waiting(msgspec.Struct, eq=False):
    """One sender: whom to tell, and the timer that tells it nothing is known."""

    told: Told
    timer: Any = None


class Answers:
    """Who waits for which message. Reactor's thread only."""

    def __init__(
        self,
        store: Storage,
        threads: Runner,
        *,
        call_later: Callable[[float, Callable[[], object]], Any],
    ) -> None:
        self._store, self._threads, self._call_later = store, threads, call_later
        self._waiting: dict[int, list[_Waiting]] = {}
        self._looking = False

    def wait(self, message_id: int, told: Told, timeout: float) -> None:
        """Call `told` when it is known what became of the message, or after `timeout` seconds."""
        sender = _Waiting(told)
        sender.timer = self._call_later(timeout, lambda: self._expired(message_id, sender))
        self._waiting.setdefault(message_id, []).append(sender)
        self._look_later()

    def __len__(self) -> int:
        return len(self._waiting)

    def _expired(self, message_id: int, sender: _Waiting) -> None:
        senders = self._waiting[message_id]
        senders.remove(sender)
        if not senders:
            del self._waiting[message_id]
        sender.told("", None)

    def _look_later(self) -> None:
        if self._waiting and not self._looking:
            self._looking = True
            self._call_later(LOOK_EVERY, self.look)

    def look(self) -> None:
        """Ask the store about everyone who waits (also called when routing says it is worth it)."""
        self._looking = True
        done = self._threads.run(self._decided, tuple(self._waiting))
        done.addCallbacks(self._tell, lambda _: None)
        done.addBoth(self._looked)

    def _looked(self, _: object) -> None:
        self._looking = False
        self._look_later()

    def _decided(self, ids: Sequence[int]) -> dict[int, tuple[Answered, Reason | None]]:
        """What is known of these messages. What the delivery decided is recorded before it is
        told, so that a resend after a crash gets the same answer."""
        found: dict[int, tuple[Answered, Reason | None]] = {}
        record: dict[int, Answered] = {}
        for view in self._store.messages(Query(ids=tuple(ids), limit=max(len(ids), 1))):
            answered = view.answered
            if not answered and view.state in OUTCOME:
                answered = record[view.id] = OUTCOME[view.state]
            if answered:
                found[view.id] = (answered, view.reason)
        if record:
            self._store.answer(record)
        return found

    def _tell(self, found: dict[int, tuple[Answered, Reason | None]]) -> None:
        for message_id, (answered, reason) in found.items():
            for sender in self._waiting.pop(message_id, []):
                sender.timer.cancel()
                sender.told(answered, reason)
