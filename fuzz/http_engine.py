"""A running engine with the shipped FHIR channels, as a process of its own, for `fuzz.http` to ask."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from fuzz.seeds import ROOT
from fuzz.spoiling import CANARY

__all__ = ["KEY", "NARROW", "Engine", "running"]

KEY = "a-static-key-of-one-who-may-do-everything"
NARROW = "a-static-key-of-one-who-may-create-charge-items"
CLIENTS = """\
clients:
  - {id: fuzz, key: env:FUZZ_KEY, scopes: [system/*.cruds], rate: 100000}
  - {id: narrow, key: env:NARROW_KEY, scopes: [system/ChargeItem.c], rate: 100000}
"""
FEW, ALL = "[create, read, update, search]", "[create, read, update, patch, delete, search, history]"
MORE = {"listen: tcp:8480": "listen: tcp:0\n    rate: 100000", f"Location: {FEW}": f"Location: {ALL}"}


class Engine:
    """The process; `port` of its door; `faults` are lines of its log that should not be there."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.port = 0
        self.faults: list[str] = []
        self.last = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as lines:
            self._look_at(lines)

    def _look_at(self, lines: IO[bytes]) -> None:
        for raw in lines:
            line = self.last = raw.decode("utf-8", "backslashreplace")
            if '"channel listening"' in line:
                self.port = int(json.loads(line)["address"].rpartition(":")[2])
            if CANARY.lower() in line.lower() or "Traceback" in line or '"request failed' in line:
                self.faults.append(line)

    def resident(self) -> int:
        """MB of memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) // 1024  # type: ignore[index]

    def end(self) -> None:
        """Stop it as an operator would."""
        self.process.terminate()
        self.process.wait(60)
        self._reader.join(10)


def _channels(folder: Path) -> None:
    """The shipped channels at a free port, for one client with a static key."""
    shutil.copytree(ROOT / "channels" / "tables", folder / "tables")
    (folder / "fhir").mkdir()
    (folder / "fhir" / "clients.yaml").write_text(CLIENTS)
    for name in ("supply-requests.yaml", "charge-items.yaml"):
        text = (ROOT / "channels" / name).read_text()
        for old, new in MORE.items():
            text = text.replace(old, new)
        (folder / name).write_text(text)


@contextmanager
def running(folder: Path) -> Iterator[Engine]:
    """An engine on a store in `folder`, ready to be asked."""
    channels = folder / "channels"
    channels.mkdir(parents=True)
    _channels(channels)
    environment = {
        **os.environ,
        "FUZZ_KEY": KEY,
        "NARROW_KEY": NARROW,
        "WARDLINE_DEV_KEYS": "true",
        "WARDLINE_STORE": f"sqlite:///{folder}/wardline.db",
        "WARDLINE_HTTP": "127.0.0.1:0",
        "WARDLINE_LEDGER": str(folder / "ledger.jsonl"),
    }
    command = [sys.executable, "-m", "engine.cli", "run", str(channels)]
    engine = Engine(subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE))
    try:
        end = time.monotonic() + 60
        while not engine.port:
            assert engine.process.poll() is None, engine.last
            assert time.monotonic() < end, engine.last
            time.sleep(0.05)
        yield engine
    finally:
        engine.end()
