"""Engines forked from a process that is warm (`warm.py`): one for each process that runs tests."""

from __future__ import annotations

import atexit
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from patience import PATIENCE

WARM = Path(__file__).parent / "warm.py"
FORKED_WITHIN = 60.0 * PATIENCE  # seconds: the first fork waits for all imports


class Forked:
    """One engine, with the part of `subprocess.Popen` that is used of it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.code: int | None = None
        self.ended = threading.Event()

    def poll(self) -> int | None:
        return self.code

    def wait(self, timeout: float) -> int:
        if not self.ended.wait(timeout):
            raise subprocess.TimeoutExpired("wardline", timeout)
        assert self.code is not None
        return self.code

    def send_signal(self, number: signal.Signals) -> None:
        if self.code is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Nursery:
    """The warm process, and what it says of its children."""

    def __init__(self) -> None:
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, str(WARM), str(theirs.fileno())], pass_fds=[theirs.fileno()]
            )
        self._asking = threading.Lock()
        self._forked: queue.Queue[Forked] = queue.Queue()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def fork(
        self, arguments: Sequence[str], environment: Mapping[str, str], *streams: int, folder: str = ""
    ) -> Forked:
        """An engine, or a command: `arguments` as `faulty.py` takes them, `streams` the descriptors of its
        standard input, output and error, or one for the latter two, `folder` where it works."""
        asked = {"arguments": list(arguments), "environment": dict(environment), "folder": folder}
        with self._asking:
            socket.send_fds(self._line, [json.dumps(asked).encode()], streams)
            return self._forked.get(timeout=FORKED_WITHIN)

    def end(self) -> None:
        """Every engine that is left ends too."""
        self._line.shutdown(socket.SHUT_RDWR)
        self._process.wait(10)
        self._listener.join(10)
        self._line.close()

    def _listen(self) -> None:
        engines: dict[int, Forked] = {}
        while said := self._line.recv(100).split():
            pid = int(said[1])
            if said[0] == b"forked":
                engines[pid] = Forked(pid)
                self._forked.put(engines[pid])
            elif engine := engines.pop(pid, None):
                engine.code = int(said[2])
                engine.ended.set()


@cache
def nursery() -> Nursery:
    """This process's own, warm from the first call on."""
    made = Nursery()
    atexit.register(made.end)
    return made
