"""Codes of UCUM, held against its published functional tests (31 May 2010; ids in the parameters) and against
the definitions of its tables; nothing that is no unit is read as one."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.transforms.ucum import COUNT, Measure, kind_of, measure_of

VALID = """
m /m 10*3/ul 10*-3/ul 10*+3/ul m[H2O] 10*23 rad2 m3.kg-1.s-2 % [cup_us] [foz_br] [ft_i] [in_i]
[yd_i] [gal_br] [lb_av] [oz_av] [pt_br] [qt_br] [sft_i] [sin_i] [syd_i] [tbs_us] [tsp_us] 1/d 1/min
a cm cm2 cm3 d dg dl g g/d g/l h kg l mm m2 meq mg mg/d min ml ml/s mm[Hg] mm2 mm3 mmol mmol/l mo
mol ms mU ng nl pg/ml s U U/l ug ug/min ul umol umol/l wk km /[HPF] /[LPF] /L /mL /mmol [APL'U]
[GPL'U] [MPL'U] 10*12/L 10*6/L 10*9/L cm/s fL fmol/L g/g kU/L L/L mg/mL mL/min mm/h mmol/kg
nmol/h/mL pmol/h/mg umol/2.h umol/mmol [IU]/mL u[IU]/mL
"""
INVALID = [
    "m/",
    "10+3/ul",
    "iU",
    "molv",
    "[BETH'U]",
    "g/12h",
    "U/1h",
    "mmol/kg[H20]",
    "mL/72h",
    "",
    "mcg",
    "Cel",
    "cc",
    "da",
    "k",
    "(m",
    "m)",
    "m..s",
    "{",
    "{a",
    "{錠}",
    "m 2",
    "0",
    "1/0",
    "m1000",
    "10*101",
    "a" * 61,
    "ML",
    "Ml",
    "Mg",
    "ug/ML",
    "Mm",
    "Tmol",
]

CONVERTED = [
    ("3-101", "6.3", "m", "m", "6.3"),
    ("3-102", "6.3", "mm", "m", "0.0063"),
    ("3-103", "6.3", "mm", "cm", "0.63"),
    ("3-104", "6.3", "s.m-1", "s/m", "6.3"),
    ("3-105", "6.3", "s.mm-1", "s.m-1", "6300"),
    ("3-106", "6.3", "s.mm-2", "s.m-2", "6300000"),
    ("3-112", "6.3", "ms/m", "s/m", "0.0063"),
    ("3-114", "6.30", "4.s/m", "s/m", "25.2"),
    ("3-115", "6.3", "s/4.m", "s.m", "1.575"),
    ("3-116", "6.3", "s/mm", "s/m", "6300"),
    ("3-117", "6.3", "ms/mm", "s/m", "6.3"),
    ("3-118", "6.30", "[in_i]", "m", "0.16002"),
    ("3-119", "6.300", "[in_i]", "cm", "16.002"),
    ("3-120", "6.3", "g.m.s-2.A-2", "g.m.C-2", "6.3"),
    ("3-121", "1", "10*-7.s", "s", "0.0000001"),
    ("3-125", "1", "m[Hg]", "g.s-2.m-1", "133322000"),
    ("3-126", "1", "S", "g-1.m-2.C2.s", "0.001"),
    ("3-129", "1.2", "g.m", "m.g", "1.2"),
    ("table 6", "1", "L", "cm3", "1000"),
    ("table 6", "1", "[lb_av]", "g", "453.59237"),
    ("table 9", "1", "[gal_us]", "mL", "3785.411784"),
    ("table 9", "1", "[foz_us]", "mL", "29.5735295625"),
    ("table 9", "1", "[tsp_us]", "mL", "4.92892159375"),
    ("table 8", "1", "[yd_i]", "m", "0.9144"),
    ("table 11", "1", "[oz_av]", "g", "28.349523125"),
    ("table 12", "1", "[oz_tr]", "g", "31.1034768"),
    ("table 10", "1", "[foz_br]", "mL", "28.4130625"),
    ("table 5", "1", "wk", "h", "168"),
    ("table 5", "12", "mo", "d", "365.25"),
    ("table 21", "20", "[drp]", "mL", "1"),
    ("table 17", "1", "cal", "J", "4.184"),
    ("table 29", "3", "[Ch]", "mm", "1"),
    ("table 20", "1000", "m[iU]", "[IU]", "1"),
    ("table 4", "1", "N", "kg.m/s2", "1"),
    ("table 4", "1", "Gy", "m2.s-2", "1"),
    ("table 19", "1", "kat", "U", "60000000"),
    ("a count", "2", "[ppth]", "1", "0.002"),
]


def _known(code: str) -> Measure:
    found = measure_of(code)
    assert found is not None, code
    return found


@pytest.mark.parametrize("code", VALID.split())
def test_units_of_the_published_tests_are_known(code: str) -> None:
    assert _known(code).factor > 0


@pytest.mark.parametrize("code", INVALID)
def test_what_is_no_unit_is_none(code: str) -> None:
    assert measure_of(code) is None


@pytest.mark.parametrize(("case", "value", "one", "other", "outcome"), CONVERTED)
def test_conversions_are_exact(case: str, value: str, one: str, other: str, outcome: str) -> None:
    given, wanted = _known(one), _known(other)
    assert given.base == wanted.base
    assert Fraction(value) * given.factor / wanted.factor == Fraction(outcome)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("mg", "mass"), ("mL", "volume"), ("1", "a count"), ("cm", "length"), ("h", "time"), ("m2", "area"),
        ("mmol", "amount of substance"), ("[IU]", "international units"), ("g/L", "mass in a volume"),
        ("{box}", "another kind of unit"), ("mmol/L", "substance in a volume"),
    ],
)  # fmt: skip
def test_what_a_unit_measures_has_a_word(code: str, kind: str) -> None:
    assert kind_of(_known(code)) == kind


def test_an_annotation_says_of_a_unit_what_it_measures_and_alone_counts_itself() -> None:
    assert _known("mg{creat}") == _known("mg")
    assert _known("(8.h){shift}") == _known("8.h")
    assert _known("{box}") != _known("{tbl}")
    assert _known("{box}") != COUNT


_atoms = st.sampled_from(["mg", "mL", "s", "[in_i]", "kat", "mol", "10*3", "m[Hg]", "{tbl}", "4"])


@given(st.lists(st.tuples(_atoms, st.sampled_from("./")), min_size=1, max_size=6))
def test_terms_are_read_from_left_to_right(parts: list[tuple[str, str]]) -> None:
    code = "".join(f"{atom}{mark}" for atom, mark in parts)[:-1]
    whole = COUNT
    for number, (atom, _) in enumerate(parts):
        whole = whole.times(_known(atom), -1 if number and parts[number - 1][1] == "/" else 1)
    assert measure_of(code) == whole


@given(st.text("mgL[]{}()/.*^0123456789-+'%us", max_size=30))
def test_no_text_makes_it_raise(text: str) -> None:
    found = measure_of(text)
    assert found is None or found.factor > 0


@given(st.decimals("0.001", "100000", places=3), st.sampled_from(["mg", "kg", "[lb_av]", "[oz_tr]"]))
def test_there_and_back_is_the_same(value: Decimal, code: str) -> None:
    ratio = _known(code).factor / _known("g").factor
    assert Fraction(value) * ratio / ratio == Fraction(value)
