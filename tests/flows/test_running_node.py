"""The whole node: TLS, who may connect, one engine to a store, worker processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from base_message import B1, a1, b1, is_answer
from certificates import Authority, Pair
from running import Engine, channel, wait_for
from sending import Sender

from engine.store.contracts.views import Query


class Hospital:
    """The certificates of a hospital, and of someone else."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder, "hospital")
        self.engine = self.authority.issue("engine", "localhost", "127.0.0.1")
        self.sender = self.authority.issue("sender", "ehr.hospital.example")
        self.other_sender = self.authority.issue("other", "lab.hospital.example")
        self.stranger = Authority(folder, "stranger").issue("sender", "ehr.hospital.example")

    def context(self, shown: Pair | None = None) -> ssl.SSLContext:
        """A sender's side that trusts the hospital alone."""
        made = ssl.create_default_context(cafile=str(self.authority.file))
        if shown is not None:
            made.load_cert_chain(shown.certificate, shown.key)
        return made

    def source(self, *lines: str) -> str:
        """`tls:` of a channel."""
        keys = [f"certificate: {self.engine.certificate}", f"key: {self.engine.key}", *lines]
        return "    tls:\n" + "\n".join(f"      {line}" for line in keys)


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Hospital:
    return Hospital(tmp_path_factory.mktemp("certificates"))


def test_tls_and_mutual_tls_by_the_channel_file(
    make_engine: Callable[..., Engine], hospital: Hospital
) -> None:
    engine = make_engine(
        channel("secret", source=hospital.source()),
        channel("mutual", source=hospital.source(f"client_ca: {hospital.authority.file}")),
        channel(
            "named",
            source=hospital.source(
                f"client_ca: {hospital.authority.file}", "client_names: [ehr.hospital.example]"
            ),
        ),
    ).start()
    answered = a1("C1")
    assert is_answer(engine.connect("secret", tls=hospital.context()).ask(B1), answered)
    for name in ("mutual", "named"):
        sender = engine.connect(name, tls=hospital.context(hospital.sender))
        assert is_answer(sender.ask(B1), answered)
    assert len(engine.settle()) == 3

    assert engine.connect("secret").ask(B1) is None  # plain text
    with pytest.raises(ssl.SSLCertVerificationError):
        engine.connect("secret", tls=ssl.create_default_context())
    assert _is_refused(engine, "mutual", hospital.context())
    assert _is_refused(engine, "mutual", hospital.context(hospital.stranger))
    assert _is_refused(engine, "named", hospital.context(hospital.other_sender))
    assert len(engine.settle()) == 3


def _is_refused(engine: Engine, name: str, context: ssl.SSLContext) -> bool:
    """In TLS 1.3 the client hears of it only when it reads."""
    try:
        return engine.connect(name, tls=context).ask(B1) is None
    except (ssl.SSLError, ConnectionError):
        return True


def test_what_watches_the_logs_sees_what_it_must(tmp_path: Path) -> None:
    engine = Engine(tmp_path, channel("charges"))
    engine.spoken = {b"JANE", b"20261121"}
    engine.logs = ['{"event": "JANET at 120261121.5"}']
    engine.assert_silent()
    engine.logs.append("ValueError: could not read JANE")
    with pytest.raises(AssertionError, match="JANE"):
        engine.assert_silent()


SAID = {"event": "audit signed", "number": 3.0, "key_id": "k1", "timestamp": "2026-11-22T21:47:29.123456Z"}


@pytest.mark.parametrize(
    ("spoken", "line"),
    [
        (b"20261121", SAID | {"number": 20261121}),
        (b"123456", SAID | {"at": 123456}),
        (b"3.0", SAID | {"number": "3.0"}),
        (b"3.0", SAID | {"key_id": "3.0"}),
        (b"3.0", SAID | {"quantity": 3.0}),
        (b"3.0", SAID | {"event": "audit of 3.0"}),
        (b"3.0", SAID | {"timestamp": "at 3.0"}),
        (b"3.0", [SAID]),
    ],
)
def test_an_honest_number_is_no_word_of_a_message_and_any_other_is(
    tmp_path: Path, spoken: bytes, line: object
) -> None:
    engine = Engine(tmp_path, channel("charges"))
    engine.spoken = {spoken, b"3.0", b"2026"}
    engine.logs = [json.dumps(SAID), '{"address": "127.0.0.1:2026"}']
    engine.assert_silent()
    engine.logs.append(json.dumps(line))
    with pytest.raises(AssertionError, match=spoken.decode()):
        engine.assert_silent()


def test_only_networks_that_are_allowed(make_engine: Callable[..., Engine]) -> None:
    engine = make_engine(channel("charges", source="    allow: [127.0.0.64/26]"), cold=True).start()
    assert is_answer(engine.connect(host="127.0.0.65").ask(B1), a1("C1"))
    assert engine.connect(host="127.0.0.1").answer() is None
    assert engine.counted("refused_address") == 1


def test_a_second_engine_on_one_store_is_refused(make_engine: Callable[..., Engine]) -> None:
    first, second = make_engine(channel("charges"), cold=True), make_engine(channel("charges"), cold=True)
    first.start()
    second.use_store_of(first)
    second.spawn()
    assert second.wait() == 2
    assert second.logs[-1] == (
        "wardline: another engine runs on this store (stop it first, or name another store)"
    )
    assert is_answer(first.connect().ask(B1), a1("C1"))


def test_workers_route_and_deliver_and_are_replaced(make_engine: Callable[..., Engine]) -> None:
    engine = make_engine(
        channel("charges"), channel("waiting", source="    acknowledge: delivery"), workers=3
    ).start()
    sender, waiting = engine.connect("charges"), engine.connect("waiting")
    assert _answers_and_delivers(engine, sender, waiting, "W1")
    killed, kept = engine.worker_pids()
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: not engine.ready(), "the node to notice", engine)
    wait_for(engine.ready, "the node to be ready again", engine)
    assert kept in engine.worker_pids()
    assert engine.said("worker ended unexpectedly")
    assert _answers_and_delivers(engine, sender, waiting, "W2")
    pids = engine.worker_pids()
    assert engine.stop() == 0
    assert not any(map(_lives, pids))


def test_workers_end_with_a_killed_parent_and_carry_nothing_out_twice(
    make_engine: Callable[..., Engine], tmp_path: Path
) -> None:
    held = tmp_path / "held"
    held.touch()
    engine = make_engine(channel("charges"), workers=2).start(f"linger={held}")
    assert is_answer(engine.connect().ask(B1), a1("C1"))
    wait_for(lambda: _is_claimed(engine), "the worker to be in the middle of it", engine)
    pids = engine.worker_pids()
    engine.kill()
    wait_for(lambda: not any(map(_lives, pids)), "the worker to end", engine)
    held.unlink()
    engine.start()
    assert is_answer(engine.connect().ask(B1), a1("C1"))
    assert [view.state.value for view in engine.settle()] == ["delivered", "duplicate"]
    assert len(engine.ledger()) == 1


def _is_claimed(engine: Engine) -> bool:
    with engine.store() as store:
        return bool(store.deliveries(Query(state="claimed")))


def _answers_and_delivers(engine: Engine, sender: Sender, waiting: Sender, name: str) -> bool:
    before = len(engine.ledger())
    for number in range(10):
        assert is_answer(sender.ask(b1(f"{name}-{number}")), a1(f"{name}-{number}"))
    assert is_answer(waiting.ask(b1(name)), a1(name))
    views = engine.settle()
    return len(engine.ledger()) - before == 11 and {view.state.value for view in views} == {"delivered"}


def _lives(pid: int) -> bool:
    """Whether it runs (a zombie does not)."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("address", ["taken", "nonsense:port"])
def test_an_address_for_health_that_cannot_be_had_ends_the_start(
    make_engine: Callable[..., Engine], address: str
) -> None:
    engine = make_engine(channel("charges"))
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        engine.environment["WARDLINE_HTTP"] = taken if address == "taken" else address
        engine.spawn()
        assert engine.wait() == 2
    assert engine.logs[-1].startswith("wardline: WARDLINE_HTTP: cannot be listened on: ")
