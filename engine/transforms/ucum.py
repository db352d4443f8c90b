"""Units of measure as exact ratios: the codes of UCUM (The Unified Code for Units of Measure, 2.1, §2.2).

    mg      10*3/uL      mmol/(24.h)      [foz_us]      mL/{dose}

The units are in `ucum.csv`. Three readings are stricter than UCUM's, for goods are handed out by them: an
annotation that stands alone (`{box}`) counts itself and is no pure number, a mole is no number either, and
what is weighed, poured or measured out takes no prefix of a million or more: `ML` and `Mg` are how many a
sender writes mL and mg, and nobody hands out a megalitre.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

__all__ = ["COUNT", "Measure", "kind_of", "measure_of", "ratio_of"]

LONGEST = 60
MOST = 100
"""The highest exponent that is read."""

_RATIO = re.compile(r"(\d{1,12}(?:\.\d{1,24})?)(?:/(\d{1,12}(?:\.\d{1,24})?))?", re.ASCII)
_TOKEN = re.compile(
    r"(?P<note>\{[!-z|~]*\})|(?P<mark>[./()])"
    r"|(?P<symbol>(?:10[*^]|(?:[!-'*,:-Z\\^-z|~]|\[[!-Z\\^-z|~]*\])+))(?P<power>[+-]?\d{1,3})?|(?P<number>\d{1,12})"
)
_PREFIXES: dict[str, Fraction] = {
    **{
        sign: Fraction(10) ** power
        for sign, power in {
            "Y": 24, "Z": 21, "E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "h": 2, "da": 1, "d": -1,
            "c": -2, "m": -3, "u": -6, "n": -9, "p": -12, "f": -15, "a": -18, "z": -21, "y": -24,
        }.items()
    },
    **{sign: Fraction(2) ** power for sign, power in {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40}.items()},
}  # fmt: skip


class Measure(NamedTuple):
    """A unit: how many of the base units it is, and those with their exponents, sorted by name."""

    factor: Fraction
    base: tuple[tuple[str, int], ...] = ()

    def times(self, other: Measure, power: int = 1) -> Measure:
        """The product of the two, the other to a power."""
        powers = dict(self.base)
        for name, exponent in other.base:
            powers[name] = powers.get(name, 0) + exponent * power
        base = tuple(sorted((name, exponent) for name, exponent in powers.items() if exponent))
        return Measure(self.factor * other.factor**power, base)


COUNT = Measure(Fraction(1))
"""One of something."""

_MILLION = 10**6
_HANDED_OUT = frozenset({(("g", 1),), (("m", 1),), (("m", 3),), (("mol", 1),)})

_KINDS: Mapping[tuple[tuple[str, int], ...], str] = {
    (): "a count",
    (("g", 1),): "mass",
    (("m", 1),): "length",
    (("m", 2),): "area",
    (("m", 3),): "volume",
    (("s", 1),): "time",
    (("mol", 1),): "amount of substance",
    (("g", 1), ("m", -3)): "mass in a volume",
    (("m", -3), ("mol", 1)): "substance in a volume",
    (("[iU]", 1),): "international units",
}


def ratio_of(text: str) -> Fraction | None:
    """The exact ratio that a cell writes, `100`, `0.5` or `1/3`, if it does; none is zero."""
    found = _RATIO.fullmatch(text)
    if found is None or not Fraction(found[1]) or not Fraction(found[2] or "1"):
        return None
    return Fraction(found[1]) / Fraction(found[2] or "1")


def kind_of(measure: Measure) -> str:
    """What a unit measures, in words of a closed list."""
    return _KINDS.get(measure.base, "another kind of unit")


@lru_cache(maxsize=4096)
def measure_of(code: str) -> Measure | None:
    """The unit that a code of UCUM names, None when it names none."""
    if not 0 < len(code) <= LONGEST:
        return None
    try:
        reader = _Reader(code)
        found = reader.term()
    except (_NoUnit, ZeroDivisionError):
        return None
    return found if reader.at == len(code) else None


class _NoUnit(Exception):
    """The text is no unit."""


class _Reader:
    """A place in a code that moves forward. Each rule of the grammar is a method."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.at = 0

    def term(self) -> Measure:
        """[`/`] component {(`.` | `/`) component}, from left to right."""
        whole = COUNT
        power = -1 if self._mark("/") else 1
        while True:
            whole = whole.times(self._component(), power)
            if self._mark("."):
                power = 1
            elif self._mark("/"):
                power = -1
            else:
                return whole

    def _component(self) -> Measure:
        """A term in parentheses, a number, or a unit with its exponent; each may be annotated."""
        found = _TOKEN.match(self.code, self.at)
        if found is None:
            raise _NoUnit
        self.at = found.end()
        if found["note"]:
            return Measure(Fraction(1), ((found["note"], 1),))
        if found["mark"]:
            return self._parenthesis(found["mark"])
        made = Measure(Fraction(found["number"])) if found["number"] else _simple(found["symbol"])
        if not made.factor or abs(int(found["power"] or 1)) > MOST:
            raise _NoUnit
        self._note()
        return COUNT.times(made, int(found["power"] or 1))

    def _parenthesis(self, mark: str) -> Measure:
        if mark != "(":
            raise _NoUnit
        within = self.term()
        if not self._mark(")"):
            raise _NoUnit
        self._note()
        return within

    def _mark(self, mark: str) -> bool:
        found = self.code.startswith(mark, self.at)
        self.at += found
        return found

    def _note(self) -> None:
        """Step over an annotation, which says what is measured and not by what."""
        found = _TOKEN.match(self.code, self.at)
        if found is not None and found["note"]:
            self.at = found.end()


def _simple(symbol: str) -> Measure:
    """A unit, with or without a prefix."""
    if symbol in _UNITS:
        return _UNITS[symbol][0]
    for length in (1, 2):
        unit, takes = _UNITS.get(symbol[length:], (COUNT, False))
        prefix = _PREFIXES.get(symbol[:length]) if takes else None
        if prefix is not None and not (prefix >= _MILLION and unit.base in _HANDED_OUT):
            return Measure(unit.factor * prefix, unit.base)
    raise _NoUnit


_UNITS: dict[str, tuple[Measure, bool]] = {}
"""By code: the unit, and whether it takes a prefix."""


def _read_units() -> None:
    text = files("engine.transforms").joinpath("ucum.csv").read_text("utf-8")
    for row in csv.DictReader(line for line in text.splitlines() if not line.startswith("#")):
        if row["unit"]:
            of = _Reader(row["unit"]).term()
            unit = Measure((ratio_of(row["factor"]) or 1) * of.factor, of.base)
        else:
            unit = Measure(Fraction(1), ((row["code"], 1),))
        _UNITS[row["code"]] = (unit, row["prefix"] == "yes")


_read_units()
