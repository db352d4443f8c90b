"""`times(field)`: a list of items so many times over, as a field of the same segment says.

    items: FT1-7 | code(CDM) | kit(reagents) | times(FT1-10)
    items: FT1-7 | code(CDM) | kit(reagents) | times(FT1-10, 1)

An empty field is refused (`missing-field`) unless the second argument says what it means.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from engine.effects import Item
from engine.errors import Unacceptable
from engine.hl7.numbers import number
from engine.transforms.expression import Call, Flaw
from engine.transforms.quantity import check_quantity
from engine.transforms.scope import Scope, Value
from engine.transforms.setting import Setting
from engine.transforms.verb import Before, Verb, beside, positional

__all__ = ["TIMES"]


def _build(call: Call, setting: Setting, before: Before) -> Value:
    factor, *fallback = positional(call, 1, 2, "write it like times(FT1-10)")
    field = beside(factor, setting, before)
    meant: Decimal | None = None
    if fallback:
        try:
            meant = number(fallback[0].text)
        except Unacceptable as error:
            raise Flaw(f"times takes a number: {error.text}", fallback[0].offset) from None
    inner = before.value

    def items(scope: Scope) -> Any:
        found = inner(scope)
        if found is None:
            return None
        text = field.value(scope)
        try:
            many = meant if text is None else number(text)
            if many is None:
                raise Unacceptable("missing-field", "", "nothing here", hl7=101)
            check_quantity(many)
            return tuple(_multiplied(item, many) for item in found)
        except Unacceptable as error:
            place = scope.view.place(field.path)
            raise Unacceptable(error.code, place, error.text, hl7=error.hl7) from None

    return items


def _multiplied(item: Item, many: Decimal) -> Item:
    quantity = item.quantity * many
    check_quantity(quantity)
    return msgspec.structs.replace(item, quantity=quantity)


TIMES = Verb("times", tuple, tuple, _build)
