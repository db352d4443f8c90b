"""Fields of effects, their keys and their conditions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from charges_sample import MESSAGE
from hypothesis import given
from hypothesis import strategies as st

from engine.effects import Consume, Credit, Money, Reserve, decode, encode
from engine.errors import Unacceptable
from engine.hl7.document import Document
from engine.privacy.book import TokenBook
from engine.privacy.policy import Policy
from engine.privacy.readers import Readers
from engine.privacy.tokens import parse as parse_token
from engine.privacy.vault import Vault
from engine.transforms.condition import compile_condition
from engine.transforms.effect import compile_effect
from engine.transforms.expression import Flaw
from engine.transforms.field import LONGEST, Want, compile_field, compile_key
from engine.transforms.scope import Scope
from engine.transforms.setting import Setting

Scoped = Callable[..., Scope]


def refusal(act: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(Unacceptable) as caught:
        act()
    return caught.value.code, caught.value.place


# fields


@pytest.mark.parametrize(
    ("quantity", "code"),
    [
        ("0", "quantity"),
        ("-1", "quantity"),
        ("1000001", "quantity"),
        ("1e6", "bad-value"),
        ("", "missing-field"),
    ],
)
def test_a_quantity_is_above_zero_and_not_absurd(
    setting: Setting, scope: Scoped, quantity: str, code: str
) -> None:
    value = compile_field("FT1-10", Want(Decimal, required=True), setting)
    message = MESSAGE.replace("|||2||", f"|||{quantity}||")
    assert refusal(lambda: value(scope(setting, "FT1", 1, message))) == (code, "FT1[1]-10")


def test_a_quantity_may_be_a_million(setting: Setting, scope: Scoped) -> None:
    value = compile_field("FT1-10", Want(Decimal), setting)
    message = MESSAGE.replace("|||2||", "|||1000000.0||")
    assert value(scope(setting, "FT1", 1, message)) == 1_000_000


def test_a_price_is_not_below_zero(setting: Setting, scope: Scoped) -> None:
    value = compile_field("FT1-12", Want(Money), setting)
    message = MESSAGE.replace("12.50&EUR", "-12.50&EUR")
    assert refusal(lambda: value(scope(setting, "FT1", 1, message))) == ("bad-value", "FT1[1]-12")


def test_an_empty_field_is_missing_only_where_it_is_needed(setting: Setting, scope: Scoped) -> None:
    assert (
        compile_field("FT1-7.1", Want(), setting)(scope(setting, message=MESSAGE[: MESSAGE.index("FT1")]))
        is None
    )
    needed = compile_field("FT1-25 or FT1-13", Want(required=True), setting)
    assert refusal(lambda: needed(scope(setting, "FT1", 2))) == ("missing-field", "FT1[2]-25")


@pytest.mark.parametrize("text", ["x" * (LONGEST + 1), "a\\X0D\\b", "a\\X00\\b", "a\\.br\\b"])
def test_texts_that_go_out_are_short_and_printable(setting: Setting, scope: Scoped, text: str) -> None:
    value = compile_field("FT1-7.1", Want(), setting)
    message = MESSAGE.replace("270001", text)
    assert refusal(lambda: value(scope(setting, "FT1", 1, message))) == ("bad-value", "FT1[1]-7.1")


def test_a_word_is_itself_or_what_an_expression_gives(setting: Setting, scope: Scoped) -> None:
    want = Want(words=("routine", "stat"))
    assert compile_field("stat", want, setting)(scope(setting)) == "stat"
    assert compile_field("PV1-2 | map(I: stat)", want, setting)(scope(setting)) == "stat"
    bad = compile_field("PV1-2", want, setting)
    assert refusal(lambda: bad(scope(setting))) == ("unmapped-code", "PV1-2")


def test_tokens_stand_only_where_they_belong(setting: Setting, scope: Scoped) -> None:
    person = Want(tokens=frozenset("p"))
    token = compile_field("PID-3", person, setting)(scope(setting))
    assert parse_token(token).domain == "p"  # type: ignore[union-attr]
    for text, want in [
        ("PV1-19", person),
        ("PV1-3.1", person),
        ("PID-3 or literal(x)", person),
        ("PID-3", Want()),
    ]:
        with pytest.raises(Flaw, match="token"):
            compile_field(text, want, setting)


def test_a_date_goes_out_only_as_a_date(setting: Setting) -> None:
    compile_field("FT1-4", Want(datetime), setting)
    with pytest.raises(Flaw, match="operational date"):
        compile_field("FT1-4", Want(), setting)


LOT = {"key": "{FT1-2}", "item": "FT1-7.1", "quantity": "FT1-10", "location": "PV1-3.1", "lot": "FT1-3"}


@pytest.mark.parametrize("lot", ["B7", "LOT-2026.11/A", "1" * 40])
def test_a_lot_is_letters_digits_and_few_signs(setting: Setting, scope: Scoped, lot: str) -> None:
    make, flaws = compile_effect("consume", {**LOT, "lot": f"literal({lot})"}, setting, "x")
    assert make is not None, flaws
    effect = make(scope(setting, "FT1", 1))
    assert isinstance(effect, Consume)
    assert effect.items[0].lot == lot


@pytest.mark.parametrize("lot", ["given to Jane", "-1", "Ä1", "1" * 41, "a_b"])
def test_text_in_the_place_of_a_lot_is_refused(setting: Setting, scope: Scoped, lot: str) -> None:
    make, _ = compile_effect("consume", {**LOT, "lot": "PV1-2"}, setting, "x")
    assert make is not None
    message = MESSAGE.replace("PV1|1|I|", f"PV1|1|{lot}|")
    assert refusal(lambda: make(scope(setting, "FT1", 1, message))) == ("bad-value", "PV1[1]-2")


def test_a_day_alone_stays_a_day(setting: Setting, scope: Scoped) -> None:
    given = {"key": "{FT1-2}", "item": "FT1-7.1", "quantity": "FT1-10", "destination": "PV1-3.1"}
    make, flaws = compile_effect("reserve", {**given, "needed_on": "FT1-4"}, setting, "x")
    assert make is not None, flaws
    effect = make(scope(setting, "FT1", 1))
    assert isinstance(effect, Reserve)
    assert (effect.needed_on, effect.needed_at) == (date(2026, 11, 21), None)


# keys


def keyed(template: str, scope: Scope, setting: Setting, **how: Any) -> Any:
    return compile_key(template, setting, **how)(scope)


def test_a_key_lies_within_its_space(setting: Setting, scope: Scoped) -> None:
    template = "a{FT1-7.1}/{FT1-1}-x"
    value = compile_key(template, setting, space="charges")
    assert value(scope(setting, "FT1", 1)) == "charges/a270001/1-x"


def test_a_key_with_an_empty_part_is_refused_at_that_part(setting: Setting, scope: Scoped) -> None:
    value = compile_key("{FT1-7.1}/{FT1-2}", setting)
    assert refusal(lambda: value(scope(setting, "FT1", 3))) == ("missing-field", "FT1[3]-2")


@pytest.mark.parametrize(
    ("template", "offset"),
    [
        ("fixed", 0),
        ("{FT1-1}{FT1-7.1}", 8),
        ("{FT1-1}-{FT1-7.1}", 9),
        ("{FT1-1}/*", 8),
        ("a*/{FT1-1}", 1),
        ("{PID-5}", 1),
    ],
)
def test_keys_that_could_collapse_do_not_compile(setting: Setting, template: str, offset: int) -> None:
    with pytest.raises(Flaw) as caught:
        compile_key(template, setting)
    assert caught.value.offset == offset


def test_release_takes_all_below_a_key(setting: Setting, scope: Scoped) -> None:
    value = compile_key("{FT1-7.1}/*", setting, space="x", below=True)
    assert value(scope(setting, "FT1")) == "x/270001/*"
    for template in ("{FT1-7.1}*", "*/{FT1-1}/*"):
        with pytest.raises(Flaw):
            compile_key(template, setting, below=True)


PARTS = st.text(st.sampled_from("ab/%*2F"), min_size=1, max_size=4)


@given(st.tuples(PARTS, PARTS), st.tuples(PARTS, PARTS))
def test_different_values_give_different_keys(one: tuple[str, str], other: tuple[str, str]) -> None:
    setting = Setting(Readers(Policy()))
    value = compile_key("{FT1-7.1}/{FT1-10}", setting, space="x")
    book = TokenBook(Vault(tenant="t", index_keys={"k": b"i" * 32}), lambda indexes: {})
    keys = []
    for first, second in (one, other):
        message = f"{MESSAGE[: MESSAGE.index('FT1')]}FT1|1||||||{first}|||{second}\r"
        keys.append(value(Scope(Document.parse(message.encode()), book, setting.slots)))
    assert (keys[0] == keys[1]) == (one == other)


# conditions


@pytest.mark.parametrize(
    ("text", "wanted", "expected"),
    [
        ("MSH-9.1", "DFT", True),
        ("MSH-9.1", "dft", False),
        ("MSH-9.2", ["P01", "P03"], True),
        ("FT1-6.1", "CD", False),
        ("PV1-19", "present", True),
        ("PV1-50", "absent", True),
        ("PV1-50 or PV1-19", "absent", False),
        ("FT1-4", "present", True),
        ("FT1-13", "absent", True),
        ("FT1-25", "present", False),
        ("FT1-25", "x", False),
        ("FT1-10 | sign", "positive", True),
        ("FT1-7.1 | lookup(items, stocked)", "yes", True),
        ("FT1-6.1", ["present"], False),
    ],
)
def test_conditions(setting: Setting, scope: Scoped, text: str, wanted: Any, expected: bool) -> None:
    condition = compile_condition(text, wanted, setting)
    assert condition.holds(scope(setting, "FT1")) is expected


def test_a_condition_that_cannot_be_decided_refuses(setting: Setting, scope: Scoped) -> None:
    condition = compile_condition("FT1-7.1 | lookup(items, stocked)", "yes", setting)
    assert refusal(lambda: condition.holds(scope(setting, "FT1", 3))) == ("unmapped-code", "FT1[3]-7.1")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("PV1-2", ""), ("PV1-2", []), ("PV1-19", "V77"), ("PID-5", "present"), ("FT1-4", "20261121")],
)
def test_conditions_that_do_not_compile(setting: Setting, text: str, wanted: Any) -> None:
    with pytest.raises(Flaw):
        compile_condition(text, wanted, setting)


# effects


def test_flaws_are_named_by_field_and_all_at_once(setting: Setting) -> None:
    given = {
        "key": "{FT1-2",
        "encounter": "PID-5",
        "item": "FT1-7.1 | lokup(items, item)",
        "quantity": "FT1-7.1 | kit(kits)",
    }
    make, flaws = compile_effect("charge", given, setting, "x")
    assert make is None
    assert sorted(flaws) == ["encounter", "item", "key", "quantity"]


@pytest.mark.parametrize(
    ("kind", "gone", "into"), [("person", "MRG-1", "PV1-19"), ("visit", "MRG-1", "PID-3")]
)
def test_a_merge_across_domains_does_not_compile(setting: Setting, kind: str, gone: str, into: str) -> None:
    make, flaws = compile_effect("merge", {"kind": kind, "gone": gone, "into": into}, setting, "x")
    assert make is None
    assert flaws


# what a message takes away, and what says nothing


ITEM = MESSAGE.partition("FT1|1")[0] + "FT1|1||||||GLV-M|||{quantity}|{name}|{barcode}\r"


def made(setting: Setting, scope: Scoped, kind: str, given: dict[str, str], **said: str) -> Any:
    make, flaws = compile_effect(kind, {"key": "{FT1-1}", "code": "FT1-7", **given}, setting, "m")
    assert flaws == {}
    assert make is not None
    message = ITEM.format(**{"quantity": "", "name": "", "barcode": "", **said})
    return make(scope(setting, "FT1", 1, message))


def test_a_master_record_tells_empty_from_taken_away(setting: Setting, scope: Scoped) -> None:
    given = {"name": "FT1-11", "barcode": "FT1-12.1"}
    both = made(setting, scope, "product", given, name="Gloves", barcode='""')
    assert (both.name, both.barcode, both.cleared) == ("Gloves", "", ("barcode",))
    assert made(setting, scope, "product", given, barcode="1").cleared == ()
    assert made(setting, scope, "product", given, name='""') is None
    assert made(setting, scope, "product", given) is None


def test_a_value_among_the_alternatives_counts_more_than_one_that_is_taken_away(
    setting: Setting, scope: Scoped
) -> None:
    given = {"barcode": "FT1-12.1 or FT1-11"}
    assert made(setting, scope, "product", given, barcode='""', name="2").barcode == "2"
    assert made(setting, scope, "product", given, barcode='""').cleared == ("barcode",)


def test_a_reorder_point_may_be_zero_and_never_below(setting: Setting, scope: Scoped) -> None:
    given = {"location": "literal(WH/Stock)", "reorder_point": "FT1-10"}
    assert made(setting, scope, "stocking", given, quantity="0").reorder_point == 0
    assert made(setting, scope, "stocking", given, quantity='""').cleared == ("reorder_point",)
    assert made(setting, scope, "stocking", given) is None
    below = lambda: made(setting, scope, "stocking", given, quantity="-1")  # noqa: E731
    assert refusal(below) == ("quantity", "FT1[1]-10")


def test_a_whole_credit_needs_to_say_neither_what_nor_whose(setting: Setting, scope: Scoped) -> None:
    given = {"key": "{FT1-2}/c", "reverses": "{FT1-2}", "whole": True, "when_unknown": "ignore"}
    make, flaws = compile_effect("credit", given, setting, "test")
    assert make is not None
    assert flaws == {}
    made = make(scope(setting, "FT1", 1))
    assert isinstance(made, Credit)
    assert (made.whole, made.item, made.encounter, made.when_unknown) == (True, None, "", "ignore")
    assert decode(encode(made)) == made


def test_what_a_consumption_is_against_is_a_key_of_the_channel(setting: Setting, scope: Scoped) -> None:
    given = {"key": "{FT1-2}", "item": "FT1-7.1", "quantity": "FT1-10", "location": "PV1-3.1"}
    make, flaws = compile_effect("consume", {**given, "against": "{FT1-2}/kit"}, setting, "test")
    assert make is not None
    assert flaws == {}
    made = make(scope(setting, "FT1", 1))
    assert isinstance(made, Consume)
    assert made.against == f"{made.key}/kit"
    assert made.against.startswith("test/")
