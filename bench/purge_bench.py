"""Does a sender notice the purge? The p99 of the acknowledgement with and without it, in one run.

    python -m bench.purge_bench [--messages 1000000] [--rate 1000] [--rest 60] [--turns 0]
        [--kinds sqlite,postgresql]

A store is filled with messages past their time; a real engine opens it and purges them while messages arrive
over MLLP at a steady rate. Its retention looks after `rest` seconds instead of an hour: that long before
the purge and after it is what it is compared with. On a machine that others use meanwhile say `--turns 5`:
the purge then stands still for five seconds of every ten, and the two kinds of seconds are compared, whatever
else went on in both.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.progress import track

from bench.load import message
from bench.postgres import postgres
from bench.steady import read
from engine.model import Arrival
from engine.store.cipher import Fingerprints
from engine.store.keys import KeyRing
from engine.store.sql import SqlStore, open_store

KEY = "bench:" + "A" * 43 + "="
AT_ONCE = 256
OLD_DAYS, OLD_FROM = 10, 100
"""The filled messages came on so many days, the first so many days ago: content, fingerprints and the keys
of these days are all to go."""

CHANNEL = """\
channel: purge
description: One charge a message.
owner: {business: finance@hospital.example, technical: interfaces@hospital.example}
source:
  mllp: {listen: "tcp:0", message_types: [DFT^P03], max_connections_per_peer: 64}
sequence_by: PV1-19
effects:
  - when: {FT1-1: "1"}
    charge:
      key: "{FT1-2}"
      encounter: PV1-19
      item: FT1-7.1
      quantity: FT1-10
destinations:
  - ledger: {path: LEDGER}
"""


def fill(url: str, messages: int) -> None:
    """Messages that were received, delivered and named five identifiers each, long ago."""
    ring = KeyRing.load({"WARDLINE_KEY": KEY}, Path("unused"))
    store = open_store(url, ring)
    assert isinstance(store, SqlStore)
    names = Fingerprints(ring)
    first = time.time() // 86400 * 86400 - OLD_FROM * 86400
    for start in track(range(0, messages, AT_ONCE), description="fill"):
        made = []
        for number in range(start, min(start + AT_ONCE, messages)):
            raw, name = message(number), names.of("purge", b"BILLING", b"HOSP", b"B%d" % number)
            at = first + number * OLD_DAYS * 86400 / messages
            made.append(Arrival("purge", raw, name, names.digest(raw), at, type="DFT^P03"))
        store.accept(made)
    with store._database.write() as work:
        work.run("UPDATE messages SET state = 'delivered', effects = 1")
    for start in track(range(1, messages + 1, 50_000), description="mentions"):
        rows = [
            (number // 4096, number * 7919 * (place + 1) % (1 << 60), number)
            for number in range(start, min(start + 50_000, messages + 1))
            for place in range(5)
        ]
        with store._database.write() as work:
            work.run_many("INSERT INTO mentions (part, term, message_id) VALUES (?, ?, ?)", sorted(rows))
    store.close()


@contextlib.contextmanager
def engine(url: str, folder: Path, rest: float, turns: float) -> Iterator[int]:
    """A real engine on the filled store; its port."""
    (folder / "channels").mkdir()
    (folder / "channels" / "purge.yaml").write_text(CHANNEL.replace("LEDGER", str(folder / "ledger")))
    environment = {**os.environ, "WARDLINE_STORE": url, "WARDLINE_KEY": KEY, "WARDLINE_HTTP": "off"}
    command = [sys.executable, "-m", "bench.purge_bench", "--engine", str(folder), "--rest", str(rest)]
    command += ["--turns", str(turns)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log, env=environment)
        try:
            yield _port(folder / "log")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def run_engine(folder: Path, rest: float, turns: float) -> None:
    """The engine's process: as ever, but that it looks for what is past its time sooner, and notes when."""
    from engine import retention
    from engine.cli import app

    retention.LOOK = rest  # type: ignore[misc]
    if turns:
        waits = retention.RetentionLoop._rest

        def in_turn(loop: Any, seconds: float) -> None:
            waits(loop, seconds)
            while not _is_on(time.monotonic(), turns):
                waits(loop, 0.05)

        retention.RetentionLoop._rest = in_turn  # type: ignore[method-assign]
    act = retention.purge

    def noted(*given: Any, **named: Any) -> Any:
        began = time.monotonic()
        done = act(*given, **named)
        told = {"began": began, "ended": time.monotonic(), "contents": done.contents, "keys": len(done.keys)}
        (folder / "purged.part").write_text(json.dumps(told))
        (folder / "purged.part").rename(folder / "purged")
        return done

    retention.purge = noted
    app(["run", str(folder / "channels"), "--json-logs"])


def measure(
    url: str, folder: Path, *, messages: int, rate: float, rest: float, turns: float
) -> dict[str, float]:
    """Fill, purge under load, and compare; times in milliseconds."""
    fill(url, messages)
    with engine(url, folder, rest, turns) as port:
        command = [sys.executable, "-m", "bench.steady", str(port), "32", str(rate), "100000000"]
        sender = subprocess.Popen([*command, str(folder / "sent")], stdin=subprocess.PIPE)
        began = time.monotonic()
        while not (folder / "purged").exists():
            time.sleep(0.5)
            assert sender.poll() is None, "the sender ended"
        time.sleep(rest)
        sender.communicate()
    purged = json.loads((folder / "purged").read_text())
    sent = read(folder / "sent")
    if not turns:
        return _compared(sent, purged, began + min(10.0, rest / 4))
    sent = [one for one in sent if purged["began"] <= one[0] <= purged["ended"]]
    settled = [one for one in sent if one[0] % turns > turns / 5]
    during = [took for at, took in settled if _is_on(at, turns)]
    beside = [took for at, took in settled if not _is_on(at, turns)]
    return _figures(during, beside, purged)


def _is_on(at: float, turns: float) -> bool:
    """Whose turn it is: in every other stretch of so many seconds the purge goes on."""
    return int(at / turns) % 2 == 0


def _compared(sent: list[tuple[float, float]], purged: dict[str, float], warm: float) -> dict[str, float]:
    during = [took for at, took in sent if purged["began"] <= at <= purged["ended"]]
    beside = [took for at, took in sent if warm <= at < purged["began"] - 1 or at > purged["ended"] + 2]
    return _figures(during, beside, purged)


def _figures(during: list[float], beside: list[float], purged: dict[str, float]) -> dict[str, float]:
    during.sort()
    beside.sort()
    with_, without = _at(during, 0.99), _at(beside, 0.99)
    took = purged["ended"] - purged["began"]
    return {
        "purged": purged["contents"],
        "keys": purged["keys"],
        "seconds": took,
        "sent": len(during) + len(beside),
        "p50 without": _at(beside, 0.5),
        "p50 with": _at(during, 0.5),
        "p99 without": without,
        "p99 with": with_,
        "p99.9 without": _at(beside, 0.999),
        "p99.9 with": _at(during, 0.999),
        "longest": during[-1] * 1e3,
        "ratio": with_ / without,
    }


def _at(took: list[float], share: float) -> float:
    return took[min(int(len(took) * share), len(took) - 1)] * 1e3


def _port(log: Path) -> int:
    for _ in range(300):
        time.sleep(0.2)
        if found := re.search(r'"channel": "purge", "address": "127\.0\.0\.1:(\d+)"', log.read_text()):
            return int(found[1])
    raise SystemExit(log.read_text())


def run(kind: str, **given: Any) -> dict[str, float]:
    """Measure one kind of store in a place of its own."""
    with tempfile.TemporaryDirectory(dir="var" if Path("var").is_dir() else None) as place:
        folder = Path(place)
        if kind == "sqlite":
            return measure(f"sqlite:///{folder}/wardline.db", folder, **given)
        with postgres() as url:
            return measure(url, folder, **given)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--rate", type=float, default=1000)
    parser.add_argument("--rest", type=float, default=60)
    parser.add_argument("--turns", type=float, default=0, help="seconds that purge and no purge take turns")
    parser.add_argument("--kinds", default="sqlite,postgresql")
    parser.add_argument("--engine", type=Path, default=None, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.engine:
        run_engine(given.engine, given.rest, given.turns)
        return
    for kind in given.kinds.split(","):
        found = run(kind, messages=given.messages, rate=given.rate, rest=given.rest, turns=given.turns)
        print(kind, "  ".join(f"{name} {figure:,.2f}" for name, figure in found.items()), flush=True)


if __name__ == "__main__":
    main()
