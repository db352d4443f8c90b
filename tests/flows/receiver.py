"""A receiving system: speaks MLLP on a plain (or TLS) socket, keeps what comes, answers as it is told."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator

from sending import framed

Answering = Callable[[bytes, int], bytes | None]
"""The message and how often it came (from 1) → the answer; None: none, and the connection closes."""


def acknowledgement(message: bytes, code: str = "AA", more: str = "", about: str = "") -> bytes:
    """An answer to a message."""
    control_id = about or message.split(b"|")[9].decode()
    text = rf"MSH|^~\&|R|R|S|S|20261121||ACK|R{control_id}|P|2.5" + f"\rMSA|{code}|{control_id}\r{more}"
    return text.encode()


class Receiver:
    """Listens until `close`; `messages` are those that came, in order."""

    def __init__(
        self, answering: Answering = lambda message, _: acknowledgement(message), port: int = 0
    ) -> None:
        self.messages: list[bytes] = []
        self.answering = answering
        self.tls: ssl.SSLContext | None = None
        self._listener = socket.create_server(("127.0.0.1", port), reuse_port=False)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Go away."""
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes who waits in accept
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            stream = self.tls.wrap_socket(connection, server_side=True) if self.tls else connection
            with stream:
                for message in _frames(stream):
                    self.messages.append(message)
                    answer = self.answering(message, self.messages.count(message))
                    if answer is None:
                        return
                    stream.sendall(framed(answer))
        except OSError:
            return


def _frames(stream: socket.socket) -> Iterator[bytes]:
    data = b""
    while chunk := stream.recv(65536):
        data += chunk
        while (end := data.find(b"\x1c\r")) >= 0:
            yield data[:end].lstrip(b"\x0b")
            data = data[end + 2 :]
