"""Senders that wait to be told what became of their message (`acknowledge: transform | delivery`).

Told by this process's routing as soon as effects are durable; found out by looking into the store
when the work is done elsewhere (another worker, the delivery, before a restart).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec
from twisted.internet.defer import Deferred

from engine.model import Answered, DeliveryState, MessageState, Reason
from engine.store.contracts.views import DeliveryView, MessageView, Query
from engine.telemetry import LoopFailed, signal

__all__ = ["Answers", "Told"]

LOOK_AT = 1000  # messages asked for in one query
MOST_REFUSED = 100_000  # refused effects of one message that are asked for
LOOK_EVERY = 0.2  # seconds between looks into the store while anyone waits

Told = Callable[[Answered, Reason | None], None]
"""Called once in the reactor's thread: `accepted`, `error` or `rejected` with the reason, or empty when
the time is up, nothing is known yet and nothing may be said."""

OUTCOME: dict[MessageState, Answered] = {
    MessageState.DELIVERED: "accepted",
    MessageState.FILTERED: "accepted",
    MessageState.SHADOWED: "accepted",
    MessageState.DEAD: "error",
    MessageState.SKIPPED: "error",
}


class Storage(Protocol):
    """What answers need of the store."""

    def messages(self, query: Query) -> list[MessageView]: ...
    def deliveries(self, query: Query, *, message_id: int = 0) -> list[DeliveryView]: ...
    def content(self, message_id: int) -> bytes: ...
    def answer(self, answers: dict[int, Answered]) -> None: ...


class Runner(Protocol):
    """A door to threads."""

    def run(self, call: Callable[..., Any], /, *args: Any) -> Deferred[Any]: ...


class _Waiting(msgspec.Struct, eq=False):
    """One sender: whom to tell, what when the time is up, and the timer that says so."""

    told: Told
    otherwise: Answered
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

    def wait(self, message_id: int, told: Told, timeout: float, otherwise: Answered) -> None:
        """Call `told` when it is known what became of the message, or after `timeout` seconds with
        `otherwise`, which is then the answer for good (empty: with nothing)."""
        sender = _Waiting(told, otherwise)
        sender.timer = self._call_later(timeout, lambda: self._expired(message_id, sender))
        self._waiting.setdefault(message_id, []).append(sender)
        self._look_later()

    def first_piece(self, message_id: int, told: Callable[[bytes], None]) -> None:
        """Call `told` with the bytes of the first piece of the message of which this is the last; with
        none when it was never joined, or nobody knows any more."""
        done = self._threads.run(self._first_piece, message_id)
        done.addErrback(lambda _: b"")
        done.addCallback(told)
        done.addErrback(lambda failure: signal(LoopFailed("answer", type(failure.value).__name__)))

    def refused(self, message_id: int, told: Callable[[Sequence[str]], None]) -> None:
        """Call `told` with the keys of the message's effects that a destination refused; with none when
        nobody knows."""
        done = self._threads.run(self._refused, message_id)
        done.addErrback(lambda _: ())
        done.addCallback(told)
        done.addErrback(lambda failure: signal(LoopFailed("answer", type(failure.value).__name__)))

    def __len__(self) -> int:
        return len(self._waiting)

    def _expired(self, message_id: int, sender: _Waiting) -> None:
        senders = self._waiting[message_id]
        senders.remove(sender)
        if not senders:
            del self._waiting[message_id]
        if not sender.otherwise:
            _tell(sender.told, "", None)
            return
        done = self._threads.run(self.decided, (message_id,), sender.otherwise)
        done.addErrback(lambda _: {})
        done.addCallback(lambda found: _tell(sender.told, *found.get(message_id, ("", None))))

    def _look_later(self) -> None:
        if self._waiting and not self._looking:
            self._looking = True
            self._call_later(LOOK_EVERY, self.look)

    def look(self) -> None:
        """Ask the store about everyone who waits (also called when routing says it is worth it)."""
        self._looking = True
        done = self._threads.run(self._decided_in_parts, tuple(self._waiting))
        done.addCallbacks(self._tell, lambda _: None)
        done.addBoth(self._looked)

    def _looked(self, _: object) -> None:
        self._looking = False
        self._look_later()

    def _decided_in_parts(self, ids: Sequence[int]) -> dict[int, tuple[Answered, Reason | None]]:
        """All messages of a batch may be waited for: no query names more than the databases take."""
        found: dict[int, tuple[Answered, Reason | None]] = {}
        for start in range(0, len(ids), LOOK_AT):
            found |= self.decided(ids[start : start + LOOK_AT])
        return found

    def decided(
        self, ids: Sequence[int], otherwise: Answered = ""
    ) -> dict[int, tuple[Answered, Reason | None]]:
        """What is known of these messages; blocks. What is decided here is recorded before it is told, so
        that a resend, also after a crash, gets the same answer; the first record stands."""
        query = Query(ids=tuple(ids), limit=max(len(ids), 1))
        views = self._store.messages(query)
        states = self._states(views)
        record: dict[int, Answered] = {
            view.id: answered
            for view in views
            if not view.answered and (answered := OUTCOME.get(states[view.id], otherwise))
        }
        if record:
            self._store.answer(record)
            views = self._store.messages(query)
        return {view.id: (view.answered, self._why(view)) for view in views if view.answered}

    def _refused(self, message_id: int) -> list[str]:
        dead = Query(state=DeliveryState.DEAD.value, limit=MOST_REFUSED)
        views = self._store.deliveries(dead, message_id=message_id)
        return [view.delivery.effect.key for view in views]

    def _first_piece(self, message_id: int) -> bytes:
        (view,) = self._store.messages(Query(ids=(message_id,)))
        return self._store.content(view.original) if view.state == MessageState.JOINED else b""

    def _states(self, views: Sequence[MessageView]) -> dict[int, MessageState]:
        """What became of each; of the last piece of a message, what became of the whole."""
        wholes = {view.original for view in views if view.state == MessageState.JOINED}
        found = self._store.messages(Query(ids=tuple(wholes), limit=len(wholes))) if wholes else []
        of_whole = {view.id: view.state for view in found}
        return {
            view.id: of_whole.get(view.original, view.state)
            if view.state == MessageState.JOINED
            else view.state
            for view in views
        }

    def _why(self, view: MessageView) -> Reason | None:
        """The message's own reason (of the last piece, the whole's), else that of its first delivery
        that was refused."""
        if view.answered == "accepted" or view.reason is not None:
            return view.reason
        if view.state == MessageState.JOINED:
            (whole,) = self._store.messages(Query(ids=(view.original,)))
            return whole.reason or self._refusal(whole.id)
        return self._refusal(view.id)

    def _refusal(self, message_id: int) -> Reason | None:
        dead = Query(state=DeliveryState.DEAD.value, limit=1)
        refused = self._store.deliveries(dead, message_id=message_id)
        return refused[0].reason if refused else None

    def _tell(self, found: dict[int, tuple[Answered, Reason | None]]) -> None:
        for message_id, (answered, reason) in found.items():
            for sender in self._waiting.pop(message_id, []):
                sender.timer.cancel()
                _tell(sender.told, answered, reason)


def _tell(told: Told, answered: Answered, reason: Reason | None) -> None:
    """An answer that cannot be made must not cost other senders theirs: its own sender gets none and sends
    again, which is then a duplicate."""
    try:
        told(answered, reason)
    except Exception as error:
        signal(LoopFailed("answer", type(error).__name__))
        if answered:
            _tell(told, "", None)
