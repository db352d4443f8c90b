"""`convert`: quantities in the sender's units become quantities in Odoo's, exactly or not at all."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config.spec.tables import TableSpec
from engine.config.tables import parse_table
from engine.errors import Unacceptable
from engine.hl7.document import Document
from engine.hl7.groups import groups
from engine.privacy.book import TokenBook
from engine.privacy.policy import Policy
from engine.privacy.readers import Readers
from engine.transforms.compiling import checked, compile_text
from engine.transforms.expression import Flaw
from engine.transforms.measures import ODOO_UNITS, named
from engine.transforms.scope import Scope
from engine.transforms.setting import Setting
from engine.transforms.values import Values

UNITS = """\
code,unit,factor
EA,Units,
TAB,Units,
{tbl},Units,
BX,Units,50
BX/DRUG-100,Box of 100,
Box of 100,Units,100
mg/DRUG-100,Units,1/500
Units/DRUG-300,mL,0.4
ml,mL,
"""
VALUES = {
    "given-in": "RXA-7.1 + RXA-5.1 or RXA-7.1",
    "counted": "literal(Units)",
    "of-item": "literal(Units) + RXA-5.1 or literal(Units)",
    "litres": "literal(L)",
    "nothing": "RXA-20",
    "gallons": "literal('gal (US)')",
}
BY_TABLE = "RXA-6 | convert(given-in, counted, units)"


@pytest.fixture
def read(book: TokenBook) -> Callable[..., Any]:
    """What an expression gives of an administration of so much, in a unit, of a drug."""

    def found(
        text: str, amount: str, unit: str, drug: str = "DRUG-100", units: str = UNITS, valid: bool = False
    ) -> Any:
        spec = None
        if valid:
            columns = {name: {} for name in ("code", "unit", "factor")} | {
                name: {"type": "date"} for name in ("since", "until")
            }
            spec = TableSpec.model_validate(
                {
                    "description": "x",
                    "owner": "x",
                    "columns": columns,
                    "valid": {"from": "since", "until": "until"},
                }
            )
        table, findings = parse_table(units, "units.csv", spec)
        assert table is not None, findings
        setting = Setting(
            Readers(Policy()), {"units": table}, values=Values(VALUES), valid_on={"units": "RXA-3"}
        )
        value = checked(compile_text(text, setting, "value", Decimal))
        message = f"MSH|^~\\&|A|B|C|D|20261122||RAS^O17|1|P|2.5\rRXA|0|1|20261122||{drug}|{amount}|{unit}\r"
        document = Document.parse(message.encode())
        return value(Scope(document, book, setting.slots).within(groups(document, "RXA"))[0])

    return found


def _refused(read: Callable[..., Any], *given: Any, **more: Any) -> tuple[str, str, str]:
    with pytest.raises(Unacceptable) as caught:
        read(*given, **more)
    return caught.value.code, caught.value.place, caught.value.text


@pytest.mark.parametrize(
    ("amount", "unit", "drug", "quantity"),
    [
        ("2", "TAB", "DRUG-100", "2"),
        ("2.0", "EA", "DRUG-100", "2.0"),
        ("3", "BX", "DRUG-200", "150"),
        ("3", "BX", "DRUG-100", "300"),
        ("500", "mg", "DRUG-100", "1"),
        ("250", "mg", "DRUG-100", "0.5"),
        ("4", "", "DRUG-100", "4"),
        ("", "mg", "DRUG-100", None),
        ("2", "10*2", "DRUG-100", "200"),
    ],
)
def test_the_senders_units_become_odoos(
    read: Callable[..., Any], amount: str, unit: str, drug: str, quantity: str | None
) -> None:
    found = read(BY_TABLE, amount, unit, drug)
    assert (found if found is None else str(found)) == quantity


def test_the_wanted_unit_may_be_the_items_own(read: Callable[..., Any]) -> None:
    assert read("RXA-6 | convert(RXA-7.1, of-item, units)", "0.8", "mL", "DRUG-300") == 2


def test_without_a_table_units_have_their_names_in_ucum_and_in_odoo(read: Callable[..., Any]) -> None:
    assert read("RXA-6 | convert(RXA-7.1, litres)", "250", "mL") == Decimal("0.25")
    assert read("RXA-6 | convert(RXA-7.1, gallons)", "3.785411784", "L") == 1


@pytest.mark.parametrize(
    ("text", "unit", "drug", "refused"),
    [
        (BY_TABLE, "mg", "DRUG-300", ("unknown-unit", "RXA-7.1", "mass, and a count is wanted")),
        ("RXA-6 | convert(RXA-7.1, litres)", "mg", "X", ("unknown-unit", "RXA-7.1", "mass, and volume")),
        (BY_TABLE, "{box}", "X", ("unknown-unit", "RXA-7.1", "another kind of unit, and a count")),
        (BY_TABLE, "CRATE", "X", ("unmapped-code", "RXA-7.1", "not in the table")),
        ("RXA-6 | convert(RXA-7.1, of-item, units)", "ML", "DRUG-300", ("unmapped-code", "RXA-7.1", "")),
        (BY_TABLE, "10*60", "X", ("quantity", "RXA-6", "beyond measure")),
        ("RXA-6 | convert(given-in, counted, units, places: 2)", "10*60", "X", ("quantity", "RXA-6", "")),
        ("RXA-6 | convert(RXA-7.1, litres)", "CRATE", "X", ("unknown-unit", "RXA-7.1", "no unit of UCUM")),
        ("RXA-6 | convert(RXA-7.1, nothing, units)", "TAB", "X", ("unknown-unit", "RXA-7.1", "nothing says")),
        ("RXA-6 | convert(RXA-7.1, gallons)", "mL", "X", ("quantity", "RXA-6", "does not come out even")),
    ],
)  # fmt: skip
def test_what_cannot_be_converted_is_the_business_owners(
    read: Callable[..., Any], text: str, unit: str, drug: str, refused: tuple[str, str, str]
) -> None:
    code, place, said = _refused(read, text, "1", unit, drug)
    assert (code, place.replace("[1]", "")) == refused[:2]
    assert refused[2] in said


def test_a_unit_and_an_item_are_no_unit_of_ucum_together(read: Callable[..., Any]) -> None:
    """`g` of the item `L` is not grams in a litre."""
    assert _refused(read, BY_TABLE, "1", "g", "L")[2].endswith("mass, and a count is wanted")


def test_places_say_that_a_result_may_be_rounded(read: Callable[..., Any]) -> None:
    for places, gallons in ((4, "0.2642"), (0, "0")):
        assert str(read(f"RXA-6 | convert(RXA-7.1, gallons, places: {places})", "1", "L")) == gallons


def test_what_a_box_holds_may_change_with_the_day(read: Callable[..., Any]) -> None:
    units = "code,unit,factor,since,until\nBX,Units,100,,2026-11-21\nBX,Units,50,2026-11-22,\n"
    assert read(BY_TABLE, "2", "BX", units=units, valid=True) == 100


@pytest.mark.parametrize(
    ("text", "units", "flaw"),
    [
        (BY_TABLE, "code,factor\nBX,1\n", "a table of units needs a column unit"),
        (BY_TABLE, "code,unit\nBX,Crates\n", "the unit of BX is none of the table's"),
        (BY_TABLE, "code,unit\nA,B\nB,A\n", "the unit of A is none of the table's"),
        ("RXA-6 | convert(RXA-7.1)", UNITS, "convert takes a unit, another, and a table"),
        ("RXA-6 | convert(RXA-7.1, counted, unts)", UNITS, "there is no table unts"),
        ("RXA-6 | convert(RXA-7.1, countd, units)", UNITS, "there is no value countd"),
        ("RXA-6 | convert(RXA-7.1, counted, units, places: x)", UNITS, "places is a whole number"),
        ("RXA-6 | convert(PID-3, counted, units)", UNITS, "a token is used as it is"),
    ],
)
def test_what_cannot_be_meant_is_a_flaw(read: Callable[..., Any], text: str, units: str, flaw: str) -> None:
    with pytest.raises(Flaw, match=flaw):
        read(text, "1", "TAB", units=units)


@pytest.mark.parametrize("name", sorted(ODOO_UNITS))
def test_each_name_of_odoos_is_a_unit(name: str) -> None:
    assert named(name) is not None


@given(st.decimals("0.0001", "9999", places=4), st.sampled_from(["BX", "mg", "TAB"]))
def test_quantities_are_never_lost(amount: Decimal, unit: str) -> None:
    book: Any = None
    table, _ = parse_table(UNITS, "units.csv")
    assert table is not None
    setting = Setting(Readers(Policy()), {"units": table}, values=Values(VALUES))
    value = compile_text(BY_TABLE, setting, "value", Decimal).value
    message = f"MSH|^~\\&|A|B|C|D|20261122||RAS^O17|1|P|2.5\rRXA|0|1|20261122||DRUG-100|{amount}|{unit}\r"
    found = value(Scope(Document.parse(message.encode()), book, setting.slots))
    assert found == amount * {"BX": 100, "mg": Decimal("0.002"), "TAB": 1}[unit]
