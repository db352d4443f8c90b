"""Application answers on a link of their own (`app_ack: separate`; HL7 v2.9.1, 2.8.3.2).

What is owed stands in the store, from the commit of the message until its sender's system took the
answer: a crash at any moment makes an answer come twice rather than not at all. Per channel one
answer is under way, in the order of the messages whose outcome is known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec
from twisted.internet.defer import Deferred, gatherResults, succeed

from engine.errors import Unacceptable
from engine.hl7.acknowledgement import ErrorItem
from engine.hl7.header import read_header
from engine.hl7.modes import Code, plan
from engine.listeners.channel import Channel
from engine.listeners.exchange import Pen
from engine.model import Answered, Application, MessageState, Reason
from engine.retry import RetryPolicy
from engine.store.base import MessageView, Owed, Query
from engine.telemetry import (
    ApplicationAnswerRefused,
    ApplicationAnswerTaken,
    ApplicationLinkAway,
    LoopFailed,
    signal,
)
from mllp.answers import Verdict
from mllp.client import Answer, MllpClient

__all__ = ["REJECTIONS", "Line", "Outbox"]

LOOK_EVERY = 0.5  # seconds between looks for what is owed, when nothing is
REJECTIONS = 5  # AR or CR to the same answer in a row: then it is given up


class Storage(Protocol):
    """What the outbox needs of the store."""

    def owed(self, channel: str, limit: int) -> list[Owed]: ...
    def told(self, message_id: int, how: Application, attempts: int) -> None: ...
    def messages(self, query: Query) -> list[MessageView]: ...
    def content(self, message_id: int) -> bytes: ...


class Runner(Protocol):
    """A door to threads."""

    def run(self, call: Callable[..., Any], /, *args: Any) -> Deferred[Any]: ...


Outcome = Callable[[Sequence[int]], dict[int, tuple[Answered, Reason | None]]]
"""`engine.answers.Answers.decided`: what is known of messages, by id. Blocking."""


class _Letter(msgspec.Struct, frozen=True):
    """An application answer, written."""

    owed: Owed
    code: Code
    payload: bytes


class Line:
    """One channel's link. Reactor's thread, but for what `Runner` is given."""

    def __init__(
        self,
        channel: Channel,
        client: MllpClient,
        store: Storage,
        threads: Runner,
        outcome: Outcome,
        *,
        call_later: Callable[[float, Callable[[], object]], Any],
        retry: RetryPolicy,
        dice: Callable[[], float],
    ) -> None:
        self._channel, self._client, self._pen = channel, client, Pen(channel)
        self._store, self._threads, self._outcome = store, threads, outcome
        self._call_later, self._retry, self._dice = call_later, retry, dice
        self._timer: Any = None
        self._failures = 0  # attempts in a row that came to nothing
        self._rejections = 0  # of the same answer
        self._stopped = False
        self._working: Deferred[Any] | None = None

    def look(self) -> None:
        """Tell the next answer that is owed, if nothing is under way."""
        if self._working is not None or self._stopped or self._failures:
            return
        self._work()

    def stop(self) -> Deferred[Any]:
        """Give up what is under way; it stays owed."""
        self._stopped = True
        self._cancel()
        self._client.close()
        return self._working if self._working is not None else succeed(None)

    # One answer

    def _work(self) -> None:
        self._cancel()
        working = self._working = self._threads.run(self._next_letter)
        working.addCallback(self._send)
        working.addErrback(lambda failure: self._failed(type(failure.value).__name__))
        working.addCallback(self._rest)

    def _send(self, letter: _Letter | None) -> Any:
        if letter is None or self._stopped:
            return LOOK_EVERY
        return self._client.send(letter.payload).addCallback(self._answered, letter)

    def _answered(self, answer: Answer, letter: _Letter) -> Any:
        """The seconds to rest, once it is written down how this attempt ended."""
        if self._stopped and answer.verdict is Verdict.NONE:
            return LOOK_EVERY
        how, attempts = self._judge(answer.verdict, letter.owed), letter.owed.attempts + 1
        return self._threads.run(self._store.told, letter.owed.message_id, how, attempts).addCallback(
            lambda _: self._settled(how, letter, answer)
        )

    def _judge(self, verdict: Verdict, owed: Owed) -> Application:
        """Taken with AA or CA; refused with AE or CE, after some AR or CR in a row, or when nobody answered
        for as long as deliveries are tried."""
        if verdict is Verdict.ACCEPTED:
            return "taken"
        self._rejections = self._rejections + 1 if verdict is Verdict.REJECTED else 0
        over = verdict is Verdict.ERROR or self._rejections >= REJECTIONS
        return "refused" if over or self._retry.exhausted(owed.attempts + 1) else "owed"

    def _settled(self, how: Application, letter: _Letter, answer: Answer) -> float:
        if how == "owed":
            return self._away(answer.reason or "rejected")
        self._failures = self._rejections = 0
        told = ApplicationAnswerTaken if how == "taken" else ApplicationAnswerRefused
        signal(told(self._channel.name, letter.owed.message_id))
        return 0.0

    def _away(self, why: str) -> float:
        self._failures += 1
        wait = self._retry.delay(self._failures, self._dice)
        signal(ApplicationLinkAway(self._channel.name, why, wait))
        return wait

    def _failed(self, error: str) -> float:
        signal(LoopFailed("application answers", error))
        return self._retry.delay(1, self._dice)

    def _rest(self, seconds: float) -> None:
        self._working = None
        if not self._stopped:
            self._timer = self._call_later(seconds, self._work)

    def _cancel(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    # In a thread

    def _next_letter(self) -> _Letter | None:
        """The next answer that is owed and due, written; those that are not due are settled meanwhile."""
        while owed := self._store.owed(self._channel.name, 1):
            letter = self._write(owed[0])
            if isinstance(letter, _Letter):
                return letter
            self._store.told(owed[0].message_id, letter, owed[0].attempts)
        return None

    def _write(self, owed: Owed) -> _Letter | Application:
        """The answer; `not-due` when this outcome asks for none, `refused` when nobody can write it."""
        (view,) = self._store.messages(Query(ids=(owed.message_id,)))
        answered, reason = self._outcome((owed.message_id,))[owed.message_id]
        last = view.state == MessageState.JOINED  # of a message in pieces: the answer is to the first
        try:
            raw = self._store.content(view.original if last else view.id)
            header = read_header(raw)
        except (Unacceptable, KeyError):
            return "refused"  # damaged on the disk
        answers = plan(header, self._channel.mode)
        if answered in ("error", "rejected") and view.state == MessageState.QUARANTINED:
            code = answers.refused(answered)
        else:
            code = answers.applied(answered or "accepted")
        if code not in ("AA", "AE", "AR"):
            return "not-due"
        errors = ErrorItem.all_of(reason) if code != "AA" else ()
        response = None if last else self._pen.response(raw, header, code)
        return _Letter(owed, code, self._pen.write(header, code, errors, apart=True, response=response))


class Outbox:
    """The lines of all channels that answer apart."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = lines

    def __len__(self) -> int:
        return len(self._lines)

    def look(self) -> None:
        """There may be something to tell."""
        for line in self._lines:
            line.look()

    def stop(self) -> Deferred[Any]:
        """Give up what is under way; it stays owed."""
        return gatherResults([line.stop() for line in self._lines])
