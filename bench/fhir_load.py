"""A lean HTTP client for benchmarks: N connections that stay, each creates, waits for the answer, goes on.

Run as a process of its own: `python -m bench.fhir_load PORT CONNECTIONS SECONDS FIRST KEY [read]` prints one
line of JSON, as `bench.load` does. With `read`, one is created and all connections read it again and again.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count

import uvloop

READ = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
    "Accept: application/fhir+json\r\n\r\n"
)
LOCATION = re.compile(rb"\r\nlocation: *http://[^/]+(/[^\r]+)/_history/1\r\n", re.IGNORECASE)
LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)\r\n", re.IGNORECASE)
HEAD = (
    "POST /fhir/R4/SupplyRequest HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
    "Accept: application/fhir+json\r\nContent-Type: application/fhir+json\r\nContent-Length: {size}\r\n\r\n"
)


def resource(number: int) -> bytes:
    """A ward's request of two boxes, about 1.2 KB; every number gives another one."""
    coded = {"system": "urn:oid:1.3.160", "code": "07612345000015", "display": "GLOVE NITRILE MEDIUM"}
    return json.dumps(
        {
            "resourceType": "SupplyRequest",
            "text": {
                "status": "generated",
                "div": '<div xmlns="http://www.w3.org/1999/xhtml"><p>Synthetic benchmark request for gloves,'
                " no real person is behind any value of it</p></div>",
            },
            "identifier": [
                {
                    "use": "official",
                    "type": {
                        "coding": [
                            {"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "PLAC"}
                        ]
                    },
                    "system": "urn:oid:2.16.840.1.113883.3.42.10",
                    "value": f"B{number}",
                }
            ],
            "status": "active",
            "category": {
                "coding": [{"system": "http://terminology.hl7.org/CodeSystem/supply-kind", "code": "central"}]
            },
            "priority": "routine",
            "itemCodeableConcept": {"coding": [coded], "text": "Gloves, nitrile, medium"},
            "quantity": {"value": 2, "unit": "box", "system": "http://unitsofmeasure.org", "code": "{box}"},
            "occurrenceDateTime": "2026-11-23",
            "authoredOn": "2026-11-22T08:15:00+01:00",
            "requester": {"reference": "Practitioner/17"},
            "deliverTo": {"reference": "Location/ICU-12", "display": "Intensive care, bed 12"},
        }
    ).encode()


class Sender(asyncio.Protocol):
    """One connection, one request in flight."""

    def __init__(
        self,
        request: Callable[[], bytes],
        status: bytes,
        latencies: list[float],
        until: float,
        done: asyncio.Future[None],
    ) -> None:
        self._request, self._status, self._latencies = request, status, latencies
        self._until, self._done, self._got, self._sent = until, done, b"", 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._send()

    def _send(self) -> None:
        request = self._request()
        self._sent = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, end, body = self._got.partition(b"\r\n\r\n")
        if not end or len(body) < int(LENGTH.findall(head + b"\r\n")[0]):
            return
        if not head.startswith(b"HTTP/1.1 " + self._status):
            raise SystemExit(f"an answer was another: {head[:40]!r}")
        self._got = b""
        now = time.perf_counter()
        self._latencies.append(now - self._sent)
        if now < self._until:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_result(None)


def creating(key: str, numbers: Iterator[int]) -> bytes:
    """The request that creates the next one."""
    body = resource(next(numbers))
    return HEAD.format(key=key, size=len(body)).encode() + body


async def created(port: int, request: bytes) -> str:
    """Create one; its path."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    return LOCATION.findall(head)[0].decode()


async def load(
    port: int, connections: int, seconds: float, first: int, key: str, *, read: bool = False
) -> dict[str, float]:
    """Create, or read, for some seconds; how many were answered and how fast."""
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    numbers = count(first)
    request, status = partial(creating, key, numbers), b"201"
    if read:
        reading = READ.format(path=await created(port, request()), key=key).encode()
        request, status = (lambda: reading), b"200"  # type: ignore[assignment]
    started = time.perf_counter()
    ends = []
    for _ in range(connections):
        done: asyncio.Future[None] = loop.create_future()
        ends.append(done)
        until = started + seconds
        await loop.create_connection(
            lambda d=done, u=until: Sender(request, status, latencies, u, d), "127.0.0.1", port
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
        "next": next(numbers),
    }


if __name__ == "__main__":
    uvloop.install()
    port, connections, seconds, first, key, *reading = sys.argv[1:]
    given = int(port), int(connections), float(seconds), int(first), key
    print(json.dumps(asyncio.run(load(*given, read=bool(reading)))))
