"""Batches over a running engine's sockets: cases A60 to A62, and hostile ones (spec: ack, section 7.3)."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
from base_message import B1, b1
from running import Engine, channel, wait_for

FHS = rb"FHS|^~\&|EHR^1.2.3^ISO|HOSP|ENG|STORE|20261121120000|||name|F1"
BHS = rb"BHS|^~\&|EHR^1.2.3^ISO|HOSP|ENG|STORE|20261121120000|||name|B1"
BAD = b1("C2", B1.replace(b"G100", b"G1NO"))
THREE = [b1("C1"), BAD, b1("C3")]


def batch(*messages: bytes, header: bytes = BHS, trailer: bytes | None = None) -> bytes:
    end = b"BTS|%d" % len(messages) if trailer is None else trailer
    return header + b"\r" + b"".join(messages) + (end + b"\r" if end else b"")


def read(answer: bytes | None) -> list[tuple[str, str, str]]:
    """What an answer says, segment by segment: BHS-12, MSA-1 and -2, ERR-2 and -3, BTS-1."""
    assert answer is not None
    said = []
    for segment in answer.split(b"\r"):
        fields = segment.decode().split(segment[3:4].decode() or "|")
        picked = {"BHS": (11, 2), "FHS": (11, 2), "MSA": (1, 2), "ERR": (2, 3), "BTS": (1, 9), "FTS": (1, 9)}
        if fields[0] in picked:
            one, two = picked[fields[0]]
            padded = fields + [""] * 12
            said.append((fields[0], padded[one], padded[two] if fields[0] in ("MSA", "ERR") else ""))
    return said


def states(engine: Engine) -> list[str]:
    return [view.state.value for view in engine.settle()]


def taken(code: str, *numbers: int, reference: str = "B1") -> list[tuple[str, str, str]]:
    return [
        ("BHS", reference, ""),
        *(("MSA", code, f"C{number}") for number in numbers),
        ("BTS", str(len(numbers)), ""),
    ]


@pytest.mark.parametrize("mode", ["all", "failed"])
def test_a60_three_messages_the_second_bad(make_engine: Callable[..., Engine], mode: str) -> None:
    source = f"    acknowledge: transform\n    batch_answers: {mode}"
    engine = make_engine(channel("charges", source=source)).start()
    answer = engine.connect().ask(batch(*THREE))
    error = [("MSA", "AE", "C2"), ("ERR", "FT1^1^7^1^1", "204^Unknown key identifier^HL70357")]
    said = read(answer)
    assert [one for one in said if one[0] != "ERR"] == [
        ("BHS", "B1", ""),
        *([("MSA", "AA", "C1")] if mode == "all" else []),
        error[0],
        *([("MSA", "AA", "C3")] if mode == "all" else []),
        ("BTS", "3" if mode == "all" else "1", ""),
    ]
    assert sum(one[0] == "ERR" for one in said) == 1
    assert answer is not None
    header = answer.split(b"\r")[0].split(b"|")
    assert header[1:6] == [rb"^~\&", b"ENG", b"STORE", b"EHR^1.2.3^ISO", b"HOSP"]
    assert header[10] not in (b"", b"B1")
    assert states(engine) == ["filtered", "delivered", "dead", "delivered"]
    assert [view.type for view in engine.messages()] == ["BHS", *["DFT^P03"] * 3]
    assert engine.content(1) == BHS + b"\rBTS|3"
    assert len(engine.ledger()) == 2


def test_a60_refused_at_the_door_and_accepted_by_storage(make_engine: Callable[..., Engine]) -> None:
    engine = make_engine(channel("charges")).start()
    second = b1("C2", msh11="T")
    said = read(engine.connect().ask(batch(b1("C1"), second, b1("C3"))))
    assert said == [
        ("BHS", "B1", ""), ("MSA", "AA", "C1"), ("MSA", "AR", "C2"),
        ("ERR", "MSH^1^11", "202^Unsupported processing id^HL70357"), ("MSA", "AA", "C3"), ("BTS", "3", ""),
    ]  # fmt: skip
    assert states(engine) == ["filtered", "delivered", "quarantined", "delivered"]


@pytest.mark.parametrize("atomic", [True, False])
def test_a61_a_count_that_does_not_hold(make_engine: Callable[..., Engine], atomic: bool) -> None:
    engine = make_engine(channel("charges", source=f"    batch_atomic: {'yes' if atomic else 'no'}")).start()
    frame = batch(*(b1(f"C{number}") for number in (1, 2, 3)), trailer=b"BTS|5")
    said = read(engine.connect().ask(frame))
    view = engine.settle()[0]
    assert view.reason is not None
    assert (view.reason.code.value, view.reason.place) == ("batch", "BTS[1]-1")
    assert engine.said("the envelope of a batch does not hold")
    if atomic:
        error = ("ERR", "BTS^1^1", "207^Application internal error^HL70357")
        assert said[:2] + said[3:] == [("BHS", "B1", ""), ("MSA", "AE", "B1"), ("BTS", "1", "")]
        assert said[2][:2] == error[:2]
        assert states(engine) == ["quarantined"]
        assert engine.content(1) == frame
        assert engine.ledger() == []
        # Sent again, mended: a batch refused is no original.
        assert read(engine.connect().ask(frame.replace(b"BTS|5", b"BTS|3"))) == taken("AA", 1, 2, 3)
    else:
        assert said == taken("AA", 1, 2, 3)
        assert states(engine) == ["filtered", *["delivered"] * 3]


def test_a62_an_empty_batch(make_engine: Callable[..., Engine]) -> None:
    engine = make_engine(channel("charges")).start()
    sender = engine.connect()
    assert read(sender.ask(batch())) == taken("AA")
    assert read(sender.ask(BHS.replace(b"B1", b"B2"))) == taken("AA", reference="B2")
    assert states(engine) == ["filtered", "filtered"]


def test_shapes_that_the_standard_allows_and_hostile_ones(make_engine: Callable[..., Engine]) -> None:
    engine = make_engine(channel("charges")).start()
    sender = engine.connect()
    one, two = b1("C1"), b1("C2")
    # No trailer; a header in the middle is a second batch; a file around all; the same again.
    assert read(sender.ask(batch(one, trailer=b""))) == taken("AA", 1)
    middle = BHS + b"\r" + one + BHS.replace(b"B1", b"B2") + b"\r" + two
    assert read(sender.ask(middle)) == [*taken("AA", 1), *taken("AA", 2, reference="B2")]
    whole = FHS + b"\r" + batch(one) + batch(two, header=BHS.replace(b"B1", b"B2")) + b"FTS|2\r"
    assert read(sender.ask(whole)) == [
        ("FHS", "F1", ""), *taken("AA", 1), *taken("AA", 2, reference="B2"), ("FTS", "2", ""),
    ]  # fmt: skip
    # Nested, two file headers, something after the trailer: taken, and said.
    nested = FHS + b"\r" + BHS + b"\r" + FHS + b"\r" + one + b"FTS|9\r" + two
    assert [said for said in read(sender.ask(nested)) if said[0] == "MSA"] == [
        ("MSA", "AA", "C1"), ("MSA", "AA", "C2"),
    ]  # fmt: skip
    # Other delimiters inside, and in the envelope; a message that is none.
    other = b1("C4").replace(b"|", b"$")
    header = BHS.replace(b"|", b"*").replace(b"B1", b"B9")
    said = sender.ask(header + b"\r" + other + b"MSH|^^^^|x\r" + b1("C5") + b"BTS*3\r")
    assert said is not None
    assert said.startswith(b"BHS*^~\\&*ENG*STORE*")
    assert b"MSA$AA$C4\r" in said
    assert b"MSA|AR|\r" in said
    assert b"MSA|AA|C5\r" in said
    assert said.endswith(b"BTS*3\r")
    assert sender.ask(b1("C6")) is not None  # the connection goes on
    views = engine.settle()
    assert [view.state.value for view in views if view.type == "DFT^P03"].count("delivered") == 5
    assert len(engine.ledger()) == 5
    assert [view.reason.place for view in views if view.step == "batch" and view.reason] == ["FHS[2]"]


def test_a_batch_sent_again_is_known_and_answered_the_same(make_engine: Callable[..., Engine]) -> None:
    engine = make_engine(channel("charges")).start()
    frame = batch(*(b1(f"C{number}") for number in (1, 2)))
    for _ in range(2):
        assert read(engine.connect().ask(frame)) == taken("AA", 1, 2)
    assert states(engine) == ["filtered", "delivered", "delivered", *["duplicate"] * 3]
    assert len(engine.ledger()) == 2


def test_enhanced_mode_accepts_together_and_applies_together(make_engine: Callable[..., Engine]) -> None:
    engine = make_engine(channel("charges")).start()
    sender = engine.connect()
    asking = [b1(f"C{number}", msh15="AL", msh16="AL") for number in (1, 2)]
    sender.send(batch(*asking))
    assert read(sender.answer()) == taken("CA", 1, 2)
    assert read(sender.answer()) == taken("AA", 1, 2)
    quiet = [b1(f"C{number}", msh15="NE", msh16="NE") for number in (3, 4)]
    sender.send(batch(*quiet, header=BHS.replace(b"B1", b"B2")))
    assert sender.is_quiet(0.5)
    assert states(engine) == ["filtered", "delivered", "delivered"] * 2


@pytest.mark.parametrize("headers", ["required", "optional"])
def test_several_messages_without_any_header(make_engine: Callable[..., Engine], headers: str) -> None:
    engine = make_engine(channel("charges", source=f"    batch_headers: {headers}")).start()
    sender = engine.connect()
    answer = sender.ask(b1("C1") + b1("C2"))
    assert sender.ask(b1("C3")) is not None
    if headers == "optional":
        assert read(answer) == taken("AA", 1, 2, reference="")
        assert states(engine) == ["delivered"] * 3
    else:  # one message with two headers: a dead letter
        assert read(answer) == [("MSA", "AA", "C1")]
        assert states(engine) == ["dead", "delivered"]


def test_more_messages_or_bytes_than_a_channel_takes(make_engine: Callable[..., Engine]) -> None:
    engine = make_engine(channel("charges", source="    max_batch: 2\n    max_frame: 65536")).start()
    sender = engine.connect()
    said = read(sender.ask(batch(b1("C1"), b1("C2"), b1("C3"))))
    assert said[:2] == [("BHS", "B1", ""), ("MSA", "AR", "B1")]
    said = read(sender.ask(BHS + b"\r" + BHS.replace(b"B1", b"B3") + b"\r" + (BHS + b"\r") * 20))
    assert said[:2] == [("BHS", "B1", ""), ("MSA", "AR", "B1")]
    long = BHS.replace(b"B1", b"B2") + b"\r" + b"".join(b1(f"C{number}") for number in range(400))
    said = read(sender.ask(long))
    assert said[:2] == [("BHS", "B2", ""), ("MSA", "AR", "B2")]
    assert states(engine) == ["quarantined"] * 3
    assert [view.reason.code.value for view in engine.messages() if view.reason] == ["oversize"] * 3


def test_a_large_batch_leaves_others_their_turn(make_engine: Callable[..., Engine]) -> None:
    engine = make_engine(channel("charges", source="    acknowledge: transform")).start()
    many, one = engine.connect(), engine.connect()
    messages = [b1(f"C{number}", B1.replace(b"FT1|1|", b"FT1|%d|" % number)) for number in range(3000)]
    many.send(batch(*messages))
    assert one.ask(b1("X")) is not None
    said = read(many.answer(60))
    assert said[-1] == ("BTS", "3000", "")
    assert [control_id for kind, _, control_id in said if kind == "MSA"] == [f"C{n}" for n in range(3000)]


@pytest.mark.parametrize(("fault", "kept"), [("die-after-commit", 4), ("die-before-commit", 0)])
def test_kill_9_within_a_batch(make_engine: Callable[..., Engine], fault: str, kept: int) -> None:
    engine = make_engine(channel("charges"))
    engine.start(fault)
    frame = batch(*(b1(f"C{number}", B1.replace(b"FT1|1|", b"FT1|%d|" % number)) for number in (1, 2, 3)))
    assert engine.connect().ask(frame) is None
    assert engine.wait() == -signal.SIGKILL
    engine.start()
    assert read(engine.connect().ask(frame)) == taken("AA", 1, 2, 3)
    assert len(engine.settle()) == kept + 4
    wait_for(lambda: len(engine.ledger()) == 3, "three effects", engine)


def test_a_store_that_cannot_take_it_gives_no_answer(make_engine: Callable[..., Engine]) -> None:
    import resource

    engine = make_engine(channel("charges")).start()
    early = engine.connect()
    room = resource.prlimit(engine.process.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    frame = batch(*(b1(f"C{number}") for number in (1, 2)))
    assert early.ask(frame) is None
    resource.prlimit(engine.process.pid, resource.RLIMIT_FSIZE, room)
    wait_for(engine.ready, "the engine to take messages again", engine)
    assert read(engine.connect().ask(frame)) == taken("AA", 1, 2)
    assert states(engine) == ["filtered", "delivered", "delivered"]


def test_release_2_commits_a_batch_once(make_engine: Callable[..., Engine]) -> None:
    source = "    mllp_release: '2'\n    batch_atomic: yes"
    engine = make_engine(channel("charges", source=source)).start()
    sender = engine.connect()
    sender.send(batch(b1("C1"), b1("C2")))
    assert sender.answer() == b"\x06"
    assert read(sender.answer()) == taken("AA", 1, 2)
    sender.send(batch(b1("C3"), trailer=b"BTS|2", header=BHS.replace(b"B1", b"B2")))
    assert sender.answer() == b"\x06"
    assert read(sender.answer())[1] == ("MSA", "AE", "B2")
