"""Acknowledgement cases A35 to A51: who is answered when, and what is sent again (spec: ack, section 8)."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from base_message import ADT, B1, a1, b1, is_answer
from flow_case import Case
from running import ITEMS, Engine, at_once, channel

ANSWER = rb"MSH|^~\&|EHR|HOSP|ENG|STORE|20261121120000||ACK^A01^ACK|C7|P|2.5" b"\rMSA|AA|OURS-1\r"
GLOVE_UNKNOWN = "ERR||FT1^1^7^1^1|103^Table value not found^HL70357|E||||this code is not in the table⏎"


def test_a35_accept_answer_alone(case: Case) -> None:
    message = b1("A35", msh15="AL", msh16="NE")
    sender = case.connect()
    assert is_answer(sender.ask(message), a1("A35", "CA"))
    assert sender.is_quiet()
    assert case.is_one_delivery(message)


def test_a38_no_answer_wanted(case: Case) -> None:
    message = b1("A38", msh15="NE", msh16="NE")
    sender = case.connect()
    sender.send(message)
    assert sender.is_quiet()
    assert case.is_one_delivery(message)


@pytest.mark.parametrize(
    ("name", "condition", "fine", "bad"),
    [("A39", "ER", None, "CR"), ("A40", "SU", "CA", None)],
)
def test_a39_a40_conditions(case: Case, name: str, condition: str, fine: str | None, bad: str | None) -> None:
    sender = case.connect()
    wanted = {"msh15": condition, "msh16": "NE"}
    sender.send(b1(f"{name}-1", **wanted))
    assert is_answer(sender.answer(), a1(f"{name}-1", fine)) if fine else sender.is_quiet()
    sender.send(b1(f"{name}-2", ADT, msh9="XYZ^A01", **wanted))
    if bad:
        error = "ERR||MSH^1^9^1^1|200^Unsupported message type^HL70357|E⏎"
        assert is_answer(sender.answer(), a1(f"{name}-2", bad, type="ACK^A01^ACK") + error)
    else:
        assert sender.is_quiet()
    assert case.states() == ["delivered", "quarantined: unknown-type"]


@pytest.mark.parametrize(
    ("name", "accept", "application", "code"),
    [("A41", '""', "", "AA"), ("A42", "AL", "", "CA"), ("A43", "", "AL", "AA")],
)
def test_a41_a42_a43_half_filled(case: Case, name: str, accept: str, application: str, code: str) -> None:
    message = b1(name, msh15=accept, msh16=application)
    sender = case.connect()
    assert is_answer(sender.ask(message), a1(name, code))
    assert sender.is_quiet()
    assert case.is_one_delivery(message)


def test_a43_application_answer_alone_tells_of_errors(case: Case) -> None:
    message = b1("A43-error", msh16="AL").replace(b"G100", b"G999")
    assert is_answer(case.ask(message, "transform"), a1("A43-error", "AE") + GLOVE_UNKNOWN)
    assert case.states() == ["dead: unmapped-code"]


def test_a44_enhanced_and_unknown_version(case: Case) -> None:
    answer = case.ask(b1("A44", msh12="9.9", msh15="AL", msh16="NE"))
    error = "ERR||MSH^1^12|203^Unsupported version id^HL70357|E⏎"
    assert is_answer(answer, a1("A44", "CR", tail="P|9.9") + error)
    assert case.states() == ["quarantined: version"]


@pytest.mark.parametrize(
    ("message", "code", "error"),
    [
        (b1("E9", msh9="DFT^P99"), "CR", "MSH^1^9^1^2|201^Unsupported event code^HL70357|E"),
        (b1("E11", msh11="T"), "CR", "MSH^1^11|202^Unsupported processing id^HL70357|E"),
        (b1(""), "CE", "MSH^1^10|101^Required field missing^HL70357|E"),
        (
            b1("E18", msh18="UNICODE UTF-8").replace(b"DOE", b"M\xdcLLER"),
            "CE",
            "MSH^1^18|102^Data type error^HL70357|E||||the bytes do not fit the character set",
        ),
    ],
    ids=["event", "processing id", "control id", "character set"],
)
def test_refusals_in_enhanced_mode(case: Case, message: bytes, code: str, error: str) -> None:
    head, _, rest = message.partition(b"\r")
    fields = head.split(b"|") + [b""] * 18
    fields[14:16] = [b"AL", b"NE"]
    answer = case.ask(b"|".join(fields[:18]) + b"\r" + rest)
    assert answer is not None
    _, msa, err, _ = answer.decode("latin-1").split("\r")
    assert msa.startswith(f"MSA|{code}|")
    assert err == f"ERR||{error}"


def test_a46_an_acknowledgement_is_never_acknowledged(case: Case) -> None:
    sender = case.connect()
    sender.send(ANSWER)
    assert sender.is_quiet()
    assert is_answer(sender.ask(b1("A46")), a1("A46"))
    assert sorted(case.states()) == ["delivered", "quarantined: unknown-type"]


def test_a47_unless_it_asks_for_safe_storage(case: Case) -> None:
    sender = case.connect()
    asking = ANSWER.replace(b"|C7|P|2.5\r", b"|C47|P|2.5|||AL|NE\r")
    assert is_answer(sender.ask(asking), a1("C47", "CA", type="ACK^A01^ACK").replace("^1.2.3^ISO", ""))
    assert sender.is_quiet()


def test_a48_the_same_again(case: Case) -> None:
    sender, message = case.connect(), b1("A48")
    first, second = sender.ask(message), sender.ask(message)
    assert is_answer(first, a1("A48"))
    assert is_answer(second, a1("A48"))
    assert _own_id(first) != _own_id(second)
    views = case.stored()
    assert [view.state.value for view in views] == ["delivered", "duplicate"]
    assert views[1].original == views[0].id
    assert len(case.effects()) == 1


def test_a49_the_same_control_id_with_other_content(case: Case) -> None:
    logged = len(case.engine.logs)
    sender = case.connect()
    assert is_answer(sender.ask(b1("A49")), a1("A49"))
    assert is_answer(sender.ask(b1("A49").replace(b"||||2\r", b"|||3|2\r")), a1("A49"))
    assert case.states() == ["delivered"] * 2
    assert [effect["effect"]["items"][0]["quantity"] for effect in case.effects()] == ["1", "3"]
    assert len(case.engine.said("control id used again", since=logged)) == 1
    assert re.search(r'wardline_messages_accepted_total{.*kind="reused"} 1.0', case.engine.metrics())


@pytest.mark.parametrize("control_id", ["", '""'])
def test_without_control_ids_the_same_bytes_are_the_same_message(case: Case, control_id: str) -> None:
    logged = len(case.engine.logs)
    sender, message = case.connect("anonymous"), b1(control_id)
    other = message.replace(b"||||2\r", b"|||3|2\r")
    for sent in (message, other, message):
        assert is_answer(sender.ask(sent), a1(control_id))
    assert case.states() == ["delivered", "delivered", "duplicate"]
    assert len(case.effects()) == 2
    assert not any("control id" in line for line in case.engine.logs[logged:])


@pytest.mark.parametrize("name", ["charges", "transform", "delivery"])
def test_a51_two_connections_at_the_same_moment(case: Case, name: str) -> None:
    first, second = case.connect(name), case.connect(name)
    for number in range(20):
        message = b1(f"A51-{number}")
        for answer in at_once(lambda: first.ask(message), lambda: second.ask(message)):  # noqa: B023
            assert is_answer(answer, a1(f"A51-{number}"))
    assert sorted(case.states()) == ["delivered"] * 20 + ["duplicate"] * 20
    assert len(case.effects()) == 20


def test_a50_refused_by_the_mapping_corrected_and_sent_again(make_engine: Callable[..., Engine]) -> None:
    engine = make_engine(channel("charges", source="    acknowledge: transform")).start()
    message = B1.replace(b"G100", b"G300")
    assert is_answer(engine.connect().ask(message), a1("C1", "AE") + GLOVE_UNKNOWN)
    assert is_answer(engine.connect().ask(message), a1("C1", "AE") + GLOVE_UNKNOWN)
    assert engine.stop() == 0
    engine.table("items.csv", ITEMS + "G300,MASK-M\n")
    engine.start()
    assert is_answer(engine.connect().ask(message), a1("C1"))
    assert is_answer(engine.connect().ask(message), a1("C1"))
    assert [view.state.value for view in engine.settle()] == ["dead", "dead", "delivered", "duplicate"]
    assert len(engine.ledger()) == 1


def _own_id(answer: bytes | None) -> bytes:
    assert answer is not None
    return answer.split(b"|")[9]
