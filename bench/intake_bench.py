"""Durable intake: acknowledgements a second, latency and CPU, beside its floors in the same run."""

from __future__ import annotations

import json
import os
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

CONNECTIONS = (1, 8, 32, 128)
SECONDS = 3.0
ROUNDS = 3

FLOOR, SQLITE, SINGLE = "append-only file", "SQLite", "SQLite, one commit each"
DISKS = (100, 250, 500, 1000)
"""Microseconds that other disks take longer to sync; on nothing else depends so much what sharing gives."""

DATABASE = "sqlite:///FOLDER/bench.db"


@contextmanager
def served(kind: str, url: str = "") -> Iterator[tuple[int, int]]:
    """A server process; its port and pid."""
    with tempfile.TemporaryDirectory(dir="var" if Path("var").is_dir() else None) as folder:
        place = url.replace("FOLDER", folder)
        command = [sys.executable, "-m", "bench.intake_server", kind, folder, *([place] if place else [])]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline()), process.pid
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(port: int, pid: int, connections: int, first: int, seconds: float = SECONDS) -> dict[str, Any]:
    """One run of the sender against a server."""
    before = cpu_seconds(pid)
    output = subprocess.run(
        [sys.executable, "-m", "bench.load", str(port), str(connections), str(seconds), str(first)],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    found = json.loads(output)
    found["rate"] = found["messages"] / found["seconds"]
    found["cpu_us"] = (cpu_seconds(pid) - before) / found["messages"] * 1e6
    return found


def run(
    postgres: str = "", rounds: int = ROUNDS, connections: tuple[int, ...] = CONNECTIONS
) -> list[dict[str, Any]]:
    """Every kind at every number of connections, interleaved so that drift hits all alike; the medians, and
    of each round's ratio to the append-only file's the median too (`share`)."""
    kinds = {
        "no storage": ("none", "", connections),
        FLOOR: ("file", "", connections),
        SQLITE: ("store", DATABASE, connections),
        SINGLE: ("store-single", DATABASE, connections),
    }
    for longer in DISKS:
        kinds[slower(SQLITE, longer)] = (f"store+{longer}", DATABASE, (32,))
        kinds[slower(SINGLE, longer)] = (f"store-single+{longer}", DATABASE, (32,))
    if postgres:
        kinds["PostgreSQL"] = ("store", postgres, connections)
    runs: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for _ in track(range(rounds), description="intake"):
        for name, (kind, url, numbers) in kinds.items():
            with served(kind, url) as (port, pid):
                first = int.from_bytes(os.urandom(4), "big") * 1000
                for number in numbers:
                    found = measure(port, pid, number, first)
                    first = int(found["next"]) + 1
                    runs.setdefault((name, number), []).append(found)
    return [_median(name, number, found, runs[FLOOR, number]) for (name, number), found in runs.items()]


def slower(name: str, longer: int) -> str:
    """What is measured on a disk that takes so many microseconds longer."""
    return f"{name}, +{longer} us" if longer else name


def _median(
    name: str, connections: int, found: list[dict[str, Any]], floor: list[dict[str, Any]]
) -> dict[str, Any]:
    middle = sorted(found, key=lambda one: one["rate"])[len(found) // 2]
    shares = [one["rate"] / other["rate"] for one, other in zip(found, floor, strict=True)]
    return {
        "storage": name,
        "connections": connections,
        "share": median(shares),
        **{k: middle[k] for k in ("rate", "p50", "p99", "cpu_us")},
    }


def line(row: dict[str, Any]) -> str:
    """One measurement for people."""
    return (
        f"{row['storage']:32} {row['connections']:4} {row['rate']:9,.0f}/s  p50 {row['p50']:6,} us"
        f"  p99 {row['p99']:7,} us  {row['cpu_us']:6.1f} us CPU"
    )


if __name__ == "__main__":
    for one in run(rounds=int(sys.argv[1]) if len(sys.argv) > 1 else 1):
        print(line(one))
