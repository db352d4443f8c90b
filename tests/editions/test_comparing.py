"""What would be otherwise of a message, field by field; and how it is said."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.editions.comparing import Difference, differences
from engine.editions.impact import Channel, Group, Pair
from engine.editions.replaying import Became
from engine.editions.wording import headline, pairs, sentence
from engine.effects import Charge, Effect, Encounter, Forward, Item, Money, Reserve

GLOVE = Item("GLOVE", Decimal(2))


def became(*effects: Effect) -> Became:
    return Became("effects", "", "AA", effects)


def charge(key: str = "c/1", **given: object) -> Charge:
    return Charge(**{"key": key, "encounter": "t1v_x", "item": GLOVE, **given})  # type: ignore[arg-type]


def reserve(**given: object) -> Reserve:
    return Reserve(**{"key": "r/1", "items": (GLOVE,), "destination": "WH/ICU", **given})  # type: ignore[arg-type]


def apart(old: Effect, new: Effect) -> list[tuple[str, str, str, str]]:
    found = differences(became(old), became(new))
    return [(one.about, one.what, one.before, one.after) for one in found]


@pytest.mark.parametrize(
    ("old", "new", "what", "before", "after"),
    [
        (reserve(), reserve(destination="WH/IMC"), "destination", "WH/ICU", "WH/IMC"),
        (reserve(), reserve(needed_on=date(2026, 11, 3)), "needed_on", "none", "2026-11-03"),
        (
            reserve(), reserve(needed_at=datetime(2026, 11, 3, 8, tzinfo=UTC)),
            "needed_at", "none", "2026-11-03 08:00+00:00",
        ),
        (reserve(), reserve(items=(Item("GLOVE", Decimal(3)),)), "quantity", "GLOVE 2", "GLOVE 3"),
        (reserve(), reserve(items=(Item("GLOVE-L", Decimal(2)),)), "item", "GLOVE", "GLOVE-L"),
        (reserve(), reserve(items=(GLOVE, GLOVE)), "items", "GLOVE 2", "GLOVE 2, GLOVE 2"),
        (reserve(), reserve(items=(Item("GLOVE", Decimal(2), "BX"),)), "unit", "none", "BX"),
        (reserve(), reserve(procure=False), "procure", "yes", "no"),
        (charge(), charge(item=Item("GLOVE", Decimal("2.5"))), "quantity", "GLOVE 2", "GLOVE 2.5"),
        (charge(), charge(price=Money(Decimal("12.50"), "EUR")), "price", "none", "12.50 EUR"),
        (charge("a"), charge("b"), "key", "a", "b"),
    ],
)  # fmt: skip
def test_each_field_that_differs_is_told(
    old: Effect, new: Effect, what: str, before: str, after: str
) -> None:
    assert apart(old, new) == [(type(old).__name__.lower(), what, before, after)]


def test_an_effect_that_is_new_or_gone_is_told() -> None:
    assert apart(charge("a"), charge("b", cost_centre="7")) == [
        ("charge", "gone", "", ""), ("charge", "made", "", ""),
    ]  # fmt: skip
    assert apart(charge("a"), reserve()) == [("charge", "gone", "", ""), ("reserve", "made", "", "")]


def test_of_a_message_that_is_passed_on_only_the_segments_are_named() -> None:
    old, new = (
        Forward(key="f", message=f"MSH|1\rPID|{kind}\rPV1|I\r", control_id="1") for kind in ("t1p_a", "t1p_b")
    )
    assert apart(old, new) == [("forward", "segment PID", "", "")]


def test_what_becomes_of_the_message_its_answer_and_its_warnings_are_told() -> None:
    old = Became("dead", "unmapped-code", "AE", (), ("seen", "left"))
    new = Became("effects", "", "AA", (charge(),), ("seen", "odd"))
    found = list(differences(old, new))
    assert found[:4] == [
        Difference("message", "fate", "dead: unmapped-code", "effects"),
        Difference("message", "answer", "AE", "AA"),
        Difference("message", "no warning", after="left"),
        Difference("message", "warning", after="odd"),
    ]
    assert found[4] == Difference("charge", "made", key="c/1")


WORDS = st.text("ab", max_size=2)
EFFECTS = st.lists(
    st.one_of(
        st.builds(charge, key=WORDS, cost_centre=WORDS),
        st.builds(Encounter, key=WORDS, subject=WORDS, location=WORDS),
    ),
    max_size=4,
    unique_by=lambda one: (type(one), one.key),
)
BECAME = st.builds(
    Became,
    state=st.sampled_from(["effects", "dead"]),
    why=WORDS,
    answer=WORDS,
    effects=EFFECTS.map(tuple),
    warnings=st.lists(WORDS, max_size=2, unique=True).map(tuple),
)


@given(BECAME, BECAME)
def test_there_is_a_difference_exactly_when_something_differs(old: Became, new: Became) -> None:
    def content(one: Became) -> object:
        effects = {(type(effect), effect.key): effect for effect in one.effects}
        return one.state, one.why, one.answer or "none", effects, {*one.warnings}

    assert list(differences(old, old)) == []
    assert bool(list(differences(old, new))) == (content(old) != content(new))
    assert len(list(differences(old, new))) == len(list(differences(new, old)))


def group(about: str, what: str, count: int, *some: tuple[str, str, int], messages: int = 0) -> Group:
    return Group(about, what, count, messages or count, tuple(Pair(*one) for one in some), (1,))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (group("reserve", "destination", 12), "12 reservations change location"),
        (group("charge", "price", 1), "1 charge changes price"),
        (group("charge", "made", 3), "3 charges are made that were not before"),
        (group("release", "gone", 2), "2 releases of reservations are not made any more"),
        (group("forward", "segment PID", 2), "2 messages passed on change segment PID"),
        (group("price", "valid_from", 1), "1 list price changes valid from"),
        (
            group("message", "fate", 2, ("refused: unknown-type", "effects", 2)),
            "2 messages that were refused at the door (unknown-type) now pass",
        ),
        (
            group("message", "fate", 1, ("effects", "dead: unmapped-code", 1)),
            "1 message becomes a dead letter: unmapped-code",
        ),
        (
            group("message", "fate", 4, ("effects", "filtered: payment", 4)),
            "4 messages have no effect any more: payment",
        ),
        (
            group("message", "fate", 2, ("filtered: payment", "dead: bad-value", 2)),
            "2 messages become dead letters: bad-value (before: without effect (payment))",
        ),
        (group("message", "fate", 9, ("effects", "untaken", 9)), "9 messages would be taken by no channel"),
        (
            group("message", "fate", 1, ("effects", "refused: version", 1)),
            "1 message is refused at the door: version",
        ),
        (group("message", "answer", 2, ("AA", "AE", 2)), "2 messages are answered AE instead of AA"),
        (
            group("message", "warning", 1, ("", "amount-differs", 1)),
            "1 message gets the warning: amount-differs",
        ),
        (group("message", "no warning", 2, ("", "odd", 2)), "2 messages no longer get the warning: odd"),
    ],
)
def test_a_difference_is_said_in_business_words(given: Group, said: str) -> None:
    assert sentence(given) == said


def test_values_are_shown_most_often_first_and_the_rest_counted() -> None:
    assert pairs(group("reserve", "destination", 12, ("WH/ICU", "WH/IMC", 9), ("A", "B", 1))) == [
        "WH/ICU → WH/IMC (9)", "A → B (1)", "and 2 more",
    ]  # fmt: skip
    assert pairs(group("charge", "made", 3)) == []


def test_a_channel_is_summed_up() -> None:
    assert headline(Channel("orders", "changed", 500, 480, 5, 12, ())) == (
        "orders (changed): 12 of 480 messages compared, 5 in pieces left out, 15 whose content is gone"
    )
    assert headline(Channel("orders", "new", 0, 0, 0, 0, ())) == "orders (new): no message to compare"
