"""Case A36, and every combination of MSH-15 and MSH-16 on one connection (spec: ack, sections 2, 3.2)."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from base_message import a1, b1, is_answer
from flow_case import Case
from running import Engine, channel, wait_for
from sending import Sender

CONDITIONS = ("", "AL", "NE", "ER", "SU")
UNKNOWN_CODE = "ERR||FT1^1^7^1^1|103^Table value not found^HL70357|E||||this code is not in the table⏎"


def test_a36_both_answers_on_the_same_connection(case: Case) -> None:
    message = b1("A36", msh15="AL", msh16="AL")
    sender = case.connect()
    first, second = sender.ask(message), sender.answer()
    assert is_answer(first, a1("A36", "CA"))
    assert is_answer(second, a1("A36", "AA"))
    assert first is not None
    assert second is not None
    assert first.split(b"|")[9] != second.split(b"|")[9]
    assert case.is_one_delivery(message)
    assert said(sender, message) == ["CA", "AA"]  # a duplicate is answered the same
    assert case.states() == ["delivered", "duplicate", "delivered"]


@pytest.mark.parametrize("name", ["charges", "transform", "delivery"])
@pytest.mark.parametrize("bad", [False, True], ids=["fine", "unmapped"])
def test_every_combination_of_msh_15_and_16(case: Case, name: str, *, bad: bool) -> None:
    """What is stored and then mapped, or not: the accept answer tells of storage, the other of the rest."""
    sender = case.connect(name)
    for accept, application in itertools.product(CONDITIONS, CONDITIONS):
        control_id = f"M-{name}-{bad}-{accept}-{application}"
        message = b1(control_id, msh15=accept, msh16=application)
        message = message.replace(b"G100", b"G999") if bad else message
        at_once = name == "charges" and not accept and not application
        expected = due(accept, application, failed=bad and not at_once)
        assert said(sender, message) == expected, (accept, application)
    assert set(case.states()) == ({"dead: unmapped-code", "delivered"} if bad else {"delivered"})


def test_every_combination_for_what_is_refused_at_the_door(case: Case) -> None:
    sender = case.connect()
    for accept, application in itertools.product(CONDITIONS, CONDITIONS):
        message = b1(f"X-{accept}-{application}", msh15=accept, msh16=application, msh11="T")
        if not accept and not application:
            expected = ["AR"]
        elif accept in ("AL", "ER"):
            expected = ["CR"]
        elif accept in ("", "NE") and application in ("AL", "ER"):
            expected = ["AR"]
        else:
            expected = []
        assert said(sender, message) == expected, (accept, application)


def test_row_3_the_application_answer_tells_of_the_mapping_under_storage_too(case: Case) -> None:
    sender = case.connect()
    bad = b1("R3-AL", msh15="AL", msh16="AL").replace(b"G100", b"G999")
    assert is_answer(sender.ask(bad), a1("R3-AL", "CA"))
    assert is_answer(sender.answer(), a1("R3-AL", "AE") + UNKNOWN_CODE)
    assert said(sender, bad) == ["CA", "AE"]  # refused, so not a duplicate but a new attempt
    assert case.states() == ["dead: unmapped-code"] * 2 + ["delivered"]


def test_the_next_message_waits_for_the_application_answer(
    make_engine: Callable[..., Engine], tmp_path: Path
) -> None:
    """Back-pressure: CA at once, AA when it is delivered, and only then the message behind it."""
    held = tmp_path / "held"
    held.touch()
    engine = make_engine(channel("charges", source="    acknowledge: delivery")).start(f"linger={held}")
    sender = engine.connect()
    sender.send(b1("W-1", msh15="AL", msh16="AL"), b1("W-2", msh15="AL", msh16="AL"))
    assert is_answer(sender.answer(), a1("W-1", "CA"))
    assert sender.is_quiet()
    assert len(engine.messages()) == 1
    held.unlink()
    assert [is_answer(sender.answer(), a1(*told)) for told in (("W-1", "AA"), ("W-2", "CA"), ("W-2", "AA"))]


def test_gone_between_the_two_answers(make_engine: Callable[..., Engine], tmp_path: Path) -> None:
    """What was accepted stays so; who asks again after a crash hears the same."""
    held = tmp_path / "held"
    held.touch()
    engine = make_engine(channel("charges", source="    acknowledge: delivery")).start(f"linger={held}")
    message = b1("G-1", msh15="AL", msh16="AL")
    assert is_answer(engine.connect().ask(message), a1("G-1", "CA"))
    engine.kill()
    engine.start()
    sender = engine.connect()
    assert is_answer(sender.ask(message), a1("G-1", "CA"))
    assert is_answer(sender.answer(), a1("G-1", "AA"))
    assert [view.state.value for view in engine.settle()] == ["delivered", "duplicate"]
    wait_for(lambda: len(engine.ledger()) == 1, "one effect", engine)


def due(accept: str, application: str, *, failed: bool) -> list[str]:
    """The codes for a message that is stored, by section 2.2 and table 0155."""
    if not accept and not application:
        return ["AE" if failed else "AA"]
    first = ["CA"] if accept in ("AL", "SU") else []
    second = {"AL": True, "ER": failed, "SU": not failed}.get(application, False)
    return first + ["AE" if failed else "AA"] * second


def said(sender: Sender, message: bytes) -> list[str]:
    """The codes that a message gets, found by the answer to one behind it, which has to wait its turn."""
    control_id = message.split(b"|")[9]
    probe = b"P-" + control_id
    sender.send(message, b1(probe.decode()))
    codes: list[str] = []
    while True:
        answer = sender.answer()
        assert answer is not None
        code, about = answer.partition(b"\rMSA|")[2].split(b"\r")[0].split(b"|")
        if about == probe:
            return codes
        assert about == control_id
        codes.append(code.decode())
