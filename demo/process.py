"""Processes by process id *and* the moment they began, so that a recycled id is never mistaken for ours."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

__all__ = ["Process", "environment", "free_port", "name_of", "run"]

BOOT = Path("/proc/sys/kernel/random/boot_id")


class Process:
    """A process this project started, as it is written down in a file between two commands.

    `began` counts clock ticks since a boot named by its id (proc(5), /proc/pid/stat field 22): the wall
    clock may be set meanwhile, and the machine restarted."""

    def __init__(self, pid: int, began: str) -> None:
        self.pid = pid
        self.began = began

    @classmethod
    def of(cls, pid: int) -> Self:
        """The process that has this id now; raises `ProcessLookupError` when there is none."""
        began = _began(pid)
        if began is None:
            raise ProcessLookupError(pid)
        return cls(pid, began)

    @classmethod
    def read(cls, record: Mapping[str, int | str]) -> Self:
        """Back from `record`."""
        return cls(int(record["pid"]), str(record["began"]))

    def record(self) -> dict[str, int | str]:
        """What to write down."""
        return {"pid": self.pid, "began": self.began}

    def alive(self) -> bool:
        """Whether that very process still runs; one that only waits to be buried does not."""
        return _began(self.pid) == self.began

    def end(self, how: signal.Signals = signal.SIGINT, patience: float = 10.0) -> bool:
        """Asks the process to go and kills it after `patience` seconds; False when it was gone already."""
        if not self.alive():
            return False
        os.kill(self.pid, how)
        deadline = time.monotonic() + patience
        while self.alive() and time.monotonic() < deadline:
            time.sleep(0.05)
        if self.alive():
            os.kill(self.pid, signal.SIGKILL)
        return True


def name_of(pid: int) -> str:
    """The name of the process that has this id now, empty when none has."""
    return _stat(pid)[0]


def _began(pid: int) -> str | None:
    name, rest = _stat(pid)
    return f"{BOOT.read_text().strip()}/{rest[19]}" if name else None


def _stat(pid: int) -> tuple[str, list[str]]:
    try:
        before, _, after = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
    except (FileNotFoundError, ProcessLookupError):
        return "", []
    rest = after.split()
    return ("", []) if rest[0] in "ZX" else (before.partition("(")[2], rest)


def free_port() -> int:
    """A TCP port on 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run(
    command: Sequence[str | Path], log: Path, cwd: Path | None = None, more: Mapping[str, str] | None = None
) -> int:
    """Runs `command` to its end with all it says going to `log`; returns its exit code."""
    words = [str(part) for part in command]
    with log.open("ab") as out:
        return subprocess.run(words, stdout=out, stderr=out, cwd=cwd, env=environment(more or {})).returncode


def environment(more: Mapping[str, str]) -> dict[str, str]:
    """Ours and `more`, without what would lead another Python or another PostgreSQL client astray."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PG"))}
    return {**kept, **more}
