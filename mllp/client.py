"""The MLLP client: one persistent connection, one message under way, an answer for each.

    client = MllpClient(reactor, "10.1.2.3", 2575, tls=ClientTls("lab.example", ca="ca.pem"))
    answer = yield client.send(message)         # Answer(verdict, code, ...), never an exception
    yield client.close()

An answer counts only when its MSA-2 is the MSH-10 that was sent. Whenever the answers on a
connection cannot be trusted any more (time over, an answer to something else) it is closed and the
next attempt uses a new one, so that a late answer cannot be taken for the next message's. Messages
are sent in the order in which `send` was called, and a message that is being retried holds back the
ones behind it. With `release="2"` each message must first be committed by the other side (block 06); a
message whose MSH-15 and MSH-16 want no other answer is then done.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import random
from typing import Any

from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from mllp.answers import VERDICTS, Verdict, asks_for_answer, control_id, read_answer
from mllp.attempts import COMMITTED_ONLY, ONCE, Answer, Retry
from mllp.framing import COMMITTED, MAX_NOISE, NOT_COMMITTED, Decoder, Release, encode
from mllp.tls import ClientTls

__all__ = ["ONCE", "Answer", "MllpClient", "Retry", "Verdict"]

_MAX_ANSWER = 1024 * 1024


@dataclass(slots=True)
class _Sending:
    """A message on its way."""

    message: bytes = field(repr=False)
    control_id: bytes = field(repr=False)
    done: Deferred[Answer]
    attempt: int = 0
    started: float = 0.0
    uncommitted: bool = False
    """The peer of Release 2 has not said yet whether this attempt was committed."""


class MllpClient:
    """A sender. Connects when there is something to send, and again when the connection was lost.

    `counters`: `connections`, `connect_failures`, `sent`, `late_answers` (a second answer, or one
    that nobody waits for: dropped), `answer_<verdict>`.
    """

    def __init__(
        self,
        reactor: Any,
        host: str,
        port: int,
        *,
        tls: ClientTls | None = None,
        connect_timeout: float = 5.0,
        answer_timeout: float = 30.0,
        release: Release = "1",
        retry: Retry | None = None,
        dice: Callable[[], float] = random,
    ) -> None:
        self.counters: Counter[str] = Counter()
        self._reactor = reactor
        endpoint: Any = HostnameEndpoint(reactor, host, port, timeout=connect_timeout)
        creator: Any = tls
        self._endpoint: Any = wrapClientTLS(creator, endpoint) if tls else endpoint
        self._answer_timeout = answer_timeout
        self._release = release
        self._retry = retry or Retry()
        self._dice = dice
        self._queue: deque[_Sending] = deque()
        self._current: _Sending | None = None
        self._previous_id: bytes | None = None
        self._wire: _Wire | None = None
        self._connecting: Deferred[Any] | None = None
        self._timer: Any = None  # runs while an answer is awaited
        self._backoff: Any = None  # runs until the next attempt
        self._closing: Deferred[None] | None = None
        self._closed = False

    def send(self, message: bytes) -> Deferred[Answer]:
        """Send one message (unframed); fires with its `Answer` and never fails."""
        sending = _Sending(message, control_id(message), Deferred())
        if self._closed:
            sending.done.callback(Answer(Verdict.NONE, attempts=0, reason="closed"))
            return sending.done
        self._queue.append(sending)
        self._next()
        return sending.done

    def close(self) -> Deferred[None]:
        """Give up what is under way (its answer is `NONE`) and disconnect."""
        self._closed = True
        unsent = [*([self._current] if self._current else []), *self._queue]
        self._current = None
        self._queue.clear()
        self._stop_timer()
        if self._backoff is not None and self._backoff.active():
            self._backoff.cancel()
        if self._connecting is not None:
            self._connecting.cancel()
        for sending in unsent:
            sending.done.callback(Answer(Verdict.NONE, attempts=sending.attempt, reason="closed"))
        done: Deferred[None] = Deferred()
        if self._wire is None:
            done.callback(None)
        else:
            self._closing = done
            self._wire.transport.loseConnection()
        return done

    # One attempt

    def _next(self) -> None:
        if self._current is None and self._queue:
            self._current = self._queue.popleft()
            self._attempt(self._current)

    def _attempt(self, sending: _Sending) -> None:
        sending.attempt += 1
        sending.started = self._reactor.seconds()
        if self._wire is not None:
            self._write(self._wire, sending)
            return
        self._connecting = self._endpoint.connect(Factory.forProtocol(lambda: _Wire(self)))
        self._connecting.addCallbacks(self._connected, self._not_connected, callbackArgs=(sending,))

    def _connected(self, wire: _Wire, sending: _Sending) -> None:
        self._connecting = None
        self._wire = wire
        self.counters["connections"] += 1
        self._write(wire, sending)

    def _not_connected(self, failure: Failure) -> None:
        self._connecting = None
        self.counters["connect_failures"] += 1
        self._settle(Verdict.NONE, reason=f"not connected: {_words(failure)}")

    def _write(self, wire: _Wire, sending: _Sending) -> None:
        self.counters["sent"] += 1
        sending.uncommitted = self._release == "2"
        self._start_timer()
        wire.transport.write(encode(sending.message))

    def answered(self, wire: _Wire, message: bytes) -> None:
        """A frame arrived on the connection."""
        waiting = self._current if wire is self._wire and self._timer is not None else None
        if waiting is not None and waiting.uncommitted:
            self._commit(waiting, message)
            return
        code, about = read_answer(message)
        if waiting is not None and about == waiting.control_id and code:
            self._settle(VERDICTS[code[1]], code, message)
        elif waiting is None or (about and about == self._previous_id):
            self.counters["late_answers"] += 1
        else:
            self._distrust(Verdict.UNMATCHED, "the answer is not for this message")

    def _commit(self, sending: _Sending, block: bytes) -> None:
        """The first block after a message is the commit acknowledgement (MLLP Release 2)."""
        if block == COMMITTED:
            sending.uncommitted = False
            self._stop_timer()
            if asks_for_answer(sending.message):
                self._start_timer()
            else:
                self._settle(Verdict.ACCEPTED, reason=COMMITTED_ONLY)
        elif block == NOT_COMMITTED:
            self._distrust(Verdict.NONE, "not committed by the other side")
        else:
            self._distrust(Verdict.UNMATCHED, "no commit acknowledgement before the answer")

    def lost(self, wire: _Wire, failure: Failure) -> None:
        """The connection is gone."""
        if wire is not self._wire:
            return
        self._wire = None
        if self._closing is not None:
            self._closing.callback(None)
        elif self._timer is not None:
            self._settle(Verdict.NONE, reason=f"connection lost: {_words(failure)}")

    def _distrust(self, verdict: Verdict, reason: str) -> None:
        """End the attempt and the connection with it: what else comes from there is stale."""
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.transport.abortConnection()
        self._settle(verdict, reason=reason)

    def _settle(self, verdict: Verdict, code: str = "", message: bytes = b"", reason: str = "") -> None:
        self._stop_timer()
        sending = self._current
        if sending is None:
            return
        self.counters[f"answer_{verdict.value}"] += 1
        if verdict in self._retry.verdicts and sending.attempt < self._retry.attempts:
            wait = self._retry.wait(sending.attempt, self._dice())
            self._backoff = self._reactor.callLater(wait, self._attempt, sending)
            return
        self._current = None
        self._previous_id = sending.control_id
        seconds = self._reactor.seconds() - sending.started
        sending.done.callback(Answer(verdict, code, message, sending.attempt, seconds, reason))
        self._next()

    def _start_timer(self) -> None:
        self._timer = self._reactor.callLater(
            self._answer_timeout, self._distrust, Verdict.NONE, "no answer in time"
        )

    def _stop_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None


class _Wire(Protocol):
    """One connection of a client."""

    transport: Any

    def __init__(self, client: MllpClient) -> None:
        self._client = client
        self._decoder = Decoder(_MAX_ANSWER, MAX_NOISE)

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)
        self.transport.setTcpKeepAlive(True)

    def dataReceived(self, data: bytes) -> None:
        for piece in self._decoder.receive(data):
            # Anything but a whole message is no answer to what was sent.
            self._client.answered(self, piece if isinstance(piece, bytes) else b"")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._client.lost(self, reason)


def _words(failure: Failure) -> str:
    """What went wrong with a connection, in the words of the network or of TLS."""
    error: Any = failure.value
    if isinstance(error, SSL.Error) and error.args and error.args[0]:
        return "TLS: " + ", ".join(str(entry[-1]) for entry in error.args[0])
    return str(error).rstrip(".") or type(error).__name__
