"""Messages in pieces through a running engine: cases A58 and A59, interleaved, repeated, out of order,
killed in between (spec: ack, section 7.2)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from base_message import B1, a1, b1, is_answer
from flow_case import Case
from pieces import pieces
from resending import resent
from running import Engine, channel, wait_for

INSIDE_FT1 = B1.partition(b"\r")[2].index(b"G100") + 2  # between `G1` and `00`


def send_all(engine: Engine, parts: list[bytes]) -> None:
    """Every piece is acknowledged under its own control id."""
    sender = engine.connect()
    for part in parts:
        answer = sender.ask(part)
        assert answer is not None
        assert b"MSA|AA|" + part.split(b"|")[9] + b"\r" in answer


def summary(engine: Engine) -> list[tuple[str, int]]:
    return [(view.state.value, view.original) for view in engine.settle()]


def test_a58_add_inside_one_message(case: Case) -> None:
    message = B1.replace(b"G100^", b"G1\rADD|00^")
    assert is_answer(case.ask(b1("A58", message)), a1("A58"))
    (effect,) = case.effects()
    assert "GLOVE-M" in str(effect)


@pytest.mark.parametrize("cut", [INSIDE_FT1, 10, B1.partition(b"\r")[2].index(b"FT1")])
def test_a_message_in_two_pieces_is_one(make_engine: Callable[..., Engine], cut: int) -> None:
    engine = make_engine(channel("charges")).start()
    send_all(engine, pieces(cut))
    wait_for(lambda: summary(engine) == [("delivered", 0), ("joined", 1)], "the pieces to be joined", engine)
    (effect,) = engine.ledger()
    assert effect["message"] == 1
    with engine.store() as store:
        assert store.gaps() == []


def test_pieces_of_two_messages_out_of_order_repeated_and_after_kill_9(
    make_engine: Callable[..., Engine],
) -> None:
    engine = make_engine(channel("charges")).start()
    one = pieces(30, INSIDE_FT1, INSIDE_FT1 + 2, name="X", pointer="PX")
    two = pieces(INSIDE_FT1, name="Y", pointer="PY", message=B1.replace(b"FT1|1|", b"FT1|2|"))
    send_all(engine, [one[0], two[1], one[2]])
    wait_for(lambda: states(engine) == ["fragment"] * 3, "three pieces to be held", engine)
    engine.kill()
    engine.start()
    send_all(engine, [one[2], one[1], two[0]])
    send_all(engine, [one[3]])
    wait_for(lambda: "fragment" not in states(engine), "the pieces to be joined", engine)
    assert summary(engine) == [
        ("delivered", 0), ("joined", 6), ("joined", 1), ("duplicate", 3), ("joined", 1), ("delivered", 0),
        ("joined", 1),
    ]  # fmt: skip
    assert sorted(line["message"] for line in engine.ledger()) == [1, 6]
    # All of it once more: known, acknowledged, without effect.
    send_all(engine, one + two)
    assert states(engine)[7:] == ["duplicate"] * 6
    assert len(engine.ledger()) == 2


def states(engine: Engine) -> list[str]:
    return [view.state.value for view in engine.settle()]


def test_a59_the_rest_never_comes(make_engine: Callable[..., Engine]) -> None:
    engine = make_engine(channel("charges", source="    fragment_timeout: 2")).start()
    first, middle, last = pieces(30, INSIDE_FT1)
    send_all(engine, [first, last])
    wait_for(lambda: states(engine) == ["dead", "dead"], "the pieces to be given up", engine)
    views = engine.messages()
    assert [view.reason and (view.reason.code.value, view.reason.place) for view in views] == [
        ("continuation", "DSC-1"),
        ("continuation", "MSH-14"),
    ]
    assert [engine.content(view.id) for view in views] == [first, last]
    # The sender begins again, with the same control ids.
    send_all(engine, [first, middle, last])
    wait_for(lambda: "fragment" not in states(engine), "the pieces to be joined", engine)
    assert states(engine) == ["dead", "dead", "delivered", "joined", "joined"]


def test_a_dead_letter_in_pieces_is_redelivered_whole(make_engine: Callable[..., Engine]) -> None:
    engine = make_engine(channel("charges"))
    engine.table("items.csv", "code,item\nG999,OTHER\n")
    engine.start()
    send_all(engine, pieces(INSIDE_FT1))
    wait_for(lambda: states(engine) == ["dead", "joined"], "a dead letter", engine)
    reason = engine.messages()[0].reason
    assert reason is not None
    assert reason.code.value == "unmapped-code"
    engine.stop()
    engine.table("items.csv", "code,item\nG100,GLOVE-M\n")
    engine.start()
    redeliver(engine)
    wait_for(lambda: states(engine) == ["delivered", "joined"], "it to be redelivered", engine)
    assert len(engine.ledger()) == 1


def redeliver(engine: Engine) -> None:
    with engine.store() as store:
        resent(store, now=0.0)


@pytest.mark.parametrize("limit", ["number", "size"])
def test_more_or_larger_pieces_than_one_message_may_have(
    make_engine: Callable[..., Engine], limit: str
) -> None:
    engine = make_engine(channel("charges", source="    max_frame: 65536")).start()
    if limit == "number":
        note = b"NTE|1||" + b"x" * 200 + b"\r"
        parts = pieces(*range(60, 160), message=B1 + note)
        assert len(parts) == 101
    else:
        parts = pieces(40_000, message=B1 + b"NTE|1||" + b"x" * 70_000 + b"\r")
    send_all(engine, parts)
    wait_for(lambda: set(states(engine)) == {"dead"}, "all of them to be dead letters", engine)
    assert {view.reason.code.value for view in engine.messages() if view.reason} == {"oversize"}
    assert engine.ledger() == []


def test_pieces_that_do_not_fit_are_one_dead_letter(make_engine: Callable[..., Engine]) -> None:
    engine = make_engine(channel("charges")).start()
    first, second = pieces(INSIDE_FT1)
    send_all(engine, [first, second.replace(b"DFT^P03^DFT_P03", b"ADT^A01")])
    wait_for(lambda: states(engine) == ["dead", "joined"], "a dead letter", engine)
    reason = engine.messages()[0].reason
    assert reason is not None
    assert (reason.code.value, reason.place) == ("structure", "MSH-9")


@pytest.mark.parametrize("acknowledge", ["transform", "delivery"])
def test_the_last_piece_is_told_what_became_of_the_whole(
    make_engine: Callable[..., Engine], acknowledge: str
) -> None:
    engine = make_engine(channel("charges", source=f"    acknowledge: {acknowledge}")).start()
    send_all(engine, pieces(INSIDE_FT1))
    bad = pieces(INSIDE_FT1, name="D", pointer="V", message=B1.replace(b"G100", b"G1NO"))
    send_all(engine, bad[:1])
    answer = engine.connect().ask(bad[1])
    assert answer is not None
    assert b"MSA|AE|D2\r" in answer
    assert states(engine) == ["delivered", "joined", "dead", "joined"]


@pytest.mark.parametrize("acknowledge", ["storage", "transform", "delivery"])
def test_a57_the_application_answer_is_to_the_first(
    make_engine: Callable[..., Engine], acknowledge: str
) -> None:
    engine = make_engine(channel("charges", source=f"    acknowledge: {acknowledge}")).start()
    sender = engine.connect()

    def asking(parts: list[bytes]) -> list[bytes]:
        return [b1(part.split(b"|")[9].decode(), part, msh15="AL", msh16="AL") for part in parts]

    good = asking(pieces(30, INSIDE_FT1))
    for _ in ("first", "again"):
        for part in good:
            sender.send(part)
        told = [sender.answer() for _ in range(4)]
        assert [answered(one) for one in told] == [
            (b"CA", b"C1"), (b"CA", b"C2"), (b"CA", b"C3"), (b"AA", b"C1"),
        ]  # fmt: skip
    assert sender.is_quiet(0.3)
    bad = asking(pieces(INSIDE_FT1, name="D", pointer="V", message=B1.replace(b"G100", b"G1NO")))
    sender.send(*bad)
    told = [sender.answer() for _ in range(3)]
    assert [answered(one) for one in told] == [(b"CA", b"D1"), (b"CA", b"D2"), (b"AE", b"D1")]
    assert states(engine)[:3] == ["delivered", "joined", "joined"]
    assert len(engine.ledger()) == 1


def answered(answer: bytes | None) -> tuple[bytes, bytes]:
    assert answer is not None
    _, code, control_id, *_ = answer.split(b"\r")[1].split(b"|")
    return code, control_id
