"""`sign`: whether a number is `negative`, `zero` or `positive`; for conditions.

    when: {FT1-10 | sign: negative}

Many senders write a reversal as a charge with a negative quantity.
"""

from __future__ import annotations

from decimal import Decimal

from engine.transforms.expression import Call
from engine.transforms.scope import Value
from engine.transforms.setting import Setting
from engine.transforms.verb import Before, Verb, positional, step

__all__ = ["SIGN"]


def _build(call: Call, _setting: Setting, before: Before) -> Value:
    positional(call, 0, 0, "write it like | sign")
    return step(before, _sign)


def _sign(number: Decimal) -> str:
    if number == 0:
        return "zero"
    return "negative" if number < 0 else "positive"


SIGN = Verb("sign", Decimal, str, _build, costly=True)
