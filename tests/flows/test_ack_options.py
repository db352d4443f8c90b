"""Answers where the channel decides otherwise: rows 16 and 19, case A65 (spec: ack, sections 3.2, 8)."""

from __future__ import annotations

import resource
from collections.abc import Callable
from pathlib import Path

import pytest
from base_message import a1, b1, is_answer
from flow_case import Case
from running import Engine, channel, wait_for

NOT_STORED = "ERR|||207^Application error^HL70357|F||||not stored, send it again⏎"
LATE = "ERR|||207^Application error^HL70357|E||||stored, not carried out in time⏎"


@pytest.mark.parametrize(("accept", "code"), [("", "AE"), ("AL", "CE")])
def test_a65_undeclared_eight_bit_text_on_a_strict_channel(case: Case, accept: str, code: str) -> None:
    sender = case.connect("declared")
    message = b1(f"A65-{accept}", msh15=accept).replace(b"DOE", b"M\xdcLLER")
    error = "ERR||MSH^1^18|102^Data type error^HL70357|E||||8-bit text without a declared character set⏎"
    assert is_answer(sender.ask(message), a1(f"A65-{accept}", code) + error)
    declared = b1(f"A65-{accept}-1", msh18="8859/1").replace(b"DOE", b"M\xdcLLER")
    assert is_answer(sender.ask(declared), a1(f"A65-{accept}-1", tail="P|2.5||||||8859/1"))
    assert is_answer(sender.ask(b1(f"A65-{accept}-2")), a1(f"A65-{accept}-2"))
    assert case.states() == ["quarantined: charset", "delivered", "delivered"]


@pytest.mark.parametrize(
    ("conditions", "code"),
    [({}, "AR"), ({"msh15": "AL", "msh16": "NE"}, "CE"), ({"msh15": "NE", "msh16": "NE"}, None)],
    ids=["original", "enhanced", "unasked"],
)
def test_row_16_a_channel_that_says_so_when_nothing_can_be_stored(
    make_engine: Callable[..., Engine], conditions: dict[str, str], code: str | None
) -> None:
    engine = make_engine(channel("charges", source="    store_unavailable: nack")).start()
    sender = engine.connect()
    assert is_answer(sender.ask(b1("R16-before")), a1("R16-before"))
    engine.settle()
    pid = engine.process.pid
    room = resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    answer = sender.ask(b1("R16", **conditions))
    assert is_answer(answer, a1("R16", code) + NOT_STORED) if code else answer is None
    assert sender.answer() is None  # closed all the same
    resource.prlimit(pid, resource.RLIMIT_FSIZE, room)
    wait_for(engine.ready, "the engine to take messages again", engine)
    assert [view.state.value for view in engine.messages()] == ["delivered"]
    assert is_answer(engine.connect().ask(b1("R16")), a1("R16"))


def test_row_19_a_channel_that_tells_of_late_delivery(
    make_engine: Callable[..., Engine], tmp_path: Path
) -> None:
    """AE when the time is up; the message goes on, and who sends it again waits for that one."""
    source = "    acknowledge: delivery\n    acknowledge_timeout: 1\n    acknowledge_late: error"
    held = tmp_path / "held"
    held.touch()
    engine = make_engine(channel("charges", source=source)).start(f"linger={held}")
    sender = engine.connect()
    assert is_answer(sender.ask(b1("R19")), a1("R19", "AE") + LATE)
    assert is_answer(sender.ask(b1("R19")), a1("R19", "AE") + LATE)
    sender.send(b1("R19"))
    held.unlink()
    assert is_answer(sender.answer(), a1("R19"))
    assert [view.state.value for view in engine.settle()] == ["delivered", "duplicate", "duplicate"]
    assert len(engine.ledger()) == 1


def test_row_17_nothing_is_known_in_time(make_engine: Callable[..., Engine], tmp_path: Path) -> None:
    """Who had its CA goes on without the other answer; who had nothing finds the connection closed."""
    held = tmp_path / "held"
    held.touch()
    engine = make_engine(channel("charges", source="    acknowledge_timeout: 1")).start(f"dawdle={held}")
    released, waiting = engine.connect(), engine.connect()
    assert is_answer(released.ask(b1("R17-1", msh15="AL", msh16="AL")), a1("R17-1", "CA"))
    assert is_answer(released.ask(b1("R17-2", msh15="AL", msh16="NE")), a1("R17-2", "CA"))
    assert engine.counted("application_answer_missing") == 1
    assert waiting.ask(b1("R17-3", msh15="NE", msh16="AL")) is None
    held.unlink()
    assert [view.state.value for view in engine.settle()] == ["delivered"] * 3
