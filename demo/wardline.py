"""The engine as its user has it: the `wardline` command, started, killed, asked and stopped."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from demo.process import environment, free_port

__all__ = ["Broken", "Wardline"]

COMMAND = Path(sys.executable).with_name("wardline")
CHANNELS = Path(__file__).parent.parent / "channels"
PATIENCE = 90.0  # seconds: for a start, a stop, or all deliveries of an act


class Broken(Exception):
    """The engine does not do what it must; the message says what."""


class Wardline:
    """One engine in `folder`, made afresh: channels copied from the project with free ports instead of
    their own, an SQLite store, the log. `more` is its environment (where Odoo is)."""

    def __init__(self, folder: Path, more: Mapping[str, str], *options: str) -> None:
        self.log, self.channels, self.ports = folder / "engine.log", folder / "channels", dict[str, int]()
        self._options = options
        self._address = f"127.0.0.1:{free_port()}"
        own = {"WARDLINE_STORE": f"sqlite:///{folder / 'wardline.db'}", "WARDLINE_HTTP": self._address}
        clean = {n: v for n, v in environment({}).items() if not n.startswith("WARDLINE_")}
        self._environment = {**clean, **own, **more}
        self._process: subprocess.Popen[bytes] | None = None
        _copy_channels(self.channels)

    def start(self) -> None:
        """Start it and wait until it takes messages. Raises `Broken`."""
        began = self.log.stat().st_size if self.log.exists() else 0
        command = [str(COMMAND), "run", str(self.channels), *self._options]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=self._environment)
        self._until(self._ready, "is not ready")
        self.ports = _ports(self.log.read_bytes()[began:])

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """Ask it to stop and wait until it has. Raises `Broken`."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            status = self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise Broken("the engine does not stop") from None
        if status:
            raise Broken(f"the engine stopped with exit code {status} (see {self.log})")

    def open(self) -> int:
        """How many messages and effects are on their way."""
        lines = httpx.get(f"http://{self._address}/metrics", timeout=10, trust_env=False).text
        counts = re.findall(r'^wardline_backlog\{[^}]*what="(?:unrouted|due)"\} (\S+)', lines, re.MULTILINE)
        return int(sum(map(float, counts)))

    def settled(self) -> None:
        """Wait until nothing is on its way any more. Raises `Broken`."""
        self._until(lambda: self.open() == 0, "still has effects on their way")

    def ask(self, *words: str) -> Any:
        """What `wardline … --json` says."""
        answer = self.say(*words, "--json")
        if answer.stderr:
            raise Broken(f"wardline {' '.join(words)}: {answer.stderr.strip()}")
        return json.loads(answer.stdout)

    def say(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run another `wardline` command on the same store."""
        width = {"COLUMNS": str(shutil.get_terminal_size((100, 24)).columns)}
        variables = {**self._environment, **width}
        return subprocess.run([str(COMMAND), *words], capture_output=True, text=True, env=variables)

    def _until(self, true: Any, otherwise: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not true():
            if self._process is None or self._process.poll() is not None:
                raise Broken(f"the engine ended (see {self.log})")
            if time.monotonic() > deadline:
                raise Broken(f"the engine {otherwise} after {PATIENCE:.0f} s (see {self.log})")
            time.sleep(0.05)

    def _ready(self) -> bool:
        try:
            return httpx.get(f"http://{self._address}/ready", timeout=10, trust_env=False).is_success
        except httpx.TransportError:
            return False


def _copy_channels(folder: Path) -> None:
    """Its own ports may be taken by another engine: any free ones instead."""
    shutil.copytree(CHANNELS, folder, ignore=shutil.ignore_patterns("*.test.yaml"))
    for file in folder.glob("*.yaml"):
        file.write_text(re.sub(r"(?m)^(\s+listen: tcp:)\d+\b", r"\g<1>0", file.read_text()))


def _ports(log: bytes) -> dict[str, int]:
    """Where each channel listens, as the engine's log says."""
    found: dict[str, int] = {}
    for line in log.decode().splitlines():
        said = json.loads(line) if line.startswith("{") else {}
        if said.get("event") == "channel listening":
            found[said["channel"]] = int(said["address"].rpartition(":")[2])
    return found
