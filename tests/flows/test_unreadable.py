"""What cannot be read is kept as the bytes that came, with a reason and its place, and survives a kill: in
quarantine when the sender was told, as a dead letter when that came out later. Real engine, real sockets."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest
from base_message import B1, b1
from flow_case import Case
from running import Engine, channel
from sending import framed

from engine.model import ReasonCode


class Odd(NamedTuple):
    """A message, MSA-1 of its answer, and what becomes of it: state, reason, place."""

    raw: bytes
    answer: bytes
    state: str
    reason: str
    place: str


def fields(control_id: str, segment: bytes) -> bytes:
    """The base message with one more segment."""
    return b1(control_id) + segment + b"\r"


KANJI = b1("U-KANJI", msh18="ISO IR87").replace(b"JANE", b"\x1b$B;\x1b(B")
UNREADABLE = {
    # told at once: quarantine
    "no HL7 at all": Odd(
        b"GET / HTTP/1.1\r\nHost: secretname\r\n\r\n", b"AR", "quarantined", "not-hl7", "MSH"
    ),
    "nothing but noise": Odd(bytes(range(128, 256)) * 4, b"AR", "quarantined", "not-hl7", "MSH"),
    "another segment first": Odd(B1.partition(b"\r")[2], b"AR", "quarantined", "not-hl7", "MSH"),
    "a header cut short": Odd(b"MSH|^~", b"AR", "quarantined", "not-hl7", "MSH"),
    "delimiters that are one": Odd(B1.replace(b"^~", b"^^", 1), b"AR", "quarantined", "not-hl7", "MSH-2"),
    "delimiters that are letters": Odd(B1.replace(b"^~", b"xy", 1), b"AR", "quarantined", "not-hl7", "MSH-2"),
    "UTF-16": Odd(B1.decode("latin-1").encode("utf-16-le"), b"AR", "quarantined", "not-hl7", "MSH"),
    "a type of another channel": Odd(
        b1("U1", msh9="MFN^M05"), b"AR", "quarantined", "unknown-type", "MSH-9[1].1"
    ),
    "an event of another channel": Odd(
        b1("U2", msh9="DFT^P11"), b"AR", "quarantined", "unknown-event", "MSH-9[1].2"
    ),
    "a test message": Odd(b1("U3", msh11="T"), b"AR", "quarantined", "processing-id", "MSH-11"),
    "a version to come": Odd(b1("U4", msh12="3.0"), b"AR", "quarantined", "version", "MSH-12"),
    "no control id": Odd(b1(""), b"AE", "quarantined", "missing-field", "MSH-10"),
    "a control id that deletes": Odd(b1('""'), b"AE", "quarantined", "missing-field", "MSH-10"),
    "bytes that are not UTF-8": Odd(
        b1("U5", msh18="UNICODE UTF-8").replace(b"JANE", b"J\xc4NE"),
        b"AE",
        "quarantined",
        "charset",
        "MSH-18",
    ),
    "8-bit bytes that say ASCII": Odd(
        b1("U6", msh18="ASCII").replace(b"JANE", b"J\xc4NE"), b"AE", "quarantined", "charset", "MSH-18"
    ),
    "8-bit bytes in an unknown set": Odd(
        b1("U7", msh18="CNS 11643-1992").replace(b"JANE", b"J\xc4NE"),
        b"AE",
        "quarantined",
        "charset",
        "MSH-18",
    ),
    "half a character between two switches": Odd(KANJI, b"AE", "quarantined", "charset", "MSH-18"),
    # found out while it was mapped: a dead letter
    "too many segments": Odd(fields("D1", b"\r".join([b"NTE|1"] * 10_000)), b"AA", "dead", "structure", ""),
    "too many lines": Odd(fields("D2", b"\r" * 100_001), b"AA", "dead", "structure", ""),
    "too many fields where one is read": Odd(
        b1("D3").replace(b"||||2\r", b"|" * 1_000 + b"\r"), b"AA", "dead", "structure", "FT1"
    ),
    "too many numbers of the patient": Odd(
        b1("D4").replace(b"77^", b"7~" * 1_000 + b"77^"), b"AA", "dead", "structure", "PID-3"
    ),
    "a quantity that is none": Odd(
        b1("D5").replace(b"^L||||2", b"^L|||1,0"), b"AA", "dead", "bad-value", "FT1[1]-10"
    ),
    "no patient": Odd(b1("D6").replace(b"77^^^H^MR", b""), b"AA", "dead", "missing-field", "PID-3"),
    "a patient called NULL": Odd(b1("D7").replace(b"77^", b"NULL^"), b"AA", "dead", "missing-field", "PID-3"),
    "a code in no table": Odd(b1("D8").replace(b"G100", b"G9"), b"AA", "dead", "unmapped-code", "FT1[1]-7.1"),
    "one key twice": Odd(fields("D9", B1.split(b"\r")[3]), b"AA", "dead", "bad-value", "FT1[2]"),
    "a piece that continues nothing": Odd(
        fields("D10", b"ADD|").replace(b"PID|", b"ADD|x\rPID|", 1), b"AA", "dead", "structure", "ADD[2]"
    ),
}


def is_answered(answer: bytes | None, code: bytes) -> bool:
    return answer is not None and b"\rMSA|" + code + b"|" in answer


@pytest.mark.parametrize("odd", UNREADABLE.values(), ids=UNREADABLE)
def test_it_is_answered_and_kept_as_it_came_with_a_reason(case: Case, odd: Odd) -> None:
    assert is_answered(case.ask(odd.raw), odd.answer)
    (view,) = case.stored()
    assert case.engine.content(view.id) == odd.raw
    assert view.reason is not None
    assert (view.state, view.reason.code, view.reason.place) == (odd.state, odd.reason, odd.place)
    assert case.effects() == []


def test_a_message_over_the_limit_is_known_by_its_head(case: Case) -> None:
    raw = b1("BIG") + b"OBX|1|ED|X||" + b"A" * 1_100_000 + b"\r"
    sender = case.connect("small")
    sender.send(raw)
    assert is_answered(sender.answer(), b"AR")
    (view,) = case.stored()
    kept = case.engine.content(view.id)
    assert view.reason is not None
    assert (view.reason.code, raw.startswith(kept)) == ("oversize", True)
    assert b"BIG" in kept


def test_a_frame_that_its_sender_began_anew_is_kept_without_an_answer(case: Case) -> None:
    part = b1("CUT")[:-20]
    sender = case.connect()
    sender.raw(b"\x0b" + part + framed(b1("WHOLE")))
    assert is_answered(sender.answer(), b"AA")
    assert sender.is_quiet()
    kept = {case.engine.content(view.id): view for view in case.stored()}
    reason = kept[part].reason
    assert reason is not None
    assert (kept[part].state, reason.code) == ("quarantined", "framing")


def test_a_frame_that_never_ends_is_not_answered_so_that_it_comes_again(case: Case) -> None:
    sender = case.connect()
    sender.raw(b"\x0b" + b1("CUT")[:-20])
    sender.half_close()
    assert sender.answer() is None
    assert case.stored() == []


def test_every_reason_that_reading_can_have_is_here() -> None:
    of_the_way_in = {
        ReasonCode.NOT_HL7, ReasonCode.UNKNOWN_TYPE, ReasonCode.UNKNOWN_EVENT, ReasonCode.PROCESSING_ID,
        ReasonCode.VERSION, ReasonCode.CHARSET, ReasonCode.MISSING_FIELD, ReasonCode.BAD_VALUE,
        ReasonCode.STRUCTURE, ReasonCode.UNMAPPED_CODE,
    }  # fmt: skip
    assert {odd.reason for odd in UNREADABLE.values()} == {code.value for code in of_the_way_in}


def test_nothing_of_it_is_lost_when_the_engine_is_killed(make_engine: Callable[..., Engine]) -> None:
    engine = make_engine(channel("charges")).start()
    readable = [odd for odd in UNREADABLE.values() if odd.reason != "not-hl7"]
    sender = engine.connect()
    for odd in readable:
        assert is_answered(sender.ask(odd.raw), odd.answer)
    engine.kill()
    engine.start()
    views = engine.settle()
    assert [engine.content(view.id) for view in views] == [odd.raw for odd in readable]
    assert [(view.state, view.reason.code) for view in views if view.reason] == [
        (odd.state, odd.reason) for odd in readable
    ]
    assert engine.ledger() == []


def test_what_was_odd_and_readable_is_said_and_done(case: Case) -> None:
    """Warnings come to the operator by name and place; the effect stands all the same."""
    raw = b"\n" + b1("W1", msh18="utf8").replace(b"JANE", "JÄNE".encode()) + b"wrapped text\n"
    assert is_answered(case.ask(raw), b"AA")
    (view,) = case.stored()
    assert {(one.code.value, one.place, one.text) for one in view.warnings} == {
        ("structure", "MSH", "blanks or line ends stand before the message"),
        ("charset", "MSH-18", "the character set is not spelled as in table 0211"),
        ("structure", "", "segments end in line feeds"),
        ("structure", "", "a line that is no segment was passed over"),
    }
    assert case.is_one_delivery(raw)
