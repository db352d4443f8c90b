"""`product_of(field, field)`: whether an amount is the product of two fields of the same segment.

    when: {'FT1-11 | product_of(FT1-10, FT1-12)': no}

`yes` or `no`, empty when one of the three is. A sender rounds the product to its smallest coin: half a cent
is no difference. Signs are not compared, for a credit's amount has one at some sites and none at others.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from engine.hl7.numbers import number
from engine.transforms.expression import Call
from engine.transforms.scope import Scope, Value
from engine.transforms.setting import Setting
from engine.transforms.verb import Before, Verb, beside, positional

__all__ = ["PRODUCT_OF"]

_ROUNDED = Decimal("0.005")


def _build(call: Call, setting: Setting, before: Before) -> Value:
    one, other = (
        beside(argument, setting, before).value
        for argument in positional(call, 2, 2, "write it like product_of(FT1-10, FT1-12)")
    )
    inner = before.value

    def agrees(scope: Scope) -> Any:
        amount = inner(scope)
        if amount is None:
            return None
        first, second = one(scope), other(scope)
        if first is None or second is None:
            return None
        difference = abs(number(amount)) - abs(number(first) * number(second))
        return "yes" if abs(difference) <= _ROUNDED else "no"

    return agrees


PRODUCT_OF = Verb("product_of", str, str, _build)
