"""A system that messages are passed on to: away at first, then it takes most, refuses some, and keeps all it
gets.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

__all__ = ["Receiver"]

_REFUSED_EVERY = 7


class Receiver:
    """Nobody listens at `port` until `open`."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))  # taken, and closed to everyone until it listens
        self.port: int = self._listener.getsockname()[1]

    def open(self) -> None:
        """Begin to listen."""
        self._listener.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Go away."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        data = b""
        with connection, suppress(OSError):
            while chunk := connection.recv(1 << 16):
                data += chunk
                while (end := data.find(b"\x1c\r")) >= 0:
                    message, data = data[:end].lstrip(b"\x0b"), data[end + 2 :]
                    self.got.append(message)
                    connection.sendall(b"\x0b" + self._answer(message) + b"\x1c\r")

    def _answer(self, message: bytes) -> bytes:
        code = b"AE" if len(self.got) % _REFUSED_EVERY == 0 else b"AA"
        return (
            rb"MSH|^~\&|R|R|S|S|20261121||ACK|R|P|2.5"
            + b"\rMSA|"
            + code
            + b"|"
            + message.split(b"|")[9]
            + b"\r"
        )
