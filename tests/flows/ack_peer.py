"""A sender's system that takes application answers on a port of its own."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress

Say = Callable[[bytes], bytes | None]
"""What to answer to a message; None hangs up instead."""


def accept(message: bytes) -> bytes | None:
    """CA."""
    return acknowledge(message, b"CA")


def acknowledge(message: bytes, code: bytes) -> bytes:
    """An answer to a message, by its MSH-10."""
    return b"MSH|^~\\&|EHR|HOSP|ENG|STORE|20261121120000||ACK|P1|P|2.5\rMSA|%b|%b\r" % (
        code,
        control_id(message),
    )


def control_id(message: bytes) -> bytes:
    """MSH-10."""
    return message.split(b"\r")[0].split(b"|")[9]


class Peer:
    """Listens on 127.0.0.1 (`port` 0: a free one); `got` is every message that came, in order."""

    def __init__(self, port: int = 0, say: Say = accept, tls: ssl.SSLContext | None = None) -> None:
        self.say = say
        self.got: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port: int = self._socket.getsockname()[1]
        self._tls = tls
        self._connections: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def told(self) -> list[tuple[str, str]]:
        """What the application answers said: MSA-1 and MSA-2."""
        found = []
        for message in self.got:
            fields = message.split(b"\rMSA|")[1].split(b"\r")[0].split(b"|")
            found.append((fields[0].decode(), fields[1].decode()))
        return found

    def close(self) -> None:
        """Listen no more, hang up."""
        for one in (self._socket, *self._connections):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self._connections.append(connection)
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, plain: socket.socket) -> None:
        buffer = b""
        with suppress(OSError), self._secured(plain) as connection:
            while data := connection.recv(65536):
                buffer += data
                while b"\x1c\r" in buffer:
                    frame, _, buffer = buffer.partition(b"\x1c\r")
                    self.got.append(frame[1:])
                    answer = self.say(frame[1:])
                    if answer is None:
                        return
                    connection.sendall(b"\x0b" + answer + b"\x1c\r")

    def _secured(self, plain: socket.socket) -> socket.socket:
        return self._tls.wrap_socket(plain, server_side=True) if self._tls else plain
