"""A trivial receiving application and a plain blocking sender, for tests over real sockets."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

from patience import PATIENCE, becomes

from mllp.answers import control_id
from mllp.framing import Decoder, encode
from mllp.server import Arrived, MllpServer, Peer

B1 = (
    b"MSH|^~\\&|EHR^1.2.3^ISO|HOSP|ENG|STORE|20261121120000||DFT^P03^DFT_P03|C1|P|2.5\r"
    b"EVN|P03|20261121120000\rPID|1||77^^^H^MR||DOE^JANE\rFT1|1|||20261121||CG|G100^Glove^L||||2\r"
)


def acknowledgement(message: bytes, code: bytes = b"AA") -> bytes:
    return b"MSH|^~\\&|||||||ACK|N|P|2.5\rMSA|" + code + b"|" + control_id(message) + b"\r"


A1 = acknowledgement(B1)


def eventually(true: Callable[[], bool], within: float = 5.0) -> bool:
    """Wait for the reactor's thread to have done something."""
    return becomes(true, within, pause=0.005)


class Application:
    """Remembers what came; answers AA, or AR to oversize."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.heads: list[bytes] = []
        self.quarantined: list[bytes] = []
        self.peers: list[Peer] = []

    def receive(self, arrived: Arrived) -> None:
        self.received.append(arrived.message)
        self.peers.append(arrived.peer)
        arrived.answer(acknowledgement(arrived.message))

    def oversize(self, arrived: Arrived) -> None:
        self.heads.append(arrived.message)
        arrived.answer(acknowledgement(arrived.message, b"AR"))

    def quarantine(self, peer: Peer, partial: bytes) -> None:
        self.quarantined.append(partial)


class Served:
    """A server on a free port of the loopback, with its application."""

    def __init__(self, call: Callable[..., Any], reactor: Any, tls: Any = None, **options: Any) -> None:
        self.application = Application()
        options = {
            "receive": self.application.receive,
            "oversize": self.application.oversize,
            "quarantine": self.application.quarantine,
            **options,
        }
        self.server = MllpServer(**options)
        self._call = call
        self._senders: list[Sender] = []
        self.port: int = call(self.server.listen, reactor, 0, "127.0.0.1", tls).getHost().port

    def connect(self) -> Sender:
        self._senders.append(Sender(self.port))
        return self._senders[-1]

    def stop(self) -> None:
        for sender in self._senders:
            sender.close()
        self._call(self.server.drain, 0.2)

    def counted(self, name: str, n: int) -> bool:
        """Wait until a counter has reached `n`; true when it is exactly that."""
        return eventually(lambda: self.server.counters[name] >= n) and self.server.counters[name] == n


class Sender:
    """A blocking socket that speaks frames."""

    def __init__(self, port: int, sock: Any = None) -> None:
        self.socket: Any = sock or socket.create_connection(("127.0.0.1", port), timeout=10 * PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._frames: Iterator[bytes] = self._read()

    def send(self, *messages: bytes) -> None:
        self.socket.sendall(b"".join(map(encode, messages)))

    def raw(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self) -> bytes:
        return next(self._frames, b"")

    def closed(self) -> bool:
        """True when the other end closes without another byte."""
        try:
            return next(self._frames, None) is None
        except ConnectionResetError:
            return True

    def close(self) -> None:
        self.socket.close()

    def _read(self) -> Iterator[bytes]:
        decoder = Decoder()
        while data := self.socket.recv(65536):
            for piece in decoder.receive(data):
                assert isinstance(piece, bytes)
                yield piece
