"""What an effect holds: its values one by one, those that are to be looked at, and where they stand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any, get_args, get_type_hints

import msgspec

from engine import effects
from engine.effects import Effect, Item, kind_of

__all__ = ["LEAVES", "WORDS", "Open", "days_before", "parts_of", "place_of"]

Open = str | Decimal | date
"""A value that may identify somebody."""

LARGE = Decimal(100_000)
"""A number below it has too few digits to be one of a person's."""

LEAVES = re.compile(r"[|^~&\r\\]+")
"""What stands between the leaves of a message that is passed on."""

_CURRENCIES = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN "
    "BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS "
    "GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW "
    "KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD "
    "NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD "
    "SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES "
    "VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG"
)
"""ISO 4217: the codes in which a sender states prices."""


def days_before(since: date, value: date) -> list[Open]:
    """The day of a value when it is so long ago (before `since`) that it may be one of somebody's life."""
    day = value.date() if isinstance(value, datetime) else value
    return [day] if day < since else []


def parts_of(value: Any, harmless: frozenset[Any]) -> list[Open]:
    """What of a value that is neither text nor day is to be compared: texts in it that are not harmless, and
    numbers large enough to be somebody's."""
    if value.__class__ is tuple and len(value) == 1:
        (value,) = value
    parts = (value.code, value.unit, value.lot, value.quantity) if value.__class__ is Item else _simple(value)
    return [
        one
        for one in parts
        if one not in harmless and (one.__class__ is not Decimal or not -LARGE < one < LARGE)
    ]


def place_of(value: Open, made: Iterable[Effect]) -> str:
    """The field of the first effect that holds a value (`charge.item.lot`), `sequence` when none does."""
    for effect in made:
        for name in effect.__struct_fields__:
            if value in _parts(getattr(effect, name)):
                return f"{kind_of(effect)}.{name}"
    return "sequence"


def _parts(value: Any) -> set[Any]:
    """Everything that a field of an effect may be looked at for."""
    found: set[Any] = set()
    for one in _simple(value):
        found.add(one.date() if isinstance(one, datetime) else one)
        if isinstance(one, str):
            found |= {*one.split("/"), *LEAVES.split(one)}
    return found


def _simple(value: Any) -> Iterator[Any]:
    """The texts, numbers and days that a value is made of."""
    if isinstance(value, str | Decimal | date):
        yield value
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from _simple(getattr(value, name))
    elif isinstance(value, tuple):
        for one in value:
            yield from _simple(one)


def _literals(of: Any) -> set[str]:
    """The words of a `Literal`, also of one that stands in a union."""
    words: set[str] = set()
    for one in get_args(of):
        words |= {one} if isinstance(one, str) else _literals(one)
    return words


_HINTS = [get_type_hints(type_, localns=vars(effects)) for type_ in get_args(Effect)]
WORDS: frozenset[Any] = frozenset({None, True, False, (), "", *_CURRENCIES.split()}).union(
    *(_literals(of) for hints in _HINTS for of in hints.values())
)
"""What an effect may say in any channel: the closed words of its own fields, currencies, nothing."""
