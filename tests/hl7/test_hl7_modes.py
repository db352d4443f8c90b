"""engine.hl7.modes: which answers are due."""

from __future__ import annotations

import pytest

from engine.hl7.header import read_header
from engine.hl7.modes import plan


def planned(accept: str, application: str, mode="auto", kind="ADT^A01"):
    raw = f"MSH|^~\\&|A|B|C|D|||{kind}|C1|P|2.5|||{accept}|{application}\r"
    return plan(read_header(raw.encode()), mode)


def answers(found):
    """What is said to: stored, done, processing error, rejection at the door."""
    said = found.stored(), found.applied("accepted"), found.applied("error"), found.refused("rejected")
    return " ".join(code or "-" for code in said)


@pytest.mark.parametrize(
    ("accept", "application", "expected"),
    [
        pytest.param("", "", "- AA AE AR", id="original"),
        pytest.param('""', "", "- AA AE AR", id="A41"),
        pytest.param("AL", "NE", "CA - - CR", id="A35"),
        pytest.param("AL", "AL", "CA AA AE CR", id="A36"),
        pytest.param("NE", "NE", "- - - -", id="A38"),
        pytest.param("ER", "NE", "- - - CR", id="A39"),
        pytest.param("SU", "NE", "CA - - -", id="A40"),
        pytest.param("AL", "", "CA - - CR", id="A42"),
        pytest.param("", "AL", "- AA AE AR", id="A43"),
        pytest.param("", "ER", "- - AE AR", id="errors only"),
        pytest.param("", "SU", "- AA - -", id="successes only"),
        pytest.param("AL", "ER", "CA - AE CR", id="AL and ER"),
        pytest.param("al", "su", "CA AA - CR", id="lower case"),
    ],
)
def test_conditions(accept, application, expected):
    found = planned(accept, application)
    assert answers(found) == expected
    assert found.quirks == ()


def test_an_unknown_condition_counts_as_al():
    found = planned("XX", "NE")
    assert answers(found) == "CA - - CR"
    assert found.quirks == ("unknown_condition",)
    assert answers(planned("AL" * 10_000, "")) == "CA - - CR"


def test_a44_enhanced_refusals():
    found = planned("AL", "NE")
    assert (found.refused("rejected"), found.refused("error")) == ("CR", "CE")
    assert planned("", "").refused("error") == "AE"


@pytest.mark.parametrize("kind", ["ACK^A01^ACK", "ACK", "MCF^Q01"])
def test_a46_a47_an_answer_is_never_acknowledged_but_by_ca(kind):
    assert answers(planned("", "", kind=kind)) == "- - - -"
    assert answers(planned("AL", "AL", kind=kind)) == "CA - - -"
    assert answers(planned("SU", "", kind=kind)) == "CA - - -"
    assert answers(planned("ER", "AL", kind=kind)) == "- - - -"
    assert answers(planned("", "", "always", kind=kind)) == "- - - -"


@pytest.mark.parametrize(
    ("mode", "accept", "application", "expected"),
    [
        ("original", "AL", "NE", "- AA AE AR"),
        ("original", "NE", "NE", "- AA AE AR"),
        ("enhanced", "", "", "CA - - CR"),
        ("enhanced", "", "AL", "- AA AE AR"),
        ("never", "AL", "AL", "- - - -"),
        ("never", "", "", "- - - -"),
        ("always", "", "", "- AA AE AR"),
        ("always", "NE", "NE", "CA - - CR"),
        ("always", "ER", "ER", "CA AA AE CR"),
    ],
)
def test_a_channel_may_override(mode, accept, application, expected):
    assert answers(planned(accept, application, mode)) == expected


@pytest.mark.parametrize(
    ("accept", "application", "acknowledge", "waits"),
    [
        ("", "", "storage", False),
        ("", "", "transform", True),
        ("", "", "delivery", True),
        ("AL", "NE", "delivery", False),
        ("AL", "AL", "storage", True),
        ("NE", "ER", "storage", True),
        ("NE", "NE", "delivery", False),
    ],
)
def test_what_waits_for_its_outcome(accept, application, acknowledge, waits):
    assert planned(accept, application).waits(acknowledge) == waits


@pytest.mark.parametrize(
    ("accept", "application", "code"),
    [("", "", "AR"), ("AL", "NE", "CE"), ("SU", "NE", "CE"), ("NE", "AL", "AR"), ("NE", "NE", None)],
)
def test_row_16_what_a_store_that_is_away_may_say(accept, application, code):
    assert planned(accept, application).unstored() == code
