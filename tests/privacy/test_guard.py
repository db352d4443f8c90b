"""Whatever field of whatever effect holds it: what identifies is found there, and named by its place."""

from __future__ import annotations

import string
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, get_args, get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import effects
from engine.effects import Effect, Forward, Item, Money, kind_of
from engine.model import CourseEvent, Routed, Said
from engine.privacy.guard import Guard
from engine.privacy.harvest import Seen
from engine.privacy.matching import Identities
from engine.privacy.tokens import mint
from engine.tokens import TokenMerge

NAME = "Sampleson"
KNOWN = Identities(
    [Seen("name", NAME, "PID-5"), Seen("number", "00817263", "PID-3"), Seen("date", "19700109", "PID-7")]
)
TOKEN = mint("p", bytes(range(26)))[0]
TYPES: tuple[type, ...] = get_args(Effect)
SINCE = date(2025, 11, 22)
GUARD = Guard({"WH/Stock", "270001", "Units", "open"})


def harmless(type_: type) -> Effect:
    """An effect of this type with nothing to compare."""
    given: dict[str, Any] = {}
    for name, of in get_type_hints(type_, localns=vars(effects)).items():
        if name in type_.__struct_fields__:  # type: ignore[attr-defined]
            given[name] = _value(name, of)
    made: Effect = type_(**given)
    return made


def _value(name: str, of: Any) -> Any:
    kinds = {of, *get_args(of)}
    words = [one for one in get_args(of) if isinstance(one, str)]
    if name == "items":
        return (Item("270001", Decimal(2), "Units"),)
    if words or of is bool or name == "cleared":
        return words[0] if words else True if of is bool else ()
    by_kind: list[tuple[Any, Any]] = [
        (Item, Item("270001", Decimal(2), "Units", "")), (Money, Money(Decimal("12.50"), "EUR")),
        (Decimal, Decimal("3.5")), (datetime, datetime(2026, 11, 22, 8, tzinfo=UTC)),
        (date, date(2026, 11, 22)),
    ]  # fmt: skip
    return next((value for kind, value in by_kind if kind in kinds), f"open/{TOKEN}/270001")


PLANTS: dict[Any, tuple[Any, ...]] = {
    Item: tuple(
        msgspec.structs.replace(Item("270001", Decimal(2)), **part)
        for part in ({"code": NAME}, {"lot": "LOT817263"}, {"unit": NAME}, {"quantity": Decimal(817263)})
    ),
    Money: (Money(Decimal(817263), "EUR"),),
    Decimal: (Decimal(817263),),
    datetime: (datetime(1970, 1, 9, 12, tzinfo=UTC),),
    date: (date(1970, 1, 9),),
    str: (NAME, f"open/{TOKEN}/{NAME}", "x 9.1.1970", f"{TOKEN}0817263"),
}


def planted(effect: Effect) -> Iterator[tuple[str, Effect]]:
    """The effect with something that identifies in each field that can hold it; and the field's name."""
    for name, of in get_type_hints(type(effect), localns=vars(effects)).items():
        kind = next((kind for kind in PLANTS if kind in {of, *get_args(of)}), None)
        if name not in effect.__struct_fields__ or kind is None or name == "cleared":
            continue
        for value in PLANTS[kind]:
            if name == "message":
                yield name, _with(effect, name, f"MSH|^~\\&|A\rPID|1||{TOKEN}^^^HOSP||X^{value}^Y\r")
            else:
                yield name, _with(effect, name, (value,) if name == "items" else value)


def _with(effect: Effect, name: str, value: Any) -> Effect:
    return msgspec.structs.replace(effect, **{name: value})


@pytest.mark.parametrize("type_", TYPES, ids=lambda type_: type_.__name__)
def test_an_effect_of_tokens_and_known_words_needs_no_look(type_: type) -> None:
    effect = harmless(type_)
    if isinstance(effect, Forward):
        effect = _with(effect, "message", f"270001\r{TOKEN}\r")
    assert GUARD.left([effect], SINCE) == set()
    assert GUARD.quiet([Routed((effect,), TOKEN)], SINCE)


@pytest.mark.parametrize("type_", TYPES, ids=lambda type_: type_.__name__)
def test_what_is_planted_in_any_field_is_found_there(type_: type) -> None:
    fields = set()
    for name, effect in planted(harmless(type_)):
        others = [harmless(Item_) for Item_ in TYPES[:3]]
        left = GUARD.left([*others, effect], SINCE)
        leak = GUARD.leak(left, [*others, effect], KNOWN)
        assert leak is not None, (name, effect)
        assert leak.place == f"{kind_of(effect)}.{name}"
        assert not GUARD.quiet([Routed((effect,), TOKEN)], SINCE)
        fields.add(name)
    assert "key" in fields


@pytest.mark.parametrize("value", [NAME, f"{TOKEN}/{NAME}"])
def test_what_stands_beside_the_effects_is_looked_at_too(value: str) -> None:
    event = CourseEvent(1, 1, "A01", (effects.Encounter(key=TOKEN, subject=TOKEN, location=NAME),))
    for routed in (
        Routed((), value),
        Routed((), TOKEN, (), (TOKEN, value)),
        Routed((), TOKEN, (TokenMerge(TOKEN, value),)),
        Routed((), TOKEN, (), (), (Said(value, event),)),
        Routed((), TOKEN, (), (), (Said(TOKEN, event, value),)),
        Routed((), TOKEN, (), (), (Said(TOKEN, event),)),
    ):
        made, left = GUARD.routed(routed, SINCE)
        assert GUARD.leak(left, made, KNOWN) is not None
        assert not GUARD.quiet([routed], SINCE)


def test_known_words_are_nobody() -> None:
    effect = effects.Procure(key="open", items=(), location=f"WH/St {NAME}")
    guard = Guard({"open"}, [f"st {NAME.lower()}"])
    assert guard.leak(guard.left([effect], SINCE), [effect], KNOWN) is None
    other = effects.Procure(key="open", items=(), location=f"WH/{NAME}")
    assert guard.leak(guard.left([other], SINCE), [other], KNOWN) is not None


@given(
    st.text(string.ascii_letters + "ÄÖÜäöüßéñ", min_size=6, max_size=12), st.sampled_from(TYPES), st.data()
)
def test_any_name_in_any_text_of_any_effect(name: str, type_: type, data: st.DataObject) -> None:
    known = Identities([Seen("name", name, "PID-5")])
    effect = harmless(type_)
    texts = [field for field, of in get_type_hints(type_, localns=vars(effects)).items() if of is str]
    field = data.draw(st.sampled_from([field for field in texts if field in effect.__struct_fields__]))
    spelled = data.draw(
        st.sampled_from([name, name.upper(), name.lower(), f"x{name}9", f"open/{TOKEN}/{name}"])
    )
    effect = _with(effect, field, spelled)
    left = GUARD.left([effect], SINCE)
    assert GUARD.leak(left, [effect], known) is not None


@pytest.mark.parametrize(
    ("control_id", "found"),
    [("Q2LEE7ANN5SYGBK4MSWJ", False), ("Q2SAMPLESON5SYGBK4MS", True), ("ANNLEE5SYGBK4MSWJU22", True),
     ("X LEE", True)],
)  # fmt: skip
def test_a_short_name_in_a_control_id_of_ours_is_chance(control_id: str, found: bool) -> None:
    """It would stop one of ten thousand messages that are passed on, and that one for ever."""
    known = Identities([Seen("name", "Lee Ann", "PID-5"), Seen("name", NAME, "NK1-2")])
    message = f"MSH|^~\\&|A|B|||20261121||ADT^A01|{control_id}|P|2.5.1\rPID|1||{TOKEN}\r"
    effect = Forward(key=f"open/{control_id}", message=message, control_id=control_id, type="ADT^A01")
    leak = GUARD.leak(GUARD.left([effect], SINCE), [effect], known)
    assert (leak is not None) is found


def test_a_short_name_or_number_in_an_id_that_was_drawn_here_is_chance() -> None:
    drawn, persons = "0815f2de-ada0-4cbe-8f6a-4711d0c0ffee", "3f0a1b2c-1111-4222-8333-444455556666"
    seen = [
        Seen("name", "Ada Lee", "PID-5"),
        Seen("number", "815", "PV1-19"),
        Seen("number", "4711", "PID-3"),
    ]
    known = Identities([*seen, Seen("number", persons, "Patient.id")])
    assert GUARD.leak(GUARD.left([], SINCE, [f"open/{drawn}"]), [], known) is None
    for key in (f"open/{persons}", "open/ada-0815f2de", "open/815"):
        assert GUARD.leak(GUARD.left([], SINCE, [key]), [], known) is not None
