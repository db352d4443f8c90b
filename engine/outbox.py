"""Application answers on a link of their own (`app_ack: separate`; HL7 v2.9.1, 2.8.3.2).

What is owed stands in the store, from the commit of the message until its sender's system took the
answer: a crash at any moment makes an answer come twice rather than not at all. Per channel one
answer is under way, in the order of the messages whose outcome is known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec
from twisted.internet.defer import Deferred, ensureDeferred, gatherResults, succeed

from engine.errors import Unacceptable
from engine.hl7.header import read_header
from engine.hl7.modes import plan
from engine.listeners.channel import Channel
from engine.listeners.exchange import Pen
from engine.model import Answered, MessageState, Reason
from engine.retry import RetryPolicy
from engine.store.contracts.owing import Owed
from engine.store.contracts.views import MessageView, Query
from engine.telemetry import (
    ApplicationAnswerRefused,
    ApplicationAnswerTaken,
    ApplicationAnswerUnwritten,
    ApplicationLinkAway,
    LoopFailed,
    PrivacyIncident,
    signal,
)
from mllp.answers import Verdict
from mllp.client import MllpClient

__all__ = ["REJECTIONS", "Line", "Outbox"]

LOOK_EVERY = 0.5  # seconds between looks for what is owed, when nothing is
AT_ONCE = 32  # answers written ahead
REJECTIONS = 5  # AR or CR to the same answer in a row: then it is given up


class Storage(Protocol):
    """What the outbox needs of the store."""

    def owed(self, channel: str, limit: int) -> list[Owed]: ...
    def told(self, answers: Sequence[Owed]) -> None: ...
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
        told: Callable[[PrivacyIncident], None] = signal,
    ) -> None:
        self._client, self._told = client, told
        self.take_up(channel)
        self._store, self._threads, self._outcome = store, threads, outcome
        self._call_later, self._retry, self._dice = call_later, retry, dice
        self._timer: Any = None
        self._failures = 0  # attempts in a row that came to nothing
        self._rejections = 0  # of the same answer
        self._stopped = False
        self._working: Deferred[Any] | None = None

    def take_up(self, channel: Channel) -> None:
        """Write answers by the rules of this channel from the next one on."""
        self._channel, self._pen = channel, Pen(channel, self._told)

    def look(self) -> None:
        """Tell the next answer that is owed, if nothing is under way."""
        if self._working is not None or self._stopped or self._failures:
            return
        self._work()

    def stop(self) -> Deferred[Any]:
        """Give up what is under way; it stays owed."""
        self._stopped = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._client.close()
        return self._working if self._working is not None else succeed(None)

    # A turn

    def _work(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._working = ensureDeferred(self._turn())
        self._working.addErrback(lambda failure: self._failed(type(failure.value).__name__))
        self._working.addCallback(self._rest)

    async def _turn(self) -> float:
        """Tell what is owed, one after the other, up to the first that was not settled; what was said is
        written down meanwhile. The seconds to rest."""
        letters: list[_Letter] = await self._threads.run(self._letters)
        notes = _Notes(self._store, self._threads)
        rest = 0.0 if letters else LOOK_EVERY
        for letter in letters:
            answer = None if self._stopped else await self._client.send(letter.payload)
            if answer is None or (self._stopped and answer.verdict is Verdict.NONE):
                break
            attempt = self._judge(answer.verdict, letter.owed)
            notes.add(attempt)
            if attempt.how == "owed":
                rest = self._away(answer.reason or "rejected")
                break
            self._settled(attempt)
        await notes.written()
        return rest

    def _judge(self, verdict: Verdict, owed: Owed) -> Owed:
        """Taken with AA or CA; refused with AE or CE, after some AR or CR in a row, or when nobody answered
        for as long as deliveries are tried."""
        attempts = owed.attempts + 1
        if verdict is Verdict.ACCEPTED:
            return Owed(owed.message_id, attempts, "taken")
        self._rejections = self._rejections + 1 if verdict is Verdict.REJECTED else 0
        over = verdict is Verdict.ERROR or self._rejections >= REJECTIONS or self._retry.exhausted(attempts)
        return Owed(owed.message_id, attempts, "refused" if over else "owed")

    def _settled(self, told: Owed) -> None:
        self._failures = self._rejections = 0
        happened = ApplicationAnswerTaken if told.how == "taken" else ApplicationAnswerRefused
        signal(happened(self._channel.name, told.message_id))

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

    # In a thread

    def _letters(self) -> list[_Letter]:
        """The next answers that are owed and due, written; those that are not due are settled meanwhile."""
        while page := self._store.owed(self._channel.name, AT_ONCE):
            written = self._write(page)
            settled = [one for one in written if isinstance(one, Owed)]
            if settled:
                self._store.told(settled)
            if letters := [one for one in written if isinstance(one, _Letter)]:
                return letters
        return []

    def _write(self, page: Sequence[Owed]) -> list[_Letter | Owed]:
        ids = tuple(owed.message_id for owed in page)
        outcomes = self._outcome(ids)
        views = {view.id: view for view in self._store.messages(Query(ids=ids, limit=len(ids)))}
        return [self._letter(owed, views[owed.message_id], *outcomes[owed.message_id]) for owed in page]

    def _letter(
        self, owed: Owed, view: MessageView, answered: Answered, reason: Reason | None
    ) -> _Letter | Owed:
        """The answer; or that it is not due for this outcome, or refused because nobody can write it."""
        last = view.state == MessageState.JOINED  # of a message in pieces: the answer is to the first
        try:
            raw = self._store.content(view.original if last else view.id)
            header = read_header(raw, self._channel.rules.charset)
        except (Unacceptable, KeyError):  # damaged on the disk, or not stored any more
            signal(ApplicationAnswerUnwritten(self._channel.name, owed.message_id))
            return Owed(owed.message_id, owed.attempts, "refused")
        answers = plan(header, self._channel.mode)
        if answered in ("error", "rejected") and view.state == MessageState.QUARANTINED:
            code = answers.refused(answered)
        else:
            code = answers.applied(answered or "accepted")
        if code not in ("AA", "AE", "AR"):
            return Owed(owed.message_id, owed.attempts, "not-due")
        errors = self._pen.errors(raw, reason) if code != "AA" else ()
        response = None if last else self._pen.response(raw, header, code)
        return _Letter(owed, self._pen.write(header, code, errors, apart=True, response=response))


class _Notes:
    """What became of answers, on its way into the store: while one commit runs, more gather for the next."""

    def __init__(self, store: Storage, threads: Runner) -> None:
        self._store, self._threads = store, threads
        self._waiting: list[Owed] = []
        self._busy = False
        self._done: Deferred[None] | None = None

    def add(self, one: Owed) -> None:
        """Write it down soon."""
        self._waiting.append(one)
        if not self._busy:
            self._busy = True
            self._done = ensureDeferred(self._write())

    async def written(self) -> None:
        """Wait until everything is written down. Raises what the store raised; then what it did not take
        is still owed."""
        if self._done is not None:
            await self._done

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            await self._threads.run(self._store.told, batch)
        self._busy = False


class Outbox:
    """The lines of all channels that answer apart."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = list(lines)

    def add(self, line: Line) -> None:
        """One more."""
        self._lines.append(line)
        line.look()

    def remove(self, line: Line) -> None:
        """One less; what it did not tell stays owed."""
        self._lines.remove(line)
        line.stop()

    def __len__(self) -> int:
        return len(self._lines)

    def look(self) -> None:
        """There may be something to tell."""
        for line in self._lines:
            line.look()

    def stop(self) -> Deferred[Any]:
        """Give up what is under way; it stays owed."""
        return gatherResults([line.stop() for line in self._lines])
