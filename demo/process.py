"""Processes by process id *and* start time, so that a recycled id is never mistaken for ours."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import psutil  # type: ignore[import-untyped]

__all__ = ["Process", "free_port", "run"]


class Process:
    """A process this project started, as it is written down in a file between two commands."""

    def __init__(self, pid: int, started: float) -> None:
        self.pid = pid
        self.started = started

    @classmethod
    def of(cls, pid: int) -> Self:
        """The process that has this id now; raises `psutil.NoSuchProcess` when there is none."""
        return cls(pid, psutil.Process(pid).create_time())

    @classmethod
    def read(cls, record: Mapping[str, float]) -> Self:
        """Back from `record`."""
        return cls(int(record["pid"]), float(record["started"]))

    def record(self) -> dict[str, float]:
        """What to write down."""
        return {"pid": self.pid, "started": self.started}

    def alive(self) -> bool:
        """Whether that very process still runs (a zombie does not)."""
        return self._found() is not None

    def end(self, how: signal.Signals = signal.SIGTERM, patience: float = 10.0) -> None:
        """Asks the process to go, waits `patience` seconds, then kills it and its children."""
        process = self._found()
        if process is None:
            return
        children = process.children(recursive=True)
        process.send_signal(how)
        _, left = psutil.wait_procs([process], timeout=patience)
        for survivor in [*left, *(child for child in children if child.is_running())]:
            try:
                survivor.kill()
            except psutil.NoSuchProcess:
                continue

    def _found(self) -> psutil.Process | None:
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < 0.5
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


def free_port() -> int:
    """A TCP port on 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run(command: Sequence[str | Path], log: Path, cwd: Path | None = None) -> int:
    """Runs `command` to its end with all it says going to `log`; returns its exit code."""
    with log.open("ab") as out:
        return subprocess.run([str(part) for part in command], stdout=out, stderr=out, cwd=cwd).returncode
