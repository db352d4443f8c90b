"""The service as `wardline reidentify serve` in a process of its own, people, and requests over TLS."""

from __future__ import annotations

import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from certificates import Authority
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from nursery import Forked, nursery
from patience import PATIENCE
from running import Engine, channel
from typer.testing import CliRunner

from engine.auditing import AuditQuery, Entry
from engine.cli import app
from engine.errors import Misconfigured
from engine.people.file import add_person
from engine.people.words import Role

PATIENT = "ZQXW48151623WXQZ"
"""A number that is nowhere but where it is looked for."""

MESSAGE = (
    "MSH|^~\\&|WARD|HOSP|WARDLINE|HOSP|20261122101500||DFT^P03|{id}|P|2.5.1\r"
    "PID|1||{patient}^^^HOSP^MR||Doe^Jane\rFT1|1|||20261122||CG|G100||||2\r"
)


class Pair:
    """A re-identification pair in two files."""

    def __init__(self, folder: Path) -> None:
        key = X25519PrivateKey.generate()
        self.private, self.public = folder / "reidentify.key", folder / "reidentify.key.pub"
        self.private.write_bytes(b64encode(key.private_bytes_raw()) + b"\n")
        self.private.chmod(0o600)
        self.public.write_bytes(b64encode(key.public_key().public_bytes_raw()) + b"\n")


def filled(folder: Path, patients: int = 3, **settings: str) -> Engine:
    """An engine that took a message of each patient and has ended: a store as there are."""
    engine = Engine(folder, channel("charges"), settings=settings)
    engine.store_url = engine.environment["WARDLINE_STORE"]
    engine.start()
    try:
        with_ = engine.connect()
        for number in range(patients):
            with_.ask(MESSAGE.format(id=f"M{number}", patient=f"{PATIENT}{number}").encode())
        engine.settle()
        engine.hang_up()
    finally:
        engine.stop()
    return engine


def tokens_in(engine: Engine) -> list[str]:
    """The persons' tokens that went out with effects, in the order of the messages."""
    text = (engine.folder / "ledger.jsonl").read_text()
    return list(dict.fromkeys(re.findall(r"t1p_[0-9a-z]{28}", text)))


def audit_of(engine: Engine) -> list[Entry]:
    """Its audit, oldest first; it holds."""
    with engine.store() as store:
        assert store.verify_audit() == []
        return [one.entry for one in store.entries(AuditQuery(limit=100_000))]


def bytes_in(folder: Path) -> bytes:
    """Every byte of every file below."""
    return b"\0".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


PEOPLE = {
    **{name: list(Role) for name in ("maria", "jon", "noa", "kim", "lee")},
    "asker": [Role.ASKER],
    "approver": [Role.APPROVER],
}


@cache
def people() -> tuple[str, dict[str, str]]:
    """A people file and the keys to it; made once in a run, because hashes are slow."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.yaml"
        keys = {
            name: add_person(path, name, f"{name} of the hospital", roles, ())
            for name, roles in PEOPLE.items()
        }
        return path.read_text(), keys


class Service:
    """One service on a store. `people` are made with it, each with a key."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        *arguments: str,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.arguments = folder, list(arguments)
        self.people = folder / "people.yaml"
        text, keys = people()
        self.people.write_text(text)
        self.people.chmod(0o640)
        self.keys = dict(keys)
        self.authority = Authority(folder, "hospital")
        self.served = self.authority.issue("service", "localhost", "127.0.0.1")
        self.environment = {
            **environment,
            "WARDLINE_REIDENTIFY_PEOPLE": str(self.people),
            "WARDLINE_REIDENTIFY_LISTEN": "127.0.0.1:0",
            "WARDLINE_REIDENTIFY_CERTIFICATE": str(self.served.certificate),
            "WARDLINE_REIDENTIFY_CERTIFICATE_KEY": str(self.served.key),
            "WARDLINE_LOG_LEVEL": "DEBUG",
            **(settings or {}),
        }
        self.log = folder / "service.log"
        self.port = 0
        self._process: Forked | None = None

    def start(self) -> Service:
        """Start, and wait until it listens."""
        with self.log.open("ab") as log:
            seen = self.log.stat().st_size
            command = ["--", "reidentify", "serve", *self.arguments]
            self._process = nursery().fork(command, self.environment, log.fileno())
        end = time.monotonic() + 60 * PATIENCE
        while time.monotonic() < end:
            found = re.search(rb'"address": ?"127.0.0.1:(\d+)"', self.log.read_bytes()[seen:])
            if found:
                self.port = int(found[1])
                return self
            assert self._process.poll() is None, self.log.read_text()
            time.sleep(0.02)
        raise AssertionError(self.log.read_text())

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it; the exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Wait for it to end by itself; the exit code."""
        assert self._process is not None
        return self._process.wait(30 * PATIENCE)

    def run(self) -> subprocess.CompletedProcess[bytes]:
        """Run it until it ends by itself."""
        command = [sys.executable, "-m", "engine.cli", "reidentify", "serve", *self.arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, timeout=60)

    def refused(self) -> str:
        """What it says when it does not start."""
        done = CliRunner().invoke(app, ["reidentify", "serve", *self.arguments], env=self.environment)
        assert isinstance(done.exception, Misconfigured)
        return str(done.exception)

    def trust(self) -> ssl.SSLContext:
        """What a client believes."""
        return ssl.create_default_context(cafile=str(self.authority.file))

    def client(self, who: str = "", context: ssl.SSLContext | None = None) -> httpx.Client:
        """A client with somebody's key."""
        headers = {"Authorization": f"Bearer {self.keys[who]}"} if who else {}
        return httpx.Client(
            base_url=f"https://localhost:{self.port}", headers=headers, verify=context or self.trust(),
            timeout=30, trust_env=False,
        )  # fmt: skip

    def ask(self, who: str, token: str, ticket: str = "INC-1") -> httpx.Response:
        """Ask, in patience: five requests a second are taken."""
        return self.post(who, "/requests", {"token": token, "purpose": "legal", "ticket": ticket})

    def post(self, who: str, path: str, body: Any) -> httpx.Response:
        with self.client(who) as client:
            while (said := client.post(path, json=body)).status_code == 429:
                if float(said.headers["Retry-After"]) > 2:
                    break
                time.sleep(0.3)
            return said

    def waiting(self, who: str, token: str) -> str:
        """A request that waits, asked for by somebody whose limit is low."""
        said = self.ask(who, token)
        assert said.status_code == 202, said.text
        return str(said.json()["request"])

    def limit(self, alone: int) -> None:
        """From now on so many are answered alone: the file is read again."""
        text = re.sub(r"^limits:.*\n", "", self.people.read_text(), flags=re.MULTILINE)
        if f"limits: {{alone: {alone}}}\n{text}" == self.people.read_text():
            return
        draft = self.people.with_suffix(".new")
        draft.write_text(f"limits: {{alone: {alone}}}\n{text}")
        draft.chmod(0o640)
        draft.replace(self.people)

    def raw(self, *parts: bytes) -> bytes:
        """Bytes as they are over TLS, and all that comes back until the connection ends or rests; in
        patience."""
        while (said := self._raw(*parts)).startswith(b"HTTP/1.1 429"):
            time.sleep(0.3)
        return said

    def _raw(self, *parts: bytes) -> bytes:
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=10 * PATIENCE) as plain,
            self.trust().wrap_socket(plain, server_hostname="localhost") as connection,
        ):
            for part in parts:
                connection.sendall(part)
            connection.settimeout(2)
            said = b""
            try:
                while piece := connection.recv(65536):
                    said += piece
            except TimeoutError:
                pass
            return said
