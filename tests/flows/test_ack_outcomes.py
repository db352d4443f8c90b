"""Answers that wait for routing or delivery, and rows 2 to 5 and 16 to 19 of the decision table
(spec: ack, section 3.2)."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from base_message import ADT, B1, a1, b1, is_answer
from flow_case import Case
from patience import PATIENCE, free_port
from running import Engine, at_once, channel, wait_for

UNKNOWN_CODE = "ERR||FT1^1^7^1^1|103^Table value not found^HL70357|E||||this code is not in the table⏎"
FILTER = """\
filters:
  - name: other-ward
    when: {FT1-7.1: G200}
"""


@pytest.mark.parametrize("name", ["transform", "delivery"])
def test_row_2_the_answer_follows_the_work(case: Case, name: str) -> None:
    sender = case.connect(name)
    for number in range(5):
        assert is_answer(sender.ask(b1(f"R2-{number}")), a1(f"R2-{number}"))
        if name == "delivery":  # read at once: the effect stands before the sender knows
            last = case.engine.ledger()[-1]
            assert last["message"] == max(view.id for view in case.engine.messages())
    assert len(case.effects()) == 5


def test_row_3_what_was_acknowledged_stays_so_when_its_mapping_fails(case: Case) -> None:
    message = b1("R3").replace(b"G100", b"G999")
    sender = case.connect()
    assert is_answer(sender.ask(message), a1("R3"))
    assert case.states() == ["dead: unmapped-code"]
    assert is_answer(sender.ask(message), a1("R3"))  # told the same again: it is a person's now
    assert case.states() == ["dead: unmapped-code", "duplicate"]
    assert case.effects() == []


@pytest.mark.parametrize("name", ["transform", "delivery"])
def test_row_4_a_message_that_cannot_be_mapped(case: Case, name: str) -> None:
    sender = case.connect(name)
    bad = b1("R4").replace(b"G100", b"G999")
    assert is_answer(sender.ask(bad), a1("R4", "AE") + UNKNOWN_CODE)
    asking = b1("R4-CA", msh15="AL", msh16="NE").replace(b"G100", b"G999")
    assert is_answer(sender.ask(asking), a1("R4-CA", "CA"))
    assert is_answer(sender.ask(asking), a1("R4-CA", "CA"))
    assert case.states() == ["dead: unmapped-code"] * 2 + ["duplicate"]
    assert [view.answered for view in case.stored()] == ["error", "accepted", "accepted"]


@pytest.mark.parametrize(("told", "code"), [("accept", "AA"), ("reject", "AR")])
def test_row_5_a_filtered_message(make_engine: Callable[..., Engine], told: str, code: str) -> None:
    source = f"    acknowledge: transform\n    filtered: {told}"
    engine = make_engine(channel("charges", source=source, rest=FILTER)).start()
    answer = engine.connect().ask(B1.replace(b"G100", b"G200"))
    assert answer is not None
    assert b"MSA|%b|C1" % code.encode() in answer
    (view,) = engine.settle()
    assert (view.state.value, view.step) == ("filtered", "other-ward")
    assert engine.ledger() == []


def test_row_5_nothing_to_do_is_accepted(case: Case) -> None:
    answer = case.ask(b1("R5", ADT), "delivery")
    assert is_answer(answer, a1("R5", type="ACK^A01^ACK"))
    assert case.states() == ["filtered"]


def test_row_18_a_refusal_after_the_commit(make_engine: Callable[..., Engine]) -> None:
    """Under `delivery` it is AE with the place; under `storage` the AA stands and a person sees why."""
    engine = make_engine(channel("charges"), channel("waiting", source="    acknowledge: delivery")).start(
        "refuse"
    )
    assert is_answer(engine.connect("charges").ask(B1), a1("C1"))
    error = "ERR||FT1^1^7|204^Unknown key identifier^HL70357|E||||the destination refused it⏎"
    assert is_answer(engine.connect("waiting").ask(B1), a1("C1", "AE") + error)
    views = engine.settle()
    assert [view.state.value for view in views] == ["dead"] * 2
    assert {view.channel: view.answered for view in views} == {"charges": "accepted", "waiting": "error"}


def test_row_19_the_destination_is_away(make_engine: Callable[..., Engine]) -> None:
    engine = make_engine(
        channel("charges", source="    acknowledge: delivery\n    acknowledge_timeout: 1"),
        ledger=False,
        settings={
            "ODOO_TEST_URL": f"http://127.0.0.1:{free_port()}",
            "ODOO_TEST_DATABASE": "hospital",
            "ODOO_TEST_KEY": "0" * 40,
        },
    ).start()
    began = time.monotonic()
    assert is_answer(engine.connect().ask(B1), a1("C1"))
    assert 0.9 < time.monotonic() - began < 3 * PATIENCE
    (view,) = engine.messages()
    assert view.state.value == "waiting"
    assert is_answer(engine.connect().ask(B1), a1("C1"))
    assert [one.state.value for one in engine.messages()] == ["waiting", "duplicate"]


def test_row_17_while_stopping_nobody_is_refused(make_engine: Callable[..., Engine]) -> None:
    """Eight senders as fast as they can, SIGTERM meanwhile: what got AA is stored, nobody got an
    error, and what was read was answered."""
    engine = make_engine(channel("charges")).start()

    all_answered: list[str] = []

    def send_until_closed(name: str) -> list[str]:
        sender, answered = engine.connect(), list[str]()
        while True:
            control_id = f"{name}-{len(answered)}"
            try:
                answer = sender.ask(b1(control_id))
            except OSError:
                return answered
            if answer is None:
                return answered
            assert is_answer(answer, a1(control_id))
            answered.append(control_id)
            all_answered.append(control_id)

    def stop() -> int:
        wait_for(lambda: len(all_answered) > 200, "traffic", engine)
        return engine.stop()

    *answered, code = at_once(*(lambda n=n: send_until_closed(f"S{n}") for n in range(8)), stop)
    assert code == 0
    answered_ids = {control_id.encode() for ids in answered for control_id in ids}
    assert len(answered_ids) > 100
    with engine.store() as store:
        views = engine.messages()
        stored = {store.content(view.id).split(b"|")[9] for view in views}
    assert answered_ids <= stored
    assert len(stored - answered_ids) <= 8  # at most the one that each had on its way
    engine.start()
    engine.settle()
    assert len(engine.ledger()) == len(views)
