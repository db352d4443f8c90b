"""Our client to servers that nobody here wrote, over real sockets.

For each: a thousand messages and more; every one arrives with the very bytes that we sent, in order, its
control id as the server's own library reads it is the one we gave it, and the answer that this library
writes releases our client: accepted, at the first attempt. What a server cannot do is in `peer_faults.yaml`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from certificates import Authority
from interop_messages import TYPES, VERSIONS, Mix, messages
from interop_peers import HL7APY, PYTHON_HL7, WARDLINE, Answered, Received, node, send, serving

from mllp.answers import read_answer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

UTF_8 = Mix(charsets=("", "UNICODE UTF-8"))
LATIN_1 = Mix(charsets=("", "8859/1"))
PLAIN = Mix(versions=("2.5",), charsets=("",), delimiters=("|^~\\&",), sizes=(0,))
NOT_NODE = ("2.1", "2.8.1", "2.8.2")
NOT_HL7APY = ("2.7.1",)


def without(mix: Mix, versions: Sequence[str]) -> Mix:
    return mix._replace(versions=tuple(version for version in VERSIONS if version not in versions))


def hl7apy_types() -> list[str]:
    """MSH-9 as its server looks handlers up: as it stands, in the message's own delimiters."""
    return [kind.replace("^", mark) for kind in TYPES for mark in "^%;"]


def control_id(raw: bytes) -> str:
    return raw.split(raw[3:4], 10)[9].decode()


def check(
    given: Sequence[bytes], answered: list[Answered], received: list[Received], connections: int
) -> None:
    """Nothing is lost, doubled, changed or out of turn, and every answer counts."""
    assert sorted(one.index for one in answered) == list(range(len(given)))
    wrong = [one for one in answered if (one.verdict, one.code, one.attempts) != ("accepted", "AA", 1)]
    assert wrong == []
    for one in answered:
        assert read_answer(one.answer) == ("AA", control_id(given[one.index]).encode())
    assert len(received) == len(given)
    assert [one for one in received if one.control_id != control_id(one.raw)] == []
    places = {raw: index for index, raw in enumerate(given)}
    for line in range(connections):
        turn = [places[one.raw] for one in received if places[one.raw] % connections == line]
        assert turn == list(range(line, len(given), connections)), "out of turn"


def test_python_hl7_server(tmp_path: Path) -> None:
    given = messages("PS", 1000, Mix())
    with serving(PYTHON_HL7, tmp_path / "server") as server:
        answered = send(WARDLINE, "send", tmp_path, server.port, given, connections=5)
        check(given, answered, server.received(), 5)


def test_python_hl7_server_over_tls(tmp_path: Path, tls: dict[str, str]) -> None:
    given = messages("PT", 300, Mix())
    with serving(PYTHON_HL7, tmp_path / "server", tls=tls) as server:
        answered = send(WARDLINE, "send", tmp_path, server.port, given, connections=3, tls=tls)
        check(given, answered, server.received(), 3)


def test_wardline_send_to_python_hl7(tmp_path: Path, tls: dict[str, str], authority: Authority) -> None:
    """The command, with a file of messages, over mutual TLS."""
    given = messages("WS", 300, Mix(sizes=(0, 0, 500)))
    (tmp_path / "many.hl7").write_bytes(b"\n".join(given))
    with serving(PYTHON_HL7, tmp_path / "server", tls=tls) as server:
        command = [sys.executable, "-m", "engine.cli", "send", tmp_path / "many.hl7", "--json"]
        secure = ["--ca", tls["ca"], "--cert", tls["cert"], "--key", tls["key"], "--server-name", "localhost"]
        to = ["--to", f"127.0.0.1:{server.port}"]
        done = subprocess.run([*command, *to, *secure], capture_output=True, timeout=200, check=True)
        assert json.loads(done.stdout)["answers"] == {"AA": 300}
        assert [one.raw for one in server.received()] == given


@pytest.mark.parametrize(("encoding", "mix"), [("utf-8", UTF_8), ("iso8859-1", LATIN_1)])
def test_hl7apy_server(tmp_path: Path, encoding: str, mix: Mix) -> None:
    """It closes after each message, so each has a connection of its own."""
    sizes = (0,) * 40 + (3_000,) * 4 + (20_000,)
    given = messages(f"H{encoding[0]}", 550, without(mix, NOT_HL7APY)._replace(sizes=sizes))
    with serving(HL7APY, tmp_path / "server", encoding=encoding, types=hl7apy_types()) as server:
        answered = send(WARDLINE, "send", tmp_path, server.port, given, connections=4, connect_each=True)
        check(given, answered, server.received(), 4)


@pytest.mark.parametrize(("encoding", "mix"), [("utf-8", UTF_8), ("latin1", LATIN_1)])
def test_node_server(tmp_path: Path, encoding: str, mix: Mix) -> None:
    """It forgets nothing that it has read on a connection, so each message has one of its own."""
    given = messages(f"N{encoding[0]}", 550, without(mix, NOT_NODE))
    with serving(node(), tmp_path / "server", encoding=encoding) as server:
        answered = send(WARDLINE, "send", tmp_path, server.port, given, connections=4, connect_each=True)
        check(given, answered, server.received(), 4)


def test_node_server_over_tls(tmp_path: Path, tls: dict[str, str]) -> None:
    given = messages("NT", 200, without(UTF_8, NOT_NODE))
    with serving(node(), tmp_path / "server", encoding="utf-8", tls=tls) as server:
        answered = send(
            WARDLINE, "send", tmp_path, server.port, given, connections=2, connect_each=True, tls=tls
        )
        check(given, answered, server.received(), 2)


# Faults of the servers, each explained in `peer_faults.yaml`, and what our client makes of them.


def test_node_server_reads_old_messages_again(tmp_path: Path) -> None:
    """On one connection it handles again, and answers again, all that came before. Our client never takes
    an answer for another message's: it passes over a late one, and starts anew when it can trust none."""
    given = messages("NK", 9, PLAIN)
    with serving(node(), tmp_path / "server", encoding="utf-8") as server:
        answered = send(WARDLINE, "send", tmp_path, server.port, given, attempts=2)
        received = [one.control_id for one in server.received()]
    assert [(one.index, one.verdict, one.code) for one in answered] == [
        (index, "accepted", "AA") for index in range(9)
    ]
    assert [one.attempts for one in answered] == [1, 1, 2, 1, 2, 1, 2, 1, 2]
    assert set(received) == {control_id(raw) for raw in given}
    assert len(received) > len(given)


@pytest.mark.parametrize("version", NOT_NODE)
def test_node_server_answers_some_versions_for_nobody(tmp_path: Path, version: str) -> None:
    """AE, with an id that it has made up: no answer to anything we sent."""
    given = messages("NV", 3, PLAIN._replace(versions=(version,)))
    with serving(node(), tmp_path / "server", encoding="utf-8") as server:
        answered = send(WARDLINE, "send", tmp_path, server.port, given, connect_each=True)
        assert len(server.received()) == 3
    assert [one.verdict for one in answered] == ["unmatched"] * 3


@pytest.mark.parametrize("version", NOT_HL7APY)
def test_hl7apy_server_closes_on_a_version_it_lacks(tmp_path: Path, version: str) -> None:
    given = messages("HV", 3, PLAIN._replace(versions=(version,)))
    with serving(HL7APY, tmp_path / "server", encoding="utf-8", types=hl7apy_types()) as server:
        answered = send(WARDLINE, "send", tmp_path, server.port, given, connect_each=True)
        assert server.received() == []
    assert [one.verdict for one in answered] == ["none"] * 3


def test_hl7apy_server_closes_after_each_message(tmp_path: Path) -> None:
    """Our client connects again; a message that met the closed connection is sent once more."""
    given = messages("HC", 20, PLAIN)
    with serving(HL7APY, tmp_path / "server", encoding="utf-8", types=hl7apy_types()) as server:
        answered = send(WARDLINE, "send", tmp_path, server.port, given, attempts=3)
        received = server.received()
    assert [one.verdict for one in answered] == ["accepted"] * 20
    assert {one.control_id for one in received} == {control_id(raw) for raw in given}
