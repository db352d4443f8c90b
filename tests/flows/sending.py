"""A blocking sender on a plain socket."""

from __future__ import annotations

import re
import socket
import ssl

from patience import PATIENCE


class Sender:
    """A blocking connection. Messages go in and come out without their frame."""

    def __init__(self, sock: socket.socket, spoken: set[bytes]) -> None:
        self.socket = sock
        self._spoken = spoken
        self._buffer = b""

    def raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._spoken.update(_words(data[:65536]))
        self.socket.sendall(data)

    def send(self, *messages: bytes) -> None:
        """Send messages, framed, in one write."""
        self.raw(b"".join(map(framed, messages)))

    def answer(self, within: float = 10.0) -> bytes | None:
        """The next answer; None when the engine closed instead. Raises `TimeoutError` where none comes,
        on a machine that is not slow within so many seconds."""
        return self._answer(PATIENCE * within)

    def _answer(self, seconds: float) -> bytes | None:
        self.socket.settimeout(seconds)
        while b"\x1c\r" not in self._buffer:
            try:
                data = self.socket.recv(65536)
            except (ConnectionResetError, ssl.SSLError):
                data = b""
            if not data:
                assert not self._buffer, "the engine closed inside an answer"
                return None
            self._buffer += data
        whole, _, self._buffer = self._buffer.partition(b"\x1c\r")
        assert whole.startswith(b"\x0b")
        return whole[1:]

    def ask(self, message: bytes, within: float = 10.0) -> bytes | None:
        """Send a message and wait for its answer."""
        self.send(message)
        return self.answer(within)

    def is_quiet(self, seconds: float = 0.3) -> bool:
        """Whether the engine says nothing for so long, and keeps the connection."""
        try:
            self._answer(seconds)
        except TimeoutError:
            return True
        return False

    def half_close(self) -> None:
        """Send nothing more, still read."""
        self.socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Hang up."""
        self.socket.close()


def framed(message: bytes) -> bytes:
    """One MLLP block."""
    return b"\x0b" + message + b"\x1c\r"


def _words(data: bytes) -> set[bytes]:
    """Values, as far as they are long enough to be known again."""
    parts = re.split(rb"[|^~&\\$%\r\n\x0b\x1c]", data)
    return {part for part in parts if len(part) >= 3} - {b"FHS", b"BHS", b"BTS", b"FTS"}  # places name these
