"""A real engine for a proof: `wardline run` in a process of its own, and all that it says.

It can be killed like a power cut, started again, stopped; whatever it writes to its log and its standard
output is kept whole. Ports are those that its log names.
"""

from __future__ import annotations

import http.client
import json
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path

from engine.errors import Unavailable

__all__ = ["Connection", "Node", "wait_for"]

_START, _END = b"\x0b", b"\x1c\r"
_PATIENCE = 180.0


class Node:
    """One engine. `command` is how `wardline` is called; `log` and `output` take what it says."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], channels: Path, said: Path
    ) -> None:
        self._command, self._environment = list(command), dict(environment)
        self._channels, self._said = channels, said
        self.log, self.output = said / "engine.log", said / "engine.out"
        self._process: subprocess.Popen[bytes] | None = None
        self._seen = 0
        self.ports: dict[str, int] = {}

    def start(self) -> None:
        """Start, and wait until every door is open. Raises `Unavailable` when it ends instead."""
        self._seen = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as errors, self.output.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                [*self._command, "run", str(self._channels), "--json-logs"],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
            )
        wait_for(self._up, "the engine is ready")

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM, and wait for the graceful end; the exit code."""
        return self._end(signal.SIGTERM)

    @property
    def runs(self) -> bool:
        """Whether it is there."""
        return self._process is not None and self._process.poll() is None

    def get(self, path: str) -> bytes:
        """What it answers over HTTP (health, metrics, pages); nothing when it is away."""
        if not (port := self.ports.get("", 0)):
            return b""
        with (
            closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection,
            suppress(OSError),
        ):
            connection.request("GET", path)
            return connection.getresponse().read()
        return b""

    def connect(self, channel: str) -> Connection:
        """A connection to a channel's door."""
        return Connection(self.ports[channel])

    @property
    def dumps_core(self) -> bool:
        """Whether it may leave its memory in a file when it crashes."""
        if self._process is None:
            return False
        soft, hard = resource.prlimit(self._process.pid, resource.RLIMIT_CORE)
        return (soft, hard) != (0, 0)

    def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        if self.runs:
            self._process.send_signal(number)
        return self._process.wait(_PATIENCE)

    def _up(self) -> bool:
        if not self.runs:
            last = self.log.read_bytes()[self._seen :][-2000:].decode(errors="replace")
            raise Unavailable(f"the engine does not start: {last}")
        opened: set[str] = set()
        for line in self.log.read_bytes()[self._seen :].splitlines():
            opened |= self._opened(line)
        doors = len([one for one in self._channels.glob("*.yaml") if not one.name.endswith(".test.yaml")])
        return len(opened) >= doors and b'"ready":true' in self.get("/ready").replace(b" ", b"")

    def _opened(self, line: bytes) -> set[str]:
        """The channel whose door a line of the log says to be open."""
        try:
            said = json.loads(line)
        except ValueError:
            return set()
        event, address = said.get("event", ""), said.get("address", "")
        if event == "health and metrics":
            self.ports[""] = int(address.rpartition(":")[2])
        elif event == "channel listening":
            self.ports[said["channel"]] = int(address.rpartition(":")[2])
        elif event != "channel watches its folder":
            return set()
        return {said["channel"]} if "channel" in said else set()


class Connection:
    """A sender over MLLP."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE)
        self._buffer = b""

    def last(self, message: bytes) -> bytes:
        """Send a message as the last one, and all that comes until the engine hangs up too."""
        self.send(_START + message + _END)
        self.half_close()
        return self.answer()

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        with suppress(BrokenPipeError, ConnectionResetError):
            self._socket.sendall(data)

    def answer(self) -> bytes:
        """The next answer."""
        while _END not in self._buffer:
            try:
                data = self._socket.recv(1 << 16)
            except (ConnectionResetError, TimeoutError):
                data = b""
            if not data:
                return self._buffer
            self._buffer += data
        answer, _, self._buffer = self._buffer.partition(_END)
        return answer.lstrip(_START)

    def half_close(self) -> None:
        """Send nothing more, still read."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


def wait_for(true: Callable[[], bool], what: str, within: float = _PATIENCE) -> None:
    """Wait for something that another process does. Raises `Unavailable`."""
    end = time.monotonic() + within
    while not true():
        if time.monotonic() > end:
            raise Unavailable(f"waited {within:.0f} s until {what}")
        time.sleep(0.05)
