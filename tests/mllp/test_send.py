"""`wardline send` against a server on the loopback."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from certificates import Authority
from mllp_wire import B1, Served, acknowledgement

from engine.cli.send import Tally, play
from mllp.client import ONCE, Answer, MllpClient, Verdict
from mllp.tls import ServerTls

Serve = Callable[..., Served]


def wardline_send(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "engine.cli", "send", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def three(tmp_path: Path) -> Path:
    file = tmp_path / "three.hl7"
    file.write_bytes(b"\n".join(B1.replace(b"|C1|", b"|C%d|" % n).replace(b"\r", b"\n") for n in range(3)))
    return file


def test_a_file_of_messages_is_sent_and_answered(serve: Serve, three: Path) -> None:
    served = serve()
    done = wardline_send(three, "--to", f"127.0.0.1:{served.port}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1].split() == ["AA", "3"]
    assert served.application.received == [B1.replace(b"|C1|", b"|C%d|" % n) for n in range(3)]
    assert "DOE" not in done.stdout + done.stderr


def test_as_is_sends_the_file_byte_for_byte(serve: Serve, three: Path) -> None:
    served = serve()
    assert wardline_send(three, "--to", f"127.0.0.1:{served.port}", "--as-is").returncode == 0
    assert served.application.received == [three.read_bytes()]


def test_a70_release_2(serve: Serve, three: Path) -> None:
    def receive(arrived: Any) -> None:
        arrived.committed()
        arrived.answer(acknowledgement(arrived.message))

    served = serve(receive=receive, release="2")
    to = ("--to", f"127.0.0.1:{served.port}")
    done = wardline_send(three, *to, "--mllp-release", 2)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1].split() == ["AA", "3"]
    assert wardline_send(three, *to, "--timeout", 1).returncode == 1
    assert wardline_send(three, *to, "--mllp-release", 3).returncode == 2


def test_any_negative_answer_is_exit_code_1_and_counted(serve: Serve, three: Path) -> None:
    def receive(arrived: Any) -> None:
        code = b"AE" if b"|C1|" in arrived.message else b"CA"
        arrived.answer(acknowledgement(arrived.message, code))

    served = serve(receive=receive)
    done = wardline_send(
        three, "--to", f"127.0.0.1:{served.port}", "--repeat", 2, "--connections", 2, "--json"
    )
    assert done.returncode == 1
    figures = json.loads(done.stdout)
    assert (figures["messages"], figures["answers"], figures["not_sent"]) == (6, {"CA": 4, "AE": 2}, 0)
    assert figures["p99_ms"] >= figures["p50_ms"] > 0


def test_nobody_listens(three: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        to = ("--to", f"127.0.0.1:{taken.getsockname()[1]}")
        done = wardline_send(three, *to, "--json")
    assert done.returncode == 1
    figures = json.loads(done.stdout)
    assert figures["not_sent"] == 2
    assert next(iter(figures["answers"])).startswith("not connected")
    assert "does an engine run there" in wardline_send(three, *to).stdout


def test_mutual_tls(serve: Serve, three: Path, tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    server, client = authority.issue("engine", "engine.hospital.example"), authority.issue("lab", "lab")
    served = serve(ServerTls(server.certificate, server.key, authority.file, names=["lab"]))
    to = ("--to", f"127.0.0.1:{served.port}", "--ca", authority.file)
    ours = ("--cert", client.certificate, "--key", client.key)
    refused = wardline_send(three, *to, *ours)
    assert (refused.returncode, "--server-name the name in it" in refused.stdout) == (1, True)
    assert served.application.received == []
    assert wardline_send(three, *to, *ours, "--server-name", "engine.hospital.example").returncode == 0


@pytest.mark.parametrize("to", ["host", "host:", ":2575", "host:0", "host:x", "host:99999"])
def test_an_address_that_is_none(three: Path, to: str) -> None:
    from typer import BadParameter

    from engine.cli.send import send

    with pytest.raises(BadParameter, match="HOST:PORT"):
        send([three], to)


def test_a_file_without_messages_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"hello")
    done = wardline_send(tmp_path / "x", "--to", "127.0.0.1:9")
    assert done.returncode == 2
    assert "no line begins with MSH" in done.stderr


def test_the_rate_holds_over_all_connections(serve: Serve, call: Any, reactor: Any) -> None:
    served = serve()
    tally = Tally(10)
    clients = [MllpClient(reactor, "127.0.0.1", served.port, retry=ONCE) for _ in range(3)]
    call(play, reactor, clients, iter([B1] * 10), tally, 20.0)
    assert tally.done == 10
    assert 0.4 < tally.seconds < 2


def test_a_tally_counts_codes_and_reasons() -> None:
    tally = Tally(4)
    assert tally.summary()["p50_ms"] == 0
    for n in range(1, 4):
        tally.add(Answer(Verdict.ACCEPTED, "AA", b"", 1, n / 1000), n)
    tally.add(Answer(Verdict.NONE, reason="no answer in time"), 8.0)
    assert tally.answers == {"AA": 3, "no answer in time": 1}
    assert tally.summary() == {
        "messages": 4,
        "answers": {"AA": 3, "no answer in time": 1},
        "not_sent": 0,
        "seconds": 8.0,
        "per_second": 0.5,
        "p50_ms": 2.0,
        "p99_ms": 3.0,
    }
