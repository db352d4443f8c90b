"""`per(field)`: a total as the price of one.

    price: ChargeItem.priceOverride | money | per(ChargeItem.quantity)

An empty field means one. Prices are kept to the hundredth; a total that does not come out even is refused
(`bad-value`), for whoever pays it would pay another one.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from engine.effects import Money
from engine.errors import Unacceptable
from engine.hl7.numbers import number
from engine.transforms.expression import Call
from engine.transforms.scope import Scope, Value
from engine.transforms.setting import Setting
from engine.transforms.verb import Before, Verb, beside, positional

__all__ = ["PER"]

_LEAST = Decimal("0.01")


def _build(call: Call, setting: Setting, before: Before) -> Value:
    many = beside(positional(call, 1, 1, "write it like per(ChargeItem.quantity)")[0], setting, before)
    inner = before.value

    def value(scope: Scope) -> Any:
        total = inner(scope)
        text = None if total is None else many.value(scope)
        if total is None or text is None:
            return total
        divisor = abs(number(text))
        if not divisor:
            raise Unacceptable("quantity", scope.view.place(many.path), "a total for nothing", hl7=102)
        one = (total.amount / divisor).quantize(_LEAST)
        if one * divisor != total.amount:
            raise Unacceptable("bad-value", "", "the total does not come out even for one", hl7=102)
        return Money(one, total.currency)

    return value


PER = Verb("per", Money, Money, _build)
