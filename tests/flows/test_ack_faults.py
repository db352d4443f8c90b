"""Acknowledgement cases A16, A17, A52 and A53: kill -9, a full disk and a slow one (spec: ack, section 8)."""

from __future__ import annotations

import resource
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from base_message import B1, a1, b1, is_answer
from running import Engine, channel, wait_for
from sending import Sender, framed


@pytest.mark.parametrize(
    ("fault", "kept"), [("die-after-commit", 1), ("die-before-commit", 0)], ids=["A16", "A17"]
)
def test_a16_a17_kill_9_around_the_commit(make_engine: Callable[..., Engine], fault: str, kept: int) -> None:
    engine = make_engine(channel("charges"))
    engine.start(fault)
    assert engine.connect().ask(B1) is None
    assert engine.wait() == -signal.SIGKILL
    assert len(engine.messages()) == kept
    engine.start()
    assert is_answer(engine.connect().ask(B1), a1("C1"))
    assert [view.state.value for view in engine.settle()] == ["delivered", "duplicate"][: kept + 1]
    assert len(engine.ledger()) == 1


@pytest.mark.parametrize("acknowledge", ["transform", "delivery"])
def test_a16_when_the_sender_waits_for_the_outcome(
    make_engine: Callable[..., Engine], acknowledge: str
) -> None:
    engine = make_engine(channel("charges", source=f"    acknowledge: {acknowledge}"))
    engine.start("die-after-commit")
    assert engine.connect().ask(B1) is None
    engine.wait()
    engine.start()
    assert is_answer(engine.connect().ask(B1), a1("C1"))
    assert [view.state.value for view in engine.settle()] == ["delivered", "duplicate"]
    assert len(engine.ledger()) == 1


def test_a52_row_16_disk_full(make_engine: Callable[..., Engine]) -> None:
    """The kernel refuses to let files grow: real write errors, as of a full disk."""
    engine = make_engine(channel("charges")).start()
    before, after = b1("A52-before"), b1("A52")
    early = engine.connect()
    assert is_answer(early.ask(before), a1("A52-before"))
    engine.settle()
    pid = engine.process.pid
    room = resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))

    assert engine.connect().ask(after) is None
    wait_for(lambda: not engine.ready(), "the engine to say that it is not ready", engine)
    assert engine.connect().answer() is None  # closed at once: a sender keeps what it has
    assert early.ask(b1("A52-open")) is None  # connections from before get no error either
    assert [view.state.value for view in engine.messages()] == ["delivered"]

    resource.prlimit(pid, resource.RLIMIT_FSIZE, room)
    wait_for(engine.ready, "the engine to take messages again", engine)
    assert is_answer(engine.connect().ask(after), a1("A52"))
    assert is_answer(engine.connect().ask(before), a1("A52-before"))
    assert [view.state.value for view in engine.settle()] == ["delivered", "delivered", "duplicate"]
    assert len(engine.ledger()) == 2


def test_a53_slow_store_row_17_back_pressure(make_engine: Callable[..., Engine], tmp_path: Path) -> None:
    """While one message is in work and one waits, the rest stays in the socket."""
    held = tmp_path / "held"
    held.touch()
    engine = make_engine(channel("charges")).start(f"slow={held}")
    sender = engine.connect()
    sender.send(b1("A53-1"))
    wait_for(lambda: _unread(sender) == 0, "the first to be read", engine)
    sender.send(b1("A53-2"))
    wait_for(lambda: _unread(sender) == 0, "the second to be read", engine)
    third = framed(b1("A53-3"))
    sender.raw(third)
    assert sender.is_quiet(0.5)
    assert _unread(sender) == len(third)
    assert engine.messages() == []
    held.unlink()
    for number in (1, 2, 3):
        assert is_answer(sender.answer(), a1(f"A53-{number}"))
    assert _unread(sender) == 0
    assert len(engine.settle()) == 3


def _unread(sender: Sender) -> int:
    """Bytes that the kernel holds for the engine because it has not read them (proc(5), net/tcp)."""
    here, there = sender.socket.getsockname()[1], sender.socket.getpeername()[1]
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if (_port(fields[1]), _port(fields[2])) == (there, here):
            return int(fields[4].partition(":")[2], 16)
    raise AssertionError("no such connection")


def _port(address: str) -> int:
    return int(address.partition(":")[2], 16)
