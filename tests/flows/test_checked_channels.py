"""Channels that say `validate:`: what does not pass is answered with an error and waits for a person."""

from __future__ import annotations

from collections.abc import Callable

from running import Engine, channel

PROFILE = """\
messages: 1
types:
  ADT^A01: {messages: 1, segments: {PV1: {messages: 1, seen: 1, required: true}}}
"""
NOTHING = "no_effect: filtered\n"


def adt(number: str, version: str = "2.5", *, visit: bool = True) -> bytes:
    """A sound admission, or one without its PV1."""
    text = (
        rf"MSH|^~\&|EHR^1.2.3^ISO|HOSP|ENG|STORE|20261121120000||ADT^A01^ADT_A01|{number}|P|{version}" + "\r"
        "EVN|A01|20261121120000\rPID|1||77^^^H^MR||DOE^JANE\r" + ("PV1|1|I|ICU\r" if visit else "")
    )
    return text.encode()


def answered(answer: bytes | None) -> list[str]:
    assert answer is not None
    return [line for line in answer.decode().split("\r") if line.startswith(("MSA", "ERR"))]


def test_structure_is_checked_before_mapping_and_told_in_the_versions_own_shape(
    make_engine: Callable[..., Engine],
) -> None:
    source = "    acknowledge: transform"
    engine = make_engine(channel("charges", source=source, rest=f"{NOTHING}validate: structure")).start()
    sender = engine.connect()
    assert answered(sender.ask(adt("V1"))) == ["MSA|AA|V1"]
    assert answered(sender.ask(adt("V2", visit=False))) == [
        "MSA|AE|V2",
        "ERR||PV1^1|100^Segment sequence error^HL70357|E||||required, and not in the message",
    ]
    (_, error) = answered(sender.ask(adt("V3", "2.3.1", visit=False)))
    assert error == "ERR|PV1^1^^100&Segment sequence error&HL70357"
    (_, first, second) = answered(sender.ask(adt("V4", visit=False).replace(b"77^^^H^MR", b"")))
    assert (first.split("|")[2], second.split("|")[2]) == ("PID^1^3", "PV1^1")
    views = engine.settle()
    assert views[3].reason is not None
    assert [one.place for one in views[3].reason.more] == ["PV1"]
    assert [(view.state.value, view.reason.place if view.reason else "") for view in views] == [
        ("filtered", ""),
        ("dead", "PV1"),
        ("dead", "PV1"),
        ("dead", "PID-3"),
    ]
    engine.assert_silent()


def test_under_storage_the_sender_is_told_yes_and_the_person_sees_why(
    make_engine: Callable[..., Engine],
) -> None:
    engine = make_engine(channel("charges", rest=f"{NOTHING}validate: structure")).start()
    assert answered(engine.connect().ask(adt("V4", visit=False))) == ["MSA|AA|V4"]
    (view,) = engine.settle()
    assert (view.state.value, view.reason.code.value if view.reason else "") == ("dead", "structure")


def test_a_profile_is_insisted_on(make_engine: Callable[..., Engine]) -> None:
    rest = f"{NOTHING}validate: profile\nprofile: ehr.profile"
    engine = make_engine(channel("charges", source="    acknowledge: transform", rest=rest))
    engine.table("ehr.profile", PROFILE)
    engine.start()
    sender = engine.connect()
    assert answered(sender.ask(adt("V5"))) == ["MSA|AA|V5"]
    assert answered(sender.ask(adt("V6", visit=False)))[0] == "MSA|AE|V6"


def test_a_check_outlives_the_kill_of_its_engine(make_engine: Callable[..., Engine]) -> None:
    engine = make_engine(channel("charges", rest=f"{NOTHING}validate: structure")).start()
    engine.connect().ask(adt("V7"))
    engine.kill()
    engine.start()
    assert engine.connect().ask(adt("V8", visit=False)) is not None
    assert [view.state.value for view in engine.settle()] == ["filtered", "dead"]
    assert engine.stop() == 0
