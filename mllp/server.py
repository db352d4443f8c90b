"""The MLLP server: Twisted does the input and output, `mllp.session` decides.

    server = MllpServer(receive, peers=("10.1.0.0/16",))
    port = server.listen(reactor, 2575, "10.1.2.3", tls=ServerTls(...))
    ...
    yield server.drain(20.0)

`receive` is called in the reactor thread with each complete message as an `Arrived`, to be settled
there once with `answer` or `abandon`, at once or later. There is no Deferred per message, and each
answer is one write. Whoever is not welcome (address, too many connections) is closed at accept,
before a byte is read. Bytes from the wire are never logged.
"""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import ServerFactory
from twisted.protocols.tls import TLSMemoryBIOFactory

from mllp.connection import Arrived, Connection, Peer
from mllp.framing import Release
from mllp.session import Limits
from mllp.tls import ServerTls

__all__ = ["Arrived", "Caps", "MllpServer", "Peer"]

_BACKLOG = 512


@dataclass(frozen=True, slots=True)
class Caps:
    """How many connections a listener holds: in all and per peer address."""

    total: int = 64
    per_peer: int = 8


class MllpServer(ServerFactory):
    """One listener: accepts connections and gives their messages to `receive`.

    `oversize` gets what is left of a message over `limits.max_frame` (its first segment or
    nothing) to answer it negatively; without it such a connection is closed unanswered.
    `quarantine` gets messages that their sender cut short and began again. `peers` are networks in
    CIDR notation; empty admits every address. `release` is that of MLLP: with "2" peers are told of the
    commit, and of its failure, before any answer. `accepting` set to False closes newcomers at once
    (the store is down); connections that exist are left alone.

    `counters` grows only: `connections_accepted`, `refused_address`, `refused_total`,
    `refused_peer`, `refused_closed`, `tls_failures`, `messages`, `answers`, `quarantined`,
    `closed_<reason>` (`mllp.commands.CloseReason`), and the decoder's (`mllp.framing`).
    `connections` is the number open now.
    """

    noisy = False

    def __init__(
        self,
        receive: Callable[[Arrived], None],
        *,
        oversize: Callable[[Arrived], None] | None = None,
        quarantine: Callable[[Peer, bytes], None] | None = None,
        limits: Limits | None = None,
        caps: Caps | None = None,
        peers: Sequence[str] = (),
        release: Release = "1",
    ) -> None:
        self.receive = receive
        self.oversize = oversize or Arrived.abandon
        self.quarantine = quarantine or (lambda _peer, _partial: None)
        self.limits = limits or Limits()
        self.caps = caps or Caps()
        self.release = release
        self.accepting = True
        self.counters: Counter[str] = Counter()
        self.reactor: Any = None
        self._peers = _networks(peers)
        self._per_peer: Counter[str] = Counter()
        self._open: set[Connection] = set()
        self._ports: list[Any] = []
        self._gates: list[_Gate] = []
        self._emptied: Deferred[None] | None = None

    @property
    def connections(self) -> int:
        """Connections open now."""
        return len(self._open)

    def listen(self, reactor: Any, port: int, interface: str, tls: ServerTls | None = None) -> Any:
        """Start to accept on one address; gives the listening port (`getHost().port`).

        Raises `twisted.internet.error.CannotListenError`.
        """
        self.reactor = reactor
        gate = _Gate(self, tls)
        listening = reactor.listenTCP(port, gate, backlog=_BACKLOG, interface=interface)
        _keep_alive(listening.socket)
        self._ports.append(listening)
        self._gates.append(gate)
        return listening

    def change(
        self, *, limits: Limits, caps: Caps, peers: Sequence[str], release: Release, tls: ServerTls | None
    ) -> None:
        """Other rules on the same sockets, for connections from now on. Those that exist stay as they are,
        but those whose address is not listed any more: they are closed once what is in work is answered."""
        self.limits, self.caps, self.release = limits, caps, release
        self._peers = _networks(peers)
        for gate in self._gates:
            gate.secure(tls)
        if self._peers:
            self._let_go(lambda connection: not self._listed(connection.peer.host))

    def hang_up(self) -> None:
        """Close the connections that exist, each once what is in work is answered; new ones are welcome."""
        self._let_go(lambda _: True)

    def drain(self, timeout: float) -> Deferred[None]:
        """Stop gracefully: accept nothing new, answer what is in work, close.

        Fires when the last connection is gone; those left after `timeout` seconds are cut.
        """
        self.accepting = False
        for port in self._ports:
            port.stopListening()
        self._ports.clear()
        emptied: Deferred[None] = Deferred()
        self._emptied = emptied
        for connection in tuple(self._open):
            connection.drain()
        cut: Any = self.reactor.callLater(timeout, self._cut_all)

        def done(_: None) -> None:
            if cut.active():
                cut.cancel()

        emptied.addCallback(done)
        self._tell_when_empty()
        return emptied

    # Called by the gate and by connections

    def admits(self, host: str) -> str | None:
        """None when a peer may connect now, else the counter that says why not."""
        if not self.accepting:
            return "refused_closed"
        if self._peers and not self._listed(host):
            return "refused_address"
        if len(self._open) >= self.caps.total:
            return "refused_total"
        if self._per_peer[host] >= self.caps.per_peer:
            return "refused_peer"
        return None

    def opened(self, connection: Connection, host: str) -> None:
        """A connection exists from now on."""
        self.counters["connections_accepted"] += 1
        self._open.add(connection)
        self._per_peer[host] += 1

    def closed(self, connection: Connection, host: str) -> None:
        """A connection is gone."""
        self._open.discard(connection)
        self._per_peer[host] -= 1
        if not self._per_peer[host]:
            del self._per_peer[host]
        self._tell_when_empty()

    def _let_go(self, whom: Callable[[Connection], bool]) -> None:
        for connection in tuple(self._open):
            if whom(connection):
                connection.drain()

    def _listed(self, host: str) -> bool:
        address = ip_address(host)
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self._peers)

    def _cut_all(self) -> None:
        for connection in tuple(self._open):
            connection.abort()

    def _tell_when_empty(self) -> None:
        if self._emptied is not None and not self._open:
            emptied, self._emptied = self._emptied, None
            emptied.callback(None)


class _Gate(ServerFactory):
    """Stands before TLS and MLLP: lets a peer in or not, by address and by number."""

    noisy = False

    def __init__(self, server: MllpServer, tls: ServerTls | None) -> None:
        self._server = server
        self.secure(tls)

    def secure(self, tls: ServerTls | None) -> None:
        """With this TLS, or none, from the next connection on."""
        self._inner: Any = _Connections(self._server, secure=tls is not None)
        if tls is not None:
            self._inner = TLSMemoryBIOFactory(tls, False, self._inner)  # type: ignore[arg-type]

    def buildProtocol(self, addr: Any) -> Any:
        refusal = self._server.admits(addr.host)
        if refusal is not None:
            self._server.counters[refusal] += 1
            return None
        return self._inner.buildProtocol(addr)


class _Connections(ServerFactory):
    noisy = False

    def __init__(self, server: MllpServer, *, secure: bool) -> None:
        self._server = server
        self._secure = secure

    def buildProtocol(self, addr: Any) -> Connection:
        return Connection(self._server, addr.host, addr.port, secure=self._secure)


def _networks(peers: Sequence[str]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(peer) for peer in peers)


def _keep_alive(handle: socket.socket) -> None:
    # Accepted sockets inherit these from the listening one. A dead peer is found after two minutes.
    handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    handle.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)
    handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 15)
    handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4)
