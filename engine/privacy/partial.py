"""Parts of values that may pass where the whole may not (spec: PHI, sections 2 and 3; 45 CFR 164.514(b)(2)).

zip3("10115-1234", "US")            101
zip3("03601")                       000: fewer than 20,000 people live there
year("19340131", 1934 + 92)         90+
device_identifier("(01)00844588003288(21)1234")    00844588003288, without lot, date and serial number
"""

from __future__ import annotations

import re
from csv import DictReader
from functools import cache
from importlib.resources import files

__all__ = ["ELDERLY", "device_identifier", "measured", "year", "zip3"]

ELDERLY = "90+"
_OLDEST_YEAR_TOLD = 89

_ZIP = re.compile(r"(\d{3})\d{2}(-?\d{4})?", re.ASCII)
_HOME = frozenset({"", "US", "USA", "840"})

_GTIN = re.compile(r"\(01\)(\d{14})|(?:\]d2|\]C1|\]e0|\x1d)?01(\d{14})(?=\D|1[1017]|21|$)|(\d{14})")
_HIBC = re.compile(r"\+([A-Z][A-Z0-9]{3}[A-Z0-9]{1,18}\d)(?:/|$)")
_ICCBBA = re.compile(r"=/([A-Z]\d{4}[A-Z0-9]{6}[A-Z0-9]{5})(?:[=&]|$)")

_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,10})?")


def zip3(code: str, country: str = "") -> str | None:
    """The first three digits of a ZIP code of the United States, `000` where so few people live that they
    would identify; None for any other country's code."""
    found = _ZIP.fullmatch(code.strip())
    if found is None or country.strip().upper() not in _HOME:
        return None
    return "000" if found[1] in _sparse() else found[1]


@cache
def _sparse() -> frozenset[str]:
    """The prefixes with at most 20,000 people, from the list as it was published."""
    text = files(__package__).joinpath("zip3_census2000.csv").read_text()
    return frozenset(row["prefix"] for row in DictReader(text.splitlines()))


def year(text: str, this_year: int | None = None) -> str | None:
    """The year of a date; of a birth (then `this_year` is given) `90+` where it tells an age above 89."""
    digits = text.strip()[:4]
    if len(digits) < 4 or not (digits.isascii() and digits.isdecimal()):
        return None
    if this_year is not None and this_year - int(digits) > _OLDEST_YEAR_TOLD:
        return ELDERLY
    return digits


def device_identifier(udi: str) -> str | None:
    """The part of a device's unique identifier that names the product (DI), without the part that names the
    one device (lot, dates, serial number): GS1, HIBCC or ICCBBA; None for what is none of them."""
    text = udi.strip()
    gtin = _GTIN.match(text)
    if gtin is not None:
        digits = next(group for group in gtin.groups() if group)
        whole = gtin[3] is None or len(text) == len(digits)
        return digits if whole and _checks(digits) else None
    found = _HIBC.match(text) or _ICCBBA.match(text)
    return found[1] if found else None


def _checks(digits: str) -> bool:
    """The check digit of GS1: weights 3 and 1 in turn."""
    return sum(int(digit) * (3 if at % 2 == 0 else 1) for at, digit in enumerate(digits)) % 10 == 0


def measured(kind: str, first: str, second: str, separator: str) -> str | None:
    """The number of an observation whose type (OBX-2) says that it is one: NM, or SN without a range or a
    ratio; None for anything else."""
    text = first if kind == "NM" else second if kind == "SN" and first in ("", "=") and not separator else ""
    return text if _NUMBER.fullmatch(text) else None
