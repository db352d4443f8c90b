"""The real engine as `wardline run` in a process of its own, and senders on plain sockets.

    engine = Engine(folder, channel("charges", effects=…))
    engine.start()                       # under a second: listening, and /ready says yes
    answer = engine.connect().ask(message)
    engine.settle()                      # nothing is received or waiting any more
    engine.ledger()                      # the effects that were carried out, one a line
    engine.kill(); engine.start()        # as after a power cut: same store, keys, channels, ledger
    engine.stop()                        # SIGTERM; the exit code

Everything lives in `folder`: `channels/`, `wardline.db` and its key, `ledger.jsonl`. Listeners take free
ports (`listen: tcp:0`), read from the log; several channels, workers, settings and faults
(`faulty.py`) are arguments. Processes are forked (`nursery.py`) unless `cold`. All that senders send is
remembered by its words, so that `assert_silent` can hold it against every line the engine ever logged.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from logged import told_in
from nursery import Forked, nursery
from patience import PATIENCE, becomes
from sending import Sender

from engine.app.opening import open_settings
from engine.settings import Settings
from engine.store.base import MessageStore
from engine.store.contracts.views import MessageView, Query

OPEN_STATES = {"received", "waiting"}
HERE = Path(__file__).parent


def folder_channel(name: str, path: Path, *, source: str = "") -> str:
    """The same channel with files from `path` instead of a port; taken at once, looked for every second."""
    door = f"  folder:\n    path: {path}\n    settle: 0\n    every: 1"
    return channel(name, source=source).replace("  mllp:\n    listen: tcp:0", door)


def channel(name: str, *, source: str = "", rest: str = "", odoo: str = "test") -> str:
    """A channel file that uses up each FT1's item: `source` and `rest` are more lines of YAML (of
    `source.mllp`, four blanks deep, and of the top)."""
    return f"""\
channel: {name}
description: Items charged leave the stock.
owner: {{business: ward@hospital.example, technical: interfaces@hospital.example}}
source:
  mllp:
    listen: tcp:0
    message_types: [DFT^P03, ADT^A01]
{source}
sequence_by: PID-3
tables:
  items: items.csv
effects:
  - for_each: FT1
    consume:
      key: "{{FT1-1}}/{{FT1-7.1}}"
      item: FT1-7.1 | lookup(items, item)
      quantity: FT1-10 | default(1) | number
      location: literal(WH/Stock)
      subject: PID-3
destinations:
  - odoo: {{connection: {odoo}}}
{rest}
"""


ITEMS = "code,item\nG100,GLOVE-M\nG200,GOWN-L\n"


class Engine:
    """One engine on a store of its own. `channels` are YAML texts (see `channel`).

    `faults` are named in `faulty.py`; `settings` are `WARDLINE_*` variables without the prefix; `cold` starts
    the command itself, as a shell would."""

    def __init__(
        self,
        folder: Path,
        *channels: str,
        workers: int = 1,
        ledger: bool = True,
        settings: Mapping[str, str] | None = None,
        cold: bool = False,
    ) -> None:
        self.folder = folder
        self._cold = cold
        self.workers = workers
        self.channels = folder / "channels"
        self.channels.mkdir(parents=True, exist_ok=True)
        self.table("items.csv", ITEMS)
        for number, text in enumerate(channels):
            (self.channels / f"channel-{number}.yaml").write_text(text)
        self.store_url = f"sqlite:///{folder}/wardline.db"
        self._http = 0
        self.environment = {
            **os.environ,
            "WARDLINE_STORE": self.store_url,
            "WARDLINE_HTTP": "127.0.0.1:0",
            **({"WARDLINE_LEDGER": str(folder / "ledger.jsonl")} if ledger else {}),
            **{f"WARDLINE_{name}": value for name, value in (settings or {}).items()},
        }
        self._process: subprocess.Popen[bytes] | Forked | None = None
        self._readers: list[threading.Thread] = []
        self.logs: list[str] = []
        self.spoken: set[bytes] = set()
        self._senders: list[Sender] = []
        self._ports: dict[str, int] = {}
        self._watching: set[str] = set()

    def table(self, name: str, text: str) -> None:
        """Write a table beside the channels; read at the next start."""
        (self.channels / name).write_text(text)

    def use_store_of(self, other: Engine) -> None:
        """Run on another engine's store (and keys) from the next start on."""
        self.store_url = self.environment["WARDLINE_STORE"] = other.store_url

    # Starting and ending

    def start(self, *faults: str) -> Engine:
        """Start; returns once every channel listens and the engine says that it is ready."""
        seen = len(self.logs)
        self.spawn(*faults)
        wait_for(lambda: self._up(seen), "the engine to be ready", self)
        return self

    def spawn(self, *faults: str) -> None:
        """Start and do not wait for anything."""
        self._ports.clear()
        self._watching.clear()
        self._http = 0
        arguments = self._arguments()
        # A file could not grow under the limits that tests set, so logs come through a pipe.
        logs, errors = os.pipe()
        try:
            if self._cold:
                module = [str(HERE / "faulty.py"), *faults, "--"] if faults else ["-m", "engine.cli"]
                command = [sys.executable, *module, *arguments]
                self._process = subprocess.Popen(command, env=self.environment, stderr=errors)
            else:
                self._process = nursery().fork([*faults, "--", *arguments], self.environment, errors)
        finally:
            os.close(errors)
        reader = threading.Thread(target=self._read_logs, args=(logs,), daemon=True)
        reader.start()
        self._readers.append(reader)

    def kill(self) -> None:
        """kill -9, as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM and wait for the graceful end; the exit code."""
        return self._end(signal.SIGTERM)

    def wait(self) -> int:
        """Wait for it to end by itself; the exit code."""
        process = self.process
        code = process.wait(60 * PATIENCE)
        self._readers[-1].join(0.2 if self.workers > 1 else 5)  # workers may outlive it, and hold the pipe
        return code

    @property
    def runs(self) -> bool:
        """Whether the process that listens is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def process(self) -> subprocess.Popen[bytes] | Forked:
        """The process that listens."""
        assert self._process is not None, "not started"
        return self._process

    def worker_pids(self) -> list[int]:
        """The worker processes, oldest first."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return sorted(map(int, children))

    def _end(self, number: signal.Signals) -> int:
        if self.runs:
            self.process.send_signal(number)
        return self.wait()

    def _up(self, seen: int) -> bool:
        assert self.process.poll() is None, "\n".join(self.logs[seen:])
        open_doors = len(self._ports) + len(self._watching)
        return open_doors == self._doors() and self.ready()

    def _arguments(self) -> list[str]:
        return ["run", str(self.channels), "--workers", str(self.workers)]

    def _doors(self) -> int:
        return len(list(self.channels.glob("*.yaml")))

    def _read_logs(self, logs: int) -> None:
        with open(logs, "rb") as stream:
            for raw in stream:
                line = raw.decode("utf-8", "backslashreplace").rstrip("\n")
                self.logs.append(line)
                if '"channel watches its folder"' in line:
                    self._watching.add(json.loads(line)["channel"])
                if '"health and metrics"' in line:
                    self._http = int(json.loads(line)["address"].rpartition(":")[2])
                if '"channel listening"' in line:
                    said = json.loads(line)
                    self._ports[said["channel"]] = int(said["address"].rpartition(":")[2])

    # Talking

    def connect(self, channel: str = "", *, tls: ssl.SSLContext | None = None, host: str = "") -> Sender:
        """A sender to a channel (the only one when not named); `host` is the address it comes from."""
        plain = socket.create_connection(
            ("127.0.0.1", self.port(channel)),
            timeout=10 * PATIENCE,
            source_address=(host, 0) if host else None,
        )
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        secured = tls.wrap_socket(plain, server_hostname="localhost") if tls else plain
        self._senders.append(Sender(secured, self.spoken))
        return self._senders[-1]

    def hang_up(self) -> None:
        """Close every connection made so far."""
        while self._senders:
            self._senders.pop().close()

    @property
    def ports(self) -> Mapping[str, int]:
        """The ports of the channels that listen."""
        return self._ports

    def port(self, channel: str = "") -> int:
        """The port on which a channel listens."""
        return self._ports[channel] if channel else next(iter(self._ports.values()))

    # Looking

    def said(self, words: str, times: int = 1, *, since: int = 0) -> list[str]:
        """Wait until so many lines of the log (from line `since` on) hold the words: a line comes a moment
        after what it tells of can be seen elsewhere. Those lines."""
        lines: list[str] = []

        def come() -> bool:
            lines[:] = [line for line in self.logs[since:] if words in line]
            return len(lines) >= times

        wait_for(come, f"the log to say {times} times: {words}", self)
        return lines

    def ready(self) -> bool:
        """What /ready says."""
        return self._get("/ready")[0] == 200

    def parts(self) -> dict[str, str]:
        """What /ready says of each part."""
        said = self._get("/ready")[1]
        parts: dict[str, str] = json.loads(said)["parts"] if said else {}
        return parts

    def counted(self, event: str) -> float:
        """How often a listener's counter moved (`mllp.server.MllpServer.counters`), over all channels."""
        found = re.findall(
            rf'^wardline_mllp_events_total\{{.*event="{event}".*\}} (\S+)$', self.metrics(), re.MULTILINE
        )
        return sum(map(float, found))

    def metrics(self) -> str:
        """What /metrics says."""
        return self._get("/metrics")[1]

    def _get(self, path: str) -> tuple[int, str]:
        if not self._http:  # not said yet
            return 0, ""
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self._http, timeout=5 * PATIENCE)
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except OSError:
            return 0, ""
        finally:
            with suppress(UnboundLocalError):
                connection.close()

    @contextmanager
    def store(self) -> Iterator[MessageStore]:
        """The store, opened beside the engine, as `wardline messages` does."""
        opened = open_settings(Settings(store=self.store_url))
        try:
            yield opened
        finally:
            opened.close()

    def messages(self) -> list[MessageView]:
        """Every stored message, oldest first."""
        with self.store() as store:
            return store.messages(Query(limit=10_000))

    def settle(self) -> list[MessageView]:
        """Wait until no message is received or waiting any more; every message."""
        views: list[MessageView] = []

        def settled() -> bool:
            views[:] = store.messages(Query(limit=10_000))
            return not any(view.state.value in OPEN_STATES for view in views)

        with self.store() as store:
            wait_for(settled, "every message to be settled", self)
        return views

    def content(self, message_id: int) -> bytes:
        """The raw bytes of a stored message."""
        with self.store() as store:
            return store.content(message_id)

    def ledger(self) -> list[dict[str, Any]]:
        """The effects that were carried out."""
        path = self.folder / "ledger.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def wardline(self, *arguments: str) -> tuple[int, str]:
        """A command of `wardline` on this store, beside the running engine: exit code and what it said."""
        said, words = os.pipe()
        with open(said) as stream:
            try:
                command = nursery().fork(["--", *arguments], self.environment, words)
            finally:
                os.close(words)
            text = stream.read()
        return command.wait(60 * PATIENCE), text

    def assert_silent(self) -> None:
        """No word that was sent stands in any line of the logs (`logged.py` says what is told apart)."""
        logged = "\n".join(map(told_in, self.logs)).encode()
        found = [word for word in self.spoken if word in logged and _stands_in(word, logged)]
        assert not found, f"the logs repeat what was sent: {found}"


def wait_for(true: Callable[[], bool], what: str, engine: Engine | None = None, within: float = 60.0) -> None:
    """Wait for something another process does, on a machine that is not slow for so many seconds. Fails
    with the engine's last words."""
    if not becomes(true, within):
        words = "\n".join(engine.logs[-20:]) if engine else ""
        raise AssertionError(f"waited {within} s for {what}\n{words}")


def at_once(*calls: Callable[[], Any]) -> Sequence[Any]:
    """What the calls return, made in threads that begin at the same moment."""
    barrier = threading.Barrier(len(calls))
    results: list[Any] = [None] * len(calls)

    def run(number: int) -> None:
        barrier.wait()
        results[number] = calls[number]()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30 * PATIENCE)
    return results


def _stands_in(word: bytes, logged: bytes) -> bool:
    return re.search(rb"(?<![\w.])" + re.escape(word) + rb"(?![\w.])", logged) is not None
