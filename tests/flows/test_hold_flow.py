"""Doors, channels and destinations that a person stops, at a running engine, and kill -9."""

from __future__ import annotations

from collections.abc import Callable

from base_message import a1, b1, is_answer
from running import Engine, channel, wait_for

from engine.model import MessageState


def ordered(engine: Engine, *arguments: str) -> None:
    code, said = engine.wardline(*arguments, "--why", "recall of gloves")
    assert code == 0, said


def states(engine: Engine) -> list[MessageState]:
    return [view.state for view in engine.messages()]


def closed(engine: Engine) -> bool:
    try:
        return engine.connect().ask(b1("CLOSED")) is None
    except OSError:
        return True


def test_a_paused_channel_answers_and_waits_also_after_kill_and_goes_on_in_order(
    make_engine: Callable[..., Engine],
) -> None:
    engine = make_engine(channel("charges"), workers=2).start()
    assert is_answer(engine.connect().ask(b1("C1")), a1("C1"))
    engine.settle()
    ordered(engine, "pause", "charges")
    for number in range(2, 6):
        assert is_answer(engine.connect().ask(b1(f"C{number}")), a1(f"C{number}"))
    engine.kill()
    engine.start()
    assert is_answer(engine.connect().ask(b1("C6")), a1("C6"))
    assert states(engine) == [MessageState.DELIVERED, *[MessageState.RECEIVED] * 5]
    assert engine.ready()
    ordered(engine, "resume", "charges")
    assert {view.state for view in engine.settle()} == {MessageState.DELIVERED}
    assert [line["message"] for line in engine.ledger()] == [1, 2, 3, 4, 5, 6]


def test_a_held_door_takes_nothing_and_the_engine_stays_ready_also_after_a_restart(
    make_engine: Callable[..., Engine],
) -> None:
    engine = make_engine(channel("charges")).start()
    sender = engine.connect()
    assert is_answer(sender.ask(b1("C1")), a1("C1"))
    ordered(engine, "pause", "charges", "--door")
    wait_for(lambda: engine.parts()["listener charges"] == "degraded", "the door to be held", engine)
    assert sender.answer() is None  # the connection that was there is closed
    assert closed(engine)
    engine.kill()
    engine.start()
    assert engine.parts()["listener charges"] == "degraded"
    assert closed(engine)
    assert len(engine.messages()) == 1
    ordered(engine, "resume", "charges", "--door")
    wait_for(lambda: engine.parts()["listener charges"] == "ready", "the door to be open", engine)
    assert is_answer(engine.connect().ask(b1("C2")), a1("C2"))


def test_a_held_destination_gets_nothing_until_it_is_let_go(make_engine: Callable[..., Engine]) -> None:
    engine = make_engine(channel("charges")).start()
    ordered(engine, "hold", "odoo:test")
    for number in range(1, 4):
        assert is_answer(engine.connect().ask(b1(f"C{number}")), a1(f"C{number}"))
    wait_for(lambda: states(engine) == [MessageState.WAITING] * 3, "effects to be made", engine)
    assert engine.ledger() == []
    code, said = engine.wardline("holds")
    assert (code, "odoo:test" in said, "recall of gloves" in said) == (0, True, True)
    ordered(engine, "let-go", "odoo:test")
    engine.settle()
    assert [line["message"] for line in engine.ledger()] == [1, 2, 3]


def test_a_name_that_nothing_has_is_refused(make_engine: Callable[..., Engine]) -> None:
    engine = make_engine(channel("charges")).start()
    for arguments in (("pause", "chargez"), ("hold", "odoo:elsewhere")):
        code, said = engine.wardline(*arguments, "--why", "recall")
        assert (code, "there is no such" in said) == (2, True), said
