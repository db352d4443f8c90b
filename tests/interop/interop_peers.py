"""Starting peers and reading what they did. A peer is a program of `peers/` in a process of its own."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import sys
import tempfile
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pytest

PEERS = Path(__file__).parent / "peers"
ROOT = Path(__file__).parents[2]
LONGEST = 240  # seconds for all messages of one run, on a busy machine

PYTHON_HL7 = [sys.executable, str(PEERS / "python_hl7_peer.py")]
HL7APY = [sys.executable, str(PEERS / "hl7apy_peer.py")]
WARDLINE = [sys.executable, str(PEERS / "wardline_peer.py")]


class Answered(NamedTuple):
    """One message by its sender: which, the bytes that left, and the answer as the sender's own library
    reads it (our client: `code` only, with its verdict)."""

    index: int
    sent: bytes
    answer: bytes
    code: str
    about: str
    verdict: str
    attempts: int


class Received(NamedTuple):
    """One message by its receiver: its bytes, and MSH-10 as the receiver's own library reads it."""

    raw: bytes
    control_id: str


def node(name: str = "node") -> list[str]:
    """The program of the npm peers in `peers/NAME`, installed once for each state of it into `var/interop`;
    skips where Node.js or the packages are not to be had."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("no Node.js here")
    files = [PEERS / name / file for file in ("package.json", "package-lock.json", "peer.mjs")]
    state = sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    folder = ROOT / "var" / "interop" / f"{name}-{state}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "lock").open("w") as lock:  # another worker may be at it
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _install(files, folder)
    return ["node", str(folder / "peer.mjs")]


def _install(files: Sequence[Path], folder: Path) -> None:
    made = Path(tempfile.mkdtemp(dir=folder.parent))
    for file in files:
        shutil.copy(file, made)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    done = subprocess.run(command, cwd=made, capture_output=True, timeout=LONGEST, check=False)
    if done.returncode:
        shutil.rmtree(made)
        pytest.skip("the npm packages cannot be installed here")
    made.rename(folder)


def send(
    peer: Sequence[str], mode: str, folder: Path, port: int, messages: Sequence[bytes], **options: Any
) -> list[Answered]:
    """Let a peer send messages to a port; what became of each, in the order of the answers."""
    config = folder / f"{mode}.json"
    (folder / "messages.json").write_text(json.dumps([b64encode(raw).decode() for raw in messages]))
    given = {"port": port, "messages": str(folder / "messages.json"), "out": str(folder / "out.json")}
    config.write_text(json.dumps({**given, "connections": 1, **options}))
    done = subprocess.run([*peer, mode, str(config)], capture_output=True, timeout=LONGEST, check=False)
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    rows = json.loads((folder / "out.json").read_text())
    return [
        Answered(
            row["index"],
            b64decode(row["sent"]) if "sent" in row else messages[row["index"]],
            b64decode(row["answer"]),
            row["code"],
            row.get("about", ""),
            row.get("verdict", ""),
            row.get("attempts", 1),
        )
        for row in rows
    ]


@contextmanager
def serving(peer: Sequence[str], folder: Path, **options: Any) -> Iterator[Server]:
    """A peer's server on a free port of the loopback, ended afterwards."""
    folder.mkdir(exist_ok=True)
    config, log = folder / "server.json", folder / "received.jsonl"
    config.write_text(json.dumps({"log": str(log), **options}))
    command = [*peer, "server", str(config)]
    with (folder / "server.err").open("wb") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, (folder / "server.err").read_text()[-3000:]
        yield Server(json.loads(line)["port"], log)
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


class Server(NamedTuple):
    """A peer that listens."""

    port: int
    log: Path

    def received(self) -> list[Received]:
        """What it got, in order. Fails when its library could not read something."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        rows = [json.loads(line) for line in lines]
        assert [row["error"] for row in rows if "error" in row] == []
        return [Received(b64decode(row["received"]), row["control_id"]) for row in rows]
