"""Profiles: learned from samples, held against other messages; no value of an identifying field in them."""

from __future__ import annotations

import msgspec
import pytest

from engine.hl7.document import Document
from engine.hl7.profile import CODES, SURE, FieldUse, Learner, Profile, departures

CODED = {("PID", 8), ("PV1", 2), ("ZXX", 1)}


def adt(sex: str = "F", name: str = "DOE", ward: str = "ICU", more: str = "", event: str = "A01") -> str:
    return (
        rf"MSH|^~\&|EHR|HOSP|ENG|STORE|20261121||ADT^{event}|C1|P|2.5" + "\r"
        f"PID|1||77^^^H^MR||{name}^JANE|||{sex}\rPV1|1|I|{ward}\r{more}"
    )


def learn(*messages: str) -> Profile:
    learner = Learner(lambda segment, number: (segment, number) in CODED, lambda document: lambda text: False)
    for message in messages:
        learner.add(Document.parse(message.encode()))
    return learner.profile()


def told(message: str, profile: Profile) -> list[tuple[str, str, int]]:
    return [(one.severity, one.place, one.hl7) for one in departures(message.encode(), profile)]


def test_what_was_used_is_counted() -> None:
    segment = learn(adt(), adt("M", "LONGER-NAME")).types["ADT^A01"].segments["PID"]
    assert (segment.messages, segment.most, segment.seen) == (2, 1, 2)
    assert segment.fields[8] == FieldUse(seen=2, length=1, codes=["F", "M"])
    assert segment.fields[5].length == len("LONGER-NAME^JANE")


def test_only_fields_that_may_tell_have_codes() -> None:
    written = msgspec.json.encode(learn(adt(name="SECRETNAME")))
    assert b"SECRETNAME" not in written
    assert b"JANE" not in written
    assert b'"F"' in written


def test_many_or_long_values_are_no_codes() -> None:
    many = learn(*(adt(f"{number}") for number in range(CODES + 1)))
    assert many.types["ADT^A01"].segments["PID"].fields[8].codes == []
    assert learn(adt("X" * 30)).types["ADT^A01"].segments["PID"].fields[8].codes == []


def test_what_was_always_there_is_required_once_there_were_enough() -> None:
    few, enough = learn(adt()), learn(*[adt()] * SURE)
    assert not few.types["ADT^A01"].segments["PV1"].required
    assert enough.types["ADT^A01"].segments["PV1"].required
    assert enough.types["ADT^A01"].segments["PID"].fields[8].required


@pytest.fixture(scope="module")
def known() -> Profile:
    return learn(*[adt()] * SURE, adt("M", more="NTE|1||a\rNTE|2||b\r"))


def test_what_was_learned_does_not_depart(known: Profile) -> None:
    assert told(adt(), known) == told(adt("M"), known) == []


@pytest.mark.parametrize(
    ("message", "finding"),
    [
        (adt("X"), ("E", "PID-8", 103)),
        (adt(""), ("E", "PID-8", 101)),
        (adt().replace("PV1|1|I|ICU\r", ""), ("E", "PV1", 100)),
        (adt(name="A-MUCH-LONGER-NAME"), ("W", "PID-5", 104)),
        (adt(name="A^B~C"), ("W", "PID-5", 198)),
        (adt(more="ZXX|1\r"), ("W", "ZXX", 100)),
        (adt(ward="ICU||more"), ("W", "PV1-5", 199)),
        (adt(more="NTE|1||a\rNTE|1||a\rNTE|1||a\r"), ("W", "NTE", 198)),
        (adt(event="A08"), ("W", "MSH-9", 200)),
    ],
)
def test_departures_are_named(known: Profile, message: str, finding: tuple[str, str, int]) -> None:
    assert finding in told(message, known)


def test_errors_come_first_and_no_value_is_told(known: Profile) -> None:
    found = departures(adt("SECRET", name="A-MUCH-LONGER-SECRET").encode(), known)
    assert [one.severity for one in found] == sorted(one.severity for one in found)
    assert "SECRET" not in repr(found)


def test_the_second_segment_of_its_kind_is_named_by_its_number(known: Profile) -> None:
    assert ("W", "NTE[2]-3", 104) in told(adt(more="NTE|1||a\rNTE|2||longer\r"), known)
