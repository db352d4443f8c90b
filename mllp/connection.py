"""One accepted connection: carries out the commands of its `Session`."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import Any
from typing import Protocol as Interface

from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IHandshakeListener,
    IPushProducer,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.tcp import Connection as TcpConnection
from twisted.python.failure import Failure
from zope.interface import implementer  # type: ignore[import-untyped]

from mllp.arrived import Arrived, Peer
from mllp.commands import (
    Close,
    CloseReason,
    Command,
    Count,
    HandOver,
    Oversize,
    Pause,
    Quarantine,
    Resume,
    Send,
)
from mllp.framing import Release
from mllp.session import Limits, Session
from mllp.tls import names_of, subject_of

__all__ = ["Arrived", "Connection", "Listener", "Peer"]


class Listener(Interface):
    """What a connection needs of the server it belongs to."""

    reactor: Any
    limits: Limits
    release: Release
    counters: Counter[str]
    receive: Callable[[Arrived], None]
    oversize: Callable[[Arrived], None]
    quarantine: Callable[[Peer, bytes], None]

    def opened(self, connection: Connection, host: str) -> None: ...
    def closed(self, connection: Connection, host: str) -> None: ...


@implementer(IHalfCloseableProtocol, IHandshakeListener, IPushProducer)
class Connection(Protocol):
    """Twisted's side of one session."""

    transport: Any

    def __init__(self, listener: Listener, host: str, port: int, *, secure: bool) -> None:
        self.peer = Peer(host, port)
        self._listener = listener
        self._shaking = secure  # until the TLS handshake is done
        self._lost = False
        self._plain = False
        self._says_commit = listener.release == "2"
        self._now: Callable[[], float] = listener.reactor.seconds
        self._session = Session(listener.limits, self._now())
        self._queue: deque[Command] = deque()
        self._busy = False
        self._timer: Any = None
        self._timer_at = 0.0
        self._abort_timer: Any = None

    # From Twisted

    def connectionMade(self) -> None:
        self._listener.opened(self, self.peer.host)
        self._plain = isinstance(self.transport, TcpConnection)
        self.transport.registerProducer(self, True)
        if self._shaking:
            self._abort_after(self._listener.limits.read_timeout)
        self._set_timer()

    def handshakeCompleted(self) -> None:
        self._shaking = False
        _cancel(self._abort_timer)
        certificate = self.transport.getHandle().get_peer_certificate(as_cryptography=True)
        if certificate is not None:
            self.peer = Peer(self.peer.host, self.peer.port, subject_of(certificate), names_of(certificate))

    def dataReceived(self, data: bytes) -> None:
        self._perform(self._session.receive(data, self._now()))

    def readConnectionLost(self) -> None:
        self._perform(self._session.eof(self._now()))

    def writeConnectionLost(self) -> None:
        """Nothing to do: reading goes on, and closing follows from the session."""

    def connectionLost(self, _reason: Failure = connectionDone) -> None:
        self._lost = True
        if self._shaking:
            self._listener.counters["tls_failures"] += 1
        _cancel(self._timer)
        _cancel(self._abort_timer)
        self._listener.closed(self, self.peer.host)
        # What arrived whole is still handed over: the peer may have sent and gone.
        self._perform(self._session.eof(self._now()))

    def pauseProducing(self) -> None:
        self._perform(self._session.congested(self._now()))

    def resumeProducing(self) -> None:
        self._perform(self._session.relieved(self._now()))

    def stopProducing(self) -> None:
        """The transport is gone; `connectionLost` follows."""

    # From the application and the server

    def interim(self, ticket: int, payload: bytes) -> None:
        """See `Arrived.interim`."""
        self._perform(self._session.interim(ticket, payload))

    def answer(self, ticket: int, payload: bytes | None) -> None:
        """See `Arrived.answer`."""
        self._perform(self._session.answer(ticket, payload, self._now()))

    def abandon(self, ticket: int, last: bytes | None) -> None:
        """See `Arrived.abandon`."""
        self._perform(self._session.abandon(ticket, last))

    def drain(self, reason: CloseReason = "drained") -> None:
        """Close once what is in work has been answered."""
        self._perform(self._session.drain(self._now(), reason))

    def abort(self) -> None:
        """Close at once, unsent answers are lost."""
        self.transport.abortConnection()

    # Commands

    def _perform(self, commands: list[Command]) -> None:
        """Carry out commands in order; those that arise meanwhile (the application may answer
        inside `receive`) wait their turn, so a burst of messages does not nest."""
        queue = self._queue
        queue.extend(commands)
        if self._busy:
            return
        self._busy = True
        try:
            while queue:
                command = queue.popleft()
                _PERFORM[type(command)](self, command)
        except BaseException:
            # The application failed. Whoever gets no answer sends again, so: no answer.
            queue.clear()
            self.abort()
            raise
        finally:
            self._busy = False
        self._set_timer()

    def _hand_over(self, command: HandOver) -> None:
        self._listener.counters["messages"] += 1
        self._listener.receive(Arrived(self, command.ticket, command.message, says_commit=self._says_commit))

    def _oversize(self, command: Oversize) -> None:
        self._listener.oversize(
            Arrived(self, command.ticket, command.head, says_commit=self._says_commit, whole=False)
        )

    def _quarantine(self, command: Quarantine) -> None:
        self._listener.quarantine(self.peer, command.partial)

    def _send(self, command: Send) -> None:
        self._listener.counters["answers"] += 1
        rest = self._write_now(command.data)
        if rest:
            self.transport.write(rest)

    def _write_now(self, data: bytes) -> bytes:
        """Hand an answer to the kernel in this turn; what it did not take. Twisted's `write` would wait
        for the loop's next round and watch the socket meanwhile, a seventh of a message's whole cost."""
        transport = self.transport
        if not self._plain or transport.disconnecting or transport.dataBuffer or transport._tempDataBuffer:
            return data
        taken = transport.writeSomeData(data)
        return data[taken:] if isinstance(taken, int) else data  # an exception: `write` meets it again

    def _pause(self, _: Pause) -> None:
        self.transport.pauseProducing()

    def _resume(self, _: Resume) -> None:
        self.transport.resumeProducing()

    def _close(self, command: Close) -> None:
        self._listener.counters[f"closed_{command.reason}"] += 1
        self.transport.unregisterProducer()
        self.transport.loseConnection()
        if not self._lost:  # a peer that does not read its last answers must not keep the place
            self._abort_after(self._listener.limits.read_timeout)

    def _count(self, command: Count) -> None:
        self._listener.counters[command.name] += command.n

    # Time

    def _set_timer(self) -> None:
        """Have a timer no later than the session's deadline. A timer that rings early asks again,
        so an ordinary message costs no timer at all."""
        deadline = self._session.next_deadline()
        if deadline is None or (self._timer is not None and self._timer_at <= deadline):
            return
        _cancel(self._timer)
        self._timer_at = deadline
        self._timer = self._listener.reactor.callLater(max(0.0, deadline - self._now()), self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._perform(self._session.tick(self._now()))

    def _abort_after(self, seconds: float) -> None:
        _cancel(self._abort_timer)
        self._abort_timer = self._listener.reactor.callLater(seconds, self.abort)


def _cancel(timer: Any) -> None:
    if timer is not None and timer.active():
        timer.cancel()


_PERFORM: dict[type[Command], Callable[[Connection, Any], None]] = {
    HandOver: Connection._hand_over,
    Oversize: Connection._oversize,
    Quarantine: Connection._quarantine,
    Send: Connection._send,
    Pause: Connection._pause,
    Resume: Connection._resume,
    Close: Connection._close,
    Count: Connection._count,
}
