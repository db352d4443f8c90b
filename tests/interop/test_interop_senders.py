"""Senders that nobody here wrote, to a running engine, over real sockets.

For each: more than a thousand messages of every version, several character sets, delimiters and sizes; every
one is answered AA with its own control id (as the sender's own library reads the answer), in the order it was
sent, is stored with the very bytes that left the sender, and has its effect once.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import hl7
import interop_messages
import pytest
from certificates import Authority
from interop_messages import Mix, messages
from interop_peers import PYTHON_HL7, Answered, node, send
from running import Engine, channel

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

UTF_8 = Mix(charsets=("", "UNICODE UTF-8"))
LATIN_1 = Mix(charsets=("", "8859/1"))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Engine]:
    pair = authority.issue("engine", "localhost")
    secure = "\n".join(
        f"      {line}"
        for line in (
            "certificate: " + str(pair.certificate),
            f"key: {pair.key}",
            f"client_ca: {authority.file}",
        )
    )
    running = Engine(
        tmp_path_factory.mktemp("engine"),
        channel("open"),
        channel("secret", source=f"    tls:\n{secure}"),
        settings={"APPLICATION": "WARDLINE", "FACILITY": "STORE"},
    )
    running.start()
    yield running
    assert running.stop() == 0


def stored(engine: Engine) -> dict[bytes, Counter[str]]:
    """Every stored content, and how often in which state."""
    found: dict[bytes, Counter[str]] = {}
    views = engine.settle()
    with engine.store() as store:
        for view in views:
            found.setdefault(store.content(view.original or view.id), Counter())[view.state.value] += 1
    return found


def check(engine: Engine, given: Sequence[bytes], answered: list[Answered], connections: int) -> None:
    """Nothing is lost, doubled, changed or answered out of turn."""
    assert sorted(one.index for one in answered) == list(range(len(given)))
    for line in range(connections):
        turn = [one.index for one in answered if one.index % connections == line]
        assert turn == sorted(turn), "answers out of order"
    ids = {index: raw.split(raw[3:4], 10)[9].decode() for index, raw in enumerate(given)}
    wrong = [(ids[one.index], one.code, one.about) for one in answered]
    assert [row for row in wrong if row[1:] != ("AA", row[0])] == []
    kept = stored(engine)
    for one in answered:
        states = kept.get(one.sent)
        assert states is not None, f"{ids[one.index]} is not stored as it was sent"
        assert sum(states.values()) == 1
        is_charge = b"DFT" in one.sent.split(b"\r", 1)[0]
        assert set(states) == {"delivered" if is_charge else "filtered"}, ids[one.index]
    effects = Counter(line["message"] for line in engine.ledger())
    delivered = sum(states["delivered"] for states in kept.values())
    assert effects == dict.fromkeys(effects, 1)
    assert len(effects) == delivered


def test_python_hl7_blocking_client(engine: Engine, tmp_path: Path) -> None:
    given = messages("PB", 1000, Mix())
    answered = send(PYTHON_HL7, "blocking", tmp_path, engine.port("open"), given, connections=5)
    check(engine, given, answered, 5)


def test_python_hl7_asyncio_client(engine: Engine, tmp_path: Path) -> None:
    """The messages as python-hl7 read them and wrote them again."""
    given = messages("PA", 1000, Mix())
    answered = send(PYTHON_HL7, "asyncio", tmp_path, engine.port("open"), given, connections=4)
    check(engine, given, answered, 4)
    assert [one.sent for one in answered] == [given[one.index] for one in answered]


def test_python_hl7_in_pieces(engine: Engine, tmp_path: Path) -> None:
    given = messages("PP", 200, Mix(sizes=(0,) * 9 + (3_000,)))
    answered = send(PYTHON_HL7, "asyncio", tmp_path, engine.port("open"), given, connections=8, portions=7)
    check(engine, given, answered, 8)


def test_python_hl7_over_tls(engine: Engine, tmp_path: Path, tls: dict[str, str]) -> None:
    given = messages("PT", 300, Mix())
    answered = send(PYTHON_HL7, "asyncio", tmp_path, engine.port("secret"), given, connections=4, tls=tls)
    check(engine, given, answered, 4)


def test_python_hl7_mllp_send(engine: Engine, tmp_path: Path) -> None:
    """Its command, with a file of blocks."""
    given = messages("PC", 300, Mix(sizes=(0, 0, 500)))
    file = tmp_path / "blocks"
    file.write_bytes(b"".join(b"\x0b" + raw + b"\x1c\r" for raw in given))
    command = [sys.executable, "-m", "hl7.client", "--port", str(engine.port("open")), "--file", str(file)]
    done = subprocess.run([*command, "127.0.0.1"], capture_output=True, timeout=200, check=True)
    answers = [hl7.parse(block.decode("latin-1")) for block in done.stdout.split(b"\x0b")[1:]]
    assert [str(answer["MSA.F2"]) for answer in answers] == [f"PC{n}" for n in range(1, 301)]
    assert {str(answer["MSA.F1"]) for answer in answers} == {"AA"}
    kept = stored(engine)
    assert all(raw.rstrip(b"\r") in kept for raw in given)  # it takes the last CR of a message off


@pytest.mark.parametrize(("encoding", "mix"), [("utf-8", UTF_8), ("latin1", LATIN_1)])
def test_node_client(engine: Engine, tmp_path: Path, encoding: str, mix: Mix) -> None:
    given = messages(f"N{encoding[0]}", 600, mix)
    answered = send(node(), "client", tmp_path, engine.port("open"), given, connections=4, encoding=encoding)
    check(engine, given, answered, 4)
    # it writes no CR behind the last segment; all the rest is as it was read
    assert [one.sent for one in answered] == [given[one.index].removesuffix(b"\r") for one in answered]


def test_node_client_over_tls(engine: Engine, tmp_path: Path, tls: dict[str, str]) -> None:
    given = messages("NT", 200, UTF_8)
    answered = send(
        node(), "client", tmp_path, engine.port("secret"), given, connections=2, encoding="utf-8", tls=tls
    )
    check(engine, given, answered, 2)


def test_the_messages_are_of_every_kind() -> None:
    """What the tests above send is what they say."""
    given = messages("X", 1000, Mix())
    heads = [raw.split(b"\r", 1)[0] for raw in given]
    assert len(set(given)) == 1000
    assert {head[3:8] for head in heads} == {b"|^~\\&", b"$%!*@", b"#;:?/"}
    assert {head.split(head[3:4])[11].decode() for head in heads} == set(interop_messages.VERSIONS)
    assert max(map(len, given)) > 290_000
