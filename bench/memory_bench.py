"""Memory of the whole engine: at rest, and while a million messages go all the way to a ledger."""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.progress import Progress

CHANNEL = """\
channel: memory
description: One charge a message.
owner: {business: finance@hospital.example, technical: interfaces@hospital.example}
source:
  mllp: {listen: "tcp:0", message_types: [DFT^P03], max_connections_per_peer: 64}
sequence_by: PV1-19
effects:
  - when: {FT1-6: CG}
    charge:
      key: "{FT1-2}"
      encounter: PV1-19
      item: FT1-7.1
      quantity: FT1-10
destinations:
  - ledger: {path: LEDGER}
"""


def resident(pid: int) -> int:
    """Bytes of memory a process holds (RSS)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def run(messages: int) -> dict[str, Any]:
    """Start the engine, send that many, sample its memory by the number of messages finished."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "channels").mkdir()
        (folder / "channels" / "memory.yaml").write_text(CHANNEL.replace("LEDGER", str(folder / "ledger")))
        url = f"sqlite:///{folder}/wardline.db"
        command = [
            sys.executable,
            "-m",
            "engine.cli",
            "run",
            str(folder / "channels"),
            "--http",
            "127.0.0.1:0",
        ]
        with (folder / "log").open("wb") as log:
            engine = subprocess.Popen(command, stderr=log, env={**os.environ, "WARDLINE_STORE": url})
            try:
                return _measure(engine.pid, folder, messages)
            finally:
                engine.send_signal(signal.SIGTERM)
                engine.wait()


def _measure(pid: int, folder: Path, messages: int) -> dict[str, Any]:
    port = _port(folder / "log")
    rest = resident(pid)
    sender = subprocess.Popen(
        [sys.executable, "-m", "bench.load", str(port), "16", "1e9", "1", str(messages)],
        stdout=subprocess.DEVNULL,
    )
    samples: list[tuple[int, int]] = []
    ledger = folder / "ledger"
    with Progress() as progress:
        task = progress.add_task("memory", total=messages)
        done = read = 0
        while done < messages:
            time.sleep(2)
            lines, read = _lines(ledger, read)
            done += lines
            samples.append((done, resident(pid)))
            progress.update(task, completed=done)
    sender.wait()
    return {"rest": rest, "samples": samples, **_slope(samples, messages)}


def _lines(ledger: Path, start: int) -> tuple[int, int]:
    """The lines written since byte `start`, and where to go on: asking the store would slow it down."""
    if not ledger.exists():
        return 0, start
    with ledger.open("rb") as file:
        file.seek(start)
        new = file.read()
    return new.count(b"\n"), start + len(new)


def _slope(samples: list[tuple[int, int]], messages: int) -> dict[str, float]:
    """The rise over the last half, as a least-squares line, in per cent of its middle."""
    late = [(done, size) for done, size in samples if done >= messages / 2]
    mean_x = sum(done for done, _ in late) / len(late)
    mean_y = sum(size for _, size in late) / len(late)
    spread = sum((done - mean_x) ** 2 for done, _ in late) or 1.0
    slope = sum((done - mean_x) * (size - mean_y) for done, size in late) / spread
    return {"end": late[-1][1], "rise_percent": slope * (messages / 2) / mean_y * 100}


def _port(log: Path) -> int:
    for _ in range(100):
        time.sleep(0.2)
        if found := re.search(r'"channel": "memory", "address": "127\.0\.0\.1:(\d+)"', log.read_text()):
            return int(found[1])
    raise SystemExit(log.read_text())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    found = run(parser.parse_args().messages)
    print(json.dumps({key: value for key, value in found.items() if key != "samples"}))
    for done, size in found["samples"][:: max(1, len(found["samples"]) // 20)]:
        print(f"{done:>9,} messages  {size / 1e6:7.1f} MB")
