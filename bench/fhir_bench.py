"""Durable `POST SupplyRequest`: answers a second, latency and CPU, beside the same door without storage; and
reads, beside the same without an audit."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from rich.progress import track

from bench.fhir_server import KEY
from bench.intake_bench import DATABASE, SECONDS, SQLITE, cpu_seconds

CONNECTIONS = (1, 8, 32, 128)
ROUNDS = 3
WITHOUT = "no storage"
UNAUDITED = "no audit"


@contextmanager
def served(kind: str, url: str) -> Iterator[tuple[int, int]]:
    """A server process; its port and pid."""
    with tempfile.TemporaryDirectory(dir="var" if Path("var").is_dir() else None) as folder:
        command = [sys.executable, "-m", "bench.fhir_server", kind, url.replace("FOLDER", folder)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline()), process.pid
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()


def measure(
    port: int, pid: int, connections: int, first: int, seconds: float, *, read: bool = False
) -> dict[str, Any]:
    """One run of the sender against a server."""
    before = cpu_seconds(pid)
    given = [str(value) for value in (port, connections, seconds, first, KEY)] + ["read"] * read
    output = subprocess.run(
        [sys.executable, "-m", "bench.fhir_load", *given], check=True, capture_output=True, text=True
    ).stdout
    found = json.loads(output)
    found["rate"] = found["messages"] / found["seconds"]
    found["cpu_us"] = (cpu_seconds(pid) - before) / found["messages"] * 1e6
    return found


def run(
    postgres: str = "",
    rounds: int = ROUNDS,
    connections: tuple[int, ...] = CONNECTIONS,
    seconds: float = SECONDS,
) -> list[dict[str, Any]]:
    """Every kind at every number of connections, interleaved so that drift hits all alike; the medians, and
    of each round's ratio to the door without storage the median too (`share`)."""
    kinds = {WITHOUT: ("none", DATABASE), SQLITE: ("store", DATABASE)}
    if postgres:
        kinds["PostgreSQL"] = ("store", postgres)
    return _compare(kinds, WITHOUT, rounds, connections, seconds)


def run_reads(
    rounds: int = ROUNDS, connections: tuple[int, ...] = CONNECTIONS, seconds: float = SECONDS
) -> list[dict[str, Any]]:
    """Reads of one resource, recorded in the audit before they are answered, beside reads that are not."""
    kinds = {UNAUDITED: ("unaudited", DATABASE), SQLITE: ("store", DATABASE)}
    return _compare(kinds, UNAUDITED, rounds, connections, seconds, read=True)


def _compare(
    kinds: dict[str, tuple[str, str]],
    beside: str,
    rounds: int,
    connections: tuple[int, ...],
    seconds: float,
    *,
    read: bool = False,
) -> list[dict[str, Any]]:
    runs: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for _ in track(range(rounds), description="FHIR"):
        for name, (kind, url) in kinds.items():
            with served(kind, url) as (port, pid):
                first = int(measure(port, pid, 1, 1, 0.5)["next"])  # warm: imports, models, statements
                for number in connections:
                    found = measure(port, pid, number, first, seconds, read=read)
                    first = int(found["next"])
                    runs.setdefault((name, number), []).append(found)
    return [_median(name, number, found, runs[beside, number]) for (name, number), found in runs.items()]


def _median(
    name: str, connections: int, found: list[dict[str, Any]], without: list[dict[str, Any]]
) -> dict[str, Any]:
    middle = sorted(found, key=lambda one: one["rate"])[len(found) // 2]
    shares = [one["rate"] / other["rate"] for one, other in zip(found, without, strict=True)]
    return {
        "storage": name,
        "connections": connections,
        "share": median(shares),
        **{k: middle[k] for k in ("rate", "p50", "p99", "cpu_us")},
    }


def line(row: dict[str, Any]) -> str:
    """One measurement for people."""
    return (
        f"{row['storage']:12} {row['connections']:4} {row['rate']:7,.0f}/s  p50 {row['p50']:8,} us"
        f"  p99 {row['p99']:8,} us  {row['cpu_us']:7.1f} us CPU  {row['share']:.0%}"
    )


if __name__ == "__main__":
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    for one in (*run(rounds=rounds), *run_reads(rounds)):
        print(line(one))
