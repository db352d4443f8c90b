"""A sender that keeps a rate: messages are due evenly, whether or not the earlier ones are answered by then.

Run as a process of its own: `python -m bench.steady PORT CONNECTIONS RATE FIRST FILE` sends until its input
closes, and leaves in FILE for each answer two doubles: when its message was due (`time.monotonic`), and the
seconds until it was answered. What waits for the connection waits for the engine, so it counts.
"""

from __future__ import annotations

import asyncio
import sys
import time
from array import array
from collections import deque
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import uvloop

from bench.load import END, START, message

__all__ = ["read"]


class Sender(asyncio.Protocol):
    """One connection: what is due while an answer is outstanding goes as soon as that is here."""

    def __init__(self, numbers: Iterator[int], found: array[float], every: float) -> None:
        self._numbers, self._found, self._every = numbers, found, every
        self._waiting: deque[float] = deque()
        self._due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def begin(self, at: float) -> None:
        """The first message is due at this time of the loop (`time.monotonic`)."""
        self._due = at
        self._later()

    def _later(self) -> None:
        asyncio.get_running_loop().call_at(self._due, self._tick)

    def _tick(self) -> None:
        now = time.monotonic()
        busy = bool(self._waiting)
        # The timer's own lateness is ours, not the engine's.
        self._waiting.append(self._due if busy else now)
        if not busy:
            self._send()
        self._due = max(self._due + self._every, now)
        self._later()

    def _send(self) -> None:
        self._transport.write(START + message(next(self._numbers)) + END)

    def data_received(self, data: bytes) -> None:
        if not data.endswith(END):
            return
        if b"|AA|" not in data:
            raise SystemExit("an answer was not AA")
        due = self._waiting.popleft()
        self._found.extend((due, time.monotonic() - due))
        if self._waiting:
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        raise SystemExit("the engine closed a connection")


async def _send(port: int, connections: int, rate: float, first: int, file: Path) -> None:
    loop = asyncio.get_running_loop()
    numbers, found = count(first), array("d")
    senders = []
    for _ in range(connections):
        _, sender = await loop.create_connection(
            lambda: Sender(numbers, found, connections / rate), "127.0.0.1", port
        )
        senders.append(sender)
    start = loop.time() + 0.1
    for number, sender in enumerate(senders):
        sender.begin(start + number / rate)
    await loop.run_in_executor(None, sys.stdin.read)
    file.write_bytes(found.tobytes())


def read(file: Path) -> list[tuple[float, float]]:
    """What a sender left: (when it was due, seconds until the answer)."""
    found = array("d", file.read_bytes())
    return list(zip(found[::2], found[1::2], strict=True))


if __name__ == "__main__":
    uvloop.install()
    port, connections, rate, first, file = sys.argv[1:]
    asyncio.run(_send(int(port), int(connections), float(rate), int(first), Path(file)))
