"""`absolute`: a number without its sign.

    quantity: FT1-10 | absolute

Goes with `sign`: a credit's quantity is positive, whichever way the sender writes a reversal.
"""

from __future__ import annotations

from decimal import Decimal

from engine.transforms.expression import Call
from engine.transforms.scope import Value
from engine.transforms.setting import Setting
from engine.transforms.verb import Before, Verb, positional, step

__all__ = ["ABSOLUTE"]


def _build(call: Call, _setting: Setting, before: Before) -> Value:
    positional(call, 0, 0, "write it like | absolute")
    return step(before, Decimal.copy_abs)


ABSOLUTE = Verb("absolute", Decimal, Decimal, _build)
