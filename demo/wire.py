"""A sender: one MLLP connection over a plain socket, one message under way at a time."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple, Self

from mllp.answers import read_answer
from mllp.framing import MAX_FRAME, Decoder, encode

__all__ = ["Heard", "Wire", "together"]


class Heard(NamedTuple):
    """What came back: MSA-1, empty when the connection ended instead, and the milliseconds it took."""

    code: str
    took: float


class Wire:
    """A connection to a listener on this machine. An answer may take 30 seconds."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._decoder = Decoder(MAX_FRAME)

    def send(self, raw: bytes, meanwhile: Callable[[], None] = lambda: None) -> Heard:
        """Send a message and wait for its answer; `meanwhile` is done while it is on the wire."""
        began = time.perf_counter()
        self._socket.sendall(encode(raw))
        meanwhile()
        code = self._answer()
        return Heard(code, 1000 * (time.perf_counter() - began))

    def _answer(self) -> str:
        try:
            while data := self._socket.recv(65536):
                for piece in self._decoder.receive(data):
                    if isinstance(piece, bytes):
                        return read_answer(piece)[0]
        except ConnectionError:
            pass  # how a killed receiver ends it
        return ""

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def together(port: int, raw: bytes, connections: int) -> list[Heard]:
    """The same message over several connections at the same moment."""
    heard: list[Heard] = []
    start = threading.Barrier(connections)

    def one() -> None:
        with Wire(port) as wire:
            start.wait()
            heard.append(wire.send(raw))

    threads = [threading.Thread(target=one) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return heard
