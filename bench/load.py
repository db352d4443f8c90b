"""A lean MLLP sender for benchmarks: N connections, each sends, waits for the answer, sends again.

Run as a process of its own: `python -m bench.load PORT CONNECTIONS SECONDS FIRST [LAST]` prints one
line of JSON: messages answered, seconds, latency percentiles in microseconds. FIRST numbers the
first message; with LAST the sending ends there.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from itertools import count

import uvloop

START, END = b"\x0b", b"\x1c\r"
BEFORE = b"MSH|^~\\&|BILLING|HOSP|WARDLINE|STORE|20261121120000||DFT^P03^DFT_P03|"
AFTER = (
    b"|P|2.5\rEVN|P03|20261121120000\r"
    b"PID|1||%d^^^HOSP^MR||DOE^JANE^A||19700101|F|||1 MAIN ST^^TOWN^ST^00000||555-0100|||M||V%d^^^HOSP^AN\r"
    b"PV1|1|I|ICU^12^A^HOSP||||1234^DOC^ADAM||||||||||||V%d^^^HOSP^VN\r"
    + b"".join(
        b"FT1|%d|T%%d-%d||20261121||CG|GLV-M^Glove^L||GLOVE NITRILE MEDIUM|2||12.50^USD|ICU^Intensive care||"
        b"|ICU^12^A^HOSP||||1234^DOC^ADAM\r" % (number, number)
        for number in range(1, 6)
    )
    + b"NTE|1||Synthetic benchmark message, no real person is behind any value of it\r"
)


def message(number: int) -> bytes:
    """The benchmark's DFT^P03 with five charges, about 1.2 KB; every number gives another one."""
    person, visit = number % 5000, number % 20000
    body = AFTER % (person, visit, visit, *([number] * 5))
    return BEFORE + b"B%d" % number + body


class Sender(asyncio.Protocol):
    """One connection, one message in flight."""

    def __init__(
        self, numbers: Iterator[int], latencies: list[float], until: float, done: asyncio.Future[None]
    ) -> None:
        self._numbers, self._latencies, self._until, self._done = numbers, latencies, until, done
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._send()

    def _send(self) -> None:
        number = next(self._numbers, None)
        if number is None:
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(START + message(number) + END)

    def data_received(self, data: bytes) -> None:
        if not data.endswith(END):
            return
        now = time.perf_counter()
        if b"|AA|" not in data:
            raise SystemExit("an answer was not AA")
        self._latencies.append(now - self._sent)
        if now < self._until:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_result(None)


async def load(port: int, connections: int, seconds: float, numbers: Iterator[int]) -> dict[str, float]:
    """Send for some seconds; how many were answered and how fast."""
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    started = time.perf_counter()
    ends = []
    for _ in range(connections):
        done: asyncio.Future[None] = loop.create_future()
        ends.append(done)
        until = started + seconds
        await loop.create_connection(
            lambda d=done, u=until: Sender(numbers, latencies, u, d), "127.0.0.1", port
        )
    await asyncio.gather(*ends)
    took = time.perf_counter() - started
    latencies.sort()
    at = lambda share: round(latencies[min(int(len(latencies) * share), len(latencies) - 1)] * 1e6)  # noqa: E731
    return {
        "messages": len(latencies),
        "seconds": took,
        "p50": at(0.5),
        "p99": at(0.99),
        "next": next(numbers, 0),
    }


if __name__ == "__main__":
    uvloop.install()
    port, connections, seconds, first = (
        int(sys.argv[1]),
        int(sys.argv[2]),
        float(sys.argv[3]),
        int(sys.argv[4]),
    )
    numbers = iter(range(first, int(sys.argv[5]) + 1)) if len(sys.argv) > 5 else count(first)
    print(json.dumps(asyncio.run(load(port, connections, seconds, numbers))))
