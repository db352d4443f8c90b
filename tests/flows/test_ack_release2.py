"""Cases A70 and A71: MLLP Release 2 tells of the commit before any HL7 answer (spec: ack, section 1)."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from base_message import B1, a1, b1, is_answer
from flow_case import Case
from running import Engine, channel

COMMITTED, NOT_COMMITTED = b"\x06", b"\x15"


def test_a70_the_commit_is_told_before_the_answer(case: Case) -> None:
    message = b1("A70")
    sender = case.connect("release-2")
    assert sender.ask(message) == COMMITTED
    assert is_answer(sender.answer(), a1("A70"))
    assert case.is_one_delivery(message)
    assert sender.ask(message) == COMMITTED
    assert is_answer(sender.answer(), a1("A70"))
    assert case.states() == ["delivered", "duplicate"]


@pytest.mark.parametrize(
    ("accept", "application", "codes"), [("NE", "NE", ()), ("AL", "NE", ("CA",)), ("AL", "AL", ("CA", "AA"))]
)
def test_a70_whatever_hl7_answers_are_due(
    case: Case, accept: str, application: str, codes: tuple[str, ...]
) -> None:
    sender = case.connect("release-2")
    for number in range(2):
        control_id = f"A70-{accept}-{application}-{number}"
        assert sender.ask(b1(control_id, msh15=accept, msh16=application)) == COMMITTED
        assert all(is_answer(sender.answer(), a1(control_id, code)) for code in codes)


def test_a70_a_refused_message_is_safe_in_quarantine(case: Case) -> None:
    sender = case.connect("release-2")
    assert sender.ask(b1("A70-T", msh11="T")) == COMMITTED
    answer = sender.answer()
    assert answer is not None
    assert b"MSA|AR|A70-T\r" in answer
    assert sender.ask(b"no header") == COMMITTED
    answer = sender.answer()
    assert answer is not None
    assert b"MSA|AR|\r" in answer


def test_a13_what_is_too_long_is_not_committed(case: Case) -> None:
    sender = case.connect("release-2")
    assert sender.ask(b1("A70-long") + b"NTE|1||" + b"x" * 70_000 + b"\r") == NOT_COMMITTED
    answer = sender.answer()
    assert answer is not None
    assert b"MSA|AR|A70-long\r" in answer
    assert sender.answer() is None


def test_a70_our_own_sender_speaks_it(case: Case, tmp_path: Path) -> None:
    file = tmp_path / "one.hl7"
    file.write_bytes(b1("A70-send"))
    to = f"127.0.0.1:{case.engine.port('release-2')}"
    command = [sys.executable, "-m", "engine.cli", "send", str(file), "--to", to, "--mllp-release", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert case.is_one_delivery(b1("A70-send"))


def test_a71_the_store_is_down(make_engine: Callable[..., Engine]) -> None:
    engine = make_engine(channel("charges", source='    mllp_release: "2"')).start()
    sender = engine.connect()
    assert sender.ask(b1("A71-before")) == COMMITTED
    assert is_answer(sender.answer(), a1("A71-before"))
    engine.settle()
    pid = engine.process.pid
    room = resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    assert sender.ask(B1) == NOT_COMMITTED
    assert sender.answer() is None
    resource.prlimit(pid, resource.RLIMIT_FSIZE, room)
    assert len(engine.messages()) == 1
