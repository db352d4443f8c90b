"""`money`: an amount with its currency, from a whole field (CP, MO or a plain number; in FHIR, Money).

    price: FT1-12 | money
    price: FT1-12 | money(EUR)
    price: ChargeItem.priceOverride | money

The currency is the one that the message writes (`12.50&USD`, `12.50^USD`), else the argument, else
the company's own.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from engine.effects import Money
from engine.hl7.numbers import money
from engine.transforms.expression import Call, Flaw, PathText
from engine.transforms.scope import Scope, Value
from engine.transforms.setting import Setting
from engine.transforms.verb import Before, Verb, positional

__all__ = ["MONEY"]

_WHOLE_FIELD = re.compile(r"[A-Z][A-Z0-9]{2}(\[\d+\])?-\d+(\[\d+\])?")

_PARTS = (".1.1", ".1.2", ".2")
_FHIR_PARTS = (".value", ".currency", ".currency")


def _build(call: Call, setting: Setting, before: Before) -> Value:
    given = positional(call, 0, 1, "write it like money(EUR)")
    currency = given[0].text if given else ""
    if given and not re.fullmatch("[A-Z]{3}", currency):
        raise Flaw("not a currency code of ISO 4217", given[0].offset, "write it like money(EUR)")
    if setting.fhir and before.paths:
        return _first([_sum(path, _FHIR_PARTS, setting, currency) for path in before.paths])
    if len(before.paths) != 1 or not _WHOLE_FIELD.fullmatch(before.paths[0].text):
        raise Flaw("money is read from one whole field", call.offset, "write it like FT1-12 | money")
    return _sum(before.paths[0], _PARTS, setting, currency)


def _sum(path: PathText, parts: tuple[str, str, str], setting: Setting, currency: str) -> Value:
    """Amount and currency of one field; `currency` where it says none."""
    amount, denomination, second = (
        setting.value(msgspec.structs.replace(path, text=f"{path.text}{part}"), "value") for part in parts
    )

    def value(scope: Scope) -> Any:
        found = amount(scope)
        if found is None:
            return None
        written = denomination(scope)
        sum_ = money(found, written, None if written else second(scope))
        return sum_ if sum_.currency else Money(sum_.amount, currency)

    return value


def _first(sums: list[Value]) -> Value:
    """The first that is there."""

    def value(scope: Scope) -> Any:
        return next((found for one in sums if (found := one(scope)) is not None), None)

    return sums[0] if len(sums) == 1 else value


MONEY = Verb("money", str, Money, _build, costly=True)
