"""Cases A45 and A54 to A56, the sequence number protocol, and control ids that come again
(spec: ack, sections 6 and 7.1)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from base_message import B1, a1, b1, is_answer
from flow_case import Case
from running import Engine, channel
from sending import Sender

OUT_OF_SEQUENCE = (
    "ERR||MSH^1^13|207^Application error^HL70357|E||||not the sequence number that was expected\r"
)
LINK_ONLY = B1.split(b"\r")[0] + b"\r"


def numbered(number: object, control_id: str = "", message: bytes = b"", **fields: str) -> bytes:
    """A message (its link is told apart by MSH-3) in the sequence number protocol."""
    # Written long, so that it is told from a number that an honest log line holds.
    long = f"{number:08}" if isinstance(number, int) else str(number)
    alone = isinstance(number, int) and number < 1  # it speaks of the link: a header says it all
    return b1(control_id or f"N{number}", message or (LINK_ONLY if alone else B1), msh13=long, **fields)


def told(answer: bytes | None) -> tuple[str, str]:
    """MSA-1 and MSA-4."""
    assert answer is not None
    fields = [*answer.split(b"\rMSA|")[1].split(b"\r")[0].split(b"|"), b"", b"", b""]
    return fields[0].decode(), fields[3].decode()


def test_a54_a_link_that_starts(case: Case) -> None:
    sender, link = case.connect("numbered"), {"msh3": "A54"}
    assert told(sender.ask(numbered(0, "S1", **link))) == ("AA", "-1")
    assert is_answer(
        sender.ask(numbered(17, **link)),
        a1("N17").replace("EHR^1.2.3^ISO", "A54").replace("N17⏎", "N17||17⏎"),
    )
    assert told(sender.ask(numbered(0, "S2", **link))) == ("AA", "18")
    assert case.states() == ["delivered"]
    with_body = numbered(0, "S3", B1, **link)
    assert told(sender.ask(with_body)) == ("AA", "18")
    assert told(sender.ask(with_body)) == ("AA", "18")
    assert [f"{view.state.value} {view.step}" for view in case.stored()][1:] == [
        "filtered sequence-link",
        "duplicate sequence-link",
    ]
    assert len(case.effects()) == 1
    assert told(sender.ask(numbered(0, "S4", msh15="AL", msh16="AL", **link))) == ("CA", "18")


def test_a55_a_link_that_begins_anew(case: Case) -> None:
    sender, link = case.connect("numbered"), {"msh3": "A55"}
    assert told(sender.ask(numbered(17, **link))) == ("AA", "17")
    assert told(sender.ask(numbered(-1, "R1", **link))) == ("AA", "-1")
    assert told(sender.ask(numbered(500, **link))) == ("AA", "500")
    assert told(sender.ask(numbered(501, **link))) == ("AA", "501")
    assert case.states() == ["delivered"] * 3


def test_a56_a_number_again_after_a_lost_answer(case: Case) -> None:
    sender, link = case.connect("numbered"), {"msh3": "A56"}
    assert told(sender.ask(numbered(17, **link))) == ("AA", "17")
    assert told(sender.ask(numbered(17, **link))) == ("AA", "18")
    assert told(sender.ask(numbered(18, **link))) == ("AA", "18")
    assert case.states() == ["delivered", "duplicate", "delivered"]
    assert len(case.effects()) == 2


def test_a56_another_message_under_an_old_number_is_not_dropped(case: Case) -> None:
    sender, link = case.connect("numbered"), {"msh3": "A56b"}
    assert told(sender.ask(numbered(17, **link))) == ("AA", "17")
    answer = sender.ask(numbered(17, "OTHER", **link))
    assert told(answer) == ("AE", "18")
    assert answer is not None
    assert answer.decode().endswith(OUT_OF_SEQUENCE)
    assert case.states() == ["delivered", "quarantined: sequence-number"]
    assert len(case.effects()) == 1


@pytest.mark.parametrize(("accept", "fine", "gap"), [("AL", "CA", "CE"), ("", "AA", "AE")])
def test_a45_row_22_a_gap(case: Case, accept: str, fine: str, gap: str) -> None:
    sender, link = case.connect("numbered"), {"msh3": f"A45{accept}", "msh15": accept}
    assert told(sender.ask(numbered(1, **link))) == (fine, "1")
    assert told(sender.ask(numbered(3, **link))) == (gap, "2")
    assert told(sender.ask(numbered(2, **link))) == (fine, "2")
    assert told(sender.ask(numbered(3, **link))) == (fine, "3")
    assert sorted(case.states()) == ["delivered"] * 3 + ["quarantined: sequence-number"]


def test_a45_both_answers_say_the_number(case: Case) -> None:
    sender = case.connect("numbered")
    asking = {"msh3": "A45-AL", "msh15": "AL", "msh16": "AL"}
    assert told(sender.ask(numbered(7, **asking))) == ("CA", "7")
    assert told(sender.answer()) == ("AA", "7")


@pytest.mark.parametrize(
    ("number", "code"), [("1.5", "AE"), ("x", "AE"), ("-2", "AE"), ('""', "AA"), ("", "AA")]
)
def test_what_is_no_number_and_what_is_none(case: Case, number: str, code: str) -> None:
    answer = case.ask(numbered(number, f"X{number}", msh3="NaN"), "numbered")
    assert told(answer) == (code, "")
    if code == "AE":
        assert answer is not None
        assert b"ERR||MSH^1^13|102^Data type error" in answer


def test_without_the_protocol_the_number_means_nothing(case: Case) -> None:
    sender = case.connect()
    assert [told(sender.ask(numbered(n, f"OFF{n}", B1))) for n in (5, 3, 0)] == [("AA", "")] * 3
    assert case.states() == ["delivered"] * 3


def test_a16_numbers_survive_kill_9(make_engine: Callable[..., Engine]) -> None:
    engine = make_engine(channel("charges", source="    sequence_numbers: yes")).start()
    assert told(engine.connect().ask(numbered(41))) == ("AA", "41")
    engine.kill()
    engine.start("die-after-commit")
    assert engine.connect().ask(numbered(42)) is None
    engine.wait()
    engine.start("die-before-commit")
    assert engine.connect().ask(numbered(43)) is None
    engine.wait()
    engine.start()
    sender: Sender = engine.connect()
    assert told(sender.ask(numbered(0, "S"))) == ("AA", "43")
    assert told(sender.ask(numbered(42))) == ("AA", "43")
    assert told(sender.ask(numbered(43))) == ("AA", "43")
    engine.settle()
    assert len(engine.ledger()) == 3


def test_a49_a_control_id_that_must_be_new(case: Case) -> None:
    sender = case.connect("numbered")
    assert is_answer(sender.ask(b1("A49-u")), a1("A49-u"))
    error = (
        "ERR||MSH^1^10|205^Duplicate key identifier^HL70357|E||||"
        "the control id was used before with other content⏎"
    )
    other = b1("A49-u").replace(b"||||2\r", b"|||3|2\r")
    assert is_answer(sender.ask(other), a1("A49-u", "AE") + error)
    enhanced = b1("A49-u", msh15="AL", msh16="AL")
    assert is_answer(sender.ask(enhanced), a1("A49-u", "CE") + error)
    assert is_answer(sender.ask(b1("A49-u")), a1("A49-u"))
    assert case.states() == [
        "delivered",
        "quarantined: control-id-reused",
        "quarantined: control-id-reused",
        "duplicate",
    ]
    assert len(case.effects()) == 1
