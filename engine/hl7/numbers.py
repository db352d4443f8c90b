"""Numbers and money (HL7 v2.9.1 chapter 2A: NM, MO, CP). Always `Decimal`, never a float."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache

from engine.effects import Money
from engine.errors import Unacceptable

__all__ = ["money", "number"]

LONGEST = 28  # characters: what Decimal's default context holds exactly
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)")
_CURRENCY = re.compile(r"[A-Z]{3}")


@lru_cache(maxsize=4096)  # quantities and prices are the same in message after message
def number(text: str, place: str = "") -> Decimal:
    """An NM: optional sign, digits, at most one point.

    A comma is refused, because it may be a decimal mark or group thousands; so are exponents and
    more than 28 characters. Raises `Unacceptable` (`bad-value`, 102, at `place`).
    """
    text = text.strip()
    if len(text) > LONGEST:
        raise Unacceptable("bad-value", place, "a number longer than 28 characters", hl7=102)
    if _NUMBER.fullmatch(text):
        return Decimal(text)
    if "," in text:
        raise Unacceptable("bad-value", place, "a number with a comma: decimal mark or thousands?", hl7=102)
    raise Unacceptable("bad-value", place, "not a number", hl7=102)


@lru_cache(maxsize=4096)
def money(amount: str, denomination: str | None, second: str | None = None) -> Money:
    """A CP or MO. `amount` and `denomination` are the sub-components of its first component
    (`12.50&USD`: `FT1-11.1.1`, `FT1-11.1.2`); `second` is its second component, where many senders
    write the currency (`12.50^USD`) and a CP its price type (table 0205, two letters: passed over).

    Raises `Unacceptable` (`bad-value`, 102) for a bad amount or a denomination that is
    no ISO 4217 code.
    """
    currency = (denomination or "").strip().upper()
    if currency and not _CURRENCY.fullmatch(currency):
        raise Unacceptable("bad-value", "", "not a currency code of ISO 4217", hl7=102)
    other = (second or "").strip().upper()
    if not currency and _CURRENCY.fullmatch(other):
        currency = other
    return Money(amount=number(amount), currency=currency)
