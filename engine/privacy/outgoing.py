"""What an effect holds, read as fast as can be: every text of it, and whether there is more to look at.

For each type of effect it is worked out once which fields are texts (all of them are read in one call) and
how the others are looked at: lists of items, prices, numbers, days, the leaves of a message passed on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any, NamedTuple, get_args, get_type_hints

import msgspec

from engine import effects
from engine.effects import Effect, Forward, Item, Money, kind_of

__all__ = ["WORDS", "Left", "gather", "is_odd", "walk"]

LARGE = Decimal(100_000)
"""A number below it has too few digits to be one of a person's."""

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

_LEAVES = re.compile(r"[|^~&\r\\]+")


class Left(NamedTuple):
    """What is to be compared: the field of the effect (`charge.key`), and what stands there."""

    place: str
    value: str | Decimal | date

    def __repr__(self) -> str:
        return f"Left({self.place!r})"


def gather(effect: Effect, texts: set[str], since: date) -> bool:
    """Adds every text of an effect to `texts`; whether it also holds a number, or a day before `since`, that
    is to be compared. Its closed words are left out: what is stored is read back with none but those."""
    texts_of, item_of, price_of, days, numbers = _FIELDS[effect.__class__]
    texts.update(texts_of(effect))
    odd = False
    if item_of is not None and (item := item_of(effect)) is not None:
        for one in item if item.__class__ is tuple else (item,):
            texts.update((one.code, one.unit, one.lot))
            odd = odd or not -LARGE < one.quantity < LARGE
    if price_of is not None and (price := price_of(effect)) is not None:
        texts.add(price.currency)
        odd = odd or price.amount >= LARGE
    for of in days:
        day = of(effect) or since
        odd = odd or (day.date() if day.__class__ is datetime else day) < since
    for of in numbers:
        odd = odd or not -LARGE < (of(effect) or 0) < LARGE
    return odd


def is_odd(value: Decimal | date, since: date) -> bool:
    """Whether a number is large enough, or a day so long ago, that it may be somebody's."""
    if isinstance(value, Decimal):
        return abs(value) >= LARGE
    return (value.date() if isinstance(value, datetime) else value) < since


def walk(effect: Effect) -> Iterator[Left]:
    """Every value of an effect, by the names of its fields; of a message that is passed on every leaf."""
    kind = kind_of(effect)
    for name in effect.__struct_fields__:
        value = getattr(effect, name)
        if name == "message" and isinstance(effect, Forward):
            yield from (Left(f"{kind}.{name}", leaf) for leaf in set(_LEAVES.split(value)))
        else:
            yield from _values(f"{kind}.{name}", value)


def _values(place: str, value: Any) -> Iterator[Left]:
    if isinstance(value, str | Decimal | date):
        yield Left(place, value)
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from _values(f"{place}.{name}", getattr(value, name))
    elif isinstance(value, tuple):
        for number, one in enumerate(value, 1):
            yield from _values(f"{place}[{number}]", one)


_Of = Callable[[Any], Any]
_Fields = tuple[_Of, _Of | None, _Of | None, tuple[_Of, ...], tuple[_Of, ...]]
"""What reads the texts of an effect at once; its items or item; its price; its days; its numbers."""


def _passed_on(effect: Any) -> list[str]:
    """The texts of a message that is passed on, leaf by leaf."""
    return [effect.key, effect.company, effect.control_id, effect.type, *_LEAVES.split(effect.message)]


def _fields(type_: type[Effect]) -> _Fields:
    """How the fields of an effect of this type are looked at, by what they may hold."""
    hints = get_type_hints(type_, localns=vars(effects))
    kinds = {name: {hints[name], *get_args(hints[name])} for name in type_.__struct_fields__}
    plain = [name for name, of in kinds.items() if of == {str}]
    items = [name for name, of in kinds.items() if Item in of]
    prices = [name for name, of in kinds.items() if Money in of]
    days = [name for name, of in kinds.items() if of & {date, datetime}]
    numbers = [name for name, of in kinds.items() if Decimal in of]
    item, price = (attrgetter(names[0]) if names else None for names in (items, prices))
    texts: _Of = _passed_on if type_ is Forward else attrgetter(*plain)
    return texts, item, price, tuple(map(attrgetter, days)), tuple(map(attrgetter, numbers))


def _literals(of: Any) -> set[str]:
    """The words of a `Literal`, also of one that stands in a union."""
    words: set[str] = set()
    for one in get_args(of):
        words |= {one} if isinstance(one, str) else _literals(one)
    return words


_TYPES: tuple[type, ...] = get_args(Effect)
_FIELDS = {type_: _fields(type_) for type_ in _TYPES}
WORDS = frozenset(
    {"", *_CURRENCIES.split()}.union(
        *(_literals(of) for type_ in _TYPES for of in get_type_hints(type_, localns=vars(effects)).values())
    )
)
"""What an effect may say in any channel: the closed words of its own fields, currencies, nothing."""
