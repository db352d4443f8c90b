"""How long tests wait for what another thread or process does, and the ports they give away."""

from __future__ import annotations

import os
import random
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 3
"""How much slower than the slowest machine known a machine may be. Waiting longer costs only what fails."""


def becomes(true: Callable[[], bool], within: float = 60.0, pause: float = 0.02) -> bool:
    """Whether it becomes so, on a machine that is not slow within so many seconds."""
    end = time.monotonic() + PATIENCE * within
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True


def free_port() -> int:
    """A port nobody listens on, from below those that the system gives to connections: it is still free
    when a process that was told of it comes to listen. No test process gives one away twice."""
    while True:
        port = next(_ports)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def _shuffled() -> list[int]:
    """Every process in an order of its own, so that those that run beside each other seldom meet."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = list(range(10_000, max(lowest, 20_000)))
    random.Random(os.getpid()).shuffle(ports)
    return ports


_ports = iter(_shuffled())


@contextmanager
def costing_less_than(seconds: float) -> Iterator[None]:
    """That what is done here takes this thread less than so many seconds of a processor that is not slow,
    however busy the machine is."""
    began = time.thread_time()
    yield
    assert time.thread_time() - began < PATIENCE * seconds
