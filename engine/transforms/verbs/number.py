"""`number`: the text as an exact decimal number.

    quantity: FT1-10 | number

A sign, digits and one point; a comma, an exponent or more than 28 characters make the message a dead
letter (`bad-value`). Where a number is wanted, text becomes one by itself.
"""

from __future__ import annotations

from decimal import Decimal

from engine.hl7.numbers import number
from engine.transforms.expression import Call
from engine.transforms.scope import Value
from engine.transforms.setting import Setting
from engine.transforms.verb import Before, Verb, positional, step

__all__ = ["NUMBER"]


def _build(call: Call, _setting: Setting, before: Before) -> Value:
    positional(call, 0, 0, "write it like | number")
    return step(before, number)


NUMBER = Verb("number", str, Decimal, _build, costly=True)
