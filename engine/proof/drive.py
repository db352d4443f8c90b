"""Drives a plan through a running engine: doors, kill -9, a destination that is away, dead letters and
redelivery, all logs open; and collects whatever it wrote or said."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from typing import Final

from engine.app.opening import open_settings
from engine.fhir.releases import RELEASES
from engine.model import MessageState
from engine.proof import fhir_traffic
from engine.proof.channels import CLIENTS, FILES, FORWARDS, Folders, Keys
from engine.proof.commands import all_said
from engine.proof.fhir_traffic import Answered, Client, Request
from engine.proof.forked import Said, said
from engine.proof.hl7_traffic import Sent
from engine.proof.node import Connection, Node, wait_for
from engine.proof.places import Place, database, files
from engine.proof.plan import Plan
from engine.proof.receiver import Receiver
from engine.settings import Settings
from engine.store.base import Store
from engine.store.contracts.views import Query
from engine.telemetry import PrivacyIncident

__all__ = ["Drive"]

RECEIVER: Final = "proof-receiver"
_WINDOW: Final = 200
_LOOKED_AT: Final = 4
_AWAY_FOR: Final = 4
"""Messages that the other system is away for."""

_HEADS: Final = {b"MSH": (3, 4, 5, 6, 10), b"BHS": (3, 4, 5, 6, 11), b"FHS": (3, 4, 5, 6, 11)}
_REPEATED: Final = {b"MSH": (2, 3, 4, 5, 8), b"BHS": (2, 3, 4, 5, 11), b"FHS": (2, 3, 4, 5, 11), b"MSA": (2,)}
"""Fields of what is sent, by number, and of answers, by place in the segment."""

_SELF: Final = re.compile(rb'\{\s*"relation"\s*:\s*"self"\s*,\s*"url"\s*:\s*"[^"]*"\s*\}')

_PAGES: Final = ("/metrics", "/health", "/ready", "/", "/nothing-here")


class Drive:
    """One run. `command` is how `wardline` is called; `odoo` says that effects go where the channels say."""

    def __init__(
        self, folders: Folders, plan: Plan, store: str, command: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        self.folders, self._plan, self._store = folders, plan, store
        self.receiver = Receiver()
        self._keys = Keys({name: f"{name}-{secrets.token_hex(24)}" for name in CLIENTS})
        (folders.root / "tmp").mkdir(exist_ok=True)
        self._said, self._key = folders.root / "said", folders.root / "wardline.key"
        self._said.mkdir(exist_ok=True)
        given = {
            "WARDLINE_STORE": store, "WARDLINE_HTTP": "127.0.0.1:0", "WARDLINE_LOG_LEVEL": "DEBUG",
            "WARDLINE_DEV_KEYS": "true", "COLUMNS": "1000", "TMPDIR": str(folders.root / "tmp"),
            "WARDLINE_USER": "prove-phi", "WARDLINE_SITES": "",
            "WARDLINE_KEY_FILE": str(self._key),
            f"WARDLINE_MLLP_{RECEIVER.replace('-', '_').upper()}_URL": f"mllp://127.0.0.1:{self.receiver.port}",
            **self._keys.environment(),
        }  # fmt: skip
        self._environment, self._command = {**environment, **given}, command
        self.node = Node(command, self._environment, folders.channels, self._said)
        self.answers: list[tuple[str, bytes]] = []
        self.faults: list[str] = []
        self.requests = 0
        self.kills = 0
        self.seen: list[Place] = []

    def run(self, told: Callable[[str], None]) -> None:
        """Everything, from the first start to the last stop. Raises `Unavailable` when the engine does not
        play.
        """
        try:
            self.node.start()
            told("the table in every version, over MLLP and FHIR")
            self._everything()
            told("messages by chance, kill -9 in between")
            self._chance()
            self._settle()
            told("dead letters, redelivery")
            self._redeliver()
            told("pages and commands")
            self._look()
            if self.node.dumps_core:
                self.faults.append("the engine may write core dumps")
            if code := self.node.stop():
                self.faults.append(f"the engine ended with exit code {code}")
        finally:
            self.node.kill()
            self.receiver.close()

    def places(self) -> Iterator[Place]:
        """All that can be seen now that it is over."""
        yield from self.seen
        yield Place("answers over MLLP", "silent", b"\n".join(answer for _, answer in self.answers))
        yield Place("received by another system", "effects", b"\n".join(self.receiver.got))
        yield from self._files("at the end")
        if not self._store.startswith("sqlite"):
            yield from database(self._store, "store")

    def _files(self, when: str) -> Iterator[Place]:
        """Everything in the run's folder but channel files and the files that senders put there, which are
        theirs until they are taken away; of those, the answers."""
        yield from files(self.folders.root, when, silent=("said/", "tmp/"), but=("inbox/", "channels/"))
        for path in self.folders.inbox.glob("*/answers/*"):
            answer, sent = path.read_bytes(), dict(self._plan.files)[path.stem].raw
            yield Place(f"answers to files {when}", "silent", without_repeats(sent, answer))

    def states(self) -> dict[str, int]:
        """How many messages ended how."""
        with_states: dict[str, int] = {}
        opened = self._open()
        try:
            for row in opened.account():
                with_states[row.state.value] = with_states.get(row.state.value, 0) + row.messages
        finally:
            opened.close()
        return with_states

    def stopped(self) -> int:
        """How many messages the guard made dead letters of."""
        opened = self._open()
        try:
            dead = opened.messages(Query(state=MessageState.DEAD.value, limit=100_000))
            return sum(view.reason is not None and view.reason.code.value == "privacy" for view in dead)
        finally:
            opened.close()

    def incidents(self) -> dict[str, int]:
        """What the guard says that it stopped: rows of the policy, and how often."""
        found: dict[str, int] = {}
        for line in self.node.log.read_bytes().splitlines():
            if PrivacyIncident.text.encode() in line:
                with suppress(ValueError):
                    row = str(json.loads(line).get("row", ""))
                    found[row] = found.get(row, 0) + 1
        return found

    def _open(self) -> Store:
        return open_settings(Settings(store=self._store, key_file=self._key))

    def _oddities(self) -> None:
        """Files, and bytes that are no messages."""
        for path, sent in self._plan.files:
            at = self.folders.inbox / FILES / path
            at.with_suffix(".part").write_bytes(sent.raw)
            at.with_suffix(".part").rename(at)
        for data in self._plan.noise:
            connection = self.node.connect(FORWARDS)
            connection.send(data)
            connection.half_close()
            self.answers.append(("noise", connection.answer()))
            connection.close()

    def _everything(self) -> None:
        """At every door at once: at each one message after the other, in their order."""
        of: dict[str, list[Sent]] = {}
        for sent in self._plan.messages:
            if sent.channel in self.node.ports:
                of.setdefault(sent.channel, []).append(sent)
        with ThreadPoolExecutor() as pool:
            doors = [pool.submit(self._oddities), pool.submit(self._resources)]
            doors += [pool.submit(self._one_by_one, messages) for messages in of.values()]
            for door in doors:
                door.result()

    def _one_by_one(self, messages: Sequence[Sent]) -> None:
        for number, sent in enumerate(messages):
            if sent.channel == FORWARDS and number == _AWAY_FOR:
                self.receiver.open()
            connection = self.node.connect(sent.channel)
            self.answers.append((sent.name, without_repeats(sent.raw, connection.last(sent.raw))))
            connection.close()

    def _resources(self) -> None:
        port = next(port for name, port in self.node.ports.items() if name.startswith("proof-resources"))
        client = Client(port, self._keys.of)
        try:
            for request in self._plan.creates:
                answered = self._ask(client, request)
                address = _location(answered)
                if address and request.name.split()[-1] in RELEASES:
                    for follows in fhir_traffic.later(request, address, self._plan.canaries):
                        self._ask(client, follows)
            for request in self._plan.requests:
                self._ask(client, request)
        finally:
            client.close()

    def _ask(self, client: Client, request: Request) -> Answered:
        answered = client.ask(request)
        self.answers.append((answered.name, without_self(answered.head)))
        self.requests += 1
        if not answered.own:
            self.answers.append((answered.name, without_self(answered.body)))
        return answered

    def _chance(self) -> None:
        """In windows, each on a connection of its own; in two of them the engine dies before it was read
        from.
        """
        windows = list(_windows(self._plan.chance))
        deadly = {len(windows) // 3, 2 * len(windows) // 3}
        for number, window in enumerate(windows):
            connections = self._send(window)
            if number in deadly:
                self.node.kill()
                self.kills += 1
                _hang_up(connections)
                self.seen += self._files(f"after kill -9 ({self.kills})")
                self.node.start()
                connections = self._send(window)
            for sent in window:
                answer = connections[sent.channel].answer()
                self.answers.append((sent.name, without_repeats(sent.raw, answer)))
            _hang_up(connections)

    def _send(self, window: Sequence[Sent]) -> dict[str, Connection]:
        connections: dict[str, Connection] = {}
        for sent in window:
            if sent.channel not in connections:
                connections[sent.channel] = self.node.connect(sent.channel)
            connections[sent.channel].send(b"\x0b" + sent.raw + b"\x1c\r")
        return connections

    def _settle(self) -> None:
        opened = self._open()
        waiting = {MessageState.RECEIVED, MessageState.WAITING}
        try:
            wait_for(lambda: not any(row.state in waiting for row in opened.account()), "all is settled", 600)
        finally:
            opened.close()

    def _redeliver(self) -> None:
        again = self._say(["redeliver", "--all", "--why", "the proof of privacy"])
        if again.code:
            self.faults.append(f"`wardline redeliver` ended with exit code {again.code}")
        self.seen.append(Place("wardline redeliver", "silent", again.text))
        self._settle()

    def _look(self) -> None:
        """Every page, and every command that shows something."""
        self.seen += [Place(f"page {path}", "silent", self.node.get(path)) for path in _PAGES]
        number = _number(self._plan.messages[0].raw)
        self.seen += all_said(self._say, self.folders.channels, self._some(), number, self.faults)

    def _say(self, arguments: Sequence[str], typed: bytes = b"") -> Said:
        return said(self._command, arguments, self._environment, typed)

    def _some(self) -> list[int]:
        """A message of each of some channels and states."""
        opened = self._open()
        try:
            found = {
                (view.channel, view.state): view.id
                for view in opened.messages(Query(limit=100_000))
                if view.state is not MessageState.DUPLICATE  # it has no content of its own
            }
        finally:
            opened.close()
        return sorted(found.values())[-_LOOKED_AT:]


def _number(raw: bytes) -> bytes:
    """The first number of the patient that a message is about."""
    fields = raw.partition(b"\rPID|")[2].partition(b"\r")[0].split(b"|")
    return fields[2].partition(b"^")[0] if len(fields) > 2 else b"none"


def without_repeats(raw: bytes, answer: bytes) -> bytes:
    """An answer without what it has to repeat (spec: ack, section 4): the sender's own names, MSH-3 to -6,
    its control id; of a batch the same of BHS and FHS. Each is held against what was sent."""
    own: set[bytes] = set()
    for line in re.split(rb"[\r\n]+", raw):
        fields = line.split(line[3:4] or b"|")
        if fields[0] in _HEADS:
            own.update(fields[at - 1] for at in _HEADS[fields[0]] if len(fields) >= at)
            own.update(fields[8].split(line[4:5])[1:2] if len(fields) > 8 else ())  # the event
    kept = []
    for line in answer.split(b"\r"):
        fields = re.split(rb"([|#])", line)
        for at in _REPEATED.get(fields[0], ()):
            if len(fields) > 2 * at:
                fields[2 * at] = b"^".join(part for part in _parts(fields[2 * at], own))
        kept.append(b"".join(fields))
    return b"\r".join(kept)


def _parts(field: bytes, own: set[bytes]) -> list[bytes]:
    """What of a field is no repetition of what was sent."""
    return [] if field in own else [part for part in re.split(rb"[\^@]", field) if part not in own]


def without_self(body: bytes) -> bytes:
    """A Bundle without its `self` link, which repeats to the client what it looked for (FHIR R4, 3.1.1.7)."""
    return _SELF.sub(b"", body)


def _windows(sent: Sequence[Sent]) -> Iterator[list[Sent]]:
    left, size = iter(sent), min(_WINDOW, len(sent) // 3 + 1)
    while window := list(islice(left, size)):
        yield window


def _hang_up(connections: Mapping[str, Connection]) -> None:
    for connection in connections.values():
        with suppress(OSError):
            connection.close()


def _location(answered: Answered) -> str:
    head = answered.head.decode("latin-1")
    return next(
        (line.partition(": ")[2] for line in head.splitlines() if line.lower().startswith("location:")), ""
    )
