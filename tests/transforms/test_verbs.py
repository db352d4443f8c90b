"""Each verb: what it gives, what it refuses (with its place and never the value), what does not compile."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from charges_sample import MESSAGE, table

from engine.effects import Item, Money
from engine.errors import Unacceptable
from engine.privacy.policy import Policy
from engine.privacy.readers import Readers
from engine.transforms.compiling import compile_text
from engine.transforms.expression import Flaw
from engine.transforms.setting import Setting
from engine.transforms.verbs import VERBS

Read = Callable[..., Any]


def refused(read: Read, text: str, **how: Any) -> Unacceptable:
    with pytest.raises(Unacceptable) as caught:
        read(text, **how)
    for spoken in ("NOPE", "1,5", "abc", "270001"):
        assert spoken not in str(caught.value)
    return caught.value


def flawed(setting: Setting, text: str, wanted: type = str, use: Any = "value") -> Flaw:
    with pytest.raises(Flaw) as caught:
        compile_text(text, setting, use, wanted)
    return caught.value


def test_every_verb_says_what_it_does_with_an_example() -> None:
    for name, verb in VERBS.items():
        module = __import__(f"engine.transforms.verbs.{name}", fromlist=["x"])
        assert verb.name == name
        assert module.__doc__ is not None
        assert module.__doc__.startswith(f"`{name}")
        assert "\n\n    " in module.__doc__


# code


def coded(field: str, text: str) -> str:
    """The sample with its first charge's FT1-7 emptied and another field filled."""
    number = int(field.partition("-")[2])
    return MESSAGE.replace("|270001^Gloves^L|", "||", 1).replace(
        '|||2||12.50&EUR|""|||ICU^12\r', '|||2||12.50&EUR|""|||ICU^12' + "|" * (number - 16) + text + "\r", 1
    )


@pytest.mark.parametrize(
    ("said", "gives"),
    [
        ("270001^Gloves^L", "270001"),
        ("270001^Gloves^CDM", "270001"),
        ("270001", "270001"),
        ("270001^^", "270001"),
        (" 270001 ^Gloves^ L ", "270001"),
        ("270001^Gloves^C4", "270001^C4"),
        ("270001^Gloves^l", "270001^l"),
        ("^Gloves^L", None),
        ("^^^270001^Gloves^L", "270001"),
        ("^^^270001^Gloves^C4", "270001^C4"),
        ("270001^Gloves^L^80053^Panel^C4", "270001"),
        ('""', None),
        ("\\S\\^Gloves", "^"),
    ],
)
def test_a_code_goes_with_its_system(value: Read, said: str, gives: str | None) -> None:
    assert value("FT1-7 | code(CDM, L)", message=MESSAGE.replace("270001^Gloves^L", said)) == gives


def test_the_first_populated_field_speaks_with_its_own_system(value: Read) -> None:
    either = "FT1-7 or FT1-34 or FT1-29 | code(L)"
    assert value(either) == "270001"
    assert value(either, message=coded("FT1-34", "GLV-M^^99ITEM")) == "GLV-M^99ITEM"
    assert value(either, message=coded("FT1-29", "0409-1234^^L")) == "0409-1234"
    assert value("FT1-34 or literal(none) | code(L)") == "none"


@pytest.mark.parametrize(
    ("procedure", "gives"),
    [
        ("27447^Knee^C4|RT^Right~59", "27447-RT-59^C4"),
        ("27447^Knee^C4|59~RT", "27447-59-RT^C4"),
        ("27447^Knee^C4|~RT", "27447-RT^C4"),
        ("27447^Knee^L|", "27447"),
        ("27447^Knee^L|" + "~".join("A" * 10), "27447" + "-A" * 10),
    ],
)
def test_a_procedure_goes_with_its_modifiers_in_their_order(value: Read, procedure: str, gives: str) -> None:
    assert value("FT1-25 | code(L)", message=coded("FT1-25", procedure)) == gives


def test_more_modifiers_than_a_procedure_has_are_refused(value: Read) -> None:
    message = coded("FT1-25", "27447^Knee^C4|" + "~".join("A" * 11))
    error = refused(value, "FT1-25 | code(L)", message=message)
    assert (error.code, error.place) == ("bad-value", "FT1[1]-25")


@pytest.mark.parametrize("text", ["FT1-7.1 | code(L)", "literal(x) | code(L)", "FT1-7 or PV1-3.1 | code"])
def test_a_code_is_read_from_whole_fields(setting: Setting, text: str) -> None:
    assert "whole fields" in flawed(setting, text).text


# times, product_of


def test_a_list_is_taken_so_many_times(value: Read) -> None:
    kit = value("literal(KNEE) | kit(kits) | times(FT1-10)", wanted=tuple)
    assert kit == (Item("IMP-KNEE", Decimal(2)), Item("GLV-M", Decimal(8), "pair"))
    assert value("FT1-25.1 | kit(kits) | times(FT1-10)", wanted=tuple) is None


@pytest.mark.parametrize(
    ("quantity", "code"), [("", "missing-field"), ("0", "quantity"), ("-2", "quantity"), ("1,5", "bad-value"),
                           ("300000", "quantity")]
)  # fmt: skip
def test_how_many_times_must_be_meant(value: Read, quantity: str, code: str) -> None:
    message = MESSAGE.replace("|||2||12.50", f"|||{quantity}||12.50")
    error = refused(value, "literal(KNEE) | kit(kits) | times(FT1-10)", wanted=tuple, message=message)
    assert (error.code, error.place) == (code, "FT1[1]-10")


def test_an_empty_number_of_times_means_what_the_channel_says(value: Read) -> None:
    message = MESSAGE.replace("|||2||12.50", "|||||12.50")
    kit = value("literal(KNEE) | kit(kits) | times(FT1-10, 3)", wanted=tuple, message=message)
    assert [item.quantity for item in kit] == [3, 12]


@pytest.mark.parametrize(
    ("fields", "gives"),
    [
        ("2|25.00|12.50", "yes"),
        ("2|-25|12.50", "yes"),
        ("-2|25|12.50&EUR", "yes"),
        ("3|1|0.3333", "yes"),
        ("2|25.01|12.50", "no"),
        ("2|25|", None),
        ("|25|12.50", None),
        ("2||12.50", None),
    ],
)
def test_an_amount_is_the_product(value: Read, fields: str, gives: str | None) -> None:
    message = MESSAGE.replace("|||2||12.50&EUR", f"|||{fields}")
    assert value("FT1-11 | product_of(FT1-10, FT1-12)", use="test", message=message) == gives


def test_an_amount_that_is_no_number_is_refused(value: Read) -> None:
    message = MESSAGE.replace("|||2||12.50&EUR", "|||2|abc|12.50")
    error = refused(value, "FT1-11 | product_of(FT1-10, FT1-12)", message=message)
    assert (error.code, error.place) == ("bad-value", "FT1[1]-11")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("literal(KNEE) | kit(kits) | times(FT1-2)", "token"),
        ("FT1-25.1 | kit(kits) | times(PR1-7)", "segment"),
        ("FT1-25.1 | kit(kits) | times(FT1-10, one)", "takes a number"),
        ("FT1-25.1 | kit(kits) | times(FT1-8)", "free text"),
        ("FT1-25.1 | kit(kits) | times", "1 to 2 arguments"),
        ("FT1-11 | product_of(FT1-10, PV1-2)", "segment"),
        ("FT1-11 | product_of(FT1-10)", "two arguments"),
    ],
)
def test_fields_beside_are_numbers_of_the_same_segment(setting: Setting, text: str, said: str) -> None:
    wanted = tuple if "kit" in text else str
    assert said in flawed(setting, text, wanted=wanted).text


# lookup


def test_lookup_gives_the_cell(value: Read) -> None:
    assert value("FT1-7.1 | lookup(items, item)") == "GLV-M"
    assert value("FT1-7.1 | lookup(items, item)", number=2) == "OR-MIN"  # blanks around the code


def test_lookup_of_an_empty_cell_or_field_is_empty(value: Read) -> None:
    assert value("FT1-7.1 | lookup(items, unit)") is None
    assert value("FT1-25 | lookup(items, unit)") is None


def test_lookup_refuses_an_unknown_code_at_its_place(value: Read) -> None:
    error = refused(value, "FT1-7.1 | lookup(items, item)", number=3)
    assert (error.code, error.place, error.hl7) == ("unmapped-code", "FT1[3]-7.1", 103)


def test_lookup_takes_a_default(value: Read) -> None:
    assert value("FT1-7.1 | lookup(items, item, OTHER)", number=3) == "OTHER"
    assert value("FT1-7.1 | lookup(items, item, '')", number=3) is None


def test_lookup_may_go_on_with_the_code_itself(value: Read) -> None:
    assert value("FT1-7.1 | lookup(items, item, else: same)") == "GLV-M"
    assert value("FT1-7.1 | lookup(items, item, else: same)", number=3) == "NOPE"
    assert value("FT1-13.1 | lookup(items, item, else: same)", number=3) is None


@pytest.mark.parametrize(
    ("text", "offset", "said"),
    [
        ("FT1-7.1 | lookup", 10, "2 to 3 arguments"),
        ("FT1-7.1 | lookup(itms, item)", 17, "no table itms"),
        ("FT1-7.1 | lookup(items, itm)", 24, "no column itm"),
        ("FT1-7.1 | lookup(kits, item)", 17, "several rows"),
        ("FT1-7.1 | lookup(table: items, x)", 24, "no named arguments"),
    ],
)
def test_lookup_does_not_compile(setting: Setting, text: str, offset: int, said: str) -> None:
    flaw = flawed(setting, text)
    assert said in flaw.text
    assert flaw.offset == offset


# find


def test_find_takes_the_first_alternative_that_the_table_has(value: Read) -> None:
    assert value("FT1-25 or FT1-7.1 | find(items, item)") == "GLV-M"
    other = MESSAGE.replace("270001^", "NOPE^").replace("PV1|1|I|", "PV1|1|360001|")
    assert value("FT1-7.1 or PV1-2 | find(items, item)", message=other) == "OR-MIN"
    assert value("PV1-2 or FT1-7.1 | find(items, item)", message=other) == "OR-MIN"
    assert value("FT1-7.1 or PV1-2 | find(items, unit)", message=other) == "min"


def test_find_of_nothing_is_empty_and_of_an_unknown_code_refused_where_it_stands(value: Read) -> None:
    assert value("FT1-25 or FT1-29.1 | find(items, item)") is None
    error = refused(
        value, "FT1-25 or FT1-7.1 or PV1-2 | find(items, item)", message=MESSAGE.replace("270001^", "NOPE^")
    )
    assert (error.code, error.place, error.hl7) == ("unmapped-code", "FT1[1]-7.1", 103)


def test_find_after_another_verb_has_one_code_to_look_for(value: Read) -> None:
    assert value("PV1-2 or FT1-7.1 | map(I: 270001) | find(items, item)") == "GLV-M"


@pytest.mark.parametrize(
    ("text", "offset"),
    [("FT1-7.1 | find(items)", 10), ("FT1-7.1 | find(no, item)", 15), ("FT1-7.1 | find(items, no)", 22),
     ("FT1-7.1 | find(kits, item)", 15), ("find(items, item)", 0)],
)  # fmt: skip
def test_find_that_cannot_be_meant(setting: Setting, text: str, offset: int) -> None:
    assert flawed(setting, text).offset == offset


# joined parts


def test_parts_make_one_code_when_all_are_there(value: Read) -> None:
    assert value("FT1-6.1 + FT1-7.1") == "CG/270001"
    assert value("FT1-6.1 + FT1-25") is None
    assert value("FT1-25 + FT1-6.1 or FT1-7.1 + literal(x) or FT1-6.1") == "270001/x"


def test_an_identifier_is_no_part_of_a_code(setting: Setting) -> None:
    assert "token" in flawed(setting, "PV1-19 + FT1-7.1").text
    assert "token" in flawed(setting, "FT1-7.1 + PID-3 or FT1-6.1").text


# anywhere


def test_anywhere_asks_the_whole_message_from_within_a_group(value: Read) -> None:
    assert value("anywhere(FT1-1, 2)", number=1) == "2"
    assert value("anywhere(FT1-1, 2)", anchor="") == "2"
    assert value("anywhere(FT1-1, 99)") is None
    assert value("FT1-6.1 + anywhere(FT1-1, 2)") == "CG/2"


@pytest.mark.parametrize(
    ("text", "offset"),
    [("anywhere(FT1-1)", 0), ("anywhere(FT1[2]-1, x)", 9), ("anywhere(PID-3, x)", 9),
     ("anywhere(nothing, x)", 9), ("FT1-1 | anywhere(FT1-1, x)", 8)],
)  # fmt: skip
def test_anywhere_that_cannot_be_meant(setting: Setting, text: str, offset: int) -> None:
    assert flawed(setting, text, use="test").offset == offset


# kit


def test_kit_gives_all_items(setting: Setting, scope: Callable[..., Any]) -> None:
    compiled = compile_text("literal(KNEE) | kit(kits)", setting, "value", tuple)
    expected = (Item("IMP-KNEE", Decimal(1)), Item("GLV-M", Decimal(4), "pair"))
    assert compiled.value(scope(setting)) == expected


def test_kit_refuses_an_unknown_procedure(value: Read) -> None:
    error = refused(value, "FT1-7.1 | kit(kits)", wanted=tuple)
    assert (error.code, error.place) == ("unmapped-code", "FT1[1]-7.1")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("procedure,item\nK,A\n", "needs a column quantity"),
        ("procedure,item,quantity\nK,A,0\n", "not above zero"),
        ("procedure,item,quantity\nK,A,two\n", "not a number"),
        ("procedure,item,quantity\nK,,2\n", "without an item"),
    ],
)
def test_kit_checks_its_table_when_it_compiles(rows: str, said: str) -> None:
    setting = Setting(Readers(Policy()), {"kits": table(rows)})
    assert said in flawed(setting, "AIS-3.1 | kit(kits)", tuple).text


# map, default, literal


def test_map_gives_the_word(value: Read) -> None:
    assert value("FT1-6.1 | map(CG: charge, CD: credit)", number=2) == "credit"
    assert value("PV1-2 | map(E: emergency, else: other)") == "other"


def test_map_refuses_what_is_not_listed(value: Read) -> None:
    error = refused(value, "PV1-2 | map(E: emergency)")
    assert (error.code, error.place) == ("unmapped-code", "PV1[1]-2")


@pytest.mark.parametrize(
    "text", ["PV1-2 | map", "PV1-2 | map(I)", "PV1-2 | map(I: a, I: b)", "PV1-2 | map(else: a)"]
)
def test_map_does_not_compile(setting: Setting, text: str) -> None:
    assert flawed(setting, text).offset >= 8


def test_default_fills_what_is_empty(value: Read) -> None:
    assert value("FT1-25 | default(x)") == "x"
    assert value("FT1-13 | default(x)") == "x"  # "" is no value for stock and charges
    assert value("FT1-6.1 | default(x)") == "CG"


def test_literal_stands_last(value: Read) -> None:
    assert value("FT1-25 or literal(WH/Stock)") == "WH/Stock"
    assert value("PV1-3.1 or literal(WH/Stock)") == "ICU"


def test_literal_only_starts(setting: Setting) -> None:
    assert "starts an expression" in flawed(setting, "PV1-3.1 | literal(x)").text


def test_other_verbs_do_not_start(setting: Setting) -> None:
    assert "needs a value before it" in flawed(setting, "number(1)").text


# numbers


def test_number_is_exact(value: Read) -> None:
    assert value("FT1-10 | number", wanted=Decimal, number=2) == Decimal("-1.5")


@pytest.mark.parametrize("text", ["FT1-10", "FT1-10 | number"])
def test_number_refuses_a_comma(value: Read, text: str) -> None:
    error = refused(value, text, wanted=Decimal, number=3)
    assert (error.code, error.place, error.hl7) == ("bad-value", "FT1[3]-10", 102)


@pytest.mark.parametrize("written", ["1e3", "NaN", "Infinity", "0x10", "١", "1_000", "--1", "1" * 29])
def test_number_refuses_other_spellings(value: Read, written: str) -> None:
    message = MESSAGE.replace("|||2||", f"|||{written}||")
    assert refused(value, "FT1-10", wanted=Decimal, message=message).code == "bad-value"


def test_sign_and_absolute(value: Read) -> None:
    assert value("FT1-10 | sign", use="test") == "positive"
    assert value("FT1-10 | number | sign", use="test", number=2) == "negative"
    assert value("literal(-0.0) | sign") == "zero"
    assert value("FT1-10 | absolute", wanted=Decimal, number=2) == Decimal("1.5")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("FT1-10 | number | lookup(items, item)", str),
        ("FT1-4 | date", Decimal),
        ("FT1-7.1", tuple),
        ("FT1-10 | number | default(1)", Decimal),
        ("FT1-10 | number(2)", Decimal),
    ],
)
def test_types_are_checked(setting: Setting, text: str, wanted: type) -> None:
    assert flawed(setting, text, wanted, "date" if "FT1-4" in text else "value").text


def test_an_unknown_verb_is_named_with_a_suggestion(setting: Setting) -> None:
    flaw = flawed(setting, "FT1-10 | nmber", Decimal)
    assert flaw.offset == 9
    assert flaw.hint == "did you mean number?"


# money


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        ("12.50&EUR", "FT1-12 | money", Money(Decimal("12.50"), "EUR")),
        ("12.50^USD", "FT1-12 | money", Money(Decimal("12.50"), "USD")),
        ("12.50&EUR^UP", "FT1-12 | money", Money(Decimal("12.50"), "EUR")),
        ("12.50", "FT1-12 | money", Money(Decimal("12.50"))),
        ("12.50", "FT1-12 | money(CHF)", Money(Decimal("12.50"), "CHF")),
        ("12.50&EUR", "FT1-12 | money(CHF)", Money(Decimal("12.50"), "EUR")),
        ("12.50&EUR", "FT1-12", Money(Decimal("12.50"), "EUR")),
        ("", "FT1-12 | money", None),
    ],
)
def test_money_reads_the_whole_field(value: Read, field: str, text: str, expected: Money | None) -> None:
    message = MESSAGE.replace("12.50&EUR", field)
    assert value(text, wanted=Money, message=message) == expected


def test_money_refuses_what_is_no_amount(value: Read) -> None:
    error = refused(value, "FT1-12", wanted=Money, number=3)
    assert (error.code, error.place) == ("bad-value", "FT1[3]-12")


@pytest.mark.parametrize(
    "text", ["FT1-12.1 | money", "FT1-11 or FT1-12 | money", "literal(1) | money", "FT1-12 | money(euro)"]
)
def test_money_does_not_compile(setting: Setting, text: str) -> None:
    assert flawed(setting, text, Money).text


# times


def at(value: Read, written: str, offset: str = "+0100", **how: Any) -> Any:
    message = MESSAGE.replace("|20261121|20261121|", f"|{written}|20261121|").replace("+0100", offset)
    return value("FT1-4", use="date", message=message, **how)


def test_timestamp_is_in_the_zone_of_the_message(value: Read) -> None:
    assert at(value, "202611210800", wanted=datetime) == datetime(2026, 11, 21, 7, tzinfo=UTC)
    assert at(value, "202611210800-0500", wanted=datetime) == datetime(2026, 11, 21, 13, tzinfo=UTC)
    assert at(value, "20261121", wanted=datetime) == datetime(2026, 11, 20, 23, tzinfo=UTC)


def test_timestamp_is_else_in_the_zone_of_the_channel(scope: Callable[..., Any]) -> None:
    setting = Setting(Readers(Policy()), zone=ZoneInfo("Europe/Berlin"))
    compiled = compile_text("FT1-4", setting, "date", datetime)
    message = MESSAGE.replace("+0100", "").replace("|20261121|20261121|", "|202607010800|20261121|")
    found = compiled.value(scope(setting, message=message))
    assert found == datetime(2026, 7, 1, 8, tzinfo=timezone(timedelta(hours=2)))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("202603290230", "a local time that the change to summer time skips"),
        ("202610250230", "a local time that is there twice when summer time ends; the first was taken"),
        ("202610250230+0100", None),
        ("202610250330", None),
    ],
)
def test_a_time_that_a_clock_never_or_twice_showed_is_kept_and_warned_about(
    scope: Callable[..., Any], written: str, said: str | None
) -> None:
    setting = Setting(Readers(Policy()), zone=ZoneInfo("Europe/Berlin"))
    compiled = compile_text("FT1-5 or FT1-4", setting, "date", datetime)
    message = MESSAGE.replace("+0100", "").replace("|20261121|20261121|", f"|{written}||")
    whole = scope(setting, "FT1", message=message)
    assert compiled.value(whole) is not None
    wanted = [] if said is None else [("bad-value", "FT1[1]-4", said)]
    assert [(one.code, one.place, one.text) for one in whole.view.warnings] == wanted


@pytest.mark.parametrize(
    "written", ["20261121", "20261121235959", "202611212359", "2026-11-21", "20261121235959+1400"]
)
def test_date_is_the_senders_day(value: Read, written: str) -> None:
    assert at(value, written, wanted=date) == date(2026, 11, 21)


@pytest.mark.parametrize("wanted", [date, datetime])
@pytest.mark.parametrize(
    "written",
    [
        "2026", "202611", "20261301", "20260230", "00000000", "19000101", "99991231", "00010101",
        "1969123123", "20261121240000", "2026112110150", "21/11/2026", "tomorrow",
        "２０２６１１２１", "20261121235960",
    ],
)  # fmt: skip
def test_dates_that_cannot_be_meant_are_refused(value: Read, written: str, wanted: type) -> None:
    with pytest.raises(Unacceptable) as caught:
        at(value, written, wanted=wanted)
    assert (caught.value.code, caught.value.place, caught.value.hl7) == ("bad-value", "FT1[1]-4", 102)


# tokens


def test_a_token_is_used_as_it_is(setting: Setting) -> None:
    assert flawed(setting, "PID-3 | default(x)").offset == 8
    said = "PID-3: is replaced by a token (ID_NUMBER, class H/G/I/K), and a token is used as it is"
    assert flawed(setting, "PID-3 | lookup(items, item)").text == said
    assert flawed(setting, "PV1-19", Decimal).text.endswith(", and a token is used as it is")


@pytest.mark.parametrize(
    "path", ["PID-5", "PID-7", "PID-19", "NTE-3", "ZAB-1", "PV1-3.2", "OBX-5", "PID-999"]
)
def test_what_the_policy_forbids_does_not_compile(setting: Setting, path: str) -> None:
    flaw = flawed(setting, f"FT1-7.1 or {path}")
    assert flaw.offset == 11
    assert flaw.hint


@pytest.mark.parametrize("path", ["FT1", "ft1-7", "FT1-0", "FT1-7.1.1.1", "__class__", "FT1-7; x"])
def test_what_is_no_path_does_not_compile(setting: Setting, path: str) -> None:
    assert flawed(setting, path).hint
