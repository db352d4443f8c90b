"""`wardline` for shells, without its start: what a shell calls is a child of the warm process (`warm.py`), in
the shell's folder, with its environment and its input and output.

    with commands_at_hand() as path:              # to be put before $PATH
        subprocess.run(["bash", "-c", "wardline lint channels"], env={**environment, "PATH": …})
"""

from __future__ import annotations

import json
import os
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nursery import nursery
from patience import PATIENCE

LONGEST = 1 << 20
WITHIN = 100.0  # seconds for a command
ASK = """\
#!{python} -IS
import json, os, socket, sys
line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
line.connect({address!r})
asked = {{"arguments": sys.argv[1:], "environment": dict(os.environ), "folder": os.getcwd()}}
socket.send_fds(line, [json.dumps(asked).encode()], [0, 1, 2])
sys.exit(int(line.recv(20) or b"1"))
"""


@contextmanager
def commands_at_hand() -> Iterator[Path]:
    """A folder with a `wardline` in it."""
    with (
        tempfile.TemporaryDirectory(prefix="wl-") as made,  # an address of a socket must be short
        socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door,
    ):
        address = f"{made}/door"
        command = Path(made) / "wardline"
        command.write_text(ASK.format(python=sys.executable, address=address))
        command.chmod(0o755)
        door.bind(address)
        door.listen()
        serving = threading.Thread(target=_serve, args=(door,))
        serving.start()
        try:
            yield Path(made)
        finally:
            door.shutdown(socket.SHUT_RDWR)
            serving.join()


def _serve(door: socket.socket) -> None:
    with suppress(OSError):  # until it is shut
        while True:
            line, _ = door.accept()
            threading.Thread(target=_run, args=(line,)).start()


def _run(line: socket.socket) -> None:
    with line:
        said, streams, _, _ = socket.recv_fds(line, LONGEST, 3)
        asked = json.loads(said)
        try:
            arguments, environment = ["--", *asked["arguments"]], asked["environment"]
            command = nursery().fork(arguments, environment, *streams, folder=asked["folder"])
        finally:
            for stream in streams:
                os.close(stream)
        line.send(b"%d" % (command.wait(WITHIN * PATIENCE) & 0xFF))
