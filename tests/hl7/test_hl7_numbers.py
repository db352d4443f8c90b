"""engine.hl7.numbers."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.effects import Money
from engine.errors import Unacceptable
from engine.hl7.numbers import money, number


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", "1"),
        ("1.0", "1.0"),
        ("+1", "1"),
        ("-1.50", "-1.50"),
        ("007", "7"),
        (".5", "0.5"),
        ("2.", "2"),
        (" 3 ", "3"),
    ],
)
def test_numbers(text, value):
    assert str(number(text)) == str(Decimal(value))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "1,0",
        "1,000.00",
        "1e3",
        "1E999999",
        "NaN",
        "Infinity",
        "--1",
        "1 0",
        ".",
        "+",
        "0x10",
        "1_000",
        "٣",
        "9" * 29,
        '""',
    ],
)
def test_what_is_no_number(text):
    with pytest.raises(Unacceptable) as caught:
        number(text, "FT1-10")
    assert (caught.value.code, caught.value.place, caught.value.hl7) == ("bad-value", "FT1-10", 102)
    assert text.strip() not in str(caught.value) or len(text.strip()) <= 1


def test_a_comma_is_named():
    with pytest.raises(Unacceptable, match="comma"):
        number("1,0")


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=4))
def test_what_is_written_reads_back(value):
    assert number(f"{value:f}") == value


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (("12.50", "USD", None), Money(Decimal("12.50"), "USD")),
        (("12.50", None, "USD"), Money(Decimal("12.50"), "USD")),
        (("12.50", "eur", "UP"), Money(Decimal("12.50"), "EUR")),
        (("12.50", None, "UP"), Money(Decimal("12.50"))),
        (("-12.50", None, None), Money(Decimal("-12.50"))),
    ],
)
def test_money(parts, expected):
    assert money(*parts) == expected


@pytest.mark.parametrize("parts", [("12,50", "USD"), ("", "USD"), ("12.50", "dollars"), ("12.50", "$")])
def test_what_is_no_money(parts):
    with pytest.raises(Unacceptable):
        money(*parts)
