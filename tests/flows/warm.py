"""Forks engines out of a process that has imported everything and understood the shipped channels once: a
start then takes a tenth of the time, and it still is a process of its own that dies of kill -9.

Over a socket (its descriptor is the argument) come `{"arguments": [fault, …, "--", "run", folder],
"environment": {…}, "folder": …}`, each with the descriptors of standard input, output and error, or with one
for the latter two. Out go
`forked PID` for each, and `ended PID CODE` when one is gone. When the socket closes all engines die.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import faulty

from engine.cli import COMMANDS
from engine.config.loading import load_channels

LONGEST = 1 << 20
SHIPPED = Path(__file__).parents[2] / "channels"


def warm() -> None:
    """Import what a command imports when it is used, and work out what is worked out once in a process. What
    there is then stays as it is: no child looks through it for garbage, which would make it a copy."""
    for module, *_ in COMMANDS.values():
        import_module(f"engine.cli.{module}")
    import_module("alembic.runtime.environment")
    load_channels(SHIPPED)
    gc.collect()
    gc.freeze()


def main() -> None:
    """Serve until the socket closes; in every child be the engine it was forked for."""
    warm()
    line = socket.socket(fileno=int(sys.argv[1]))
    ended, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    engines: set[int] = set()
    while True:
        ready, _, _ = select.select([line, ended], [], [])
        if ended in ready:
            os.read(ended, 4096)
            _bury(engines, line)
            continue
        said, streams, _, _ = socket.recv_fds(line, LONGEST, 3)
        if not said:
            for engine in engines:
                os.kill(engine, signal.SIGKILL)
            return
        if (pid := os.fork()) == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for inherited in (ended, wake, line.detach()):
                os.close(inherited)
            _be(json.loads(said), streams)
            return
        for stream in streams:
            os.close(stream)
        engines.add(pid)
        line.send(b"forked %d\n" % pid)


def _bury(engines: set[int], line: socket.socket) -> None:
    with suppress(ChildProcessError):
        while (end := os.waitpid(-1, os.WNOHANG))[0]:
            engines.discard(end[0])
            line.send(b"ended %d %d\n" % (end[0], os.waitstatus_to_exitcode(end[1])))


def _be(asked: dict[str, object], streams: list[int]) -> None:
    given = streams if len(streams) == 3 else [os.open(os.devnull, os.O_RDWR), *2 * streams]
    for number, stream in enumerate(given):
        os.dup2(stream, number)
    for stream in set(given):
        os.close(stream)
    os.chdir(str(asked["folder"] or "."))
    os.environ.clear()
    os.environ.update(asked["environment"])  # type: ignore[call-overload]
    sys.argv = ["faulty.py", *asked["arguments"]]  # type: ignore[misc]
    faulty.main()


if __name__ == "__main__":
    main()
